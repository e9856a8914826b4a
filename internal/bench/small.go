package main

import "fmt"

// measureSmall copies a folder of small files.
func measureSmall(b *bench) {
	const bytes, folders = 4 << 10, 50
	b.needs(2*bytes*size(b.files), "-files")
	p := b.pair(b.tree("small", b.files, folders, func(int) int64 { return bytes }))
	c := p.compare([]contender{p.ours(), p.withRsync(),
		{"`tar` over ssh, AES-GCM", []tool{sshTool, sshdTool, tarTool}, p.tar}, p.withSCP()})
	b.printf("%s", c.table(fmt.Sprintf("%d files of %s in %d folders", b.files, size(bytes), folders),
		amount{"files/s", float64(b.files), "CPU ms/file", float64(b.files) / 1000}, howMeasured))
}
