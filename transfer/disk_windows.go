package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"golang.org/x/sys/windows"
)

// openNonblock is for pipes, which are no files here.
const openNonblock = 0

var (
	errDiskFull error = windows.ERROR_DISK_FULL
	errQuota    error = windows.ERROR_HANDLE_DISK_FULL
	// errTooLarge: the file system has no files of that size.
	errTooLarge error = windows.ERROR_FILE_TOO_LARGE
)

// noLinks reports whether an error of Link says that this file system has none.
func noLinks(err error) bool {
	return errors.Is(err, windows.ERROR_INVALID_FUNCTION) || errors.Is(err, windows.ERROR_NOT_SUPPORTED) ||
		errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_TOO_MANY_LINKS)
}

func freeSpace(dir string) (free, size int64, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	var available, total uint64
	if err := windows.GetDiskFreeSpaceEx(name, &available, &total, nil); err != nil {
		return 0, 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return int64(min(available, math.MaxInt64)), int64(min(total, math.MaxInt64)), nil
}

// SyncFolder has nothing to do: names are durable with NTFS's own journal, and a
// folder cannot be flushed.
func (d *rootDisk) SyncFolder(string) error { return nil }

// holesIn is not known here: a file takes the room of its size.
func holesIn(fs.FileInfo) int64 { return 0 }
