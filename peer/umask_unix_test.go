//go:build !windows

package peer

import "syscall"

// withoutUmask runs f as a process that was started with umask 0.
func withoutUmask(f func()) {
	defer syscall.Umask(syscall.Umask(0))
	f()
}
