package transfer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// disk is the save folder. Everything that the engine does with files of others
// goes through it, with paths that are relative to it and separated by "/". It
// confines; it does not judge names (package peer does), and opening follows links
// inside the folder, which is why openRegular exists.
type disk interface {
	OpenFile(name string, flag int, perm fs.FileMode) (diskFile, error)
	// Folder is the disk from one of its folders on, where names take one step.
	// It is closed by itself.
	Folder(name string) (disk, error)
	Mkdir(name string, perm fs.FileMode) error
	Lstat(name string) (fs.FileInfo, error)
	Link(from, to string) error
	Rename(from, to string) error
	// Move is Rename for a folder to a name that nothing has: fs.ErrExist where
	// something does. Where the file system cannot tell in the same step, an empty
	// folder that was made there a moment before may be replaced, never more.
	Move(from, to string) error
	Remove(name string) error
	RemoveAll(name string) error
	Chtimes(name string, modified time.Time) error
	// CloseAs closes a file of the folder, of that name, and gives it its time.
	CloseAs(f diskFile, name string, modified time.Time) error
	// SyncFolder makes the names in a folder durable.
	SyncFolder(name string) error
	// SyncAll makes everything on the file system durable in one go; it fails
	// with errors.ErrUnsupported where the system cannot.
	SyncAll() error
	// Free is the room for more bytes, and Size that of the whole file system.
	Free() (free, size int64, err error)
	Close() error
}

// diskFile is an open file of a disk.
type diskFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	Sync() error
}

// rootDisk is a disk on the real file system.
type rootDisk struct {
	*os.Root
	dir string
}

// openDisk opens the save folder, which is there: a disk that was taken out must not
// be replaced by a folder. A link to a folder is what the person chose and is
// followed.
func openDisk(dir string) (disk, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open save folder: %w", err)
	}
	return &rootDisk{Root: root, dir: dir}, nil
}

func (d *rootDisk) Folder(name string) (disk, error) {
	root, err := d.Root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &rootDisk{Root: root, dir: filepath.Join(d.dir, name)}, nil
}

func (d *rootDisk) OpenFile(name string, flag int, perm fs.FileMode) (diskFile, error) {
	f, err := d.Root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d *rootDisk) Chtimes(name string, modified time.Time) error {
	return d.Root.Chtimes(name, time.Time{}, modified)
}

func (d *rootDisk) CloseAs(f diskFile, name string, modified time.Time) error {
	file, ok := f.(*os.File)
	timed := ok && setTime(file, modified) == nil
	if err := f.Close(); err != nil || timed {
		return err
	}
	return d.Chtimes(name, modified)
}

func (d *rootDisk) Free() (free, size int64, err error) { return freeSpace(d.dir) }

func (d *rootDisk) Move(from, to string) error {
	err := d.moveNew(from, to)
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	err = d.Root.Rename(from, to)
	if _, there := d.Lstat(to); err != nil && there == nil {
		return fmt.Errorf("%w: %w", fs.ErrExist, err)
	}
	return err
}

// errOccupied says that something that is not ours lies where a part belongs.
var errOccupied = errors.New("something else lies in its place")

// openRegular opens a file that is there for reading and writing. What is not a
// regular file is errOccupied: a link is not followed, a pipe not waited for. The
// open file is compared with what was looked at before, so exchanging the two
// between both steps gains nothing.
func openRegular(d disk, name string) (diskFile, error) {
	was, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !was.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s: %w", name, errOccupied)
	}
	f, err := d.OpenFile(name, os.O_RDWR|openNonblock, 0)
	if err != nil {
		return nil, err
	}
	is, err := f.Stat()
	if err == nil && (!is.Mode().IsRegular() || !os.SameFile(was, is)) {
		err = fmt.Errorf("open %s: %w", name, errOccupied)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// createOrOpen opens the regular file of that name, which is made where it is
// missing; made says so. A link, pipe or empty folder of that name, which must be
// one of ours, gives way.
func createOrOpen(d disk, name string, perm fs.FileMode) (f diskFile, made bool, err error) {
	for range 2 {
		f, err = d.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, err == nil, err
		}
		f, err = openRegular(d, name)
		if !errors.Is(err, errOccupied) {
			return f, false, err
		}
		if d.Remove(name) != nil {
			break
		}
	}
	return nil, false, err
}

// makeFolder makes a folder where there is none. A link or file of that name,
// which must be one of ours, gives way.
func makeFolder(d disk, name string) error {
	for range 2 {
		err := d.Mkdir(name, 0o700)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		info, err := d.Lstat(name)
		if err != nil || info.IsDir() {
			return err
		}
		if d.Remove(name) != nil {
			break
		}
	}
	return fmt.Errorf("make folder %s: %w", name, errOccupied)
}

// makeFolders makes a folder and what is above it, from the folder base on.
func makeFolders(d disk, base, name string) error {
	if name == base || name == "." {
		return nil
	}
	if err := makeFolders(d, base, path.Dir(name)); err != nil {
		return err
	}
	return makeFolder(d, name)
}

// isFull reports whether an error says that there is no room.
func isFull(err error) bool {
	return errors.Is(err, errFull) || errors.Is(err, errDiskFull) || errors.Is(err, errQuota)
}

// syncRegular makes the content of one file durable.
func syncRegular(d disk, name string) error {
	f, err := openRegular(d, name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
