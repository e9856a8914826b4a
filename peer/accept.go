package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// maxAcceptWait is the longest wait after the system refused to accept, as it
// does when there are no descriptors left.
const maxAcceptWait = time.Second

// accept takes connections until ctx ends.
func (h *Host) accept(ctx context.Context) error {
	wait := time.Duration(0)
	for {
		conn, err := h.listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept: %w", err)
		}
		if err != nil {
			wait = min(max(2*wait, 5*time.Millisecond), maxAcceptWait)
			h.refused.note(netip.AddrPort{}, err)
			pause(ctx, wait)
			continue
		}
		wait = 0
		h.receive(conn)
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

var errCrowded = errors.New("too many handshakes at once")

// receive lets a connection in as far as its hello, where there is room.
func (h *Host) receive(conn net.Conn) {
	if !h.permits(conn) {
		h.log.Debug("connection refused", "from", conn.RemoteAddr(), "why", ErrPath)
		conn.Close()
		return
	}
	w := newWire(conn)
	from := w.remote()
	if !h.gate.enter(from.Addr(), h.knows) {
		h.refused.note(from, errCrowded)
		conn.Close()
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		conn.Close()
		return
	}
	h.spawn(func(ctx context.Context) {
		s := h.prove(ctx, w)
		h.gate.leave(from.Addr())
		if s != nil {
			s.serve()
		}
	})
}

// prove finds out who came, and returns a session that is to be served, if that
// is what it came for and is let in.
func (h *Host) prove(ctx context.Context, w *wire) *session {
	server := func(w *wire) *tls.Conn { return tls.Server(w, h.server) }
	conn, err := handshake(ctx, w, server)
	switch {
	case err != nil:
		if ctx.Err() == nil {
			h.refused.note(w.remote(), err)
		}
	case conn.proto == protoData:
		h.openData(conn)
	default:
		s := newSession(h, conn, false)
		if err := h.open(ctx, s); err == nil {
			return s
		} else if ctx.Err() == nil && s.id != s.own() {
			h.refused.note(w.remote(), err)
		}
	}
	return nil
}

// open exchanges hellos. Where there is no error, the session is to be served.
func (h *Host) open(ctx context.Context, s *session) error {
	err := s.greet(ctx, h.hello())
	switch {
	case err != nil:
	case s.id == s.own():
		err = h.mirrored(s)
	default:
		err = h.admit(s)
	}
	if err != nil {
		s.dismiss(err)
	}
	return err
}

// openData hands on a data connection of a peer that has a session.
func (h *Host) openData(conn *secure) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peers[conn.id]
	if h.stopped || p == nil || p.kept == nil || p.data >= MaxDataConns {
		h.refused.note(conn.wire.remote(), errors.New("a data connection without a session, or one too many"))
		conn.wire.Close()
		return
	}
	p.data++
	h.events.add(DataOpened{From: conn.id, Conn: h.counted(conn)})
}

// dataConn is a data connection that is counted until it is closed.
type dataConn struct {
	*secure
	release func()
}

// Close says goodbye within a quarter of a second and closes the connection.
func (c *dataConn) Close() error {
	defer c.release()
	c.wire.hurry(time.Now().Add(farewellTime))
	c.wire.endGather() // where that fails, closing does too
	return c.secure.Close()
}

// Flush sends what was written and waits still: up to 128 KiB do.
func (c *dataConn) Flush() error { return c.wire.flush() }

// CloseWrite flushes, and says that no more comes.
func (c *dataConn) CloseWrite() error {
	if err := c.wire.endGather(); err != nil {
		return err
	}
	return c.secure.CloseWrite()
}

func (h *Host) counted(conn *secure) net.Conn {
	conn.wire.startGather()
	return &dataConn{secure: conn, release: sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.dataClosed(conn.id)
	})}
}

// knows reports whether a peer was met at an address, or a contact was said to
// be there: what is said of strangers anybody can make up.
func (h *Host) knows(addr netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.peers {
		if p.last.Addr() == addr {
			return true
		}
		if p.contact && slices.ContainsFunc(p.addrs, func(a netip.AddrPort) bool { return a.Addr() == addr }) {
			return true
		}
	}
	return false
}

// gate bounds connections of which it is not known yet who is there.
type gate struct {
	mu   sync.Mutex // guards what follows
	all  int
	from map[netip.Addr]int
}

func newGate() *gate { return &gate{from: make(map[netip.Addr]int)} }

// enter counts a connection where there is room: the last places are for
// addresses that are known.
func (g *gate) enter(addr netip.Addr, known func(netip.Addr) bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= maxHandshakes || g.from[addr] >= maxAddressHandshakes {
		return false
	}
	if g.all >= maxHandshakes-reservedHandshakes && !known(addr) {
		return false
	}
	g.all++
	g.from[addr]++
	return true
}

func (g *gate) leave(addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.from[addr]--; g.from[addr] == 0 {
		delete(g.from, addr)
	}
}
