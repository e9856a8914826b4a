package transfer_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
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

// alone is an engine that does not run yet.
func alone(t *testing.T, net transfer.Network, store transfer.Store) *transfer.Engine {
	t.Helper()
	dir := t.TempDir()
	e, err := transfer.New(transfer.Config{
		Store: store, Network: net, Dir: func() string { return dir }, Notify: func(transfer.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// run runs an engine until the test, or stop, ends it.
func run(t *testing.T, e *transfer.Engine) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func nobody() network {
	return network{dial: func() (net.Conn, error) { return nil, errors.New("nobody there") }}
}

// TestABurstThatIsAcceptedByRule has each of many offers accepted as it comes: none
// of them waits for anybody.
func TestABurstThatIsAcceptedByRule(t *testing.T) {
	e := alone(t, nobody(), transfertest.NewStore())
	const burst = 12
	replies := make(chan error, burst)
	for range burst {
		o := transfer.Offer{ID: uuid.New(), Name: "a", Files: 1, Bytes: 1}
		e.Incoming(o, peer.ID{1})
		e.Accept(o.ID, "", transfer.Keep, func(err error) { replies <- err })
	}
	run(t, e)
	for n := range burst {
		if err := <-replies; err != nil {
			t.Errorf("reply %d: %v", n, err)
		}
	}
	for _, at := range e.Transfers() {
		if !at.Accepted {
			t.Errorf("%s %s", at.State, at.Reason)
		}
	}
}

// TestOffersThatCouldNotBeAccepted wait for an answer again, and count.
func TestOffersThatCouldNotBeAccepted(t *testing.T) {
	e := alone(t, nobody(), transfertest.NewStore())
	run(t, e)
	for n := range 5 {
		o := transfer.Offer{ID: uuid.New(), Name: "a", Files: 1, Bytes: 1}
		e.Incoming(o, peer.ID{1})
		err := do(t, func(reply func(error)) { e.Accept(o.ID, "not absolute", transfer.Keep, reply) })
		if n == 4 && err != transfer.ErrState {
			t.Errorf("the fifth: %v", err)
		}
	}
}

// TestAFloodOfStates neither grows without bound nor writes each to the disk.
func TestAFloodOfStates(t *testing.T) {
	store := transfertest.NewStore()
	e := alone(t, nobody(), store)
	stop := run(t, e)
	offers := make(chan transfer.Offer, 1)
	e.Prepare(uuid.New(), peer.ID{2}, []string{file(t, "a", 5)}, func(o transfer.Offer, _ error) { offers <- o })
	o := <-offers
	e.Offered(o.ID)
	e.Up(peer.ID{2})
	say := func(state transfer.State, reason transfer.Reason) {
		t.Helper()
		err := do(t, func(reply func(error)) {
			e.Receive(peer.ID{2}, peer.OfferState{Offer: o.ID, State: string(state), Reason: string(reason)}, func() { reply(nil) })
		})
		if err != nil {
			t.Error(err)
		}
	}
	say(transfer.Active, "")
	var saves atomic.Int64
	store.Before(func(method string) error { saves.Add(1); return nil })
	for range 500 {
		say(transfer.Interrupted, transfer.Stalled)
		say(transfer.Paused, transfer.ByMe)
	}
	if n := saves.Load(); n > 100 {
		t.Errorf("written %d times", n)
	}
	stop()
	if kept, err := store.Transfers(); err != nil || len(kept) != 1 || !kept[0].PausedFar {
		t.Errorf("kept %+v, %v", kept, err)
	}
	say(transfer.Active, "") // done with at once
}

// TestAFloodOfOffers is declined to the last one, and not kept.
func TestAFloodOfOffers(t *testing.T) {
	sent := make(chan peer.OfferState, 1000)
	store := transfertest.NewStore()
	e := alone(t, saying{nobody(), sent}, store)
	e.Up(peer.ID{1})
	for range 300 {
		e.Incoming(transfer.Offer{ID: uuid.New(), Name: "a", Files: 1, Bytes: 1}, peer.ID{1})
	}
	other := transfer.Offer{ID: uuid.New(), Name: "a", Files: 1, Bytes: 1}
	e.Incoming(other, peer.ID{2})
	run(t, e)
	if err := do(t, func(reply func(error)) { e.Accept(other.ID, "", transfer.Keep, reply) }); err != nil {
		t.Errorf("an offer of somebody else: %v", err)
	}
	if n := len(e.Transfers()); n != 4+100+1 {
		t.Errorf("%d transfers are kept", n)
	}
	if kept, err := store.Transfers(); err != nil || len(kept) != 4+100+1 {
		t.Errorf("%d transfers are in the store, %v", len(kept), err)
	}
	declined := 0
	for len(sent) > 0 {
		if m := <-sent; m.State == "declined" && m.Reason == "limit" {
			declined++
		}
	}
	if declined != 296 {
		t.Errorf("%d were told", declined)
	}
}

// TestAMinuteOfOffers has one peer make five a second, in simulated time, while the
// person here goes on with what is asked of him.
func TestAMinuteOfOffers(t *testing.T) {
	t.Run("four wait, the others are declined/X-19", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sent := make(chan peer.OfferState, 2000)
			store := transfertest.NewStore()
			var saves atomic.Int64
			store.Before(func(string) error { saves.Add(1); return nil })
			e := alone(t, saying{nobody(), sent}, store)
			stop := run(t, e)
			defer stop()
			flooder, other := peer.ID{1}, peer.ID{2}
			e.Up(flooder)
			offer := func(from peer.ID) uuid.UUID {
				o := transfer.Offer{ID: uuid.New(), Name: "a", Files: 1, Bytes: 1}
				e.Incoming(o, from)
				return o.ID
			}
			flood := func() {
				for range 60 * 5 {
					offer(flooder)
					time.Sleep(time.Second / 5)
					synctest.Wait()
					if n := len(waiting(e, flooder)); n > 4 {
						t.Fatalf("%d offers wait for an answer", n)
					}
				}
			}
			flood()
			if n := len(waiting(e, flooder)); n != 4 {
				t.Errorf("%d wait", n)
			}
			kept, memory, routines := len(e.Transfers()), heap(), runtime.NumGoroutine()
			saves.Store(0)
			for len(sent) > 0 {
				<-sent
			}
			flood()
			if n := len(e.Transfers()); n != kept || n > 4+100 {
				t.Errorf("%d transfers after a minute, %d after two", kept, n)
			}
			if grew := int64(heap()) - int64(memory); grew > mib/4 {
				t.Errorf("%d KiB more after another minute", grew>>10)
			}
			if n := runtime.NumGoroutine(); n > routines {
				t.Errorf("%d goroutines, and %d after another minute", routines, n)
			}
			if n := saves.Load(); n != 0 {
				t.Errorf("written %d times for what is not kept", n)
			}
			declined := 0
			for len(sent) > 0 {
				if m := <-sent; m.State == "declined" && m.Reason == "limit" {
					declined++
				}
			}
			if declined != 300 {
				t.Errorf("%d of 300 were told that they are declined", declined)
			}
			// The person answers one, which makes room for another one, and what
			// others offer waits for an answer as always.
			if err := do(t, func(reply func(error)) { e.Decline(waiting(e, flooder)[0], reply) }); err != nil {
				t.Error(err)
			}
			next, others := offer(flooder), offer(other)
			synctest.Wait()
			if !slices.Contains(waiting(e, flooder), next) || !slices.Contains(waiting(e, other), others) {
				t.Error("an offer after that does not wait for an answer")
			}
		})
	})
}

// waiting are the offers of a peer that wait for an answer.
func waiting(e *transfer.Engine, from peer.ID) (ids []uuid.UUID) {
	for _, at := range e.Transfers() {
		if at.Peer == from && at.State == transfer.Offered {
			ids = append(ids, at.ID)
		}
	}
	return ids
}

// TestAPeerWaitsForWhatItSays is not done with a frame before the engine is.
func TestAPeerWaitsForWhatItSays(t *testing.T) {
	e := alone(t, nobody(), transfertest.NewStore())
	done := make(chan struct{})
	e.Receive(peer.ID{2}, peer.OfferState{Offer: uuid.New(), State: "active"}, func() { close(done) })
	select {
	case <-done:
		t.Error("done before the engine runs")
	default:
	}
	run(t, e)
	<-done
}

// TestBothDirectionsHavePlaces pulls more offers at once than there are places.
func TestBothDirectionsHavePlaces(t *testing.T) {
	dialled, on := make(chan struct{}, 10), make(chan struct{})
	e := alone(t, network{dial: func() (net.Conn, error) {
		dialled <- struct{}{}
		<-on
		return nil, errors.New("nobody there")
	}}, transfertest.NewStore())
	e.Up(peer.ID{1})
	for range 6 {
		o := transfer.Offer{ID: uuid.New(), Name: "a", Files: 1, Bytes: 1}
		e.Incoming(o, peer.ID{1})
		e.Accept(o.ID, "", transfer.Keep, func(error) {})
	}
	run(t, e)
	for range peer.MaxDataConns / 4 {
		<-dialled
	}
	select {
	case <-dialled:
		t.Error("no place is left for the other direction")
	case <-time.After(50 * time.Millisecond):
	}
	close(on)
}
