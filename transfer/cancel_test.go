package transfer_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"earshot/peer"
	"earshot/transfer"
	"earshot/transfer/transfertest"
)

// halt has the device's disk wait at the first call that is meant, until the device
// is killed or release is called. It takes hold at the next start.
func (d *device) halt(at func(op, name string) bool) (reached <-chan struct{}, release func()) {
	here, on := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(here) })
	d.onDisk = func(op, name string) error {
		select {
		case <-on: // the disk of a later start too
			return nil
		default:
		}
		if !at(op, name) {
			return nil
		}
		once()
		<-on
		if d.dead.Load() {
			return errKilled
		}
		return nil
	}
	return here, sync.OnceFunc(func() { close(on) })
}

// cancelling is a story of a transfer that is cancelled.
type cancelling struct {
	t          *testing.T
	w          *world
	ann, bob   *device
	offer      transfer.Offer
	release    func()     // lets the receiver go on
	mu         sync.Mutex // guards what follows
	answers    []error    // of those who cancelled
	byReceiver []error    // of them, the receiver's
	waiting    sync.WaitGroup
}

const cancelSize = 16 * mib

// moments are when a transfer is cancelled, and how the receiver is held there.
var moments = map[string]func(s *cancelling) (reached <-chan struct{}, release func()){
	"0 %":  func(s *cancelling) (<-chan struct{}, func()) { return s.bob.stopAt(0) },
	"50 %": func(s *cancelling) (<-chan struct{}, func()) { return s.bob.stopAt(cancelSize / 2) },
	"100 %": func(s *cancelling) (<-chan struct{}, func()) {
		return s.bob.halt(func(op, name string) bool { return op == "sync" && strings.HasSuffix(name, ".part") })
	},
	"100 %, with its name": func(s *cancelling) (<-chan struct{}, func()) {
		return s.bob.halt(func(op, name string) bool { return op == "syncfolder" && name == "." })
	},
}

// begin brings a transfer to a moment.
func (s *cancelling) begin(path, moment string) {
	s.w, s.ann, s.bob = pair(s.t)
	s.bob.close()
	reached, release := moments[moment](s)
	s.release = release
	s.t.Cleanup(release)
	s.bob.start()
	s.offer = s.ann.offer(s.bob, path)
	s.bob.accept(s.offer.ID)
	<-reached
}

// cancel has devices cancel at once, and waits until they are about to.
func (s *cancelling) cancel(who []*device) {
	for _, d := range who {
		taken := make(chan struct{})
		s.waiting.Go(func() {
			answer := make(chan error, 1)
			d.engine.Cancel(s.offer.ID, func(err error) { answer <- err })
			d.engine.Receive(peer.ID{77}, peer.OfferState{}, func() { close(taken) }) // comes behind it
			err := <-answer
			s.mu.Lock()
			defer s.mu.Unlock()
			s.answers = append(s.answers, err)
			if d == s.bob {
				s.byReceiver = append(s.byReceiver, err)
			}
		})
		<-taken
	}
}

// kill kills devices, and starts them again.
func (s *cancelling) kill(who []*device) {
	for _, d := range who {
		d.dead.Store(true)
		d.store.Freeze()
	}
	s.release()
	for _, d := range who {
		d.close()
	}
	for _, d := range who {
		d.start()
	}
}

// end waits until both sides know how it ended, and looks at what is there.
func (s *cancelling) end(path string) transfer.State {
	s.t.Helper()
	a := s.ann.wait(s.offer.ID, "the end", func(t transfer.Transfer) bool { return t.State.Final() && t.Settled })
	b := s.bob.wait(s.offer.ID, "the end", func(t transfer.Transfer) bool { return t.State.Final() && t.Settled && !t.Parts })
	if a.State != b.State {
		s.t.Errorf("%s for the sender and %s for the receiver", a.State, b.State)
	}
	s.bob.clean(s.offer.ID)
	names := s.bob.finals()
	switch {
	case b.State == transfer.Done && len(names) == 1:
		same(s.t, b.Path, path)
	case len(names) != 0 || b.State == transfer.Done:
		s.t.Errorf("%s, and there is %v", b.State, names)
	}
	for _, d := range []*device{s.ann, s.bob} {
		for what, err := range map[string]error{
			"pause": d.pause(s.offer.ID), "resume": d.resume(s.offer.ID), "cancel": d.cancel(s.offer.ID), "decline": d.decline(s.offer.ID),
		} {
			if err != transfer.ErrState {
				s.t.Errorf("%s afterwards: %v", what, err)
			}
		}
	}
	return b.State
}

// check compares the end with what was answered.
func (s *cancelling) check(state transfer.State, moment string) {
	s.t.Helper()
	late := strings.HasPrefix(moment, "100 %")
	for _, err := range s.byReceiver {
		if err == nil && state != transfer.Cancelled {
			s.t.Errorf("the receiver was told that it is cancelled, and it is %s", state)
		}
	}
	for _, err := range s.answers {
		switch {
		case err == nil && state != transfer.Cancelled && !late:
			s.t.Errorf("somebody was told that it is cancelled, and it is %s", state)
		case err == nil, err == transfer.ErrClosed, err == transfertest.ErrFrozen, err == transfer.ErrState && late:
		default:
			s.t.Errorf("answered %v", err)
		}
	}
	if len(s.answers) == 0 {
		s.t.Error("nobody was answered")
	}
}

// TestACancelledTransfer ends in one way on both sides and leaves nothing behind,
// whoever cancels, when, and whoever is killed then. Who was told that it is
// cancelled finds it so.
func TestACancelledTransfer(t *testing.T) {
	path := file(t, "disk.img", cancelSize)
	both := func(s *cancelling) []*device { return []*device{s.ann, s.bob} }
	sender := func(s *cancelling) []*device { return []*device{s.ann} }
	receiver := func(s *cancelling) []*device { return []*device{s.bob} }
	nobody := func(*cancelling) []*device { return nil }
	for by, who := range map[string]func(*cancelling) []*device{
		"the sender": sender, "the receiver": receiver, "both at once": both,
	} {
		for moment := range moments {
			for _, c := range []struct {
				killed string
				who    func(*cancelling) []*device
				early  bool // before the answer
			}{
				{"nobody killed", nobody, false},
				{"the sender killed before the answer", sender, true}, {"the sender killed after it", sender, false},
				{"the receiver killed before the answer", receiver, true}, {"the receiver killed after it", receiver, false},
				{"both killed before the answer", both, true}, {"both killed after it", both, false},
			} {
				t.Run(fmt.Sprintf("by %s, at %s, %s/X-15", by, moment, c.killed), func(t *testing.T) {
					s := &cancelling{t: t}
					s.begin(path, moment)
					s.cancel(who(s))
					if c.early {
						s.kill(c.who(s))
					}
					s.release()
					s.waiting.Wait()
					if !c.early {
						s.kill(c.who(s))
					}
					s.check(s.end(path), moment)
				})
			}
		}
	}
}

// TestAnOfferThatIsCancelled, before it was answered, or while nobody is there.
func TestAnOfferThatIsCancelled(t *testing.T) {
	for name, who := range map[string]func(s *cancelling) []*device{
		"the sender":   func(s *cancelling) []*device { return []*device{s.ann} },
		"the receiver": func(s *cancelling) []*device { return []*device{s.bob} },
		"both at once": func(s *cancelling) []*device { return []*device{s.ann, s.bob} },
	} {
		t.Run(name+", before the answer/X-15", func(t *testing.T) {
			s := &cancelling{t: t, release: func() {}}
			s.w, s.ann, s.bob = pair(t)
			path := file(t, "a", 5)
			s.offer = s.ann.offer(s.bob, path)
			s.cancel(who(s))
			s.waiting.Wait()
			if state := s.end(path); state != transfer.Cancelled && state != transfer.Declined {
				t.Errorf("it is %s", state)
			}
		})
		t.Run(name+", while they are parted/X-15", func(t *testing.T) {
			s := &cancelling{t: t}
			path := file(t, "disk.img", cancelSize)
			s.begin(path, "50 %")
			s.w.part(true)
			s.cancel(who(s))
			s.release()
			s.waiting.Wait()
			s.kill([]*device{s.ann, s.bob})
			s.w.part(false)
			if state := s.end(path); state != transfer.Cancelled {
				t.Errorf("it is %s", state)
			}
		})
	}
}

func TestCancelOfWhatIsDone(t *testing.T) {
	_, ann, bob := pair(t)
	path := filepath.Clean(file(t, "a", 5))
	offer := ann.offer(bob, path)
	bob.accept(offer.ID)
	ann.state(offer.ID, transfer.Done)
	// A sender who says so anyway, or did not hear of it, learns the truth.
	bob.engine.Receive(ann.id, peer.OfferState{Offer: offer.ID, State: "cancelled", Reason: "by me"}, func() {})
	if err := bob.cancel(offer.ID); err != transfer.ErrState {
		t.Error(err)
	}
	bob.state(offer.ID, transfer.Done)
}

// TestPartsAreRemovedWithoutTheListOfFiles, as after an update that does not keep it.
func TestPartsAreRemovedWithoutTheListOfFiles(t *testing.T) {
	_, _, bob, offer, _ := interrupted(t, 4*mib, mib)
	bob.store.Thaw()
	left := bob.leftovers()
	kept, err := bob.store.Transfers()
	if err != nil || len(kept) != 1 || len(left) != 2 {
		t.Fatalf("%+v, %v, %v", kept, err, left)
	}
	kept[0].Listed = false
	if err := errors.Join(bob.store.SaveTransfer(kept[0]), bob.store.DropFiles(offer.ID)); err != nil {
		t.Fatal(err)
	}
	bob.start()
	if err := bob.cancel(offer.ID); err != nil {
		t.Fatal(err)
	}
	bob.clean(offer.ID)
}
