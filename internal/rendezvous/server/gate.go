package server

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"earshot/peer"
)

// gate is a listener that bounds connections: those whose device has signed in, and,
// more narrowly, those where that was not seen yet. What is too much is closed: of
// strangers the one that waits longest and nothing was done for, so that silence locks
// nobody out and no work is in vain.
type gate struct {
	net.Listener
	turns *turns

	mu        sync.Mutex
	all       int
	strangers int
	untouched list.List          // *gated: strangers nothing was done for yet, the oldest first
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
		out, ok := g.enter(c)
		if out != nil {
			out.Close()
		}
		if ok {
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

// enter counts a connection, and gives the one that has to go for it, or none.
func (g *gate) enter(c *gated) (out *gated, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= maxConnections || g.of[c.from] >= maxAddressStrangers {
		return nil, false
	}
	if g.strangers >= maxStrangers {
		if g.untouched.Len() == 0 {
			return nil, false
		}
		out = g.untouched.Front().Value.(*gated)
		g.forget(out)
	}
	g.all++
	g.strangers++
	g.of[c.from]++
	c.waits = g.untouched.PushBack(c)
	return out, true
}

// forget says that a connection goes for no other one. The mutex is held.
func (g *gate) forget(c *gated) {
	if c.waits != nil {
		g.untouched.Remove(c.waits)
		c.waits = nil
	}
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

	device peer.ID // once it has signed in; guarded by the gate's mutex, as the others below
	closed bool
	waits  *list.Element // while nothing was done for it
}

// begin says that the connection's handshake has its turn, and reports whether it is
// still wanted: the connection may have gone for another one.
func (c *gated) begin() bool {
	c.turn.Store(true)
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.gate.forget(c)
	return !c.closed
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
		c.gate.forget(c)
		c.closed = true
		c.gate.all--
	}
	c.gate.mu.Unlock()
	return c.Conn.Close()
}
