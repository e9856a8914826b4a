package transfer

import "encoding/binary"

// What the tests, which work from outside, put in the place of the real disk.
type (
	Disk        = disk
	DiskFile    = diskFile
	Source      = source
	SourceState = sourceState
)

var (
	OpenDisk = openDisk
	ErrFull  = errFull
)

// SetDisk has the engine receive to another kind of disk.
func (c *Config) SetDisk(open func(dir string) (Disk, error)) { c.openDisk = open }

// SetSource puts something before the files that are sent.
func (c *Config) SetSource(wrap func(name string, open func() (Source, error)) (Source, error)) {
	c.wrapSource = wrap
}

// SetWide says from how many missing bytes on a second connection is used.
func (c *Config) SetWide(from int64) { c.wideFrom = from }

// Slices are the slices of data, as they stand in the recipe of a file of that size.
func Slices(data []byte) (out []byte) {
	s := &slicer{slicing: slicingOf(int64(len(data))), found: func(c slice) {
		out = binary.BigEndian.AppendUint32(out, uint32(c.size))
		out = binary.BigEndian.AppendUint64(out, c.hash)
	}}
	s.write(data)
	s.end()
	return out
}
