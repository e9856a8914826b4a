package main

import "fmt"

// howMeasured is how the time and cost of one file or folder are taken.
const howMeasured = "Nodes run already. Seconds: Earshot from the offer at the receiver, accepted at once, to `done` (saved and flushed); " +
	"the plain TLS copy from the connection to the flushed file; the others their whole command, which flushes nothing. " +
	"CPU: of both sides, preparation included. Ratios: of runs of the same round. Median (minimum to maximum)."

// perByte compares by bytes.
func perByte(bytes int64) amount {
	gb := float64(bytes) / 1e9
	return amount{"MB/s", 1000 * gb, "CPU s/GB", gb}
}

// measureBig copies one file as fast as the machine can.
func measureBig(b *bench) {
	p := b.oneFile(b.size, "-size")
	c := p.compare([]contender{p.limitOf(), p.ours(), p.withRsync(), p.withSCP()})
	b.printf("%s", c.table(fmt.Sprintf("One file of %s, link without a limit", b.size), perByte(p.content.bytes), howMeasured))
}

// oneFile is a pair with one random file.
func (b *bench) oneFile(bytes size, flag string) *pair {
	b.needs(2*bytes, flag)
	return b.pair(b.randomFile("big.bin", bytes))
}

// The contenders that several scenarios have.
func (p *pair) ours() contender    { return contender{ours, nil, p.earshot} }
func (p *pair) limitOf() contender { return contender{"plain TLS copy", nil, p.plain} }
func (p *pair) withRsync() contender {
	return contender{"rsync daemon, plain text", []tool{rsyncTool}, p.rsync}
}
func (p *pair) withSCP() contender {
	return contender{"scp, AES-GCM", []tool{sshTool, sshdTool}, p.scp}
}
