package transfer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// source is an open file that is being sent.
type source interface {
	io.ReaderAt
	io.Closer
	// State is what the file is now.
	State() (sourceState, error)
}

// sourceState tells a file from another one and from itself after a change.
type sourceState struct {
	Size  int64
	Time  int64 // modified, in nanoseconds since 1970
	Stamp Stamp
	Holes int64 // bytes that take no room on the disk
}

// same reports whether two states are those of one file, unchanged. How it lies on
// the disk is none of its content. The device does not count: many file systems (btrfs, NFS, a USB disk) get another number each time
// they are mounted, and a change without the times and the inode is none.
func (s sourceState) same(other sourceState) bool {
	s.Stamp.Device, other.Stamp.Device = 0, 0
	s.Holes, other.Holes = 0, 0
	return s == other
}

// state is what the file was when it was offered.
func (f File) state() sourceState {
	return sourceState{Size: f.Size, Time: f.Time.UnixNano(), Stamp: f.Stamp}
}

// errNotRegular says that a name stands for a link, a pipe, a device or a folder.
var errNotRegular = errors.New("not a regular file")

// osSource is a source on the real file system.
type osSource struct{ *os.File }

// openSource opens a regular file. It neither follows a link in the last name nor
// waits for the other end of a pipe.
func openSource(name string) (source, error) {
	was, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !was.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s: %w", name, errNotRegular)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, err
	}
	is, err := f.Stat()
	if err == nil && (!is.Mode().IsRegular() || !os.SameFile(was, is)) {
		err = fmt.Errorf("open %s: %w", name, errNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return osSource{f}, nil
}

func (s osSource) State() (sourceState, error) {
	info, err := s.File.Stat()
	if err != nil {
		return sourceState{}, err
	}
	stamp, err := stampOf(s.File, info)
	return sourceState{Size: info.Size(), Time: info.ModTime().UnixNano(), Stamp: stamp, Holes: holesIn(info)}, err
}

// runnable reports whether the owner may execute a file of that mode.
func runnable(mode fs.FileMode) bool { return mode.IsRegular() && mode&0o100 != 0 }
