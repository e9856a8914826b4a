package main

import "fmt"

// lost is how many of 1,000 packets get lost in each direction.
const lost = 5

// measureLoss copies one file over a bad link.
func measureLoss(b *bench) {
	if missing := lacks([]tool{nftTool}); missing != "" {
		b.tell("left out: apt-get install %s brings what loses packets", missing)
		return
	}
	p := b.oneFile(b.lossSize, "-loss-size")
	p.limit("1gbit")
	p.from.Lose(lost)
	p.to.Lose(lost)
	c := p.compare([]contender{p.limitOf(), p.ours(), p.withRsync(), p.withSCP()})
	b.printf("%s", c.table(fmt.Sprintf("One file of %s, 1 Gbit/s, %.1f %% of the packets lost", b.lossSize, lost/10.0),
		perByte(p.content.bytes), howMeasured+" Each packet is lost for itself: none stands for several, as on faster links."))
}
