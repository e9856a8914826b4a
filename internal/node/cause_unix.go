//go:build !windows

package node

import "syscall"

// What the system says.
var (
	systemFull      = []error{syscall.ENOSPC, syscall.EDQUOT}
	systemReadOnly  = []error{syscall.EROFS}
	systemPortTaken = []error{syscall.EADDRINUSE}
)
