package node

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
)

// writes adds a text to the conversation with somebody.
func (d *device) writes(to *device, text string) Message {
	d.t.Helper()
	m, err := d.Write(d.t.Context(), Direct(to.myself()), text)
	if err != nil {
		d.t.Fatal(err)
	}
	return m
}

// says reports whether a device shows exactly these texts with somebody.
func (d *device) says(with *device, want ...string) func() bool {
	return func() bool { return slices.Equal(d.texts(with), want) }
}

// asksAbout reports whether a device waits for a yes to another one of its account.
func (d *device) asksAbout(other *device) func() bool {
	return func() bool {
		p, ok := d.sees(other.myself())
		return ok && p.Own && p.Asks
	}
}

// TestDevicesOfOneAccountAreOnePerson has Bob sign in on two machines: what is written
// to him reaches both, through either, and he is one line on Ann's list.
func TestDevicesOfOneAccountAreOnePerson(t *testing.T) {
	o, ann, desk, laptop := openServer(t), start(t, "Ann"), start(t, "Bob's desk"), start(t, "Bob's laptop")
	o.signsIn(ann, "ann")
	o.signsIn(desk, "bob")
	reachable(desk)
	eventually(t, "a session with the desk", func() bool { p, ok := ann.sees(desk.myself()); return ok && p.Connected && !p.CertifiedBy.IsZero() })
	ann.writes(desk, "before the laptop")
	eventually(t, "it is at the desk", desk.says(ann, "before the laptop"))

	told := desk.subscribe()
	o.signsIn(laptop, "bob")
	meet(t, laptop, desk)
	told.wait("the desk is told of a new device", func(e Event) bool {
		return e.Kind == Failed && strings.Contains(e.Error.String(), "account admit "+laptop.myself().String()[:8])
	})
	eventually(t, "the desk asks", desk.asksAbout(laptop))
	if laptop.asksAbout(desk)() {
		t.Error("the laptop asks about the device that was there before it")
	}
	if got := laptop.texts(ann); len(got) != 0 {
		t.Errorf("before the yes the laptop shows %q", got)
	}
	if err := desk.Accept(t.Context(), laptop.myself()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "after the yes it is at the laptop", laptop.says(ann, "before the laptop"))

	meet(t, ann, laptop)
	eventually(t, "Bob is one line", func() bool {
		p, ok := ann.sees(laptop.myself())
		return ok && p.Face == desk.myself()
	})
	people, err := ann.People(t.Context())
	if found := Resolve(people, "bob"); err != nil || len(found) != 1 || found[0].ID != desk.myself() {
		t.Errorf("bob is %+v, %v", found, err)
	}
	heard := ann.subscribe()
	laptop.writes(ann, "from the laptop")
	m := heard.wait("Ann hears", func(e Event) bool { return e.Kind == MessageAdded }).Message
	if m.From.ID != laptop.myself() || m.Conversation != Direct(desk.myself()) || m.Mine {
		t.Errorf("Ann is told %+v", m)
	}
	eventually(t, "it is at the desk", desk.says(ann, "before the laptop", "from the laptop"))
	history, err := desk.History(t.Context(), History{Conversation: Direct(ann.myself())})
	if err != nil || !history[1].Mine || history[1].From.ID != laptop.myself() {
		t.Errorf("at the desk: %+v, %v", history, err)
	}
	eventually(t, "the desk knows that it was delivered", func() bool { return desk.state(m.ID) == Delivered })

	// The desk goes; what Ann writes to it reaches the laptop, and is read there.
	desk.stop()
	last := ann.writes(desk, "are you there?")
	eventually(t, "it is at the laptop", laptop.says(ann, "before the laptop", "from the laptop", "are you there?"))
	eventually(t, "and delivered", func() bool { return ann.state(last.ID) == Delivered })
	position := history[0].Position
	position.Clock = last.Position.Clock + 1
	if err := laptop.MarkRead(t.Context(), Direct(ann.myself()), position); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Ann sees that it was read", func() bool { return ann.state(last.ID) == Read })
	desk.restart()
	meet(t, laptop, desk)
	eventually(t, "it is read at the desk, too", func() bool {
		p, _ := desk.sees(ann.myself())
		return desk.says(ann, "before the laptop", "from the laptop", "are you there?")() && p.Unread == 0
	})
}

// TestWhatWasWrittenBeforeTheAccountStaysInView: two devices write, then both get an
// account; people see one conversation.
func TestWhatWasWrittenBeforeTheAccountStaysInView(t *testing.T) {
	o, ann, bob := openServer(t), start(t, "Ann"), start(t, "Bob")
	meet(t, ann, bob)
	ann.writes(bob, "as devices")
	eventually(t, "it is there", bob.says(ann, "as devices"))
	o.signsIn(ann, "ann")
	o.signsIn(bob, "bob")
	certified := func(d, other *device) func() bool {
		return func() bool { p, _ := d.sees(other.myself()); return !p.CertifiedBy.IsZero() }
	}
	eventually(t, "both know the other's account", func() bool { return certified(ann, bob)() && certified(bob, ann)() })
	bob.writes(ann, "as accounts")
	eventually(t, "one conversation", ann.says(bob, "as devices", "as accounts"))
	if p, _ := ann.sees(bob.myself()); p.Unread != 1 {
		t.Errorf("%d unread", p.Unread)
	}
	if found, err := ann.History(t.Context(), History{Conversation: Direct(bob.myself()), Search: "as"}); err != nil || len(found) != 2 {
		t.Errorf("found %+v, %v", found, err)
	}
	for _, d := range []*device{ann, bob} {
		d.stop()
		d.restart()
	}
	if !ann.says(bob, "as devices", "as accounts")() {
		t.Errorf("after a restart Ann shows %q", ann.texts(bob))
	}
	if p, _ := ann.sees(bob.myself()); p.Unread != 1 {
		t.Errorf("after a restart %d unread", p.Unread)
	}
	meet(t, ann, bob)
	// Signed out, one writes to the device again.
	if err := bob.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	bob.writes(ann, "signed out")
	eventually(t, "it is there as well", ann.says(bob, "as devices", "as accounts", "signed out"))
}

// TestFilesGoToADeviceThatIsThere: an offer is made to one device, but not to one that
// is away while another one of the same person is there.
func TestFilesGoToADeviceThatIsThere(t *testing.T) {
	n := &Node{people: map[peer.ID]*person{}, groups: map[string][]*person{}}
	desk, laptop := &person{id: peer.ID{1}, group: "bob"}, &person{id: peer.ID{2}, group: "bob", linked: true}
	n.groups["bob"] = []*person{desk, laptop}
	if got := n.recipient(desk); got != laptop {
		t.Errorf("files for the desk go to %v", got.id)
	}
	desk.linked = true
	if got := n.recipient(desk); got != desk {
		t.Errorf("files for the desk that is there go to %v", got.id)
	}
	bob := chat.AccountParty(peer.ID{9}, uuid.UUID{1})
	desk.owner, desk.taken, laptop.owner, desk.linked = bob, bob, bob, false
	for _, p := range []*person{desk, laptop} {
		if got := n.recipient(p); got != desk {
			t.Errorf("while the laptop is a guest files go to %v", got.id)
		}
	}
}

// TestOwnDevicesFindEachOtherByTheServer: on different subnets nobody else says where
// they are.
func TestOwnDevicesFindEachOtherByTheServer(t *testing.T) {
	o, desk, laptop := openServer(t), start(t, "Desk"), start(t, "Laptop")
	o.signsIn(desk, "bob")
	reachable(desk)
	eventually(t, "the server knows where the desk is", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.beats[desk.myself()].Addresses) > 0
	})
	o.signsIn(laptop, "bob")
	eventually(t, "a session", func() bool { return laptop.online(desk) && desk.asksAbout(laptop)() })
	if err := desk.Accept(t.Context(), laptop.myself()); err != nil {
		t.Fatal(err)
	}
	laptop.stop()
	desk.stop()
	desk.cfg.Port = 0 // elsewhere from now on
	desk.restart()
	reachable(desk)
	eventually(t, "the server knows where the desk is now", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		self, err := desk.Self(t.Context())
		addrs := o.beats[desk.myself()].Addresses
		return err == nil && len(addrs) > 0 && strings.HasSuffix(addrs[0], ":"+itoa(self.Port))
	})
	laptop.restart()
	eventually(t, "a session again", func() bool { return laptop.online(desk) })
}
