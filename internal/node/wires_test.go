package node

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"earshot/peer"
)

// wires join devices and servers by address, in a synctest bubble.
type wires struct {
	mu        sync.Mutex
	listeners map[netip.AddrPort]*socket
	dialled   map[netip.AddrPort][]time.Time
	all       []*wire
}

func newWires() *wires {
	return &wires{listeners: make(map[netip.AddrPort]*socket), dialled: make(map[netip.AddrPort][]time.Time)}
}

// here is an address on these wires. It is a loopback one: the way to it is real.
func here(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

// join starts a device on the wires.
func (w *wires) join(t *testing.T, name string, port uint16) *device {
	t.Helper()
	return start(t, name, func(c *Config) {
		c.Port = port
		c.listen = func(p peer.Config, port uint16, _ bool) (*peer.Host, error) {
			p.Dial = w.dial
			return peer.NewHost(p, w.listen(here(port)))
		}
		c.dial = func(ctx context.Context, _, address string) (net.Conn, error) {
			return w.dial(ctx, netip.MustParseAddrPort(address))
		}
	})
}

func (w *wires) listen(addr netip.AddrPort) *socket {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &socket{wires: w, addr: addr, conns: make(chan net.Conn, 16), closed: make(chan struct{})}
	w.listeners[addr] = s
	return s
}

func (w *wires) dial(_ context.Context, addr netip.AddrPort) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dialled[addr] = append(w.dialled[addr], time.Now())
	s := w.listeners[addr]
	if s == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	near, far := net.Pipe()
	ours, theirs := newWire(near, here(50000), addr), newWire(far, addr, here(50000))
	w.all = append(w.all, ours)
	s.conns <- theirs
	return ours, nil
}

// cut breaks every connection.
func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.all {
		one.Close()
	}
	w.all = nil
}

// dials is when an address was dialled.
func (w *wires) dials(addr netip.AddrPort) []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dialled[addr]
}

// socket is where somebody listens.
type socket struct {
	wires  *wires
	addr   netip.AddrPort
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (s *socket) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *socket) Close() error {
	s.once.Do(func() {
		s.wires.mu.Lock()
		defer s.wires.mu.Unlock()
		if s.wires.listeners[s.addr] == s {
			delete(s.wires.listeners, s.addr)
		}
		close(s.closed)
	})
	return nil
}

func (s *socket) Addr() net.Addr { return net.TCPAddrFromAddrPort(s.addr) }

// wire is an end of a pipe that takes some writes before they are read, as TCP does:
// two sides that write at once would wait for each other. What was written before Close
// still gets there.
type wire struct {
	net.Conn
	local, remote netip.AddrPort
	out           chan []byte
	once          sync.Once
	closed        chan struct{}
}

func newWire(c net.Conn, local, remote netip.AddrPort) *wire {
	w := &wire{Conn: c, local: local, remote: remote, out: make(chan []byte, 64), closed: make(chan struct{})}
	go w.pass()
	return w
}

// pass passes on what is written until the wire is closed, by either side.
func (w *wire) pass() {
	defer w.Conn.Close()
	for {
		select {
		case b := <-w.out:
			if _, err := w.Conn.Write(b); err != nil {
				return
			}
		case <-w.closed:
			for len(w.out) > 0 {
				if _, err := w.Conn.Write(<-w.out); err != nil {
					return
				}
			}
			return
		}
	}
}

func (w *wire) Write(b []byte) (int, error) {
	select {
	case <-w.closed:
		return 0, net.ErrClosed
	default:
	}
	select {
	case w.out <- bytes.Clone(b):
		return len(b), nil
	case <-w.closed:
		return 0, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.once.Do(func() {
		w.Conn.SetDeadline(time.Now().Add(time.Second)) // for what is under way
		close(w.closed)
	})
	return nil
}

// SetDeadline is about reading: of writes there is room for.
func (w *wire) SetDeadline(t time.Time) error  { return w.SetReadDeadline(t) }
func (*wire) SetWriteDeadline(time.Time) error { return nil }
func (w *wire) LocalAddr() net.Addr            { return net.TCPAddrFromAddrPort(w.local) }
func (w *wire) RemoteAddr() net.Addr           { return net.TCPAddrFromAddrPort(w.remote) }
