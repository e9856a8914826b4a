//go:build !linux

package transfer

import "errors"

func (d *rootDisk) SyncAll() error { return errors.ErrUnsupported }
