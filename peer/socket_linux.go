package peer

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// setUserTimeout lets the kernel end a TCP connection whose data nobody
// acknowledges; without it, that takes a quarter of an hour. Where it cannot
// be set, the session's own pings notice a little later.
func setUserTimeout(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
}

// wasRefused reports whether a dial met a machine on which nobody listens.
func wasRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
