package node

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/discovery"
	"earshot/internal/chat"
	"earshot/peer"
)

// address is where a device listens.
func (d *device) address() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), d.host.Port())
}

// verified has a verify b, who then leaves while a message waits for it.
func verified(t *testing.T, a, b *device) Message {
	t.Helper()
	meet(t, a, b)
	if err := a.Verify(t.Context(), b.myself(), true); err != nil {
		t.Fatal(err)
	}
	b.stop()
	eventually(t, "b is away", func() bool { return !a.online(b) })
	return a.write(b, "for Bob alone")
}

func TestWhoAnswersInAnothersPlaceGetsNothing(t *testing.T) {
	a, b, mallory := start(t, "Ann"), start(t, "Bob"), start(t, "Mallory")
	queued := verified(t, a, b)
	atMallory := mallory.subscribe()

	t.Run("a claim of a known key at another's address/H-09", func(t *testing.T) {
		log := a.subscribe()
		a.box.put(discovery.Found{ID: b.myself(), Addrs: []netip.AddrPort{mallory.address()}, Source: discovery.MDNS})
		log.wait("a warning", func(e Event) bool { return e.Kind == Failed })
		if a.online(b) {
			t.Error("shown as present")
		}
		if state := a.state(queued.ID); state != Queued {
			t.Errorf("the message is %s", state)
		}
		if p, _ := a.sees(b.myself()); p.Verified != true || p.Name.String() != "Bob" {
			t.Errorf("the contact: %+v", p)
		}
	})

	b.restart() // the real one is still reached
	meet(t, a, b)
	eventually(t, "delivered to the real one", func() bool { return a.state(queued.ID) == Delivered })
	for _, e := range atMallory.seen {
		if e.Kind == MessageAdded {
			t.Errorf("the other one got %+v", e.Message)
		}
	}
}

func TestAnImitatorIsListedApartAndGetsNothing(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	mallory := start(t, "bob") // folds to the same
	queued := verified(t, a, b)
	warnings := a.subscribe()
	meet(t, mallory, a)

	t.Run("another device under a verified contact's name/H-09", func(t *testing.T) {
		warnings.kind(Failed)
		p, _ := a.sees(mallory.myself())
		if !p.Imitates || p.Verified {
			t.Errorf("the imitator: %+v", p)
		}
		if p, _ := a.sees(b.myself()); p.Imitates || !p.Verified || p.Online {
			t.Errorf("the contact: %+v", p)
		}
		if _, err := a.Write(t.Context(), Direct(mallory.myself()), "x"); !errors.Is(err, ErrKeyChanged) {
			t.Errorf("writing to it: %v", err)
		}
		if _, err := a.Offer(t.Context(), Direct(mallory.myself()), []string{"/etc/hostname"}); !errors.Is(err, ErrKeyChanged) {
			t.Errorf("offering files to it: %v", err)
		}
		if len(mallory.texts(a)) != 0 || a.state(queued.ID) != Queued {
			t.Error("the imitator got what was for the contact")
		}
	})

	if people, _ := a.People(t.Context()); len(Resolve(people, "Bob")) != 2 {
		t.Error("the name does not mean both")
	}
	if err := a.Accept(t.Context(), mallory.myself()); err != nil { // it is Bob's new machine
		t.Fatal(err)
	}
	a.write(mallory, "so be it")
	a.stop()
	a.restart()
	if p, _ := a.sees(mallory.myself()); p.Imitates {
		t.Error("the answer was forgotten")
	}
}

func TestWhatIsQueuedForAnImitatorWaitsForThePerson(t *testing.T) {
	a, b, other := start(t, "Ann"), start(t, "Bob"), start(t, "Rob")
	meet(t, a, other)
	a.write(other, "hello")
	other.stop()
	eventually(t, "the other one is away", func() bool { return !a.online(other) })
	queued := a.write(other, "for Rob")
	verified(t, a, b)
	other.cfg.Name = "Bob"
	other.restart()
	meet(t, other, a)
	if p, _ := a.sees(other.myself()); !p.Imitates {
		t.Fatalf("no imitator: %+v", p)
	}
	if err := a.sync(t.Context()); err != nil { // what was to be sent was sent
		t.Fatal(err)
	}
	linked, err := ask(t.Context(), a.Node, func() (bool, error) { return a.people[other.myself()].linked, nil })
	if err != nil || linked || a.state(queued.ID) != Queued {
		t.Errorf("it gets what is queued: %v, %s, %v", linked, a.state(queued.ID), err)
	}
	if err := a.Accept(t.Context(), other.myself()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "delivered after the answer", func() bool { return a.state(queued.ID) == Delivered })
}

func TestAThousandAttemptsChangeNothing(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	if err := a.Verify(t.Context(), b.myself(), true); err != nil {
		t.Fatal(err)
	}
	events := a.subscribe()
	t.Run("a thousand devices under the name of a contact/H-11", func(t *testing.T) {
		for i := range 1000 {
			id := peer.ID{byte(i), byte(i >> 8), 1}
			a.box.put(peer.SessionUp{ID: id, Hello: peer.Hello{Name: "Bob", Instance: uuid.New()}})
			a.box.put(peer.WrongKey{Want: b.myself(), Got: id, Addr: b.address()})
			a.box.put(peer.SessionDown{ID: id, Err: errors.New("over")})
			a.box.put(peer.PeerGone{ID: id})
		}
		if err := a.SetName(t.Context(), "Anna"); err != nil { // an event behind all those
			t.Fatal(err)
		}
		warnings := 0
		events.wait("the end", func(e Event) bool {
			if e.Kind == Failed {
				warnings++
			}
			return e.Kind == SelfChanged
		})
		if warnings > 1 {
			t.Errorf("%d warnings", warnings)
		}
		people, err := a.People(t.Context())
		if err != nil || len(people) != 1 || !people[0].Verified || !people[0].Online || people[0].Imitates {
			t.Errorf("people: %+v, %v", people, err)
		}
	})
	m := a.write(b, "still there?")
	eventually(t, "delivered", func() bool { return a.state(m.ID) == Delivered })
}

func TestWarningsComeOnceAMinute(t *testing.T) {
	now := time.Now()
	n := &Node{now: func() time.Time { return now }, log: quietLog(), feeds: map[*Feed]bool{}, warned: map[danger]time.Time{}}
	for range 10 {
		n.warn(danger{imposture, peer.ID{1}}, "careful")
		n.warn(danger{imposture, peer.ID{2}}, "careful")
		n.warn(danger{kind: twins}, "twice")
	}
	now = now.Add(warnEvery)
	n.warn(danger{imposture, peer.ID{1}}, "careful")
	if len(n.notices) != 4 {
		t.Errorf("%d warnings, want 4", len(n.notices))
	}
}

func TestAnImitatorWhoHidesBehindANoiseIsToldLater(t *testing.T) {
	now, bob := time.Now(), peer.ID{1}
	n := &Node{now: func() time.Time { return now }, log: quietLog(), feeds: map[*Feed]bool{}, warned: map[danger]time.Time{}}
	n.people = map[peer.ID]*person{
		{2}: {id: peer.ID{2}, session: true, imitates: true, unwarned: bob},
		{3}: {id: peer.ID{3}, session: true, imitates: true, unwarned: bob},
	}
	n.warn(danger{imposture, bob}, "another device answered")
	n.warnOfImitators()
	if len(n.notices) != 1 {
		t.Errorf("%d warnings within a minute", len(n.notices))
	}
	now = now.Add(warnEvery)
	n.warnOfImitators()
	n.warnOfImitators()
	if len(n.notices) != 2 {
		t.Errorf("%d warnings after it, want 1 for both", len(n.notices)-1)
	}
}

func TestAnAlarmWaitsForASubscriber(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	a.write(b, "hello")
	a.box.put(peer.Twin{ID: b.myself(), Addr: b.address()})
	eventually(t, "the alarm", func() bool { p, _ := a.sees(b.myself()); return !p.Alarm.IsZero() })
	a.subscribe().kind(Failed)
}

func TestASessionWithoutAPortLeavesNoAddress(t *testing.T) {
	a := start(t, "Ann")
	id := peer.ID{1, 2, 3}
	a.box.put(peer.SessionUp{ID: id, Hello: peer.Hello{Name: "Guest"}, Addr: netip.MustParseAddrPort("10.0.0.9:0")})
	eventually(t, "there", func() bool { p, ok := a.sees(id); return ok && p.Online })
	if p, _ := a.sees(id); len(p.Addresses) != 0 {
		t.Errorf("addresses: %v", p.Addresses)
	}
}

func TestOurEntryThatComesHomeMakesAContact(t *testing.T) {
	a := start(t, "Ann")
	id := peer.ID{1, 2, 3}
	a.box.put(chat.EntryAdded{Peer: chat.DeviceParty(id), Ours: true, Entry: chat.Entry{Header: chat.Header{Author: a.myself(), Log: 1, Number: 1, Kind: chat.KindText}}})
	eventually(t, "a contact", func() bool { p, ok := a.sees(id); return ok && p.Contact })
}

func TestAlarmsAreToldOnce(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	a.write(b, "hello")
	events := a.subscribe()
	for range 2 {
		a.box.put(peer.Twin{ID: a.myself(), Addr: b.address()})
		a.box.put(peer.Twin{ID: b.myself(), Addr: b.address()})
		a.box.put(chat.Forked{Peer: b.myself(), Author: a.myself()})
		a.box.put(chat.Forked{Peer: b.myself(), Author: a.myself()})
	}
	if err := a.SetName(t.Context(), "Anna"); err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	events.wait("the end", func(e Event) bool {
		if e.Kind == Failed {
			told[e.Error.String()]++
		}
		return e.Kind == SelfChanged
	})
	if len(told) != 3 {
		t.Errorf("alarms: %v", told)
	}
	if p, _ := a.sees(b.myself()); p.Alarm.IsZero() {
		t.Error("no alarm beside the person")
	}
}
