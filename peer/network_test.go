package peer

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
)

// network joins the hosts of a test: streams between addresses, which can fall
// silent as a Wi-Fi does, or be cut as by a machine that loses its power. It
// works in a synctest bubble.
type network struct {
	mu        sync.Mutex
	listeners map[netip.AddrPort]*listener
	links     map[*link]struct{}
	silent    map[netip.Addr]chan struct{} // closed when the address is heard again
	dead      map[netip.Addr]bool          // its process was killed
	dials     map[netip.AddrPort]int
}

func newNetwork() *network {
	return &network{
		listeners: make(map[netip.AddrPort]*listener), links: make(map[*link]struct{}),
		silent: make(map[netip.Addr]chan struct{}), dead: make(map[netip.Addr]bool), dials: make(map[netip.AddrPort]int),
	}
}

// listen is where a host at addr is dialled.
func (n *network) listen(addr netip.AddrPort) *listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &listener{net: n, addr: addr, conns: make(chan net.Conn, 64), closed: make(chan struct{})}
	n.listeners[addr] = l
	n.dead[addr.Addr()] = false
	return l
}

// dialFrom is the dial of a host whose address is from.
func (n *network) dialFrom(from netip.Addr) func(context.Context, netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, to netip.AddrPort) (net.Conn, error) { return n.dial(ctx, from, to) }
}

func (n *network) dial(ctx context.Context, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	n.dials[to]++
	n.mu.Unlock()
	for {
		healed := n.silence(from, to.Addr())
		if healed == nil {
			break
		}
		select {
		case <-healed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[to]
	if l == nil || n.dead[from] {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	near, far := n.cable(netip.AddrPortFrom(from, 50000), to)
	l.conns <- far
	return near, nil
}

// silence is a channel that is closed when the two may hear each other again,
// nil where they can.
func (n *network) silence(a, b netip.Addr) chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.silent[a]; c != nil {
		return c
	}
	return n.silent[b]
}

// mute keeps what is sent to and from an address on its way until unmute.
func (n *network) mute(addr netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent[addr] = make(chan struct{})
}

func (n *network) unmute(addr netip.Addr) {
	n.mu.Lock()
	close(n.silent[addr])
	delete(n.silent, addr)
	links := slices.Collect(maps.Keys(n.links))
	n.mu.Unlock()
	for _, l := range links {
		l.change(func() {})
	}
}

// kill ends the process at addr: its connections are reset, new ones refused.
func (n *network) kill(addr netip.AddrPort) {
	n.mu.Lock()
	delete(n.listeners, addr)
	n.dead[addr.Addr()] = true
	n.mu.Unlock()
	n.reset(addr.Addr())
}

// reset breaks every connection of an address.
func (n *network) reset(addr netip.Addr) {
	n.mu.Lock()
	var broken []*link
	for l := range n.links {
		if l.local.Addr() == addr {
			broken = append(broken, l)
		}
	}
	n.mu.Unlock()
	for _, l := range broken {
		l.Close()
	}
}

// dialled is how often an address was dialled.
func (n *network) dialled(addr netip.AddrPort) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials[addr]
}

type listener struct {
	net    *network
	addr   netip.AddrPort
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		if l.net.listeners[l.addr] == l {
			delete(l.net.listeners, l.addr)
		}
	})
	return nil
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }
