package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// This file is how a receiver gets a connection to the sender. It dials; and where
// that leads nowhere, because a firewall stands before the sender or the sender does
// not listen, it asks the sender over the session to dial. Where neither side gets
// through, both sides say so, and it is tried again.

const (
	// firstDial is how long a dial may take before the other way is tried: a
	// firewall that drops packets is silent, and the person waits. A packet that got
	// lost is sent again after 1 s.
	firstDial = 2 * time.Second
	// askedTime is how long an asking stands: as long as the sender dials, and what
	// its answer may take.
	askedTime = backDial + 3*time.Second
	// wallRetry bounds the wait before the next try while neither side gets through.
	wallRetry = 8 * time.Second
)

// unreachedError says that one of the two ways led nowhere when it was tried.
type unreachedError struct {
	err  error
	sure bool // the other side is there: it said so
}

func (e *unreachedError) Error() string { return e.err.Error() }
func (e *unreachedError) Unwrap() error { return e.err }

// behindWall is what a transfer is at while neither side gets through to the other.
var behindWall = report{state: Interrupted, reason: PeerAway, walled: true}

var (
	errWalled      = errors.New("neither side gets through to the other")
	errNotAsked    = errors.New("the sender could not be asked to dial back")
	errNotAnswered = errors.New("the sender does not answer, nor does it dial back")
	errNotBack     = errors.New("the sender dialled back and did not get through")
)

// back is what came of an asking: the connection, or why there is none.
type back struct {
	wire   *wire
	reason Reason
}

// reach opens a connection to the sender, first in the way that worked last. The
// error is errWalled, a *lostError or a *goneError.
func (r *receipt) reach(ctx context.Context) (*wire, error) {
	first, second := r.dial, r.dialledBack
	asked := r.link.asksFirst()
	if asked {
		first, second = second, first
	}
	w, err := first(ctx)
	var one, two *unreachedError
	if errors.As(err, &one) {
		asked = !asked
		w, err = second(ctx)
	}
	switch {
	case err == nil:
		r.link.reached()
		r.link.askFirst(asked)
		return w, nil
	case errors.As(err, &two) && (one.sure || two.sure):
		r.cfg.Log.Debug("no connection for a transfer", "transfer", r.t.ID, "one way", one, "other way", two)
		r.link.setWall()
		return nil, errWalled
	case errors.As(err, new(*goneError)):
		return nil, err
	}
	return nil, &lostError{err}
}

// dial opens a connection from here.
func (r *receipt) dial(ctx context.Context) (*wire, error) {
	dialing, done := context.WithTimeout(ctx, firstDial)
	defer done()
	conn, err := r.cfg.Network.DialData(dialing, r.t.Peer)
	switch {
	case err == nil:
		return newWire(conn), nil
	case ctx.Err() != nil, errors.Is(err, peer.ErrDataLimit):
		return nil, err
	}
	return nil, &unreachedError{err: err}
}

// dialledBack asks the sender to open a connection, and waits for it.
func (r *receipt) dialledBack(ctx context.Context) (*wire, error) {
	answer := r.link.ask(r.t.ID)
	defer r.link.unask(r.t.ID, answer)
	if !r.cfg.Network.Send(r.t.Peer, peer.DialBack{Offer: r.t.ID}) {
		return nil, errNotAsked
	}
	timer := time.NewTimer(askedTime)
	defer timer.Stop()
	select {
	case b := <-answer:
		return b.wire, b.err()
	case <-timer.C:
		return nil, &unreachedError{err: errNotAnswered}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// err is why no connection came.
func (b back) err() error {
	switch {
	case b.wire != nil:
		return nil
	case b.reason == PeerAway:
		return &unreachedError{errNotBack, true}
	case b.reason == Refused, b.reason == ByPeer:
		return &goneError{b.reason}
	}
	return fmt.Errorf("the sender does not dial back: %q", b.reason)
}

// ask begins to wait for what comes of an asking for a connection: one of those
// that [link.answer] is called with, and no other.
func (l *link) ask(offer uuid.UUID) chan back {
	answer := make(chan back, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[offer] = answer
	return answer
}

// unask ends the wait; a connection that came all the same is closed.
func (l *link) unask(offer uuid.UUID, answer chan back) {
	l.mu.Lock()
	if l.asked[offer] == answer {
		delete(l.asked, offer)
	}
	l.mu.Unlock()
	select {
	case b := <-answer:
		if b.wire != nil {
			b.wire.abort()
		}
	default:
	}
}

// answer hands over what came of an asking, once for each. It is false where nobody
// asked.
func (l *link) answer(offer uuid.UUID, b back) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	answer, ok := l.asked[offer]
	if ok {
		delete(l.asked, offer)
		answer <- b // has room for the one
	}
	return ok
}

// asksFirst reports whether the peer is asked to dial back before it is dialled.
func (l *link) asksFirst() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.back
}

// askFirst says which way worked.
func (l *link) askFirst(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.back = yes
}

// forget lets every way be tried anew: the network is another one.
func (l *link) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.back, l.vain = false, 0
	l.news()
}

// walled reports whether neither side gets through to the other; the channel is
// closed when that changes, or the link does.
func (l *link) walled() (bool, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wall, l.changed
}

// setWall says that neither side gets through to the other.
func (l *link) setWall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.wall {
		l.wall = true
		l.news()
	}
}

// reached says that a connection came about, and reports whether that is news.
func (l *link) reached() (news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if news = l.wall; news {
		l.wall = false
		l.news()
	}
	return news
}
