//go:build !linux && !darwin

package transfer

import "errors"

func (d *rootDisk) moveNew(from, to string) error { return errors.ErrUnsupported }
