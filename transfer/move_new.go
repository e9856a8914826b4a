//go:build linux || darwin

package transfer

import (
	"errors"
	"os"
	"path"
	"syscall"
)

// moveNew renames where nothing has the other name, in one step. The folders of
// both names are opened first, so that this stays inside the save folder too.
func (d *rootDisk) moveNew(from, to string) error {
	source, err := d.Root.Open(path.Dir(from))
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := d.Root.Open(path.Dir(to))
	if err != nil {
		return err
	}
	defer target.Close()
	err = renameNew(int(source.Fd()), path.Base(from), int(target.Fd()), path.Base(to))
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS) {
		return errors.ErrUnsupported
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
