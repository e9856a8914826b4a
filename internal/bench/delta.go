package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// edits are the places in which the file is changed, 1 % of it together.
const edits = 20

// measureDelta sends a file of which the receiver has an older version from the same
// sender.
func measureDelta(b *bench) {
	b.needs(6*b.editedSize, "-delta-size")
	p := b.pair(b.randomFile("edited.bin", b.editedSize))
	dir := p.folder("to", "earshot")
	c := p.couple(dir)
	p.send(c)
	copied, rsync := p.rsyncOver()
	b.edit(p.source)
	p.content = b.contentOf(p.source)
	t := table{
		title: fmt.Sprintf("A file of %s with 1 %% changed in %d places, of which the receiver has the old version", b.editedSize, edits),
		head:  []string{"", "to the receiver, MB", "back, MB", "both, of the file", "Earshot's bytes to it", "s"},
		note: "Bytes on the receiver's link, with all headers, from the start of the command to its end: some places were overwritten, " +
			"some inserted, some deleted. s: the whole command. One run each.",
	}
	var end event
	earshot := p.carried(func() { _, end = p.send(c) })
	p.same(end.Path)
	t.add(earshot.row(ours, p.content.bytes, earshot)...)
	if rsync != nil {
		theirs := p.carried(rsync)
		p.same(copied)
		t.add(theirs.row("rsync daemon, --no-whole-file", p.content.bytes, earshot)...)
	}
	b.printf("%s", t)
}

// rsyncOver gives an rsync daemon the old version, and returns where it is and
// what brings the new one over it; nil where rsync is not installed.
func (p *pair) rsyncOver() (copied string, update func()) {
	if missing := lacks([]tool{rsyncTool}); missing != "" {
		p.tell("rsync is left out: apt-get install %s brings it", missing)
		return "", nil
	}
	dir := p.folder("to", "rsync")
	p.run(exec.CommandContext(p.ctx, "cp", "-p", p.source, dir))
	_, to := p.rsyncd(dir)
	return filepath.Join(dir, filepath.Base(p.source)), func() {
		p.run(p.from.Command(p.ctx, "rsync", "-a", "--no-whole-file", "--ignore-times", p.source, to))
	}
}

// same checks that the copy is what the source is now.
func (p *pair) same(copied string) {
	p.run(exec.CommandContext(p.ctx, "cmp", p.source, copied))
}

// traffic is what the receiver's link carried.
type traffic struct {
	in, out int64
	took    time.Duration
}

// carried counts what goes over the link while do runs.
func (p *pair) carried(do func()) traffic {
	in, out, began := p.to.Counted("rx_bytes"), p.to.Counted("tx_bytes"), time.Now()
	do()
	return traffic{p.to.Counted("rx_bytes") - in, p.to.Counted("tx_bytes") - out, time.Since(began)}
}

func (t traffic) row(name string, file int64, earshot traffic) []string {
	both := float64(t.in + t.out)
	return []string{name, megabytes(float64(t.in)), megabytes(float64(t.out)), fmt.Sprintf("%.2f %%", 100*both/float64(file)),
		figure(float64(earshot.in+earshot.out) / both), figure(t.took.Seconds())}
}

// edit puts a new version in the place of a file.
func (b *bench) edit(path string) {
	old, err := os.Open(path)
	b.check("edit the file", err)
	defer old.Close()
	info, err := old.Stat()
	b.check("edit the file", err)
	edited, err := os.Create(path + ".new")
	b.check("edit the file", err)
	defer edited.Close()
	to := bufio.NewWriterSize(edited, 1<<20)
	b.check("edit the file", change(to, bufio.NewReaderSize(old, 1<<20), info.Size()))
	b.check("edit the file", to.Flush())
	b.check("edit the file", os.Rename(path+".new", path))
}

// change copies length bytes with one edit at random in each twentieth, always in
// the same places: overwritten, inserted, deleted in turn.
func change(to io.Writer, from *bufio.Reader, length int64) error {
	places, fresh := rand.New(rand.NewPCG(1, 2)), noise()
	stretch, edit := length/edits, length/100/edits
	for i := range edits {
		place := places.Int64N(stretch - edit)
		if _, err := io.CopyN(to, from, place); err != nil {
			return err
		}
		rest := stretch - place
		if i%3 != 2 {
			if _, err := io.CopyN(to, fresh, edit); err != nil {
				return err
			}
		}
		if i%3 != 1 {
			if _, err := io.CopyN(io.Discard, from, edit); err != nil {
				return err
			}
			rest -= edit
		}
		if _, err := io.CopyN(to, from, rest); err != nil {
			return err
		}
	}
	_, err := io.Copy(to, from) // what the twentieths leave
	return err
}
