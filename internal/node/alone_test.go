package node

import (
	"context"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"earshot/internal/rendezvous"
)

// An outage is an office whose server goes away, in a bubble: real TLS, stores and
// heartbeats over wires that are none, and time that passes only while everybody waits.
type outage struct {
	*wires
	t                     *testing.T
	server                *rendezvousServer
	ann, bob, carol, dora *device
	events                map[*device]*follower
	began                 time.Time // when the server stopped
}

// newOutage signs four people in and stops the server. It told the others where Bob is;
// of them nobody has met another one.
func newOutage(t *testing.T) *outage {
	o := &outage{t: t, wires: newWires(), events: make(map[*device]*follower)}
	o.server = openServerAt(t, func(string) (net.Listener, error) { return o.listen(here(rendezvous.DefaultPort)), nil })
	join := func(user string, port uint16) *device {
		d := o.join(t, user+"'s laptop", port)
		o.server.signsIn(d, user)
		o.events[d] = d.subscribe()
		return d
	}
	o.ann, o.bob, o.carol, o.dora = join("ann", 7001), join("bob", 7002), join("carol", 7003), join("dora", 7004)
	reachable(o.bob)
	eventually(t, "a session that the server brought about", func() bool { return o.ann.online(o.bob) && o.bob.online(o.ann) })
	time.Sleep(time.Minute)
	o.server.stop()
	o.began = time.Now()
	for d := range o.events {
		eventually(t, "the server is missed", func() bool { return !d.account().Reached })
	}
	return o
}

// until lets time pass until so long after the server stopped.
func (o *outage) until(after time.Duration) {
	time.Sleep(time.Until(o.began.Add(after)))
	synctest.Wait()
}

// talk has two people write to each other.
func (o *outage) talk(a, b *device) {
	o.t.Helper()
	there, back := a.write(b, "are you there?"), b.write(a, "I am")
	eventually(o.t, "both messages are delivered", func() bool { return a.state(there.ID) == Delivered && b.state(back.ID) == Delivered })
}

// proved reports whether a ticket says whose device another one is.
func (d *device) proved(other *device, user string) bool {
	p, ok := d.sees(other.myself())
	return ok && p.Account == user && !p.CertifiedBy.IsZero() && p.Lapsed.IsZero()
}

// tries is how often the server was dialled between two moments of the outage.
func (o *outage) tries(from, to time.Duration) (n int) {
	for _, at := range o.dials(here(rendezvous.DefaultPort)) {
		if passed := at.Sub(o.began); passed >= from && passed < to {
			n++
		}
	}
	return n
}

func TestEverythingGoesOnWithoutTheServer(t *testing.T) {
	t.Run("an hour/A-23", func(t *testing.T) { synctest.Test(t, anHour) })
	t.Run("three days/A-23", func(t *testing.T) { synctest.Test(t, threeDays) })
}

func anHour(t *testing.T) {
	o := newOutage(t)
	ann, bob, carol := o.ann, o.bob, o.carol
	for after := 5 * time.Minute; after <= 15*time.Minute; after += 5 * time.Minute {
		o.until(after)
		o.talk(ann, bob)
	}
	for _, e := range o.events[ann].so() {
		if e.Kind == PeerDown {
			t.Errorf("%s went, with the server", e.Person.Name)
		}
	}

	o.until(20 * time.Minute)
	o.cut()
	eventually(t, "a session that broke comes again", func() bool { return ann.online(bob) && bob.online(ann) })
	path, content := file(t, "report.pdf", 3<<20)
	offer := ann.offers(bob, path)
	eventually(t, "the offer waits", func() bool { return bob.transferState(offer.ID).State == "offered" })
	if err := bob.Answer(t.Context(), offer.ID, Answer{Accept: true}); err != nil {
		t.Fatal(err)
	}
	arrives(t, ann, bob, offer.ID, content)

	o.until(30 * time.Minute)
	bob.stop()
	eventually(t, "Ann sees Bob go", func() bool { return !ann.online(bob) })
	waiting := ann.write(bob, "when you are back")
	o.until(31 * time.Minute)
	bob.restart()
	o.events[bob] = bob.subscribe()
	eventually(t, "who starts again is there again", func() bool { return ann.online(bob) && bob.online(ann) })
	eventually(t, "what waited is delivered", func() bool { return ann.state(waiting.ID) == Delivered })
	if !ann.proved(bob, "bob") || !bob.proved(ann, "ann") {
		t.Error("a ticket of before is not taken any more")
	}

	o.until(45 * time.Minute)
	meet(t, ann, carol) // for the first time: the ticket alone says who she is
	if !ann.proved(carol, "carol") || !carol.proved(ann, "ann") {
		p, _ := ann.sees(carol.myself())
		t.Errorf("Carol is %+v", p)
	}
	o.talk(carol, ann)

	o.until(time.Hour)
	o.talk(ann, bob)
	o.stillIn()
	first, last := o.tries(0, 10*time.Minute), o.tries(50*time.Minute, time.Hour)
	t.Logf("the server was dialled %d times in the hour, %d in the first ten minutes, %d in the last", o.tries(0, time.Hour), first, last)
	if first < 4*10 || first > 4*90 || last < 4 || last > 4*15 {
		t.Errorf("four devices dialled the server %d times in the first ten minutes, %d times in the last", first, last)
	}

	o.server.listen(o.server.addr)
	time.Sleep(6 * time.Minute)
	for d := range o.events {
		if a := d.account(); !a.Reached || !a.Problem.IsZero() {
			t.Errorf("the server is back, and %s's account is %+v", d.cfg.Name, a)
		}
	}
	if f, ok := ann.friend("bob"); !ok || f.Presence != rendezvous.Online {
		t.Errorf("for Ann Bob is %+v", f)
	}
}

// stillIn checks that nobody was signed out, or lost the friend list.
func (o *outage) stillIn() {
	o.t.Helper()
	for d, events := range o.events {
		if a := d.account(); !a.SignedIn || a.Reached || a.Problem.IsZero() {
			o.t.Errorf("%s: %+v", d.cfg.Name, a)
		}
		if friends, err := d.Friends(o.t.Context()); err != nil || len(friends) != 3 {
			o.t.Errorf("%s has the friends %+v, %v", d.cfg.Name, friends, err)
		}
		if slices.ContainsFunc(events.so(), func(e Event) bool { return e.Kind == SignedOut }) {
			o.t.Errorf("%s was signed out", d.cfg.Name)
		}
	}
}

// so is everything that was told and that no wait has gone through.
func (f *follower) so() []Event {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
	defer cancel()
	for {
		events, err := f.sub.Next(ctx)
		if err != nil {
			return f.seen
		}
		f.seen = append(f.seen, events...)
	}
}

// threeDays has two people meet for the first time
// shortly before their tickets expire, and two others after that.
func threeDays(t *testing.T) {
	o := newOutage(t)
	ann, carol, dora := o.ann, o.carol, o.dora
	for d := range o.events {
		d.stop()
	}
	o.until(71*time.Hour + 30*time.Minute)
	ann.restart()
	carol.restart()
	meet(t, ann, carol)
	if !ann.proved(carol, "carol") || !carol.proved(ann, "ann") {
		p, _ := ann.sees(carol.myself())
		t.Errorf("for Ann Carol is %+v", p)
	}
	o.until(73 * time.Hour)
	o.talk(ann, carol)
	if p, _ := ann.sees(carol.myself()); p.Account != "carol" || p.CertifiedBy.IsZero() || p.Lapsed.IsZero() {
		t.Errorf("when her ticket has expired she is %+v for Ann", p)
	}
	dora.restart()
	meet(t, dora, carol)
	if p, _ := dora.sees(carol.myself()); !p.CertifiedBy.IsZero() {
		t.Errorf("the expired ticket says that Carol is %+v", p)
	}
	if a := carol.account(); !a.SignedIn || a.User.String() != "carol" {
		t.Errorf("her account is %+v", a)
	}
}
