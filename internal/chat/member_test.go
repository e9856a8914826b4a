package chat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
)

// TestSignedOutAndInAgainDuringASession: the other side may notice nothing of it, and
// neither what was on its way then nor what it was asked for is lost.
func TestSignedOutAndInAgainDuringASession(t *testing.T) {
	o := newOffice(t, 1, 2)
	ann, bob := o.devices[0], o.devices[1]
	o.connect(ann, bob)
	ann.write(bob, "first")
	o.settle()
	bob.write(ann, "yes?")
	o.settle()
	signedOut := func() {
		bob.replica.SignIn(chat.Party{}, nil)
		bob.step()
	}
	signedOut()
	ann.write(bob, "meanwhile")
	o.settle()
	o.tell(bob)
	bob.step()
	o.settle()
	wantTexts(t, "what came meanwhile", bob.says(1, 2), "first", "yes?", "meanwhile")

	for range 100 { // more than goes out unasked
		bob.write(ann, "many")
	}
	signedOut() // before ann's want arrives
	o.settle()
	o.tell(bob)
	bob.step()
	o.settle()
	if got := len(ann.says(1, 2)); got != 103 {
		t.Errorf("ann has %d texts, want 103", got)
	}
}

// TestToAnotherDeviceOfOnesOwn: a device of the same account is somebody who is written
// to as well, and what it has is delivered.
func TestToAnotherDeviceOfOnesOwn(t *testing.T) {
	o := newOffice(t, 2, 2, 2)
	desk, laptop, phone := o.devices[0], o.devices[1], o.devices[2]
	o.connect(desk, phone)
	desk.write(laptop, "a note")
	o.settle()
	if seen, _ := desk.disk.Seen(with(desk, laptop), phone.id()); len(seen) != 0 {
		t.Errorf("delivered to a device that it was not for: %+v", seen)
	}
	o.connect(desk, laptop)
	o.settle()
	if seen, _ := desk.disk.Seen(with(desk, laptop), laptop.id()); len(seen) != 1 || seen[0].Last != 1 {
		t.Errorf("the laptop has it, and the desk knows of %+v", seen)
	}
}

// TestNamedByAThirdDevice: what two devices of an account wrote to each other comes
// home through a third one, whichever of them the ID names first.
func TestNamedByAThirdDevice(t *testing.T) {
	o := newOffice(t, 2, 2, 2)
	for _, pair := range [][2]*device{{o.devices[0], o.devices[1]}, {o.devices[1], o.devices[0]}} {
		lost, other, phone := pair[0], pair[1], o.devices[2]
		o.connect(lost, other)
		lost.write(other, "mine")
		o.settle()
		o.disconnect(lost, other)
		o.connect(other, phone)
		o.settle()
		lost.replace(chattest.NewMemory())
		o.connect(lost, phone)
		o.settle()
		stored, _ := lost.disk.Conversations()
		i := slices.IndexFunc(stored, func(c chat.Conversation) bool { return c.ID == with(lost, other) })
		if i < 0 || stored[i].Peer != chat.DeviceParty(other.id()) {
			t.Fatalf("with %v", stored)
		}
		for _, e := range eventsOf[chat.EntryAdded](lost) {
			if e.Entry.Author == lost.id() && !e.Ours {
				t.Error("what it wrote itself is somebody else's")
			}
		}
		o.disconnect(lost, phone)
	}
}

// TestAYesIsForThePerson: who is written to is no stranger any more, neither as an
// account nor as the device that is there.
func TestAYesIsForThePerson(t *testing.T) {
	o := newOffice(t, 1, 2)
	ann, bob := o.devices[0], o.devices[1]
	o.connect(ann, bob)
	offers := func(n int) {
		for range n {
			bob.replica.Write(chat.Draft{To: ann.id(), Kind: chat.KindOffer, Body: chat.Offer{Name: "a"}}, func(_ chat.Entry, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		bob.step()
		o.settle()
	}
	offers(6)
	if n := len(ann.disk.Shown(with(ann, bob))); n != 4 {
		t.Fatalf("%d offers of a stranger", n)
	}
	ann.write(bob, "go on")
	o.settle()
	if n := len(ann.disk.Shown(with(ann, bob))); n != 6 {
		t.Errorf("%d offers after the answer, want 6", n)
	}
}

// TestNobodyWaitsInAConversationThatIsLeft: what is held back there is not on its way
// to the device that is there any more.
func TestNobodyWaitsInAConversationThatIsLeft(t *testing.T) {
	o := newOffice(t, 1, 2)
	ann, bob := o.devices[0], o.devices[1]
	o.connect(ann, bob)
	for range 25 {
		ann.write(bob, "hello?")
	}
	o.settle()
	if all := eventsOf[chat.Waiting](ann); len(all) != 1 || !all[0].On {
		t.Fatalf("a stranger's: %+v", all)
	}
	o.doubt(ann, bob)
	if all := eventsOf[chat.Waiting](ann); len(all) != 2 || all[1].On {
		t.Errorf("after it was left: %+v", all)
	}
}

// TestHistoriesWithChangingAccounts lets devices sign out and in, and learn and forget
// whose the others are, at any time; nothing that was acknowledged is lost by it.
func TestHistoriesWithChangingAccounts(t *testing.T) {
	runs := uint64(12)
	if testing.Short() {
		runs = 3
	}
	for seed := range runs {
		o := newOffice(t, 1, 1, 2, 2)
		rng := rand.New(rand.NewPCG(seed, 12))
		pick := func() *device { return o.devices[rng.IntN(4)] }
		out := map[*device]bool{} // signed out
		for i := range 300 {
			a, b := pick(), pick()
			switch n := rng.IntN(100); {
			case a == b:
			case n < 30 && o.accounts[a] != o.accounts[b]:
				a.write(b, fmt.Sprint(seed, " ", i))
			case n < 45:
				o.connect(a, b)
			case n < 50:
				o.disconnect(a, b)
			case n < 57 && !slices.ContainsFunc(o.devices, func(d *device) bool { return d.life.left >= 0 }): // one at a time
				a.life.left = rng.IntN(4)
			case n < 64 && !out[a]:
				o.doubt(a, b)
			case n < 71:
				o.learn(a, b)
			case n < 75: // whose the others are it still knows
				out[a] = true
				delete(o.doubts, a)
				o.tell(a)
				a.replica.SignIn(chat.Party{}, nil)
				a.step()
			case n < 80:
				out[a] = false
				o.tell(a)
				a.step()
			default:
				for _, l := range slices.Clone(o.links) {
					o.deliver(l, rng.IntN(2))
				}
			}
		}
		clear(o.doubts)
		for _, d := range o.devices {
			o.tell(d)
			d.step()
		}
		for range 3 {
			o.meet()
		}
		for _, d := range o.devices {
			for id, text := range o.written {
				if !slices.ContainsFunc(d.all(), func(e chat.Entry) bool { return e.ID == id }) {
					t.Errorf("seed %d: %s does not show %q", seed, d.name, text)
				}
			}
			if broken := eventsOf[chat.Broken](d); len(broken) != 0 {
				t.Errorf("seed %d: %s: %v", seed, d.name, broken)
			}
		}
		if len(o.written) == 0 {
			t.Fatalf("seed %d: nothing was written", seed)
		}
	}
}

// all is everything that a device shows with anybody.
func (d *device) all() (all []chat.Entry) {
	stored, err := d.disk.Conversations()
	if err != nil {
		d.w.t.Fatal(err)
	}
	for _, c := range stored {
		all = append(all, d.disk.Shown(c.ID)...)
	}
	return all
}
