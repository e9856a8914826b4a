package node

import "golang.org/x/sys/windows"

// What the system says.
var (
	systemFull      = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL}
	systemReadOnly  = []error{windows.ERROR_WRITE_PROTECT}
	systemPortTaken = []error{windows.WSAEADDRINUSE}
)
