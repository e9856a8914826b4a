package main

import (
	"fmt"
	"time"

	"earshot/internal/lab"
)

// measureResume kills both nodes when 90 % of a file are there, and starts them again.
func measureResume(b *bench) {
	b.needs(2*b.cutSize, "-resume-size")
	p := b.pair(b.randomFile("cut.bin", b.cutSize))
	p.limit(b.cutRate)
	dir := p.folder("to")
	c := p.couple(dir)
	id, told := p.cut(c)
	again := couple{p.listen(p.from, "Ann"), p.listen(p.to, "Bob", "--accept", "all", "--dir", dir)}
	ready := again.bob.ready().At
	if at := again.ann.ready().At; at.After(ready) {
		ready = at
	}
	kept := again.bob.transfer(0, id, "what is there", func(event) bool { return true })
	fresh := again.bob.transfer(0, id, "a new byte", func(e event) bool { return e.Done > kept.Done })
	end := again.bob.done(0, id)
	sent := contentOn(p.to)
	p.received(dir)
	framed := int64(float64(p.content.bytes) * p.framing(again))

	t := table{title: fmt.Sprintf("A file of %s, both nodes killed at 90 %%, link of %s", b.cutSize, b.cutRate), head: []string{"", ""}}
	t.note = "The first new byte is the first report of more than was kept; there are four reports a second. " +
		"Sent again is what the receiver's link carried in both runs, without headers of TCP and TLS, beside what a file of that " +
		"size takes that is not interrupted: whatever else the two said to each other counts. One run."
	t.add("from both nodes ready to the first new byte", inSeconds(fresh.At.Sub(ready)))
	t.add("from the start of both processes to the first new byte", inSeconds(fresh.At.Sub(again.bob.started)))
	t.add("from both nodes ready to the end", inSeconds(end.At.Sub(ready)))
	t.add("last told as done before the kill, MB", megabytes(float64(told)))
	t.add("kept after it, MB", megabytes(float64(kept.Done)))
	t.add("sent again, MB", megabytes(float64(sent-framed)))
	b.printf("%s", t)
}

// cut offers the source and kills both nodes when 90 % are there. It returns the
// transfer and how far the receiver said it was.
func (p *pair) cut(c couple) (id string, told int64) {
	p.offer(c, p.source)
	id = c.bob.offered(0).ID
	most := c.bob.transfer(0, id, "90 %, before the end: -resume-rate is too high", func(e event) bool {
		return e.State != "done" && e.Done >= p.content.bytes*9/10
	})
	_ = c.bob.cmd.Process.Kill() // both at once, what is on its way comes to nobody
	c.ann.kill()
	c.bob.kill()
	return id, most.Done
}

// framing is what the link carries for a byte of a file: what frames and short
// records add to a large one would else look as if it had been sent again.
func (p *pair) framing(c couple) float64 {
	const bytes = 256 << 20
	path := p.randomFile("whole.bin", bytes)
	before := contentOn(p.to)
	p.run(c.ann.command(p.bench, "send", "Bob", path))
	return float64(contentOn(p.to)-before) / bytes
}

// offer offers a file and returns without waiting for more.
func (p *pair) offer(c couple, path string) {
	const gaveUp = 5 // the code of a command that waits no longer
	p.run(c.ann.command(p.bench, "send", "Bob", path, "--wait", "1ms"), gaveUp)
}

// contentOn is how many bytes of content came over a host's link so far: without
// the headers of Ethernet, IPv4 and TCP with its timestamps, and what TLS adds to
// each full record.
func contentOn(h *lab.Host) int64 {
	const headers = 14 + 20 + 32
	const record, sealed = 16 << 10, 16<<10 + 22
	payload := h.Counted("rx_bytes") - headers*h.Counted("rx_packets")
	return payload / sealed * record
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
