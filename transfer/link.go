package transfer

import (
	"context"
	"sync"

	"earshot/peer"
)

// dials is how many data connections to a peer this device opens at once. Those that
// the peer opens count with them against the limit of the two, so each takes half.
const dials = peer.MaxDataConns / 2

// link is whether a peer can be reached now, for goroutines that wait for it, and
// the places for connections to it.
type link struct {
	places chan struct{} // holds a token for each data connection dialled for what is received

	mu      sync.Mutex
	up      bool
	changed chan struct{}                    // closed at the next change
	cuts    map[*context.CancelFunc]struct{} // what ends when the link goes down
}

func newLink() *link {
	return &link{
		places:  make(chan struct{}, dials),
		changed: make(chan struct{}),
		cuts:    map[*context.CancelFunc]struct{}{},
	}
}

// set says that there is a session (also: a new one), or none any more.
func (l *link) set(up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up = up
	close(l.changed)
	l.changed = make(chan struct{})
	if up {
		return
	}
	for cut := range l.cuts {
		(*cut)()
	}
	clear(l.cuts)
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
