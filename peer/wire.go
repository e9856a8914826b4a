package peer

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// wire is a TCP connection, below TLS, that remembers when it last brought a
// byte, and can be told to be closed soon whatever TLS wants.
type wire struct {
	net.Conn
	born  time.Time
	heard atomic.Int64 // after born, in nanoseconds

	mu      sync.Mutex
	closeBy time.Time // no write lasts longer; zero: not closing

	gather *gather // what is written waits in it; nil: it does not
}

// gatherSize is about how many bytes a data connection has wait to be sent at once.
// TLS writes record by record, 16 KiB each; a system call for each of them, and the
// reader woken for each, costs a tenth of all the work of a transfer.
const gatherSize = 128 << 10

// gather has what is written wait until there is much of it, or it is flushed.
type gather struct {
	mu   sync.Mutex
	over bool // nothing waits any more
	buf  []byte
}

// startGather has writes wait from now on. It is called before there are any.
func (w *wire) startGather() { w.gather = &gather{buf: make([]byte, 0, gatherSize)} }

// endGather sends what waits and everything that follows at once.
func (w *wire) endGather() error {
	w.gather.mu.Lock()
	defer w.gather.mu.Unlock()
	w.gather.over = true
	return w.sendGathered()
}

// flush sends what waits.
func (w *wire) flush() error {
	w.gather.mu.Lock()
	defer w.gather.mu.Unlock()
	return w.sendGathered()
}

// sendGathered sends what waits. The gather's mutex is held.
func (w *wire) sendGathered() error {
	if len(w.gather.buf) == 0 {
		return nil
	}
	_, err := w.Conn.Write(w.gather.buf)
	w.gather.buf = w.gather.buf[:0]
	return err
}

// Write writes, or has it wait. An error may be that of what was written before.
func (w *wire) Write(b []byte) (int, error) {
	g := w.gather
	if g == nil {
		return w.Conn.Write(b)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.buf)+len(b) > cap(g.buf) {
		if err := w.sendGathered(); err != nil {
			return 0, err
		}
	}
	if g.over || len(b) > cap(g.buf) {
		return w.Conn.Write(b)
	}
	g.buf = append(g.buf, b...)
	return len(b), nil
}

func newWire(conn net.Conn) *wire {
	setUserTimeout(conn)
	return &wire{Conn: conn, born: time.Now()}
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 {
		w.touch()
	}
	return n, err
}

// touch says that there was a sign of life just now.
func (w *wire) touch() { w.heard.Store(int64(time.Since(w.born))) }

// lastHeard is when the last byte came, or the connection was made.
func (w *wire) lastHeard() time.Time { return w.born.Add(time.Duration(w.heard.Load())) }

// hurry ends every write at t, also one that is under way, and whatever
// deadline is set from now on: tls.Conn.Close gives itself 5 s.
func (w *wire) hurry(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closeBy.IsZero() {
		w.closeBy = t
		w.Conn.SetWriteDeadline(t)
	}
}

// SetWriteDeadline sets the deadline, but not behind what hurry said.
func (w *wire) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closeBy.IsZero() && (t.IsZero() || t.After(w.closeBy)) {
		t = w.closeBy
	}
	return w.Conn.SetWriteDeadline(t)
}

// SetDeadline sets both deadlines.
func (w *wire) SetDeadline(t time.Time) error {
	if err := w.Conn.SetReadDeadline(t); err != nil {
		return err
	}
	return w.SetWriteDeadline(t)
}

// closeWrite tells the other side that no more comes, where the connection can.
func (w *wire) closeWrite() {
	if half, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// remote is where the connection comes from, an IPv4 address always as such.
func (w *wire) remote() netip.AddrPort {
	addr, ok := w.RemoteAddr().(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.AddrPort{}
	}
	return unmapped(addr.AddrPort())
}

// unmapped is the one form of an address: IPv4 inside IPv6 as IPv4.
func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
