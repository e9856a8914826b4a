package peer

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// linkRoom is what is on its way in one direction before a write waits.
const linkRoom = 64 << 10

// link is one end of a stream, with room in between as TCP has it; net.Pipe has
// none, and two sides that write at once wait for each other.
type link struct {
	*cable
	net           *network
	other         *link
	local, remote netip.AddrPort

	// The rest belongs to the cable's mutex.
	in          []byte // came, and was not read
	readBy      time.Time
	writeBy     time.Time
	closed      bool
	wroteItsEnd bool
}

// cable is what both ends share.
type cable struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced when anything changed
}

// cable joins two addresses. The network's mutex is held.
func (n *network) cable(from, to netip.AddrPort) (near, far *link) {
	c := &cable{changed: make(chan struct{})}
	near = &link{cable: c, net: n, local: from, remote: to}
	far = &link{cable: c, net: n, local: to, remote: from, other: near}
	near.other = far
	n.links[near], n.links[far] = struct{}{}, struct{}{}
	return near, far
}

func (l *link) Read(b []byte) (n int, err error) {
	l.wait(&l.readBy, func() bool {
		silent := l.net.silence(l.local.Addr(), l.remote.Addr()) != nil
		switch {
		case l.closed:
			err = net.ErrClosed
		case expired(l.readBy):
			err = os.ErrDeadlineExceeded
		case silent:
			return false
		case len(l.in) > 0:
			n = copy(b, l.in)
			l.in = l.in[n:]
			l.change(nil)
		case l.other.closed || l.other.wroteItsEnd:
			err = io.EOF
		default:
			return false
		}
		return true
	})
	return n, err
}

func (l *link) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		l.wait(&l.writeBy, func() bool {
			room := linkRoom - len(l.other.in)
			silent := l.net.silence(l.local.Addr(), l.remote.Addr()) != nil
			switch {
			case l.closed:
				err = net.ErrClosed
			case expired(l.writeBy):
				err = os.ErrDeadlineExceeded
			case l.other.closed && !silent:
				err = syscall.EPIPE
			case room > 0:
				part := b[n:min(n+room, len(b))]
				l.other.in = append(l.other.in, part...)
				n += len(part)
				l.change(nil)
			default:
				return false
			}
			return true
		})
	}
	return n, err
}

func expired(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

// wait tries until it is done, whenever something changed or a deadline came.
func (l *link) wait(deadline *time.Time, try func() bool) {
	for {
		l.mu.Lock()
		done, changed, by := try(), l.changed, *deadline
		l.mu.Unlock()
		if done {
			return
		}
		var late <-chan time.Time
		if !by.IsZero() {
			timer := time.NewTimer(time.Until(by))
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-changed:
		case <-late:
		}
	}
}

// change does what under the mutex, and tells everybody; nil: the mutex is held
// and it is done.
func (l *link) change(what func()) {
	if what != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		what()
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *link) SetReadDeadline(t time.Time) error {
	l.change(func() { l.readBy = t })
	return nil
}

func (l *link) SetWriteDeadline(t time.Time) error {
	l.change(func() { l.writeBy = t })
	return nil
}

func (l *link) SetDeadline(t time.Time) error {
	l.change(func() { l.readBy, l.writeBy = t, t })
	return nil
}

// CloseWrite lets the other end read what is on its way, and then the end.
func (l *link) CloseWrite() error {
	l.change(func() { l.wroteItsEnd = true })
	return nil
}

// Close ends both directions. The other end hears of it when the network is not
// silent.
func (l *link) Close() error {
	l.net.mu.Lock()
	delete(l.net.links, l)
	l.net.mu.Unlock()
	l.change(func() { l.closed = true })
	return nil
}

func (l *link) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(l.local) }
func (l *link) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(l.remote) }
