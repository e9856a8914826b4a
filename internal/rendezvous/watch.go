package rendezvous

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// When heartbeats are sent.
const (
	// holdTime is how long a server may hold a heartbeat back.
	holdTime = 20 * time.Second
	// beatSpacing is the shortest time from one heartbeat to the next: a server that
	// always has news costs no more than four a second.
	beatSpacing = 250 * time.Millisecond

	// minRetry and maxRetry bound the wait after a heartbeat that failed, and nobody
	// comes again before floorRetry: what a server takes at least to start again, and
	// what one that is overloaded is spared.
	floorRetry = 500 * time.Millisecond
	minRetry   = time.Second
	maxRetry   = 5 * time.Minute
	// spread is over how long those come back who lost their server at one moment. The
	// first time it is short, so that friends do not see somebody blink whose
	// connection broke (the server waits for five seconds); where the server is away
	// 10,000 handshakes in the longer one are no stampede.
	firstSpread = 4 * time.Second
	spread      = 15 * time.Second
	// shortAway is how long a server may be away for all to be back within a minute:
	// until then nobody waits longer than soonRetry.
	shortAway = 10 * time.Minute
	soonRetry = 30 * time.Second

	// goodbyeTime is what a goodbye may take: nobody's quitting waits for a server.
	goodbyeTime = 500 * time.Millisecond
)

// Beat is what a device says of itself in a heartbeat.
type Beat struct {
	Addresses []string // host:port, where it can be reached
	Presence  Presence
	Epoch     uint64 // of the newest revocation list here
	Revoked   []byte // that list: told a server that has an older one
}

func (b Beat) same(o Beat) bool {
	return slices.Equal(b.Addresses, o.Addresses) && b.Presence == o.Presence && b.Epoch == o.Epoch
}

// What a [Watch] tells.
type (
	// Reached: a server answered a heartbeat, the first time or again.
	Reached struct{}
	// Unreached: no server answers any more. It is tried again.
	Unreached struct{ Err error }
	// Told: the news of a heartbeat. They may repeat what was told before.
	Told struct{ News News }
	// SignedOut: the server says that this device belongs to no account. The watch
	// has ended.
	SignedOut struct{}
)

// WatchConfig says whose signs of life a watch gives.
type WatchConfig struct {
	Client   *Client
	Instance uuid.UUID // of this start, as in the hello
	Beat     Beat
	// Notify gets one of the above at a time, in order. It must return at once.
	Notify func(any)
}

// Watch gives a signed-in device's signs of life, and hears through their answers
// what is new. [Watch.Run] starts and stops it.
type Watch struct {
	cfg    WatchConfig
	change chan struct{} // holds a token when the next heartbeat is to go out at once

	mu   sync.Mutex
	beat Beat
	held context.CancelFunc // ends the heartbeat that is held; nil: none

	// Belongs to Run.
	received uint64
	failures int
	up       bool      // the last heartbeat was answered
	lost     bool      // the failures began with a server that had answered
	since    time.Time // the first failure in a row
	behind   bool      // the server wants the revocation list
	taught   bool      // it got it, since it was reached
}

// NewWatch makes a watch.
func NewWatch(cfg WatchConfig) *Watch {
	return &Watch{cfg: cfg, beat: cfg.Beat, change: make(chan struct{}, 1)}
}

// Say changes what heartbeats say; where it is something new it is said at once.
// It returns at once, from any goroutine.
func (w *Watch) Say(b Beat) {
	w.mu.Lock()
	fresh := !w.beat.same(b)
	w.beat = b
	w.mu.Unlock()
	if fresh {
		w.Hurry()
	}
}

// Hurry has a heartbeat sent now: the network is another one, or a person wants to
// know. It returns at once, from any goroutine.
func (w *Watch) Hurry() {
	select {
	case w.change <- struct{}{}:
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held != nil {
		w.held()
	}
}

// Run sends heartbeats until ctx ends, and then says goodbye, or until the server
// says that this device is signed out.
func (w *Watch) Run(ctx context.Context) error {
	defer w.cfg.Client.Close()
	defer w.leave(ctx)
	for ctx.Err() == nil {
		begun := time.Now()
		news, left, err := w.heartbeat(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			w.answered(news)
			w.wait(ctx, time.Until(begun.Add(beatSpacing)), false)
		case left:
			w.wait(ctx, time.Until(begun.Add(beatSpacing)), false)
		case Refused(err, CodeSignedOut):
			w.up = false
			w.cfg.Notify(SignedOut{})
			return nil
		default:
			w.wait(ctx, w.failed(err), true)
		}
	}
	return nil
}

// leave tells the server that friends need not wait for the next heartbeat.
func (w *Watch) leave(ctx context.Context) {
	if !w.up {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTime)
	defer cancel()
	// Where it does not arrive the missing heartbeats say the same.
	_, _ = w.cfg.Client.Heartbeat(ctx, Heartbeat{Instance: w.cfg.Instance, Presence: Offline, Received: w.received})
}

// heartbeat sends one and waits for its answer; left: it was given up for a newer
// one.
func (w *Watch) heartbeat(ctx context.Context) (news News, left bool, err error) {
	beating, cancel := context.WithCancel(ctx)
	defer cancel()
	w.mu.Lock()
	b := w.beat
	w.held = cancel
	select {
	case <-w.change: // this one says it
	default:
	}
	w.mu.Unlock()
	h := Heartbeat{
		Instance: w.cfg.Instance, Addresses: b.Addresses, Presence: b.Presence,
		Received: w.received, Epoch: b.Epoch, Hold: w.hold(),
	}
	if w.behind && !w.taught {
		h.Revoked, w.taught = b.Revoked, true
	}
	news, err = w.cfg.Client.Heartbeat(beating, h)
	w.mu.Lock()
	w.held = nil
	w.mu.Unlock()
	return news, err != nil && beating.Err() != nil, err
}

// hold is how long the answer may take, in milliseconds. The first one is wanted at
// once.
func (w *Watch) hold() int {
	if !w.up {
		return 0
	}
	return int(holdTime / time.Millisecond)
}

// answered tells what a heartbeat brought.
func (w *Watch) answered(n News) {
	if !w.up {
		w.cfg.Notify(Reached{})
	}
	w.up, w.failures, w.behind = true, 0, n.Behind
	if len(n.Servers) > 0 {
		w.cfg.Client.SetAddresses(n.Servers)
	}
	if n.Number == w.received && !n.Whole && n.empty() {
		return
	}
	w.received = n.Number
	w.cfg.Notify(Told{n})
}

// empty reports whether there is nothing new in the news.
func (n News) empty() bool {
	return len(n.Friends) == 0 && len(n.Gone) == 0 && n.Account == nil && len(n.Ticket) == 0 &&
		len(n.Revoked) == 0 && len(n.Servers) == 0 && !n.Twice
}

// failed tells that a heartbeat was not answered, and returns how long to wait.
func (w *Watch) failed(err error) time.Duration {
	if w.failures == 0 {
		w.since, w.lost = time.Now(), w.up
	}
	w.failures++
	if w.up || w.failures == 1 {
		w.cfg.Notify(Unreached{err})
	}
	w.up, w.taught = false, false
	wait := floorRetry + rand.N(retryBound(w.failures, w.lost, time.Since(w.since))-floorRetry)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		wait += min(refused.Wait, maxRetry)
	}
	return wait
}

// retryBound is below what a wait is drawn after so many failures in a row, all of it
// from floorRetry on alike ("full jitter"): it doubles from minRetry. Who lost a server, as all of its clients may
// have, waits longer at first; while it is not away for long nobody waits long.
func retryBound(failures int, lost bool, away time.Duration) time.Duration {
	if lost && failures == 1 {
		return firstSpread
	}
	least, most := minRetry, maxRetry
	if lost {
		least = spread
	}
	if away < shortAway {
		most = soonRetry
	}
	return min(most, max(least, minRetry<<min(failures-1, 9))) // 2^9 s are more than maxRetry
}

// wait waits; where it may be hurried, until [Watch.Hurry] at most.
func (w *Watch) wait(ctx context.Context, d time.Duration, hurried bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	var change chan struct{}
	if hurried {
		change = w.change
	}
	select {
	case <-timer.C:
	case <-change:
		w.failures = 0
	case <-ctx.Done():
	}
}
