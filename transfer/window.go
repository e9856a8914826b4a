package transfer

import (
	"time"

	"earshot/peer"
)

const (
	// maxWindow is what is asked for and not in the journal yet, in bytes: what is
	// sent once more after a kill, with all headers less than 4 MiB. It keeps
	// reading, sending, hashing and writing busy at the same time.
	maxWindow = 24 * peer.PieceSize
	// minWindow is one piece under way.
	minWindow = peer.PieceSize
	// firstWindow is what a transfer begins with. On a fast link it has grown after
	// a few milliseconds.
	firstWindow = 8 * peer.PieceSize
	// queueTime is how long the bytes of files may stand in the queues of a link:
	// as long waits a message that is written meanwhile. TCP alone fills whatever
	// queue there is.
	queueTime = 40 * time.Millisecond
	// windowSteps is how many pieces it takes to get to a new size.
	windowSteps = 8
)

// window is how many bytes may be asked for and not be here yet. It follows the
// rate of the link, so that they wait about queueTime in it: the idea of TCP Vegas
// and LEDBAT (RFC 6817), but done by who asks, so one side alone decides, and with
// the round trip that the session measured while the link was idle, so a later
// transfer does not take the queue of an earlier one for the link's own.
type window struct {
	size int64
	trip time.Duration // of an idle link; 0: not known, so nothing is adapted
}

func newWindow() *window { return &window{size: firstWindow} }

// use is for a connection to a peer at that distance.
func (w *window) use(trip time.Duration) {
	w.trip = trip
	if trip == 0 {
		w.size = maxWindow
	}
}

// arrived takes in when a piece came.
func (w *window) arrived(p piece, at time.Time) {
	took := at.Sub(p.asked)
	if w.trip == 0 || took <= 0 {
		return
	}
	ideal := float64(p.ahead) * float64(w.trip+queueTime) / float64(took)
	w.size += int64((min(ideal, maxWindow) - float64(w.size)) / windowSteps)
	w.size = max(w.size, minWindow)
}
