package transfer

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// setTime says when an open file was modified: for ten thousand small files looking
// up each name once more would be dear. Linux before 5.8 cannot.
func setTime(f *os.File, modified time.Time) error {
	at, err := unix.TimeToTimespec(modified)
	if err != nil {
		return err
	}
	keep := unix.Timespec{Nsec: unix.UTIME_OMIT}
	return unix.UtimesNanoAt(int(f.Fd()), "", []unix.Timespec{keep, at}, unix.AT_EMPTY_PATH)
}
