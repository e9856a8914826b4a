package transfer

import (
	"errors"

	"golang.org/x/sys/unix"
)

func (d *rootDisk) SyncAll() error {
	f, err := d.Root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}
