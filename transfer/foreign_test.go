package transfer_test

import (
	"fmt"
	"runtime"
	"testing"

	"earshot/peer"
	"earshot/transfer"
)

// standing is what of a transfer only its two sides may change.
func (d *device) standing(o transfer.Offer) string {
	at := d.at(o.ID)
	return fmt.Sprint(at.Peer, at.Direction, at.State, at.Reason, at.Name, at.Bytes, at.Accepted, at.PausedOwn, at.PausedFar,
		at.Walled, at.Dir, at.Settled, at.Limit)
}

// everything is all that a peer can say of an offer on a session.
func everything(o transfer.Offer) (all []peer.Message) {
	for _, state := range []transfer.State{
		transfer.Offered, transfer.Active, transfer.Paused, transfer.Interrupted, transfer.Done,
		transfer.Declined, transfer.Cancelled, transfer.Failed, transfer.Preparing,
	} {
		for _, reason := range []transfer.Reason{
			"", transfer.ByMe, transfer.ByPeer, transfer.DiskFull, transfer.PeerAway, transfer.Limit,
			transfer.SourceChanged, transfer.Damaged, transfer.NoRoom, transfer.Refused,
		} {
			for _, answer := range []bool{false, true} {
				all = append(all, peer.OfferState{
					Offer: o.ID, State: string(state), Reason: string(reason), Done: uint64(o.Bytes), Answer: answer,
				})
			}
		}
	}
	for _, reason := range []string{"", "refused", "by peer", "peer away", "limit"} {
		all = append(all, peer.DialBack{Offer: o.ID, Reason: reason})
	}
	return all
}

// says has somebody say something, and waits until the device has heard it.
func (d *device) says(from peer.ID, m peer.Message) {
	d.t.Helper()
	err := do(d.t, func(reply func(error)) {
		done := func() { reply(nil) }
		switch m := m.(type) {
		case peer.OfferState:
			d.engine.Receive(from, m, done)
		case peer.DialBack:
			d.engine.DialBack(from, m, done)
		}
	})
	if err != nil {
		d.t.Error(err)
	}
}

// TestATransferIsItsTwoSidesAlone has Eve, who knows its UUID, say all that can be
// said of it, to both of them and at every moment. Nothing comes of that.
func TestATransferIsItsTwoSidesAlone(t *testing.T) {
	path := file(t, "disk.img", 16*mib)
	for moment, c := range map[string]struct {
		reach, goOn  func(ann, bob *device, o transfer.Offer)
		state        transfer.State
		sends, comes transfer.Reason        // at the sender, and at the receiver
		walls        func(ann, bob *device) // in the ways between them
	}{
		"offered": {
			reach: func(_, _ *device, _ transfer.Offer) {},
			goOn:  func(_, bob *device, o transfer.Offer) { bob.accept(o.ID) },
			state: transfer.Offered,
		},
		"under way": {
			reach: func(_, bob *device, o transfer.Offer) { bob.accept(o.ID); bob.atLeast(o.ID, 6*mib) },
			goOn:  func(_, _ *device, _ transfer.Offer) {},
			state: transfer.Active,
		},
		"paused by the receiver": {
			reach: func(_, bob *device, o transfer.Offer) { bob.accept(o.ID); bob.pause(o.ID) },
			goOn:  func(_, bob *device, o transfer.Offer) { bob.resume(o.ID) },
			state: transfer.Paused, sends: transfer.ByPeer, comes: transfer.ByMe,
		},
		"paused by the sender": {
			reach: func(ann, bob *device, o transfer.Offer) {
				bob.accept(o.ID)
				ann.wait(o.ID, "the accept", func(t transfer.Transfer) bool { return t.Accepted })
				ann.pause(o.ID)
			},
			goOn:  func(ann, _ *device, o transfer.Offer) { ann.resume(o.ID) },
			state: transfer.Paused, sends: transfer.ByMe, comes: transfer.ByPeer,
		},
		"behind a wall": {
			reach: func(_, bob *device, o transfer.Offer) { bob.accept(o.ID); told(t, bob, o.ID) },
			goOn:  func(ann, bob *device, _ transfer.Offer) { bob.world.open(bob.id, ann.id) },
			state: transfer.Interrupted, sends: transfer.PeerAway, comes: transfer.PeerAway,
			walls: func(ann, bob *device) { ann.world.shut(bob.id, ann.id, false); ann.world.shut(ann.id, bob.id, false) },
		},
		"while the sender dials back": {
			reach: func(ann, bob *device, o transfer.Offer) {
				bob.accept(o.ID)
				for ann.world.dialling(ann.id, bob.id) == 0 {
					runtime.Gosched()
				}
			},
			goOn:  func(ann, bob *device, _ transfer.Offer) { bob.world.open(bob.id, ann.id) },
			state: transfer.Active,
			walls: func(ann, bob *device) { ann.world.shut(bob.id, ann.id, false); ann.world.shut(ann.id, bob.id, true) },
		},
	} {
		t.Run(moment+"/X-17", func(t *testing.T) {
			w, ann, bob := pair(t)
			var heard []peer.Message
			eve := w.sender(66, &script{t: t, heard: func(m peer.Message) {
				w.mu.Lock()
				defer w.mu.Unlock()
				heard = append(heard, m)
			}})
			for _, d := range []*device{ann, bob} {
				d.engine.Up(eve.id)
			}
			if c.walls != nil {
				c.walls(ann, bob)
			}
			bob.close()
			_, release := bob.stopAt(8 * mib)
			bob.start()
			bob.engine.Up(eve.id)
			offer := ann.offer(bob, path)
			c.reach(ann, bob, offer)
			ann.state(offer.ID, c.state, c.sends)
			bob.state(offer.ID, c.state, c.comes)
			was := [2]string{ann.standing(offer), bob.standing(offer)}
			for _, d := range []*device{ann, bob} {
				d.engine.Incoming(transfer.Offer{ID: offer.ID, Name: "mine", Files: 1, Bytes: 1}, eve.id)
				for _, m := range everything(offer) {
					d.says(eve.id, m)
				}
				for _, m := range []peer.Message{page0(offer.ID), peer.Read{Offer: offer.ID, Ranges: []peer.ReadRange{{Length: 1}}}} {
					refusedOnly(t, offer, say(t, d.open(eve.id), m))
				}
				refused(t, d, eve.id, peer.DialBack{Offer: offer.ID})
				refused(t, d, eve.id, peer.Chunk{Offer: offer.ID, Data: []byte("x")})
				refused(t, d, eve.id, peer.Gone{Offer: offer.ID, Reason: "source changed"})
			}
			if now := [2]string{ann.standing(offer), bob.standing(offer)}; now != was {
				t.Errorf("it was %q, and after what Eve said it is %q", was, now)
			}
			if times, _ := w.dials(ann.id, eve.id); times > 0 {
				t.Errorf("Eve was dialled %d times", times)
			}
			release()
			c.goOn(ann, bob, offer)
			same(t, bob.state(offer.ID, transfer.Done).Path, path)
			ann.state(offer.ID, transfer.Done)
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, m := range heard {
				if m != (peer.DialBack{Offer: offer.ID, Reason: "refused"}) {
					t.Errorf("Eve heard %+v", m)
				}
			}
		})
	}
}

// refusedOnly wants nothing but a refusal.
func refusedOnly(t *testing.T, o transfer.Offer, answers []peer.Message) {
	t.Helper()
	if len(answers) != 1 || answers[0] != (peer.Gone{Offer: o.ID, Reason: "refused"}) {
		t.Errorf("answered %+v", answers)
	}
}
