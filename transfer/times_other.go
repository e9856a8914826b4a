//go:build !linux

package transfer

import (
	"errors"
	"os"
	"time"
)

func setTime(*os.File, time.Time) error { return errors.ErrUnsupported }
