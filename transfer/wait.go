package transfer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// This file is what a receipt waits for: a session with the sender, a connection,
// the next try, room on the disk.

const (
	// reserve stays free on the disk that files are received to: the database and
	// everybody else's programs need room too.
	reserve = 256 << 20
	// roomPages is after how many pages of a manifest the free space is looked at:
	// they are kept too, mostly on the same disk, some 10 MiB at a time.
	roomPages = 16
	// roomTime is how often a full disk is looked at again.
	roomTime = 5 * time.Second
	// firstRetry and lastRetry bound the wait after a connection, or this disk,
	// failed. A new session ends the wait.
	firstRetry = 250 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// errFull says that there is no room now.
var errFull = errors.New("disk full")

// connected does something with a connection to the sender, for as long as there is
// a session with it.
func (r *receipt) connected(ctx context.Context, do func(context.Context) error) error {
	if err := r.waitForLink(ctx); err != nil {
		return err
	}
	if err := r.waitForPlace(ctx); err != nil {
		return err
	}
	defer func() { <-r.link.places }()
	ctx, cancel := r.link.while(ctx)
	defer cancel()
	if r.wire == nil {
		w, err := r.reach(ctx)
		if err != nil {
			return err
		}
		r.wire = w
		r.window.use(r.cfg.Network.RoundTrip(r.t.Peer))
	}
	defer context.AfterFunc(ctx, r.wire.abort)()
	r.report(Active, "", "")
	err := do(ctx)
	if err != nil {
		r.hangUp()
	}
	return err
}

// hangUp closes the connections.
func (r *receipt) hangUp() {
	r.rest()
	if r.wire != nil {
		r.wire.abort()
		r.wire = nil
	}
}

// waitForLink waits until there is a session with the sender.
func (r *receipt) waitForLink(ctx context.Context) error {
	for {
		up, changed := r.link.state()
		if up {
			return nil
		}
		r.hangUp()
		r.report(Interrupted, PeerAway, "")
		select {
		case <-changed:
			r.delay = 0
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// waitForPlace takes one of the places for connections with the sender. It says
// meanwhile that others come first, or that a wall is in their way.
func (r *receipt) waitForPlace(ctx context.Context) error {
	for {
		wall, changed := r.link.walled()
		if wall {
			r.say(behindWall)
		}
		select {
		case r.link.places <- struct{}{}:
			return nil
		default:
		}
		if !wall {
			r.report(Active, Queued, "")
		}
		select {
		case r.link.places <- struct{}{}:
			return nil
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wait waits before the next try, longer each time that brings nothing.
func (r *receipt) wait(ctx context.Context) error {
	if done := r.moved.done.Load(); done > r.mark || r.delay == 0 {
		r.mark, r.delay = done, firstRetry
	}
	timer := time.NewTimer(r.delay/2 + rand.N(r.delay/2))
	defer timer.Stop()
	r.delay = min(2*r.delay, lastRetry)
	_, changed := r.link.state()
	select {
	case <-timer.C:
	case <-changed:
		r.delay = 0
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// room is errFull where there is no room for what is missing, and a *failure where
// there can never be.
func (r *receipt) room() error {
	d, err := r.cfg.openDisk(r.t.Dir)
	if err != nil {
		return err
	}
	defer d.Close()
	free, size, err := d.Free()
	missing := r.t.Bytes - r.moved.done.Load() - max(0, r.t.Holes-r.moved.empty.Load())
	switch {
	case err != nil:
		return err
	case size < missing:
		return &failure{NoRoom, fmt.Errorf("%d bytes on a disk of %d", missing, size)}
	case free < missing+reserve:
		return errFull
	}
	return nil
}

// waitForRoom waits until there is room for what is missing.
func (r *receipt) waitForRoom(ctx context.Context) error {
	err := r.room()
	if errors.Is(err, errFull) {
		return r.full(ctx)
	}
	return err
}

// full waits after the disk said that it is full. However much seems to be free, it
// waits first: where a quota or the inodes are used up, only the disk knows.
func (r *receipt) full(ctx context.Context) error {
	for {
		r.report(Paused, DiskFull, "")
		timer := time.NewTimer(roomTime)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		if err := r.room(); !errors.Is(err, errFull) {
			return err
		}
	}
}
