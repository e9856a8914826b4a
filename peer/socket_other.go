//go:build !linux && !windows

package peer

import (
	"errors"
	"net"
	"syscall"
)

// setUserTimeout does nothing: what it does on Linux, the session's own pings
// do here, a little later.
func setUserTimeout(net.Conn) {}

// wasRefused reports whether a dial met a machine on which nobody listens.
func wasRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
