package main

import "fmt"

// measureGigabit copies one file over the link that most offices have.
func measureGigabit(b *bench) {
	p := b.oneFile(b.size, "-size")
	p.limit("1gbit")
	c := p.compare([]contender{p.limitOf(), p.ours(), p.withRsync(), p.withSCP(),
		{"iperf3, from memory", []tool{iperfTool}, p.iperf}})
	b.printf("%s", c.table(fmt.Sprintf("One file of %s, 1 Gbit/s", b.size), perByte(p.content.bytes), howMeasured))
}
