package transfer

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
	// Beside what tells it from others:
	Holes   int64 // bytes that take no room on the disk
	Program bool  // its owner may execute it
}

// same reports whether two states are those of one file, unchanged. How it lies on
// the disk is none of its content. The device does not count: many file systems (btrfs, NFS, a USB disk) get another number each time
// they are mounted, and a change without the times and the inode is none.
func (s sourceState) same(other sourceState) bool {
	s.Stamp.Device, other.Stamp.Device = 0, 0
	s.Holes, other.Holes = 0, 0
	s.Program, other.Program = false, false
	return s == other
}

// state is what the file was when it was offered.
func (f File) state() sourceState {
	return sourceState{Size: f.Size, Time: f.Time.UnixNano(), Stamp: f.Stamp}
}

// errNotRegular says that a name stands for a link, a pipe, a device or a folder.
var errNotRegular = errors.New("not a regular file")

// sources opens files that are to be sent, for one goroutine. The folder of the
// last one stays open: most files lie beside the one before.
type sources struct {
	wrap func(name string, open func() (source, error)) (source, error) // nil: none; for tests
	root *os.Root
	dir  string
}

// open opens the regular file of an absolute path. It neither follows a link in the
// last name out of its folder nor waits for the other end of a pipe. Whether it is
// the file that is meant, its state tells.
func (s *sources) open(name string) (source, error) {
	if s.wrap != nil {
		return s.wrap(name, func() (source, error) { return s.regular(name) })
	}
	return s.regular(name)
}

func (s *sources) regular(name string) (source, error) {
	dir, base := filepath.Split(name)
	if s.root == nil || dir != s.dir {
		s.close()
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		s.root, s.dir = root, dir
	}
	f, err := s.root.OpenFile(base, os.O_RDONLY|openNonblock, 0)
	if err == nil {
		return osSource{f}, nil
	}
	if info, failed := s.root.Lstat(base); failed == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	return nil, err
}

func (s *sources) close() {
	if s.root != nil {
		s.root.Close()
		s.root = nil
	}
}

// osSource is a source on the real file system.
type osSource struct{ *os.File }

func (s osSource) State() (sourceState, error) {
	info, err := s.File.Stat()
	if err != nil {
		return sourceState{}, err
	}
	if !info.Mode().IsRegular() {
		return sourceState{}, errNotRegular
	}
	stamp, err := stampOf(s.File, info)
	return sourceState{
		Size: info.Size(), Time: info.ModTime().UnixNano(), Stamp: stamp,
		Holes: holesIn(info), Program: runnable(info.Mode()),
	}, err
}

// runnable reports whether the owner may execute a file of that mode.
func runnable(mode fs.FileMode) bool { return mode.IsRegular() && mode&0o100 != 0 }
