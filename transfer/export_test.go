package transfer

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
