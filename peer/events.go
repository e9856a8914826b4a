package peer

import (
	"net"
	"net/netip"
)

// Event is what a [Host] tells its owner. The host calls Config.Notify from one
// goroutine of its own, in the order in which things happened; Notify must return
// at once (it queues).
type Event interface{ event() }

// SessionUp says that a session is kept: the peer proved its key, and its hello
// was read.
type SessionUp struct {
	ID    ID
	Hello Hello          // Hello.Name is hostile: clean it before it is shown
	Addr  netip.AddrPort // where the peer can be dialled: its address on this session, the port of its hello; port 0: nowhere
	// Certified is what its ticket proves; nil: it has none that counts here.
	Certified *Certified
}

// SessionDown says that the session ended. It is dialled again at once; the
// peer is still there until a [PeerGone] follows.
type SessionDown struct {
	ID  ID
	Err error
}

// PeerGone says that the peer went: it said bye, refused to be dialled, or could
// not be reached for [RedialGrace].
type PeerGone struct{ ID ID }

// Received is one frame of a session that is not the host's own business.
type Received struct {
	From    ID
	Message Message
	// Done gives the frame's room in the receive window back; the session reads
	// no further while too much is not done. Must be called exactly once.
	Done func()
}

// DataOpened is a data connection that a peer with a live session opened. The
// receiver of the event owns the connection, which is as [Host.DialData] says.
type DataOpened struct {
	From ID
	Conn net.Conn
}

// Twin says that an identity runs twice: ours (ID is our own), or a peer's. It
// comes again with each attempt of the twin.
type Twin struct {
	ID   ID
	Addr netip.AddrPort
	// Met says that Addr is the twin's, who proved the key here; else it is that
	// of the peer who met both and says so.
	Met bool
}

// WrongKey says that somebody else answered where a known peer was dialled. Got
// is the key that was shown there; nobody proved it.
type WrongKey struct {
	Want, Got ID
	Addr      netip.AddrPort
}

func (SessionUp) event()   {}
func (SessionDown) event() {}
func (PeerGone) event()    {}
func (Received) event()    {}
func (DataOpened) event()  {}
func (Twin) event()        {}
func (WrongKey) event()    {}
