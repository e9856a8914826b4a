package transfer

// What the tests, which work from outside, put in the place of the real disk.
type (
	Disk        = disk
	DiskFile    = diskFile
	Source      = source
	SourceState = sourceState
)

var (
	OpenDisk   = openDisk
	OpenSource = openSource
	ErrFull    = errFull
)

// SetDisk has the engine receive to another kind of disk.
func (c *Config) SetDisk(open func(dir string) (Disk, error)) { c.openDisk = open }

// SetSource has the engine send from another kind of file.
func (c *Config) SetSource(open func(name string) (Source, error)) { c.openSource = open }
