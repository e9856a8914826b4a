//go:build !windows

package profile

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// ownerOnly takes everybody else's access to a folder away.
func ownerOnly(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() == 0o700 {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// checkOwned refuses a folder that somebody else made, or may write to.
func checkOwned(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Getuid() || info.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s is not a folder of yours alone; remove it", dir)
	}
	return nil
}

// isRefused reports whether nobody listens where somebody dialled.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// userID names the user in the name of a folder that all share.
func userID() string { return strconv.Itoa(os.Getuid()) }
