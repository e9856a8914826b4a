package server

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
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
}

func newGate(l net.Listener) *gate {
	return &gate{Listener: l, turns: newTurns(), of: map[netip.Addr]int{}}
}

// Accept waits for a connection that there is room for.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &gated{Conn: conn, gate: g, from: network(remote(conn)), stranger: true}
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

// know counts a connection no longer as a stranger's. The mutex is held.
func (g *gate) know(c *gated) {
	if !c.stranger {
		return
	}
	c.stranger = false
	g.strangers--
	if g.of[c.from]--; g.of[c.from] == 0 {
		delete(g.of, c.from)
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

	stranger, closed bool // guarded by the gate's mutex
}

// known says that its device has signed in.
func (c *gated) known() {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if !c.closed {
		c.gate.know(c)
	}
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
		c.gate.know(c)
		c.closed = true
		c.gate.all--
	}
	c.gate.mu.Unlock()
	return c.Conn.Close()
}
