//go:build unix

package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"syscall"

	"golang.org/x/sys/unix"
)

// openNonblock keeps the opening of a pipe from waiting for its other end.
const openNonblock = syscall.O_NONBLOCK

var (
	errDiskFull error = syscall.ENOSPC
	errQuota    error = syscall.EDQUOT
	// errTooLarge: the file system has no files of that size.
	errTooLarge error = syscall.EFBIG
)

// noLinks reports whether an error of Link says that this file system, or a rule
// on it, has none.
func noLinks(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EOPNOTSUPP) ||
		errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EMLINK)
}

func freeSpace(dir string) (free, size int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	block := uint64(st.Bsize)
	return clamp(uint64(st.Bavail) * block), clamp(uint64(st.Blocks) * block), nil
}

func clamp(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

func (d *rootDisk) SyncFolder(name string) error {
	f, err := d.Root.Open(name)
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // some network file systems have nothing to do here
	}
	return errors.Join(err, f.Close())
}

// holesIn is how many bytes of a file take no room.
func holesIn(info fs.FileInfo) int64 {
	const block = 512 // of st_blocks, whatever the file system's are
	return max(0, info.Size()-info.Sys().(*syscall.Stat_t).Blocks*block)
}
