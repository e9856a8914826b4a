package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"earshot/internal/lab"
)

// pair is two hosts on one link, and what is copied from one to the other.
type pair struct {
	*bench
	from, to *lab.Host
	source   string // a file or a folder
	content  content
	sshd     *process // nil until somebody needs it
}

// content is how much there is in a file or a folder.
type content struct {
	files int
	bytes int64
}

// pair plugs two hosts in. They have IPv4 alone, by which all are addressed, so
// all have the same headers.
func (b *bench) pair(source string) *pair {
	l := lab.New(b, 2)
	for _, h := range l.Hosts {
		h.WithoutIPv6()
	}
	return &pair{bench: b, from: l.Hosts[0], to: l.Hosts[1], source: source, content: b.contentOf(source)}
}

// limit slows the link down in both directions.
func (p *pair) limit(rate string) {
	p.from.Limit(rate)
	p.to.Limit(rate)
}

// contentOf counts what is there.
func (b *bench) contentOf(path string) (c content) {
	err := filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		c.files++
		c.bytes += info.Size()
		return nil
	})
	b.check("look at the files", err)
	return c
}

// received checks that all is in a folder, and makes room for the next run.
func (p *pair) received(dir string) {
	copied := filepath.Join(dir, filepath.Base(p.source))
	if got := p.contentOf(copied); got != p.content {
		p.Fatalf("look at the copy: %d files of %d bytes, want %d of %d", got.files, got.bytes, p.content.files, p.content.bytes)
	}
	p.check("remove the copy", os.RemoveAll(copied))
}

// sample is what one run took.
type sample struct {
	wall  time.Duration
	whole time.Duration // of the whole command, where wall is less; else 0
	cpu   time.Duration // of both sides
	// The peak of resident memory on both sides, in bytes; 0: not measured.
	sender, receiver int64
}

// against runs a command that speaks to a server.
func (b *bench) against(server *process, client func() spent) sample {
	before := server.processor()
	took := client()
	return sample{wall: took.wall, cpu: took.cpu + server.processor() - before}
}

// couple is two nodes that know each other; the receiver accepts all.
type couple struct{ ann, bob *listener }

// couple starts the two nodes of a pair; what Bob receives goes into dir.
func (p *pair) couple(dir string) couple {
	c := couple{p.listen(p.from, "Ann"), p.listen(p.to, "Bob", "--accept", "all", "--dir", dir)}
	c.ann.sees("Bob")
	c.bob.sees("Ann")
	return c
}

// send sends the source with the command, from the offer to the end of both
// sides, and returns how that ended for the receiver.
func (p *pair) send(c couple) (sample, event) {
	nodes := []*listener{c.ann, c.bob}
	var before, after time.Duration
	for _, n := range nodes {
		forgetPeak(n.cmd.Process.Pid)
		before += n.processor()
	}
	from := c.bob.told()
	took := p.run(c.ann.command(p.bench, "send", "Bob", p.source))
	offer := c.bob.offered(from)
	end := c.bob.done(from, offer.ID)
	var peaks [2]int64
	for i, n := range nodes {
		after += n.processor()
		var err error
		peaks[i], err = peakMemory(n.cmd.Process.Pid)
		p.check("measure memory", err)
	}
	return sample{
		wall: end.At.Sub(offer.At), whole: took.wall, cpu: took.cpu + after - before,
		sender: peaks[0], receiver: peaks[1],
	}, end
}

// earshot is the contender that all this is about.
func (p *pair) earshot() func() sample {
	dir := p.folder("to", "earshot")
	c := p.couple(dir)
	return func() sample {
		s, _ := p.send(c)
		p.received(dir)
		return s
	}
}
