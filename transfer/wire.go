package transfer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"earshot/peer"
)

const (
	// patience is how long a connection may bring, or take, no byte while some are
	// expected. Then it is made anew.
	patience = 15 * time.Second
	// idleTime is how long a sender waits for the next request: the receiver may
	// be busy with its disk.
	idleTime = 60 * time.Second
	// portion is what is written with one deadline: at 30 s for it, 4 KB/s suffice.
	portion = 128 << 10
	// lingerTime is what the other side has to read the last frame.
	lingerTime = 5 * time.Second
	// frameHead is the length and the type of a frame.
	frameHead = 5
)

// errProtocol is what the other side does wrong is an error of.
var errProtocol = errors.New("protocol error")

// lostError is an error of the connection itself: another one may go better.
type lostError struct{ err error }

func (e *lostError) Error() string { return "connection lost: " + e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// wire is a data connection with a deadline on every wait. One goroutine may read
// while another writes.
type wire struct {
	conn    net.Conn
	gathers flusher // conn, where what is written waits for a Flush
	read    deadline
	written deadline
}

// flusher is a connection that has what is written wait.
type flusher interface{ Flush() error }

func newWire(conn net.Conn) *wire {
	w := &wire{
		conn:    conn,
		read:    deadline{set: conn.SetReadDeadline, wait: patience},
		written: deadline{set: conn.SetWriteDeadline, wait: 2 * patience},
	}
	w.gathers, _ = conn.(flusher)
	return w
}

// deadline is moved on as bytes come, but not for each few of them: setting one
// costs as much as a small read.
type deadline struct {
	set  func(time.Time) error
	wait time.Duration
	at   time.Time // when it was set last
	over atomic.Bool
}

func (d *deadline) move() error {
	now := time.Now()
	if now.Sub(d.at) >= d.wait/16 {
		d.at = now
		if err := d.set(now.Add(d.wait)); err != nil {
			return err
		}
	}
	if d.over.Load() { // also where stop came between
		return os.ErrDeadlineExceeded
	}
	return nil
}

// stop ends the wait that is under way, and every later one. Unlike the other
// methods it may be called from any goroutine.
func (d *deadline) stop() {
	d.over.Store(true)
	d.set(time.Unix(1, 0))
}

// change is for another wait from now on.
func (d *deadline) change(wait time.Duration) { d.wait, d.at = wait, time.Time{} }

// Read reads what there is. No byte for the whole wait is os.ErrDeadlineExceeded.
func (w *wire) Read(b []byte) (int, error) {
	if err := w.read.move(); err != nil {
		return 0, err
	}
	return w.conn.Read(b)
}

// Write writes all of b in portions, each with its own deadline.
func (w *wire) Write(b []byte) (n int, err error) {
	for err == nil && n < len(b) {
		if err = w.written.move(); err != nil {
			break
		}
		var wrote int
		wrote, err = w.conn.Write(b[n:min(n+portion, len(b))])
		n += wrote
	}
	return n, err
}

// flush sends what was written.
func (w *wire) flush() error {
	if w.gathers == nil {
		return nil
	}
	if err := w.written.move(); err != nil {
		return err
	}
	return w.gathers.Flush()
}

// send writes one message.
func (w *wire) send(m peer.Message) error {
	b, err := peer.Append(nil, m)
	if err != nil {
		return err
	}
	if _, err = w.Write(b); err == nil {
		err = w.flush()
	}
	if err != nil {
		return &lostError{err}
	}
	return nil
}

// receive reads one frame into buf, which has room for the longest; the payload is
// a part of it. The error wraps errProtocol or is a *lostError.
func (w *wire) receive(buf []byte) (peer.Type, []byte, error) {
	if _, err := io.ReadFull(w, buf[:frameHead]); err != nil {
		return 0, nil, &lostError{err}
	}
	n := binary.BigEndian.Uint32(buf)
	if n < 1 || n > uint32(len(buf)-frameHead) || n > peer.DataFrame {
		return 0, nil, fmt.Errorf("%w: frame of %d bytes", errProtocol, n)
	}
	kind := peer.Type(buf[frameHead-1])
	payload := buf[frameHead : frameHead+int(n)-1]
	if _, err := io.ReadFull(w, payload); err != nil {
		return 0, nil, &lostError{err}
	}
	return kind, payload, nil
}

// abort closes the connection at once, whatever is under way on it. A TLS
// connection would first try to say so, up to five seconds long.
func (w *wire) abort() {
	if inner, ok := w.conn.(interface{ NetConn() net.Conn }); ok {
		inner.NetConn().Close()
	}
	w.conn.Close()
}

// linger closes the connection after the other side had the time to read what was
// written last: with bytes of its own unread here, closing at once would destroy
// them on their way.
func (w *wire) linger() {
	if half, ok := w.conn.(interface{ CloseWrite() error }); ok {
		w.conn.SetDeadline(time.Now().Add(lingerTime))
		if half.CloseWrite() == nil {
			io.Copy(io.Discard, w.conn)
		}
	}
	w.abort()
}

// isStall reports whether an error says that no byte came, or went, in time.
func isStall(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
