package transfer

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// Prepare makes the manifest of the files and folders at the absolute paths, to
// be offered to a peer. The offer's entry is written by the caller, with the same
// ID, followed by Offered. What cannot be sent (links, pipes, devices, unreadable
// files) is left out and named in the transfer's Skipped.
func (e *Engine) Prepare(id uuid.UUID, to peer.ID, paths []string, reply func(Offer, error)) {
	e.inbox.put(command{
		do:   func() { e.prepare(id, to, paths, reply) },
		drop: func() { reply(Offer{}, ErrClosed) },
	})
}

// Offered says that the offer's entry is committed.
func (e *Engine) Offered(id uuid.UUID) {
	e.post(func() {
		if j := e.jobs[id]; j != nil {
			e.offered(j)
		}
	})
}

// offered makes a prepared transfer an offer.
func (e *Engine) offered(j *job) {
	if j.t.State == Preparing && j.t.Listed && !j.running {
		j.t.State = Offered
		e.moveOn(j)
	}
}

// Incoming says that an offer for this device was committed. Saying so again
// changes nothing. Where four of that peer wait for an answer already, it is
// declined. No more than a hundred of those are kept of a peer; for others the peer
// is told once.
func (e *Engine) Incoming(o Offer, from peer.ID) {
	e.post(func() {
		if e.jobs[o.ID] != nil {
			return
		}
		j := newJob(Transfer{Offer: o, Peer: from, Direction: Receiving, State: Offered, Offered: time.Now()})
		if name, rewritten, err := peer.CleanName(o.Name); err == nil && rewritten {
			j.t.Name, j.t.Renamed = name, o.Name
		}
		waiting, declined := e.offersOf(from)
		if waiting >= maxOffers {
			j.t.State, j.t.Reason = Declined, Limit
			if declined >= maxDeclined {
				e.cfg.Network.Send(from, j.statement(false))
				e.cfg.Notify(Changed{j.t})
				return
			}
		}
		e.jobs[o.ID] = j
		e.moveOn(j)
	})
}

// offersOf is how many offers of a peer wait for an answer, without those that are
// being accepted, and how many were declined because others waited.
func (e *Engine) offersOf(from peer.ID) (waiting, declined int) {
	for _, j := range e.jobs {
		switch {
		case j.t.Peer != from || j.t.Direction != Receiving:
		case j.t.State == Offered && j.accepting == 0:
			waiting++
		case j.t.State == Declined && j.t.Reason == Limit:
			declined++
		}
	}
	return waiting, declined
}

// Accept begins to receive an offer into dir, an absolute path that is made where
// it is missing; empty: Config.Dir. Where names are taken there, it is done what c
// says. A transfer that is paused for [NameTaken] is answered in the same way; it
// stays in its folder.
func (e *Engine) Accept(id uuid.UUID, dir string, c Conflict, reply func(error)) {
	e.AcceptInto(id, func() (string, error) { return cmp.Or(dir, e.cfg.Dir()), nil }, c, reply)
}

// AcceptInto is Accept with a folder that is found when it is needed. choose is
// called from a goroutine of its own, at most once, and may take its time.
func (e *Engine) AcceptInto(id uuid.UUID, choose func() (string, error), c Conflict, reply func(error)) {
	e.inbox.put(command{
		do:   func() { e.accept(id, choose, c, reply) },
		drop: func() { reply(ErrClosed) },
	})
}

func (e *Engine) accept(id uuid.UUID, choose func() (string, error), c Conflict, reply func(error)) {
	j := e.jobs[id]
	switch {
	case j == nil:
		reply(ErrUnknown)
		return
	case j.t.Asking && !j.t.State.Final() && c != Ask:
		e.command(id, reply, func(j *job) error {
			j.t.Asking, j.t.Conflict = false, c
			return nil
		})
		return
	case !j.waits():
		reply(ErrState)
		return
	}
	j.accepting++
	e.work.Go(func() { // the folder may be on a slow disk
		dir, err := choose()
		if err == nil {
			err = makeDir(dir)
		}
		e.command(id, reply, func(j *job) error {
			j.accepting--
			switch {
			case err != nil:
				return err
			case !j.waits():
				return ErrState
			}
			j.t.Accepted, j.t.Dir, j.t.Path, j.t.Conflict = true, filepath.Clean(dir), filepath.Clean(dir), c
			return nil
		})
	})
}

// waits reports whether an offer waits for the answer of the person here.
func (j *job) waits() bool { return j.t.Direction == Receiving && j.t.State == Offered }

// makeDir makes a save folder, and makes sure that it can be used as one.
func makeDir(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("save to %q: not an absolute path", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save to %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("save to %s: %w", dir, err)
	}
	return root.Close()
}

// Decline says no to an offer.
func (e *Engine) Decline(id uuid.UUID, reply func(error)) {
	e.command(id, reply, func(j *job) error {
		if !j.waits() {
			return ErrState
		}
		e.end(j, report{state: Declined, reason: ByMe})
		return nil
	})
}

// Pause stops a transfer until Resume, on both sides. Who paused resumes: where
// both did, both must.
func (e *Engine) Pause(id uuid.UUID, reply func(error)) {
	e.command(id, reply, func(j *job) error {
		if !j.t.Accepted || j.t.State.Final() || j.t.PausedOwn {
			return ErrState
		}
		j.t.PausedOwn = true
		return nil
	})
}

// Resume goes on with a transfer that was paused here.
func (e *Engine) Resume(id uuid.UUID, reply func(error)) {
	e.command(id, reply, func(j *job) error {
		if j.t.State.Final() || !j.t.PausedOwn {
			return ErrState
		}
		j.t.PausedOwn = false
		return nil
	})
}

// Cancel ends a transfer for good; what was received of it is removed. An offer
// that waits for the answer of this device is declined; one that is being prepared
// is forgotten, and its Prepare replies with context.Canceled. What is being
// received may come to its end at the same moment: the reply comes when it is known
// which was first, and is [ErrState] where it is not cancelled.
func (e *Engine) Cancel(id uuid.UUID, reply func(error)) {
	last := func(err error) {
		if err == nil && e.jobs[id].ending.state != "" {
			e.jobs[id].cancelled = append(e.jobs[id].cancelled, reply)
			return
		}
		reply(err)
	}
	e.command(id, last, func(j *job) error {
		if j.t.State == Preparing && j.running {
			j.quit()
			return nil
		}
		if j.t.State.Final() || j.t.State == Preparing {
			return ErrState
		}
		state := Cancelled
		if j.waits() {
			state = Declined
		}
		e.end(j, report{state: state, reason: ByMe})
		return nil
	})
}

// Clear says that a transfer that is over need not be shown any more.
func (e *Engine) Clear(id uuid.UUID, reply func(error)) {
	e.command(id, reply, func(j *job) error {
		if !j.t.State.Final() {
			return ErrState
		}
		j.t.Cleared = true
		if !e.save(j) {
			return j.unsaved
		}
		return nil
	})
}

// replyCancelled tells those who cancelled while a job was received what it ended
// as.
func (j *job) replyCancelled() {
	replies := j.cancelled
	j.cancelled = nil
	err := j.unsaved
	if j.t.State != Cancelled {
		err = ErrState
	}
	for _, reply := range replies {
		reply(err)
	}
}

// command does something with a transfer and brings it to the state that follows.
// The reply comes when the store has it.
func (e *Engine) command(id uuid.UUID, reply func(error), do func(*job) error) {
	e.inbox.put(command{
		do: func() {
			j := e.jobs[id]
			if j == nil {
				reply(ErrUnknown)
				return
			}
			err := do(j)
			if err == nil {
				e.moveOn(j)
				err = j.unsaved
			}
			reply(err)
		},
		drop: func() { reply(ErrClosed) },
	})
}

// Up says that there is a session with a peer.
func (e *Engine) Up(id peer.ID) {
	e.post(func() {
		e.link(id).set(true)
		e.eachWith(id, func(j *job) {
			j.answered = false
			e.moveOn(j)
			if !j.t.Settled {
				e.inform(j)
			}
		})
	})
}

// Down says that there is none any more.
func (e *Engine) Down(id peer.ID) {
	e.post(func() {
		e.link(id).set(false)
		e.eachWith(id, func(j *job) {
			j.far, j.untold, j.answered = report{}, false, false
			j.hangUp() // they would be in the way of new ones
			e.moveOn(j)
		})
	})
}

// eachWith does something with every transfer with a peer.
func (e *Engine) eachWith(id peer.ID, do func(*job)) {
	for _, j := range e.jobs {
		if j.t.Peer == id {
			do(j)
		}
	}
}

// Receive takes what a peer says of a transfer. What it has no say in is ignored.
// done is called when that is done with (or never will be), so that a peer who says
// more than can be taken in is made to wait.
func (e *Engine) Receive(from peer.ID, m peer.OfferState, done func()) {
	e.inbox.put(command{drop: done, do: func() {
		defer done()
		j := e.jobs[m.Offer]
		if j == nil || j.t.Peer != from || !believable(State(m.State)) {
			e.cfg.Log.Debug("offer state that changes nothing", "from", from, "offer", m.Offer, "state", m.State)
			return
		}
		e.offered(j) // it could not know of it otherwise
		e.hear(j, m)
	}})
}

// hear takes what the other side of a transfer says.
func (e *Engine) hear(j *job, m peer.OfferState) {
	was := j.t
	after, far := heard(j.t, m)
	if after.State != was.State { // final now, because it is there
		e.end(j, report{state: after.State, reason: after.Reason})
		after.State, after.Reason, after.Error = j.t.State, j.t.Reason, j.t.Error
	}
	j.t, j.far = after, far
	if j.t.State.Final() || j.t.Accepted != was.Accepted {
		e.moveOn(j)
	} else { // it is said again in the next session
		e.moveOnBy(j, e.saveSoon)
	}
	if j.t.Settled && !was.Settled && j.at.state == was.State {
		e.save(j)
	}
	if j.t.State.Final() && !m.Answer && !j.answered && j.unsaved == nil {
		j.answered = e.cfg.Network.Send(j.t.Peer, j.statement(true))
	}
}

// Serve takes over a data connection that a peer opened.
func (e *Engine) Serve(from peer.ID, conn net.Conn) {
	e.inbox.put(command{do: func() { e.serve(from, conn) }, drop: func() { conn.Close() }})
}
