package transfer_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
	"earshot/transfer/transfertest"
)

func (d *device) pause(id uuid.UUID) error {
	return do(d.t, func(reply func(error)) { d.engine.Pause(id, reply) })
}

func (d *device) resume(id uuid.UUID) error {
	return do(d.t, func(reply func(error)) { d.engine.Resume(id, reply) })
}

func (d *device) cancel(id uuid.UUID) error {
	return do(d.t, func(reply func(error)) { d.engine.Cancel(id, reply) })
}

func (d *device) decline(id uuid.UUID) error {
	return do(d.t, func(reply func(error)) { d.engine.Decline(id, reply) })
}

// underWay is a transfer of which some MiB arrived and more wait until release.
func underWay(t *testing.T) (w *world, ann, bob *device, offer transfer.Offer, path string, release func()) {
	t.Helper()
	w, ann, bob = pair(t)
	path = file(t, "disk.img", 16*mib)
	offer = ann.offer(bob, path)
	reached, release := bob.stopAfter(6 * mib)
	bob.accept(offer.ID)
	<-reached
	return w, ann, bob, offer, path, release
}

func TestPauseAndResumeFromEitherSide(t *testing.T) {
	_, ann, bob, offer, path, release := underWay(t)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(ann.pause(offer.ID))
	release()
	ann.state(offer.ID, transfer.Paused, transfer.ByMe)
	bob.state(offer.ID, transfer.Paused, transfer.ByPeer)
	if err := bob.resume(offer.ID); err != transfer.ErrState {
		t.Errorf("who did not pause resumes: %v", err)
	}
	check(bob.pause(offer.ID))
	check(ann.resume(offer.ID))
	ann.state(offer.ID, transfer.Paused, transfer.ByPeer)
	bob.state(offer.ID, transfer.Paused, transfer.ByMe)
	for _, d := range []*device{ann, bob} { // also after restarts
		d.close()
		d.onDisk = nil
		d.start()
	}
	ann.state(offer.ID, transfer.Paused, transfer.ByPeer)
	bob.state(offer.ID, transfer.Paused, transfer.ByMe)
	if bob.at(offer.ID).Done < 5*mib {
		t.Errorf("%+v", bob.at(offer.ID))
	}
	check(bob.resume(offer.ID))
	same(t, bob.state(offer.ID, transfer.Done).Path, path)
	ann.state(offer.ID, transfer.Done)
}

func TestADeclinedOffer(t *testing.T) {
	w, ann, bob := pair(t)
	offer := ann.offer(bob, file(t, "a", 5))
	w.part(true) // the answer waits until they meet again, also through a restart
	if err := bob.decline(offer.ID); err != nil {
		t.Fatal(err)
	}
	bob.close()
	bob.start()
	w.part(false)
	bob.state(offer.ID, transfer.Declined, transfer.ByMe)
	ann.state(offer.ID, transfer.Declined, transfer.ByPeer)
	if err := do(t, func(reply func(error)) { bob.engine.Accept(offer.ID, "", transfer.Keep, reply) }); err != transfer.ErrState {
		t.Errorf("accepted afterwards: %v", err)
	}
	bob.engine.Incoming(offer, ann.id) // said again
	if err := do(t, func(reply func(error)) { bob.engine.Accept(uuid.New(), "", transfer.Keep, reply) }); err != transfer.ErrUnknown {
		t.Errorf("an unknown one: %v", err)
	}
	bob.state(offer.ID, transfer.Declined)
	both := func(d *device) {
		d.wait(offer.ID, "the other to know", func(t transfer.Transfer) bool { return t.Settled })
	}
	both(ann)
	both(bob)
}

func TestAFifthUnansweredOfferIsDeclined(t *testing.T) {
	_, ann, bob := pair(t)
	var offers []transfer.Offer
	for range 4 {
		offers = append(offers, ann.offer(bob, file(t, "a", 5)))
	}
	fifth := ann.offer(bob, file(t, "a", 5))
	ann.state(fifth.ID, transfer.Declined, transfer.Limit)
	bob.accept(offers[0].ID)
	bob.state(offers[0].ID, transfer.Done)
	sixth := ann.offer(bob, file(t, "a", 5))
	bob.state(sixth.ID, transfer.Offered)
}

func TestAnOfferThatWasPreparedAndForgotten(t *testing.T) {
	_, ann, bob := pair(t)
	path := file(t, "a", 5)
	var offer transfer.Offer
	err := do(t, func(reply func(error)) {
		ann.engine.Prepare(uuid.New(), bob.id, []string{path}, func(o transfer.Offer, err error) { offer = o; reply(err) })
	})
	if err != nil {
		t.Fatal(err)
	}
	if all := ann.engine.Transfers(); len(all) != 0 {
		t.Errorf("shown before it is an offer: %+v", all)
	}
	ann.restart(nil) // killed after the entry was committed, before Offered
	bob.engine.Incoming(offer, ann.id)
	bob.state(offer.ID, transfer.Offered)
	bob.accept(offer.ID)
	same(t, bob.state(offer.ID, transfer.Done).Path, path)
	ann.state(offer.ID, transfer.Done)
}

func TestAFullDiskPauses(t *testing.T) {
	t.Parallel() // most of it is waiting for the next look
	_, ann, bob := pair(t)
	path := file(t, "disk.img", 130*mib)
	var free, size atomic.Int64
	free.Store(256*mib + 129*mib)
	size.Store(1 << 40)
	bob.disk = func(d transfer.Disk) transfer.Disk { return sized{d, &free, &size} }
	bob.close()
	bob.start()
	offer := ann.offer(bob, path)
	bob.accept(offer.ID)
	bob.state(offer.ID, transfer.Paused, transfer.DiskFull)
	ann.state(offer.ID, transfer.Paused, transfer.DiskFull)
	bob.atLeast(offer.ID, 0)
	bob.close() // and on again when there is room, here at the next start
	free.Store(256*mib + 130*mib)
	full := make(chan struct{})
	var once sync.Once
	bob.onDisk = func(op, name string) error {
		if op == "write" && filepath.Ext(name) == ".part" {
			once.Do(func() { free.Store(0); close(full) }) // somebody else was faster
		}
		return nil
	}
	bob.start()
	<-full
	at := bob.state(offer.ID, transfer.Paused, transfer.DiskFull)
	if at.Done < 60*mib || at.Done > 70*mib {
		t.Errorf("noticed after %d MiB", at.Done/mib)
	}
	free.Store(1 << 40)
	same(t, bob.state(offer.ID, transfer.Done).Path, path)
	ann.state(offer.ID, transfer.Done)

	size.Store(100 * mib)
	never := ann.offer(bob, path)
	bob.accept(never.ID)
	bob.state(never.ID, transfer.Failed, transfer.NoRoom)
	ann.state(never.ID, transfer.Failed, transfer.NoRoom)
}

func TestASaveFolderThatIsTakenOut(t *testing.T) {
	_, ann, bob, offer, path := interrupted(t, 8*mib, 4*mib)
	away := bob.dir + " away"
	if err := os.Rename(bob.dir, away); err != nil {
		t.Fatal(err)
	}
	bob.start()
	ann.start()
	if at := bob.state(offer.ID, transfer.Interrupted, transfer.Stalled); !strings.Contains(at.Error, bob.dir) {
		t.Errorf("it says %q", at.Error)
	}
	if _, err := os.Stat(bob.dir); err == nil {
		t.Error("a folder was made in its place")
	}
	if err := os.Rename(away, bob.dir); err != nil {
		t.Fatal(err)
	}
	same(t, bob.state(offer.ID, transfer.Done).Path, path)
}

// sized is a disk with as much room as is said.
type sized struct {
	transfer.Disk
	free, size *atomic.Int64
}

func (d sized) Folder(name string) (transfer.Disk, error) {
	inner, err := d.Disk.Folder(name)
	return sized{inner, d.free, d.size}, err
}

func (d sized) Free() (int64, int64, error) { return d.free.Load(), d.size.Load(), nil }

func TestProgress(t *testing.T) {
	_, ann, bob, offer, _, release := underWay(t)
	for _, d := range []*device{ann, bob} {
		at := d.wait(offer.ID, "progress", func(t transfer.Transfer) bool { return t.Done >= 5*mib })
		if at.State != transfer.Active {
			t.Errorf("%+v", at)
		}
	}
	release()
	bob.state(offer.ID, transfer.Done)
	ann.state(offer.ID, transfer.Done)
	want := []transfer.State{transfer.Offered, transfer.Active, transfer.Done}
	for _, d := range []*device{ann, bob} {
		if got := slices.DeleteFunc(d.history(offer.ID), func(s transfer.State) bool { return s == transfer.Interrupted }); !slices.Equal(slices.Compact(got), want) {
			t.Errorf("states %v", got)
		}
	}
}

// TestAStalledConnectionIsMadeAnew runs in simulated time: a sender that sends
// nothing, then one that does.
func TestAStalledConnectionIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	content := noise(2*mib + 5)
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, entries: []peer.ManifestEntry{entry("a", uint64(len(content)), 0)}, content: map[uint64][]byte{0: []byte(content)}}
		offer := s.offer(t, "a")
		began := time.Now()
		var dials atomic.Int64
		stall := func(s *script, r peer.Read) bool {
			return dials.Load() == 1 && onBytes(r, func() { io.Copy(io.Discard, s.conn) })
		}
		s.on = stall
		states := make(chan transfer.Transfer, 1000)
		e, err := transfer.New(transfer.Config{
			Store: transfertest.NewStore(), Dir: func() string { return dir }, Log: slog.New(slog.DiscardHandler),
			Notify: func(e transfer.Event) { states <- e.(transfer.Changed).Transfer },
			Network: network{dial: func() (net.Conn, error) {
				near, far := net.Pipe()
				dials.Add(1)
				one := *s // each connection its own
				go one.serve(far)
				return near, nil
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		e.Up(peer.ID{1})
		e.Incoming(offer, peer.ID{1})
		e.Accept(offer.ID, "", transfer.Keep, func(error) {})
		stalled := time.Duration(0)
		for at := range states {
			if at.Reason == transfer.Stalled && stalled == 0 {
				stalled = time.Since(began)
			}
			if at.State == transfer.Done {
				break
			}
		}
		if stalled < 14*time.Second || stalled > 17*time.Second || dials.Load() != 2 {
			t.Errorf("stalled after %v, %d connections", stalled, dials.Load())
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if b, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(b) != content {
		t.Error("another content", err)
	}
}

// network is a Network of which only dialling matters.
type network struct{ dial func() (net.Conn, error) }

func (n network) DialData(context.Context, peer.ID) (net.Conn, error) { return n.dial() }
func (network) Send(peer.ID, peer.Message) bool                       { return true }
func (network) RoundTrip(peer.ID) time.Duration                       { return 0 }

func TestRepliesComeAlsoAfterTheEnd(t *testing.T) {
	_, ann, bob := pair(t)
	offer := ann.offer(bob, file(t, "a", 5))
	ann.close()
	if err := ann.cancel(offer.ID); err != transfer.ErrClosed {
		t.Error(err)
	}
	if _, err := prepareOnly(ann, bob, "/"); err != transfer.ErrClosed {
		t.Error(err)
	}
	near, far := net.Pipe()
	ann.engine.Serve(bob.id, far)
	if _, err := near.Read(make([]byte, 1)); err == nil {
		t.Error("served")
	}
}

func prepareOnly(d, to *device, path string) (offer transfer.Offer, err error) {
	err = do(d.t, func(reply func(error)) {
		d.engine.Prepare(uuid.New(), to.id, []string{path}, func(o transfer.Offer, err error) { offer = o; reply(err) })
	})
	return offer, err
}

// TestPreparingIsCancelled ends the walk through what is to be offered.
func TestPreparingIsCancelled(t *testing.T) {
	_, ann, bob := pair(t)
	src := t.TempDir()
	tree(t, src, map[string]string{"d/a": "1"})
	ann.close()
	reached, on := make(chan struct{}), make(chan struct{})
	ann.onSource = func(string, string) error {
		close(reached)
		<-on
		return nil
	}
	ann.start()
	id := uuid.New()
	prepared := make(chan error, 1)
	ann.engine.Prepare(id, bob.id, []string{filepath.Join(src, "d")}, func(_ transfer.Offer, err error) { prepared <- err })
	<-reached
	if err := ann.cancel(id); err != nil {
		t.Error(err)
	}
	close(on)
	if err := <-prepared; !errors.Is(err, context.Canceled) {
		t.Errorf("prepared: %v", err)
	}
	if kept, err := ann.store.Transfers(); err != nil || len(kept) != 0 {
		t.Errorf("kept %+v, %v", kept, err)
	}
}

// TestAnotherWhoAnswersAnswers is not answered for ever.
func TestAnotherWhoAnswersAnswers(t *testing.T) {
	sent := make(chan peer.OfferState, 1000)
	e := alone(t, saying{nobody(), sent}, transfertest.NewStore())
	run(t, e)
	offers := make(chan transfer.Offer, 1)
	e.Prepare(uuid.New(), peer.ID{2}, []string{file(t, "a", 5)}, func(o transfer.Offer, _ error) { offers <- o })
	o := <-offers
	e.Offered(o.ID)
	for session := range 2 {
		e.Up(peer.ID{2})
		for range 5 {
			err := do(t, func(reply func(error)) {
				e.Receive(peer.ID{2}, peer.OfferState{Offer: o.ID, State: "declined", Reason: "by me"}, func() { reply(nil) })
			})
			if err != nil {
				t.Error(err)
			}
		}
		answers := 0
		for len(sent) > 0 {
			if m := <-sent; m.Answer {
				answers++
			}
		}
		if answers != 1 {
			t.Errorf("session %d: answered %d times", session, answers)
		}
	}
}

// saying tells what is sent.
type saying struct {
	network
	sent chan peer.OfferState
}

func (s saying) Send(_ peer.ID, m peer.Message) bool {
	s.sent <- m.(peer.OfferState)
	return true
}

// TestAReceiverWhoForgot lost its database: the offers of then come again with the
// conversation, and end as the sender knows them.
func TestAReceiverWhoForgot(t *testing.T) {
	for name, c := range map[string]struct {
		before func(bob *device, id uuid.UUID)
		accept bool // again, before the sender says anything
		want   transfer.State
	}{
		"what it received":                  {func(bob *device, id uuid.UUID) { bob.accept(id) }, false, transfer.Cancelled},
		"what it received and accepts anew": {func(bob *device, id uuid.UUID) { bob.accept(id) }, true, transfer.Cancelled},
		"what it declined":                  {func(bob *device, id uuid.UUID) { bob.engine.Decline(id, func(error) {}) }, false, transfer.Declined},
	} {
		t.Run(name, func(t *testing.T) {
			_, ann, bob := pair(t)
			offer := ann.offer(bob, file(t, "a", 5))
			c.before(bob, offer.ID)
			end := ann.wait(offer.ID, "the end", func(t transfer.Transfer) bool { return t.State.Final() && t.Settled })
			bob.close()
			bob.store = transfertest.NewStore()
			bob.start()
			bob.engine.Incoming(offer, ann.id)
			if c.accept {
				bob.engine.Accept(offer.ID, "", transfer.Keep, func(error) {})
			}
			if at := bob.state(offer.ID, c.want); at.State == transfer.Cancelled && at.Reason != transfer.ByPeer {
				t.Errorf("cancelled, %q", at.Reason)
			}
			if at := ann.at(offer.ID); at.State != end.State {
				t.Errorf("the sender's is %s, was %s", at.State, end.State)
			}
			if names := bob.finals(); name != "what it declined" && len(names) != 1 {
				t.Errorf("there is %v", names)
			}
		})
	}
}
