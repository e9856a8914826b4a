package node

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// An office is a realm without its server: it signs what a server would.
type office struct {
	t   *testing.T
	key *peer.Identity
}

func newOffice(t *testing.T) *office {
	return &office{t, peer.NewIdentity([32]byte{100})}
}

// ticket is one for a device of a user, from now on for so long.
func (o *office) ticket(d *device, user, name string, serial uint64, lasts time.Duration) []byte {
	o.t.Helper()
	now := time.Now()
	raw, err := peer.Ticket{
		Account: uuid.NewSHA1(uuid.Nil, []byte(user)), Device: d.myself(), Serial: serial,
		User: user, Name: name, Team: "Engines", Issued: now.Add(min(0, lasts)), Expires: now.Add(lasts),
	}.Sign(o.key)
	if err != nil {
		o.t.Fatal(err)
	}
	return raw
}

// trusted has devices take the office's word.
func (o *office) trusted(by ...*device) {
	o.t.Helper()
	for _, d := range by {
		err := order(o.t.Context(), d.Node, func() error { d.trust(o.key.ID(), "office:7421"); return nil })
		if err != nil {
			o.t.Fatal(err)
		}
	}
}

// enrol signs a device in.
func (o *office) enrol(d *device, user, name string) {
	o.t.Helper()
	o.trusted(d)
	d.host.SetTicket(o.ticket(d, user, name, 1, 72*time.Hour))
}

// list is a revocation list that voids the first serials of devices.
func (o *office) list(epoch uint64, devices ...*device) []byte {
	o.t.Helper()
	list := peer.Revocations{Epoch: epoch}
	for _, d := range devices {
		list = list.Add(d.myself(), 1)
	}
	raw, err := list.Sign(o.key)
	if err != nil {
		o.t.Fatal(err)
	}
	return raw
}

// kick has a device hear from the server that others were signed out.
func (o *office) kick(heard *device, epoch uint64, devices ...*device) {
	o.t.Helper()
	if err := heard.host.Revoke(o.list(epoch, devices...)); err != nil {
		o.t.Fatal(err)
	}
}

// as reports whether a device is shown under an account and a name.
func (d *device) as(other *device, account, name string) func() bool {
	return func() bool {
		p, ok := d.sees(other.myself())
		return ok && p.Account == account && p.Name.String() == name
	}
}

func TestATicketSaysWhoSomebodyIs(t *testing.T) {
	o := newOffice(t)
	a, b := start(t, "Ann's laptop"), start(t, "Ben's laptop")
	o.enrol(a, "ann", "Ann Arbor")
	o.enrol(b, "ben", "Ben Bauer")
	meet(t, a, b)
	p, _ := a.sees(b.myself())
	if p.Account != "ben" || p.Name.String() != "Ben Bauer" || p.Team.String() != "Engines" || p.CertifiedBy.String() != "office:7421" || !p.Lapsed.IsZero() || p.Verified {
		t.Errorf("Ann sees %+v", p)
	}
	people, err := a.People(t.Context())
	if found := Resolve(people, "BEN"); err != nil || len(found) != 1 || found[0].ID != b.myself() {
		t.Errorf("the user name means %+v, %v", found, err)
	}

	// The name is the account's, whatever the device calls itself.
	if err := b.SetName(t.Context(), "Somebody"); err != nil {
		t.Fatal(err)
	}
	b.host.SetTicket(o.ticket(b, "ben", "Benjamin Bauer", 2, 72*time.Hour))
	eventually(t, "Ann sees the new name", a.as(b, "ben", "Benjamin Bauer"))

	outsider := start(t, "Otto")
	meet(t, outsider, b)
	if p, _ := outsider.sees(b.myself()); p.Account != "" || p.Name.String() != "Somebody" || !p.CertifiedBy.IsZero() {
		t.Errorf("who chose no server sees %+v", p)
	}
	o.trusted(outsider)
	eventually(t, "having chosen it he sees more", outsider.as(b, "ben", "Benjamin Bauer"))
}

func TestAnAccountStaysKnownWithoutTheServer(t *testing.T) {
	o := newOffice(t)
	a, b := start(t, "Ann"), start(t, "Ben's laptop")
	o.enrol(a, "ann", "Ann")
	o.enrol(b, "ben", "Ben")
	meet(t, a, b)
	a.write(b, "hello")

	a.stop()
	b.stop()
	a.restart()
	o.trusted(a)
	if !a.as(b, "ben", "Ben")() {
		t.Error("after a restart the account is forgotten")
	}
	b.restart()
	expired := o.ticket(b, "ben", "Ben the Second", 2, -time.Hour)
	b.host.SetTicket(expired)
	meet(t, a, b)
	if !a.as(b, "ben", "Ben")() {
		t.Error("an expired ticket changed something")
	}
	if err := order(t.Context(), a.Node, func() error {
		a.now = func() time.Time { return time.Now().Add(73 * time.Hour) }
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what is known is marked when it was not said again for long", func() bool {
		p, _ := a.sees(b.myself())
		return !p.Lapsed.IsZero() && p.Account == "ben" && p.Name.String() == "Ben"
	})

	c := start(t, "Carol")
	o.enrol(c, "carol", "Carol")
	meet(t, c, b)
	if p, _ := c.sees(b.myself()); p.Account != "" || p.Name.String() != "Ben's laptop" {
		t.Errorf("to who never knew him he is %+v", p)
	}
}

func TestAKickReachesThoseWhoWereNotThere(t *testing.T) {
	o := newOffice(t)
	b, c, kicked := start(t, "Bob"), start(t, "Carol"), start(t, "Kim's laptop")
	o.enrol(b, "bob", "Bob")
	o.enrol(c, "carol", "Carol")
	o.enrol(kicked, "kim", "Kim")
	meet(t, c, kicked)
	c.write(kicked, "are you still with us?")
	if !c.as(kicked, "kim", "Kim")() {
		t.Fatal("Carol does not know Kim")
	}
	o.kick(b, 1, kicked) // and then the server stops

	t.Run("who meets somebody with the newer list/A-13", func(t *testing.T) {
		meet(t, b, c)
		eventually(t, "Carol drops Kim", c.as(kicked, "", "Kim's laptop"))
		meet(t, b, kicked)
		if p, _ := b.sees(kicked.myself()); p.Account != "" {
			t.Errorf("Bob sees %+v", p)
		}
	})
	c.stop()
	c.restart()
	o.trusted(c)
	meet(t, c, kicked)
	if !c.as(kicked, "", "Kim's laptop")() {
		t.Error("after a restart the list is forgotten")
	}
	kicked.host.SetTicket(o.ticket(kicked, "kim", "Kim", 2, 72*time.Hour)) // signed in again
	eventually(t, "a new log-in counts", c.as(kicked, "kim", "Kim"))
}

func TestANewDeviceOfAVerifiedContactWaitsForAYes(t *testing.T) {
	o := newOffice(t)
	a, b, second := start(t, "Ann"), start(t, "Ben"), start(t, "Ben's tablet")
	o.enrol(a, "ann", "Ann")
	o.enrol(b, "ben", "Ben")
	o.enrol(second, "ben", "Ben")
	meet(t, a, b)
	if err := a.Verify(t.Context(), b.myself(), true); err != nil {
		t.Fatal(err)
	}
	events := a.subscribe()
	meet(t, second, a)
	t.Run("the server says that a device is a verified contact's/H-19", func(t *testing.T) {
		notice := events.kind(Failed).Error.String()
		if !strings.Contains(notice, "Ben, whom you verified, has a new device") {
			t.Errorf("the notice: %s", notice)
		}
		p, _ := a.sees(second.myself())
		if !p.Imitates || !p.NewDevice || p.Verified || p.Account != "ben" {
			t.Errorf("the new device: %+v", p)
		}
		if _, err := a.Write(t.Context(), Direct(second.myself()), "x"); !errors.Is(err, ErrKeyChanged) {
			t.Errorf("writing to it: %v", err)
		}
		if _, err := a.Offer(t.Context(), Direct(second.myself()), []string{"/etc/hostname"}); !errors.Is(err, ErrKeyChanged) {
			t.Errorf("offering files to it: %v", err)
		}
		if p, _ := a.sees(b.myself()); p.Imitates || !p.Verified {
			t.Errorf("the contact: %+v", p)
		}
	})
	if err := a.Accept(t.Context(), second.myself()); err != nil {
		t.Fatal(err)
	}
	m := a.write(second, "so it is yours")
	eventually(t, "delivered after the answer", func() bool { return a.state(m.ID) == Delivered })

	a.stop()
	a.restart()
	o.trusted(a)
	if p, _ := a.sees(second.myself()); p.Imitates || p.Account != "ben" {
		t.Errorf("the answer was forgotten: %+v", p)
	}
}

// The server's friend list is its word, too.
func TestTheFriendListCannotSlipADeviceIn(t *testing.T) {
	o := newOffice(t)
	a, b, fake := start(t, "Ann"), start(t, "Ben"), start(t, "Laptop")
	o.enrol(a, "ann", "Ann")
	o.enrol(b, "ben", "Ben")
	meet(t, a, b)
	if err := a.Verify(t.Context(), b.myself(), true); err != nil {
		t.Fatal(err)
	}
	listed := rendezvous.Friend{Account: uuid.UUID{1}, User: "ben", Name: "Ben", State: rendezvous.Friends, Devices: []rendezvous.Device{{ID: b.myself()}}}
	both := listed
	both.Devices = append(both.Devices[:1:1], rendezvous.Device{ID: fake.myself()})
	told := func(d rendezvous.Difference) {
		t.Helper()
		if err := order(t.Context(), a.Node, func() error { a.differ([]rendezvous.Difference{d}); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a device without a ticket, on the friend list only/H-19", func(t *testing.T) {
		told(rendezvous.Difference{Friend: both, Before: listed})
		events := a.subscribe()
		meet(t, fake, a)
		if notice := events.kind(Failed).Error.String(); !strings.Contains(notice, "whom you verified, has a new device") {
			t.Errorf("the notice: %s", notice)
		}
		if p, _ := a.sees(fake.myself()); !p.NewDevice || !p.Imitates || p.Contact {
			t.Errorf("it is %+v", p)
		}
		if _, err := a.Write(t.Context(), Direct(fake.myself()), "x"); !errors.Is(err, ErrKeyChanged) {
			t.Errorf("writing to it: %v", err)
		}
	})
	told(rendezvous.Difference{Friend: listed, Before: both})
	if p, _ := a.sees(fake.myself()); p.NewDevice || p.Account != "" {
		t.Errorf("the server took it back, and it is %+v", p)
	}
	told(rendezvous.Difference{Friend: both, Before: listed})
	o.kick(a, 1, fake)
	eventually(t, "the realm's list counts more than the friend list", func() bool { p, _ := a.sees(fake.myself()); return p.Account == "" })
}

func TestANewDeviceOfSomebodyKnownIsTold(t *testing.T) {
	o := newOffice(t)
	a, b, second := start(t, "Ann"), start(t, "Ben"), start(t, "Ben's tablet")
	o.enrol(a, "ann", "Ann")
	o.enrol(b, "ben", "Ben")
	o.enrol(second, "ben", "Ben")
	meet(t, a, b)
	a.write(b, "hello")
	events := a.subscribe()
	meet(t, second, a)
	if notice := events.kind(Failed).Error.String(); !strings.Contains(notice, "Ben has a new device") || !strings.Contains(notice, second.myself().String()[:8]) {
		t.Errorf("the notice: %s", notice)
	}
	a.write(second, "and hello")
	second.host.SetTicket(o.ticket(second, "ben", "Benny", 2, 72*time.Hour))
	eventually(t, "the name is seen", a.as(second, "ben", "Benny"))
	for _, e := range events.seen {
		if e.Kind == Failed {
			t.Errorf("told again: %s", e.Error)
		}
	}
}

// Who does not trust the server any more sees what the devices say.
func TestAnotherServerIsAnotherWorld(t *testing.T) {
	o := newOffice(t)
	a, b := start(t, "Ann"), start(t, "Ben's laptop")
	o.enrol(a, "ann", "Ann")
	o.enrol(b, "ben", "Ben")
	meet(t, a, b)
	o.kick(a, 1, b)
	eventually(t, "Ben is dropped", a.as(b, "", "Ben's laptop"))
	if err := order(t.Context(), a.Node, func() error { a.trust(peer.ID{}, ""); return nil }); err != nil {
		t.Fatal(err)
	}
	o.trusted(a) // the list of then still counts
	if !a.as(b, "", "Ben's laptop")() {
		t.Error("the list is forgotten")
	}
}

// Who was kicked hears it from others too, where the server does not answer.
func TestWhoWasKickedHearsItFromOthers(t *testing.T) {
	o := openServer(t)
	b, kim := start(t, "Bob"), start(t, "Kim")
	o.signsIn(b, "bob")
	o.signsIn(kim, "kim")
	events := kim.subscribe()
	o.stop()
	eventually(t, "the server is missed", func() bool { return !b.account().Reached && !kim.account().Reached })
	list, err := peer.Revocations{Epoch: 1}.Add(kim.myself(), 1000).Sign(o.realm)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.host.Revoke(list); err != nil {
		t.Fatal(err)
	}
	meet(t, kim, b)
	events.kind(SignedOut)
	if kim.account().SignedIn || !b.account().SignedIn {
		t.Errorf("Kim: %+v, Bob: %+v", kim.account(), b.account())
	}
	if p, _ := b.sees(kim.myself()); !p.CertifiedBy.IsZero() {
		t.Errorf("Bob sees %+v", p)
	}
}
