package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// rsyncd starts an rsync daemon that writes into a folder, and returns it with
// the address to copy to. It would look up names for five seconds, and become a
// user who may not write there.
func (p *pair) rsyncd(dir string) (*process, string) {
	config := filepath.Join(p.folder("rsync"), "rsyncd.conf")
	text := fmt.Sprintf("reverse lookup = no\nuse chroot = no\n[files]\npath = %s\nread only = no\nuid = 0\ngid = 0\n", dir)
	p.check("configure rsync", os.WriteFile(config, []byte(text), 0o600))
	d := p.start(p.to.Command(p.ctx, "rsync", "--daemon", "--no-detach", "--config", config, "--log-file", "/dev/null"))
	p.answers(d, p.to, 873)
	return d, "rsync://" + p.to.Addr + "/files/"
}

// rsync copies to a daemon, in plain text.
func (p *pair) rsync() func() sample {
	dir := p.folder("to", "rsync")
	d, to := p.rsyncd(dir)
	return func() sample {
		s := p.against(d, func() spent { return p.run(p.from.Command(p.ctx, "rsync", "-a", p.source, to)) })
		p.received(dir)
		return s
	}
}
