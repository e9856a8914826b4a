package transfer_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"earshot/peer"
)

// way is from a device to one that it dials.
type way struct{ from, to peer.ID }

// wall is a firewall in a way. One that was never set lets everything through, and
// counts.
type wall struct {
	closed bool
	silent bool // drops, and does not refuse
	dials  int
	now    int // dials under way
	most   int // of them at once
}

var errWall = errors.New("connection refused")

// pass goes through the firewall, or not.
func (w *world) pass(ctx context.Context, on way) error {
	w.mu.Lock()
	at := w.wall(on)
	closed, silent := at.closed, at.silent
	at.dials++
	at.now++
	at.most = max(at.most, at.now)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		at.now--
		w.mu.Unlock()
	}()
	if closed && silent {
		<-ctx.Done()
		return ctx.Err()
	}
	if closed {
		return errWall
	}
	return ctx.Err()
}

// wall is what stands in a way. The mutex is held.
func (w *world) wall(on way) *wall {
	if w.walls == nil {
		w.walls = map[way]*wall{}
	}
	if w.walls[on] == nil {
		w.walls[on] = &wall{}
	}
	return w.walls[on]
}

// shut has a way refuse, or drop.
func (w *world) shut(from, to peer.ID, silent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.wall(way{from, to})
	at.closed, at.silent = true, silent
}

// open lets a way through again. What was dropped before stays so.
func (w *world) open(from, to peer.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wall(way{from, to}).closed = false
}

// dials is how often a way was tried, and how many dials were under way at most.
func (w *world) dials(from, to peer.ID) (times, most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.wall(way{from, to})
	return at.dials, at.most
}

// dialling is how many dials are under way.
func (w *world) dialling(from, to peer.ID) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wall(way{from, to}).now
}

// simulated tells a story in simulated time, with two devices that are there.
func simulated(t *testing.T, tell func(t *testing.T, w *world, ann, bob *device)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pipes = true
		tell(t, w, w.device(1), w.device(2))
	})
}
