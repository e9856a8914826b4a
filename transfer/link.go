package transfer

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"earshot/peer"
)

// dials is how many transfers are received from a peer at once. What the peer
// receives counts with them against the limit of the two, so each takes half of the
// connections.
const dials = peer.MaxDataConns / 2 / maxLanes

// link is whether a peer can be reached now and in which way, for goroutines that
// wait for it, and the places for connections to it.
type link struct {
	places chan struct{}    // holds a token for each transfer that is received, whoever dials
	limits [2]*rate.Limiter // of what is sent to the peer, and received

	mu       sync.Mutex // guards what follows
	up       bool
	changed  chan struct{}                    // closed at the next change
	cuts     map[*context.CancelFunc]struct{} // what ends when the link goes down
	asked    map[uuid.UUID]chan back          // connections that the peer was asked to open, by offer
	back     bool                             // it is asked for them before it is dialled: that worked last
	wall     bool                             // neither side gets through to the other
	vain     int                              // dials for the peer that led nowhere, or are under way
	knocking int                              // those under way
	ventured time.Time                        // when vain was counted down last
}

func newLink() *link {
	return &link{
		places:  make(chan struct{}, dials),
		limits:  [2]*rate.Limiter{newLimiter(), newLimiter()},
		changed: make(chan struct{}),
		cuts:    map[*context.CancelFunc]struct{}{},
		asked:   map[uuid.UUID]chan back{},
	}
}

// set says that there is a session (also: a new one), or none any more.
func (l *link) set(up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up, l.back, l.wall = up, false, false
	clear(l.asked) // it was asked on another session
	l.news()
	if up {
		return
	}
	for cut := range l.cuts {
		(*cut)()
	}
	clear(l.cuts)
}

// news wakes who waits for a change. The mutex is held.
func (l *link) news() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// state is whether the link is up, and a channel that is closed when that changes.
func (l *link) state() (up bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up, l.changed
}

// while is a context that ends when the link goes down. Its cancel function must
// be called.
func (l *link) while(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.up {
		cancel()
		return ctx, cancel
	}
	cut := &cancel
	l.cuts[cut] = struct{}{}
	return ctx, func() {
		cancel()
		l.mu.Lock()
		delete(l.cuts, cut)
		l.mu.Unlock()
	}
}
