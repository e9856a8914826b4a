package peer

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestUserTimeoutIsSetOnSessions(t *testing.T) {
	a, b := realHost(t, 1), realHost(t, 2)
	meet(a, b)
	for _, way := range [][2]*actor{{a, b}, {b, a}} {
		h := way[0].Host
		h.mu.Lock()
		conn := h.peers[way[1].id()].kept.conn.wire.Conn.(*net.TCPConn)
		h.mu.Unlock()
		raw, err := conn.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
			if err != nil || got != int(userTimeout.Milliseconds()) {
				t.Errorf("TCP_USER_TIMEOUT is %d, %v", got, err)
			}
		})
	}
}
