package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ssh starts the receiver's SSH server where it does not run yet, and returns it
// with the options to reach it: the fastest cipher, a key of its own, nothing of
// this machine's configuration.
func (p *pair) ssh() (server *process, options []string) {
	dir := p.folder("ssh")
	key := filepath.Join(dir, "key")
	options = []string{"-F", "none", "-i", key, "-c", "aes128-gcm@openssh.com", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"}
	if p.sshd != nil {
		return p.sshd, options
	}
	for _, name := range []string{key, filepath.Join(dir, "host")} {
		p.run(exec.CommandContext(p.ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name))
	}
	config := fmt.Sprintf("HostKey %s/host\nAuthorizedKeysFile %s.pub\nStrictModes no\nUsePAM no\nUseDNS no\nPidFile none\n"+
		"PermitRootLogin yes\nPasswordAuthentication no\nLogLevel ERROR\nSubsystem sftp internal-sftp\n", dir, key)
	file := filepath.Join(dir, "sshd_config")
	p.check("configure sshd", os.WriteFile(file, []byte(config), 0o600))
	if os.Mkdir("/run/sshd", 0o755) == nil { // where the server locks itself in; often there
		p.Cleanup(func() { p.check("remove /run/sshd", os.Remove("/run/sshd")) })
	}
	path, err := exec.LookPath("sshd") // it starts itself again, and wants to know from where
	p.check("find sshd", err)
	p.sshd = p.start(p.to.Command(p.ctx, path, "-D", "-e", "-f", file))
	p.answers(p.sshd, p.to, 22)
	return p.sshd, options
}

// scp copies a file or a folder over SSH.
func (p *pair) scp() func() sample {
	server, options := p.ssh()
	dir := p.folder("to", "scp")
	args := append(options, "-q", "-r", p.source, p.to.Addr+":"+dir)
	return func() sample {
		s := p.against(server, func() spent { return p.run(p.from.Command(p.ctx, "scp", args...)) })
		p.received(dir)
		return s
	}
}

// tar copies a folder as one stream over SSH.
func (p *pair) tar() func() sample {
	server, options := p.ssh()
	dir := p.folder("to", "tar")
	script := fmt.Sprintf("tar -C %s -cf - %s | ssh %s %s tar -C %s -xf -",
		filepath.Dir(p.source), filepath.Base(p.source), strings.Join(options, " "), p.to.Addr, dir)
	return func() sample {
		s := p.against(server, func() spent { return p.run(p.from.Command(p.ctx, "sh", "-c", script)) })
		p.received(dir)
		return s
	}
}
