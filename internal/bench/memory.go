package main

import (
	"fmt"
	"os"
)

// maxPerFolder keeps folders at a size that people have.
const maxPerFolder = 1000

// measureMemory measures what both nodes hold at most while they move much.
func measureMemory(b *bench) {
	t := table{
		title: "Peak memory of both nodes",
		head:  []string{"", "sender, MB", "receiver, MB", "the whole `earshot send`, s"},
		note:  "Resident memory at its highest (VmHWM), from the start of the command to the end. One run each, both nodes new.",
	}
	source, kind := b.hugeFile()
	t.add(b.peakRow(fmt.Sprintf("one file of %s, %s", b.hugeSize, kind), source)...)
	b.needs(2*4096*size(b.many), "-many")
	source = b.tree("many", b.many, (b.many+maxPerFolder-1)/maxPerFolder, func(i int) int64 { return int64(i % 2) })
	t.add(b.peakRow(fmt.Sprintf("%d files, every other one empty, else of 1 byte", b.many), source)...)
	b.printf("%s", t)
}

// hugeFile is random where there is room for two of its kind, else one hole, which
// needs none on either side.
func (b *bench) hugeFile() (path, kind string) {
	if b.fits(2 * b.hugeSize) {
		return b.randomFile("huge.bin", b.hugeSize), "random"
	}
	return b.emptyFile("huge.bin", b.hugeSize), "one hole"
}

// peakRow sends a source, and removes it.
func (b *bench) peakRow(what, source string) []string {
	var s sample
	b.check("send "+what, b.part("part", func(b *bench) {
		p := b.pair(source)
		dir := p.folder("to")
		s, _ = p.send(p.couple(dir))
		p.received(dir)
	}))
	b.check("remove what was sent", os.RemoveAll(source))
	b.tell("%s: %s s", what, figure(s.whole.Seconds()))
	return []string{what, megabytes(float64(s.sender)), megabytes(float64(s.receiver)), figure(s.whole.Seconds())}
}
