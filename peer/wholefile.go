package peer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// files is what [writeNew] needs of a file system; tests let it fail at the
// n-th call.
type files interface {
	CreateTemp(dir, pattern string) (file, error)
	Protect(name string) error // only the owner may read it
	Link(from, to string) error
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error
}

// file is a file being written.
type file interface {
	Name() string
	Write(b []byte) (int, error)
	Sync() error
	Close() error
}

// writeNew makes a file at path that holds b, readable by its owner alone. It
// is there as a whole and durable, or not at all; fs.ErrExist says that there
// is one already.
func writeNew(path string, b []byte, files files) (err error) {
	dir := filepath.Dir(path)
	f, err := files.CreateTemp(dir, "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removed(files.Remove(f.Name()))) }()
	if err := fill(f, b, files); err != nil {
		return err
	}
	if err := publish(f.Name(), path, files); err != nil {
		return err
	}
	return files.SyncDir(dir)
}

func fill(f file, b []byte, files files) error {
	err := files.Protect(f.Name())
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// publish gives a finished file its name. A link refuses a name that is taken;
// on a file system without links a look and a rename are the best there is.
func publish(from, to string, files files) error {
	err := files.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fs.ErrExist)
	}
	return files.Rename(from, to)
}

// removed drops the error of a temporary file that a rename took away.
func removed(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// systemFiles is the real file system.
type systemFiles struct{}

func (systemFiles) CreateTemp(dir, pattern string) (file, error) { return os.CreateTemp(dir, pattern) }
func (systemFiles) Protect(name string) error                    { return ownerOnly(name) }
func (systemFiles) Link(from, to string) error                   { return os.Link(from, to) }
func (systemFiles) Rename(from, to string) error                 { return os.Rename(from, to) }
func (systemFiles) Remove(name string) error                     { return os.Remove(name) }
func (systemFiles) SyncDir(dir string) error                     { return syncDir(dir) }
