package transfer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"earshot/peer"
)

// failure ends a transfer for good.
type failure struct {
	reason Reason
	err    error
}

func (f *failure) Error() string { return string(f.reason) + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// report is what a transfer is at, as the goroutine that receives it sees it.
type report struct {
	state  State
	reason Reason
	text   string // for people, where something on this device is the cause
	walled bool   // interrupted, and neither side gets through to the other
}

// receipt receives one accepted offer: from the manifest to the names, over as many
// connections as it takes. It runs in a goroutine of its own and tells the engine
// what it is at.
type receipt struct {
	cfg   *Config
	t     Transfer // as it was at the start; Listed and Entries are kept up to date
	link  *link
	moved *progress
	tell  func(report)
	// listed makes the engine keep that the manifest is complete, compared that the
	// plans for its files are made.
	listed   func(ctx context.Context, list *listing) error
	compared func(ctx context.Context) error
	limits   limits
	earlier  []Transfer // of the same peer into the same folder, the newest first

	told   report
	wire   *wire   // the connection to go on with, nil for none
	second *wire   // another one beside it
	narrow bool    // there shall be none with the next try
	window *window // of what it is asked for
	delay  time.Duration
	mark   int64 // bytes done when delay was set
}

// run receives until everything has its name, and returns the path of it. The error
// is a *failure, errTaken, or that of ctx.
func (r *receipt) run(ctx context.Context) (string, error) {
	defer r.hangUp()
	for {
		path, err := r.try(ctx)
		var final *failure
		if err == nil || ctx.Err() != nil || errors.As(err, &final) || errors.Is(err, errTaken) {
			return path, err
		}
		if err := r.trouble(ctx, err); err != nil {
			return "", err
		}
	}
}

func (r *receipt) try(ctx context.Context) (string, error) {
	if err := r.list(ctx); err != nil {
		return "", err
	}
	d, err := r.cfg.openDisk(r.t.Dir)
	if err != nil {
		return "", err
	}
	defer d.Close()
	if err := r.look(ctx, d); err != nil {
		return "", err
	}
	return r.land(ctx, d)
}

// look compares the manifest with what is in the save folder.
func (r *receipt) look(ctx context.Context, d disk) error {
	for !r.t.Compared {
		err := r.compare(ctx, d)
		if err == nil {
			err = r.compared(ctx)
		}
		if err == nil {
			r.t.Compared = true
		} else if errors.Is(err, errTaken) {
			return err
		} else if err := r.after(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// trouble waits after an error of this device: a disk that was taken out may come
// back.
func (r *receipt) trouble(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errOccupied), errors.Is(err, errDamaged):
		return &failure{Damaged, err}
	case errors.Is(err, errTooLarge):
		return &failure{NoRoom, err}
	case isFull(err):
		return r.full(ctx)
	}
	r.cfg.Log.Warn("receive", "transfer", r.t.ID, "err", err)
	r.report(Interrupted, Stalled, err.Error())
	return r.wait(ctx)
}

// list gets the manifest.
func (r *receipt) list(ctx context.Context) error {
	for !r.t.Listed {
		err := r.connected(ctx, r.fetch)
		if err != nil {
			if err := r.after(ctx, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetch asks for the manifest page by page, always for one while the one before it
// is checked and kept.
func (r *receipt) fetch(ctx context.Context) error {
	if err := r.cfg.Store.DropFiles(r.t.ID); err != nil {
		return err
	}
	check := &checker{store: r.cfg.Store, offer: r.t.Offer, list: newListing(), places: newPlaces()}
	if r.t.Renamed != "" {
		check.offer.Name = r.t.Renamed
	}
	defer check.adding.wait() // where something went wrong meanwhile
	buf := make([]byte, frameHead+peer.DataFrame)
	next := uint64(0)
	if err := r.askPage(next); err != nil {
		return err
	}
	for pages, more := 1, true; more; pages++ {
		got, err := r.page(buf, next)
		if err != nil {
			return err
		}
		next += uint64(len(got.Entries))
		if more = got.More; more {
			if err := r.askPage(next); err != nil {
				return err
			}
		}
		if err := check.page(got.Entries, got.Holes); err != nil {
			return err
		}
		if pages%roomPages == 0 {
			if err := r.room(); err != nil {
				return err
			}
		}
	}
	if err := check.end(); err != nil {
		return err
	}
	if err := r.listed(ctx, check.list); err != nil {
		return err
	}
	r.t.Listed, r.t.Entries, r.t.Holes = true, check.list.entries, check.list.holes
	return nil
}

func (r *receipt) askPage(from uint64) error {
	return r.wire.send(peer.Read{Offer: r.t.ID, Page: &from})
}

// page is the page that was asked for.
func (r *receipt) page(buf []byte, from uint64) (peer.Manifest, error) {
	payload, err := receiveFrame(r.wire, buf, peer.TypeManifest)
	if err != nil {
		return peer.Manifest{}, err
	}
	m, err := peer.Decode(peer.TypeManifest, payload)
	if err != nil {
		return peer.Manifest{}, fmt.Errorf("%w: %w", errProtocol, err)
	}
	got := m.(peer.Manifest)
	if got.Offer != r.t.ID || got.First != from || len(got.Entries) == 0 || len(got.Entries) > maxPage {
		return peer.Manifest{}, errMismatch
	}
	return got, nil
}

// land receives the files into their parts and gives them their names.
func (r *receipt) land(ctx context.Context, d disk) (string, error) {
	l, err := openLanding(d, r.cfg.Store, r.t, r.moved)
	if err != nil {
		return "", err
	}
	defer l.close()
	r.moved.checked.Store(0)
	begun, err := l.begun()
	if err != nil {
		return "", err
	}
	if begun {
		path, err := l.finish(r.t.Dir)
		if !errors.Is(err, errIncomplete) {
			return path, err
		}
	}
	// While what is there is verified, what is missing comes in.
	var path string
	r.moved.verifying.Store(true)
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error { return l.verify(inner) })
	group.Go(func() error {
		var err error
		path, err = r.complete(inner, l)
		return err
	})
	return path, group.Wait()
}

// complete pulls until nothing is missing, and finishes.
func (r *receipt) complete(ctx context.Context, l *landing) (string, error) {
	if err := r.waitForRoom(ctx); err != nil {
		return "", err
	}
	for {
		if l.complete() {
			if again, err := r.verified(ctx, l); err != nil {
				return "", err
			} else if again {
				continue
			}
			path, err := l.finish(r.t.Dir)
			if !errors.Is(err, errIncomplete) {
				return path, err
			}
		}
		err := r.connected(ctx, func(ctx context.Context) error {
			defer r.hangUp()
			return r.pull(ctx, l)
		})
		if err != nil {
			if err := r.after(ctx, err); err != nil {
				return "", err
			}
		}
	}
}

// pull receives until nothing is missing that is known of. A file of which an older
// version is here is planned when all before it is received.
func (r *receipt) pull(ctx context.Context, l *landing) error {
	for {
		r.widen(ctx)
		if err := newPull(r, l).run(ctx); err != nil {
			r.narrowed(ctx, err)
			return err
		}
		f, err := l.unplanned()
		if f == nil || err != nil {
			return err
		}
		r.rest()
		if l.plan, err = r.planFile(ctx, l.disk, f); err != nil {
			return err
		}
	}
}

// verified waits until all that was there at the start is checked; again is true
// where something of it was wrong.
func (r *receipt) verified(ctx context.Context, l *landing) (again bool, err error) {
	select {
	case <-l.verified:
		return !l.complete(), nil
	default:
	}
	r.report(Active, Verifying, "")
	select {
	case <-l.verified:
	case <-l.found:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return true, nil
}

// after decides what follows the error that a connection ended with: nil, and it is
// tried again.
func (r *receipt) after(ctx context.Context, err error) error {
	var gone *goneError
	var lost *lostError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &gone):
		return r.gone(ctx, gone)
	case errors.Is(err, errWalled):
		r.say(behindWall)
		r.delay = min(r.delay, wallRetry)
		return r.wait(ctx)
	case errors.Is(err, errProtocol), errors.Is(err, errManifest):
		return &failure{Refused, err}
	case isFull(err):
		return r.full(ctx)
	case !errors.As(err, &lost) && !errors.Is(err, context.Canceled):
		return err // of this device
	}
	r.cfg.Log.Debug("connection for a transfer ended", "transfer", r.t.ID, "err", err)
	reason := PeerAway
	if isStall(err) {
		reason = Stalled
	}
	r.report(Interrupted, reason, "")
	return r.wait(ctx)
}

// gone decides what follows when the sender cannot serve.
func (r *receipt) gone(ctx context.Context, gone *goneError) error {
	switch gone.reason {
	case SourceChanged, Refused:
		return &failure{gone.reason, gone}
	case SourceUnreadable:
		r.report(Interrupted, SourceUnreadable, "")
	default: // paused there, or ended: the session says more
		r.report(Interrupted, PeerAway, "")
	}
	return r.wait(ctx)
}

// report tells the engine what the transfer is at, where that is news.
func (r *receipt) report(state State, reason Reason, text string) {
	r.say(report{state: state, reason: reason, text: text})
}

func (r *receipt) say(now report) {
	if now != r.told {
		r.told = now
		r.tell(now)
	}
}

// pathOf is where what is received will be, as far as that is known.
func pathOf(dir string, list *listing) string {
	if list.tops != 1 {
		return dir
	}
	name, _, err := peer.CleanName(list.name)
	if err != nil {
		return dir
	}
	return filepath.Join(dir, name)
}
