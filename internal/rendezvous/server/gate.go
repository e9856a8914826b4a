package server

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"earshot/peer"
)

// gate is a listener that bounds connections: those whose device has signed in, and,
// more narrowly, those where that was not seen yet. What is too much is closed.
type gate struct {
	net.Listener
	turns turns

	mu        sync.Mutex
	all       int
	strangers int
	of        map[netip.Addr]int // strangers of an address
	devices   map[peer.ID]int    // connections of a device that has signed in
}

func newGate(l net.Listener) *gate {
	return &gate{Listener: l, turns: newTurns(), of: map[netip.Addr]int{}, devices: map[peer.ID]int{}}
}

// Accept waits for a connection that there is room for.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &gated{Conn: conn, gate: g, from: network(remote(conn))}
		if g.enter(c) {
			return c, nil
		}
		conn.Close()
	}
}

// remote is the address at the other end.
func remote(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func (g *gate) enter(c *gated) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= maxConnections || g.strangers >= maxStrangers || g.of[c.from] >= maxAddressStrangers {
		return false
	}
	g.all++
	g.strangers++
	g.of[c.from]++
	return true
}

// leave counts a connection no longer. The mutex is held.
func (g *gate) leave(c *gated) {
	if !c.device.IsZero() {
		less(g.devices, c.device)
		return
	}
	g.strangers--
	less(g.of, c.from)
}

// less counts one less, and forgets what is none.
func less[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}

// count is how many connections there are.
func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.all
}

// gated is a connection that was let in.
type gated struct {
	net.Conn
	gate *gate
	from netip.Addr
	turn atomic.Bool // its handshake is one of those that work

	device peer.ID // once it has signed in; guarded by the gate's mutex, as the next
	closed bool
}

// known says that the connection's device has signed in, and reports whether it may
// have one more.
func (c *gated) known(device peer.ID) bool {
	g := c.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.closed || c.device == device {
		return true
	}
	if g.devices[device] >= maxDeviceConnections {
		return false
	}
	g.leave(c)
	c.device = device
	g.devices[device]++
	return true
}

// Write is the connection's.
func (c *gated) Write(b []byte) (int, error) {
	c.yield()
	return c.Conn.Write(b)
}

// Close closes the connection and makes room.
func (c *gated) Close() error {
	c.yield()
	c.gate.mu.Lock()
	if !c.closed {
		c.gate.leave(c)
		c.closed = true
		c.gate.all--
	}
	c.gate.mu.Unlock()
	return c.Conn.Close()
}
