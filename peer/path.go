package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// ErrPath says that the way to an address, or from it, is one that [Config.Permit]
// does not let be used.
var ErrPath = errors.New("the way there is by a network interface that is left out")

// permits reports whether a connection may be used.
func (h *Host) permits(conn net.Conn) bool {
	if h.cfg.Permit == nil {
		return true
	}
	local, ok := ipOf(conn.LocalAddr())
	remote, also := ipOf(conn.RemoteAddr())
	return ok && also && h.cfg.Permit(local, remote)
}

func ipOf(addr net.Addr) (netip.Addr, bool) {
	at, ok := addr.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.Addr{}, false
	}
	return at.AddrPort().Addr().Unmap(), true
}

// Permits looks whether the way to an address is one that may be used, and returns
// [ErrPath] where it is not. Nothing is sent.
func (h *Host) Permits(ctx context.Context, addr netip.AddrPort) error {
	if h.cfg.Permit == nil {
		return nil
	}
	var d net.Dialer
	way, err := d.DialContext(ctx, "udp", addr.String()) // the system chooses the way, and sends nothing
	if err != nil {
		return fmt.Errorf("find the way to %s: %w", addr, err)
	}
	defer way.Close()
	if !h.permits(way) {
		return fmt.Errorf("dial %s: %w", addr, ErrPath)
	}
	return nil
}

// dialTCP is the dial of a real host.
func (h *Host) dialTCP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	if err := h.Permits(ctx, addr); err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: handshakeTime}
	conn, err := dialer.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, err
	}
	if !h.permits(conn) { // the network changed meanwhile
		conn.Close()
		return nil, fmt.Errorf("dial %s: %w", addr, ErrPath)
	}
	return conn, nil
}
