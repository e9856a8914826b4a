package transfer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// This file starts the goroutines that do the slow work of transfers, and takes
// what comes of it.

// start begins what there is to do for a job, and ends what must not go on.
func (e *Engine) start(j *job) {
	halted := j.t.PausedOwn || j.t.PausedFar || j.t.Asking || j.t.State.Final()
	if halted {
		j.hangUp()
		if j.cancel != nil {
			j.cancel()
		}
	}
	switch {
	case j.running || j.unsaved != nil:
	case j.t.State.Final():
		if keep := e.keeps(j); j.listing && !keep || j.t.Parts && !(keep && j.t.State == Failed) {
			e.clean(j, keep)
		}
	case j.t.Direction == Receiving && j.t.Accepted && !halted:
		e.receive(j)
	}
}

// hangUp closes the connections on which a job is served.
func (j *job) hangUp() {
	for cut := range j.serving {
		(*cut)()
	}
}

// prepare makes the manifest of what is to be offered.
func (e *Engine) prepare(id uuid.UUID, to peer.ID, paths []string, reply func(Offer, error)) {
	if e.jobs[id] != nil || len(paths) == 0 {
		reply(Offer{}, ErrState)
		return
	}
	j := newJob(Transfer{
		Offer: Offer{ID: id}, Peer: to, Direction: Sending, State: Preparing, Offered: time.Now(), Path: paths[0],
	})
	if !e.save(j) {
		reply(Offer{}, j.unsaved)
		return
	}
	e.jobs[id] = j
	j.running, j.listing = true, true
	w := &walker{store: e.cfg.Store, id: id, list: newListing(), places: newPlaces()}
	for i := range w.hands {
		w.hands[i].wrap = e.cfg.wrapSource
	}
	var ctx context.Context
	ctx, j.quit = context.WithCancel(e.ctx)
	e.work.Go(func() {
		err := w.walk(ctx, paths)
		e.inbox.put(command{
			do:   func() { reply(e.prepared(j, w, err)) },
			drop: func() { reply(Offer{}, ErrClosed) },
		})
	})
}

// prepared takes the manifest that was made.
func (e *Engine) prepared(j *job, w *walker, err error) (Offer, error) {
	j.running = false
	j.quit()
	if err == nil {
		j.t.Offer = w.list.offer()
		j.t.ID = w.id
		j.t.Entries, j.t.Listed, j.t.Skipped = w.list.entries, true, w.left.String()
		e.save(j)
		err = j.unsaved
	}
	if err != nil {
		delete(e.jobs, j.t.ID)
		return Offer{}, errors.Join(err, e.cfg.Store.DropTransfer(w.id))
	}
	return j.t.Offer, nil
}

// receive starts the goroutine that receives an accepted offer.
func (e *Engine) receive(j *job) {
	ctx, cancel := context.WithCancel(e.ctx)
	j.running, j.listing, j.cancel = true, true, cancel
	r := &receipt{
		cfg: &e.cfg, t: j.t, link: e.link(j.t.Peer), moved: j.moved, window: newWindow(),
		tell: func(own report) {
			e.post(func() {
				if j.cancel != nil {
					j.own = own
					e.moveOn(j)
				}
			})
		},
		listed: func(ctx context.Context, list *listing) error {
			return e.ask(ctx, func() error { return e.listed(j, list) })
		},
		compared: func(ctx context.Context) error {
			return e.ask(ctx, func() error { return e.compared(j) })
		},
		limits:  e.limitsOf(j),
		earlier: e.earlier(j),
	}
	e.work.Go(func() {
		defer cancel()
		path, err := r.run(ctx)
		e.post(func() { e.received(j, path, err) })
	})
}

// listed keeps that a manifest is complete. From here on there may be parts.
func (e *Engine) listed(j *job, list *listing) error {
	j.t.Listed, j.t.Parts, j.t.Entries, j.t.Holes = true, true, list.entries, list.holes
	j.t.Program, j.t.Path = list.program, pathOf(j.t.Dir, list)
	e.save(j)
	return j.unsaved
}

// compared keeps that the plans for a transfer's files are made.
func (e *Engine) compared(j *job) error {
	j.t.Compared = true
	e.save(j)
	return j.unsaved
}

// received takes what came of a receipt.
func (e *Engine) received(j *job, path string, err error) {
	j.count()
	ending := j.ending
	j.running, j.cancel, j.own, j.ending = false, nil, report{}, report{}
	var failed *failure
	switch {
	case err == nil:
		j.t.Path, j.t.Done, j.t.Content = path, j.t.Bytes, *j.moved.content.Load()
		e.end(j, report{state: Done})
		j.t.Settled = false // whatever the sender said meanwhile
	case ending.state != "":
		e.end(j, ending)
	case errors.Is(err, errTaken):
		j.t.Asking = true
	case errors.As(err, &failed):
		e.end(j, report{state: Failed, reason: failed.reason, text: failed.err.Error()})
		e.cfg.Log.Warn("receive", "transfer", j.t.ID, "from", j.t.Peer, "err", err)
	}
	e.moveOn(j)
	j.replyCancelled()
	if j.t.State.Final() {
		e.eachWith(j.t.Peer, e.start) // others may not be kept any more
	}
}

// clean removes what is kept of a final transfer and of no use any more: the parts,
// then the files of its manifest, by which the parts are found, where those are not
// kept.
func (e *Engine) clean(j *job, keep bool) {
	j.running = true
	t := j.t
	e.work.Go(func() {
		var err error
		if t.Parts {
			err = e.removeParts(t)
		}
		if err == nil && !keep {
			err = e.cfg.Store.DropFiles(t.ID)
		}
		e.post(func() { e.cleaned(j, keep, err) })
	})
}

func (e *Engine) cleaned(j *job, keep bool, err error) {
	j.running = false
	if err != nil { // the disk is gone, or not ours any more: tried again at the next start
		e.cfg.Log.Warn("clean up", "transfer", j.t.ID, "err", err)
		return
	}
	j.listing = keep
	if j.t.Parts || j.t.Listed != keep {
		j.t.Parts, j.t.Listed = false, keep
		e.save(j)
	}
}

func (e *Engine) removeParts(t Transfer) error {
	d, err := e.cfg.openDisk(t.Dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return removeParts(d, e.cfg.Store, t.ID, t.Entries)
}

// serve takes over a data connection that a peer opened.
func (e *Engine) serve(from peer.ID, conn net.Conn) {
	w := newWire(conn)
	if e.conns[from] >= peer.MaxDataConns {
		e.work.Go(w.abort)
		return
	}
	link := e.link(from)
	e.hold(from, func() error { return e.admit(from, link, w) })
}

// hold counts a connection with a peer for as long as it is served.
func (e *Engine) hold(with peer.ID, serve func() error) {
	e.conns[with]++
	e.work.Go(func() {
		if err := serve(); err != nil {
			e.cfg.Log.Debug("data connection ended", "with", with, "err", err)
		}
		e.post(func() {
			if e.conns[with]--; e.conns[with] == 0 {
				delete(e.conns, with)
			}
		})
	})
}

// answer serves the offer that the first request on a connection is for.
func (e *Engine) answer(from peer.ID, w *wire, first peer.Read) error {
	var j *job
	var t Transfer
	var l limits
	ctx, cut := context.WithCancel(e.ctx)
	defer cut()
	err := e.ask(ctx, func() (err error) {
		j, err = e.grant(from, first.Offer)
		if err == nil {
			t, l = j.t, e.limitsOf(j)
			j.serving[&cut] = struct{}{}
			if e.link(from).reached() {
				e.eachWith(from, e.moveOn)
			}
		}
		return err
	})
	var gone *goneError
	if errors.As(err, &gone) {
		refuse(w, peer.Gone{Offer: first.Offer, Reason: string(gone.reason)})
	}
	if err != nil {
		return fmt.Errorf("serve offer %s: %w", first.Offer, err)
	}
	s := newServer(w, t, &e.cfg)
	s.limits = l
	err = s.run(ctx, first)
	e.post(func() { e.served(j, &cut, err) })
	var source *sourceError
	if errors.As(err, &source) {
		refuse(w, peer.Gone{Offer: first.Offer, Reason: string(source.reason), File: uint64(source.file.N)})
	}
	return err
}

// grant decides whether a peer may read an offer now; the error is a *goneError.
func (e *Engine) grant(from peer.ID, id uuid.UUID) (*job, error) {
	j := e.jobs[id]
	if j == nil || j.t.Direction != Sending || j.t.Peer != from || !j.t.Listed && !j.t.State.Final() {
		return nil, &goneError{Refused}
	}
	e.offered(j) // it could not know of it otherwise
	if j.t.State.Final() || j.t.PausedOwn {
		return nil, &goneError{ByPeer}
	}
	return j, nil
}

// served takes what came of serving.
func (e *Engine) served(j *job, cut *context.CancelFunc, err error) {
	delete(j.serving, cut)
	var source *sourceError
	switch {
	case j.t.State.Final():
		return
	case errors.Is(err, errUnread):
		if len(j.serving) > 0 || j.far.state != Active {
			return
		}
		j.far = report{state: Interrupted, reason: Stalled} // until it says something itself
	case !errors.As(err, &source):
		return
	case source.reason == SourceChanged:
		e.end(j, report{state: Failed, reason: SourceChanged, text: source.Error()})
	default:
		j.far = report{state: Interrupted, reason: SourceUnreadable, text: source.Error()}
	}
	e.cfg.Log.Warn("send", "transfer", j.t.ID, "err", err)
	e.moveOn(j)
}

// journaled is how many bytes of a transfer an earlier process received, by the
// journal's word. A disk that is not there now has none.
func journaled(cfg *Config, t Transfer) int64 {
	d, err := cfg.openDisk(t.Dir)
	if err != nil {
		return t.Done
	}
	defer d.Close()
	info, err := d.Lstat(journalName(t.ID))
	if err != nil {
		return 0
	}
	last, err := cfg.Store.Files(t.ID, t.Entries-1, 1)
	if err != nil || len(last) == 0 {
		return 0
	}
	kept := min(info.Size()/sumSize, last[0].First+last[0].Chunks())
	done, err := bytesBefore(&cursor{store: cfg.Store, id: t.ID}, kept, t.Entries)
	if err != nil {
		return 0
	}
	return done
}
