package transfer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"earshot/transfer"
)

// TestLimits has files take as long as their limits let them, in simulated time.
func TestLimits(t *testing.T) {
	const size = 4 * mib
	for name, c := range map[string]struct {
		limit func(ann, bob *device, o transfer.Offer)
		least time.Duration
	}{
		"none":                      {func(*device, *device, transfer.Offer) {}, 0},
		"of all, at the receiver":   {func(_, bob *device, _ transfer.Offer) { bob.engine.LimitAll(1 << 20) }, 4 * time.Second},
		"of all, at the sender":     {func(ann, _ *device, _ transfer.Offer) { ann.engine.LimitAll(1 << 20) }, 4 * time.Second},
		"of the peer":               {func(ann, bob *device, _ transfer.Offer) { ann.engine.LimitPeer(bob.id, 1<<19) }, 8 * time.Second},
		"of the transfer":           {func(_, bob *device, o transfer.Offer) { bob.limit(o, 1<<18) }, 16 * time.Second},
		"of another peer":           {func(ann, _ *device, _ transfer.Offer) { ann.engine.LimitPeer(ann.id, 1<<18) }, 0},
		"both sides, the lower one": {func(ann, bob *device, o transfer.Offer) { ann.limit(o, 1<<20); bob.limit(o, 1<<19) }, 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			simulated(t, func(t *testing.T, w *world, ann, bob *device) {
				offer := ann.offer(bob, file(t, "a", size))
				c.limit(ann, bob, offer)
				began := time.Now()
				bob.accept(offer.ID)
				bob.state(offer.ID, transfer.Done)
				if took := time.Since(began); took < c.least*9/10 || took > c.least*12/10+time.Second {
					t.Errorf("took %v, want about %v", took, c.least)
				}
			})
		})
	}
	t.Run("changed while it runs, and kept over a restart", func(t *testing.T) {
		simulated(t, func(t *testing.T, w *world, ann, bob *device) {
			offer := ann.offer(bob, file(t, "a", size))
			bob.limit(offer, 1<<16) // would take a minute
			bob.accept(offer.ID)
			bob.wait(offer.ID, "a first chunk", func(at transfer.Transfer) bool { return at.Done >= mib })
			bob.restart(nil)
			if at := bob.at(offer.ID); at.Limit != 1<<16 {
				t.Errorf("the limit is %d", at.Limit)
			}
			began := time.Now()
			bob.limit(offer, 0)
			bob.state(offer.ID, transfer.Done)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v without a limit", took)
			}
		})
	})
	t.Run("too low a one, and one of what is over", func(t *testing.T) {
		_, ann, bob := pair(t)
		offer := ann.offer(bob, file(t, "a", 5))
		set := func(bytes int64) error {
			return do(t, func(reply func(error)) { bob.engine.LimitTransfer(offer.ID, bytes, reply) })
		}
		if err := set(transfer.MinRate - 1); err == nil {
			t.Error("a limit was taken that no connection survives")
		}
		bob.accept(offer.ID)
		bob.state(offer.ID, transfer.Done)
		if err := set(0); err != transfer.ErrState {
			t.Errorf("of what is done: %v", err)
		}
	})
}

func (d *device) limit(o transfer.Offer, bytes int64) {
	d.t.Helper()
	if err := do(d.t, func(reply func(error)) { d.engine.LimitTransfer(o.ID, bytes, reply) }); err != nil {
		d.t.Fatal(err)
	}
}

// TestFilesOfOnePeerQueue: two at a time, the others say that they wait, and what
// happens to one is nothing to the others.
func TestFilesOfOnePeerQueue(t *testing.T) {
	simulated(t, func(t *testing.T, w *world, ann, bob *device) {
		path := file(t, "a", 2*mib)
		var offers []transfer.Offer
		for range 3 {
			offers = append(offers, ann.offer(bob, path))
			bob.limit(offers[len(offers)-1], 1<<18)
		}
		for _, o := range offers {
			bob.accept(o.ID)
			synctest.Wait() // it has its place, or waits for one
		}
		queued := func(at transfer.Transfer) bool { return at.State == transfer.Active && at.Reason == transfer.Queued }
		bob.wait(offers[2].ID, "its turn", queued)
		ann.wait(offers[2].ID, "its turn", queued)
		bob.engine.Pause(offers[0].ID, func(error) {})
		bob.wait(offers[2].ID, "bytes", func(at transfer.Transfer) bool { return at.Done > 0 && at.Reason == "" })
		bob.state(offers[1].ID, transfer.Done)
		bob.state(offers[2].ID, transfer.Done)
		bob.engine.Resume(offers[0].ID, func(error) {})
		bob.state(offers[0].ID, transfer.Done)
	})
}
