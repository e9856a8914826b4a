package node

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"earshot/internal/rendezvous"
)

// signsIn signs a device in at the office.
func (o *rendezvousServer) signsIn(d *device, user string) Account {
	o.t.Helper()
	a, err := d.SignIn(o.t.Context(), SignIn{Server: o.link(), User: user, Password: "secret"})
	if err != nil {
		o.t.Fatalf("%s signs in: %v", user, err)
	}
	return a
}

// reachable has a device say in its heartbeats that it is at 127.0.0.1: here the
// network has one machine.
func reachable(d *device) {
	d.box.put(ownAddresses{[]netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), d.host.Port())}})
}

func (d *device) account() Account {
	d.t.Helper()
	a, err := d.Account(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

func (d *device) friend(user string) (Friend, bool) {
	d.t.Helper()
	friends, err := d.Friends(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range friends {
		if f.User.String() == user {
			return f, true
		}
	}
	return Friend{}, false
}

func TestFriendsAreReachedWhereTheServerSaysTheyAre(t *testing.T) {
	o, ann, bob := openServer(t), start(t, "Ann"), start(t, "Bob")
	if a := o.signsIn(ann, "ann"); !a.SignedIn || a.User.String() != "ann" || a.Server != o.addr {
		t.Errorf("signed in as %+v", a)
	}
	events := ann.subscribe()
	o.signsIn(bob, "bob")
	reachable(bob)
	came := events.wait("Bob comes", func(e Event) bool { return e.Kind == PresenceChanged && e.Friend.Presence == rendezvous.Online })
	if came.Friend.User.String() != "bob" {
		t.Errorf("told of %+v", came.Friend)
	}
	eventually(t, "a session with Bob", func() bool { return ann.online(bob) })
	p, _ := ann.sees(bob.myself())
	if !slices.Contains(p.Via, "server") || p.Account != "bob" || !p.Contact {
		t.Errorf("Bob is %+v", p)
	}
	status, busy := "lunch", rendezvous.Busy
	if _, err := bob.ChangeAccount(t.Context(), AccountChange{Status: &status, Presence: &busy}); err != nil {
		t.Fatal(err)
	}
	events.wait("Bob is busy", func(e Event) bool {
		return e.Kind == PresenceChanged && e.Friend.Presence == rendezvous.Busy && e.Friend.Status.String() == "lunch"
	})
	bob.stop()
	events.wait("Bob went", func(e Event) bool { return e.Kind == PresenceChanged && e.Friend.Presence == rendezvous.Offline })
}

// TestACommandMakesNobodyOnline has Bob run a command: its node is reached, and
// reaches Ann, but Ann is not told that Bob came.
func TestACommandMakesNobodyOnline(t *testing.T) {
	o, ann, bob := openServer(t), start(t, "Ann"), start(t, "Bob", func(c *Config) { c.Passing = true })
	o.signsIn(ann, "ann")
	reachable(ann)
	events := ann.subscribe()
	o.signsIn(bob, "bob")
	eventually(t, "the command reaches ann", func() bool { return bob.online(ann) })
	if f, ok := ann.friend("bob"); !ok || f.Presence != rendezvous.Offline {
		t.Errorf("bob is %+v for ann, %v", f, ok)
	}
	if f, ok := bob.friend("ann"); !ok || f.Presence != rendezvous.Online {
		t.Errorf("ann is %+v for bob, %v", f, ok)
	}
	events.wait("Bob on the list, and not as somebody who came", func(e Event) bool {
		if e.Kind == PresenceChanged {
			t.Errorf("ann is told that bob is %s", e.Friend.Presence)
		}
		return e.Kind == FriendsChanged && e.Friend.User.String() == "bob"
	})
	bob.cfg.Passing = false
	bob.stop()
	bob.restart()
	events.wait("Bob comes", func(e Event) bool { return e.Kind == PresenceChanged && e.Friend.Presence == rendezvous.Online })
}

func TestEverythingIsThereWhileTheServerIsDown(t *testing.T) {
	o, ann, bob := openServer(t), start(t, "Ann"), start(t, "Bob")
	o.signsIn(ann, "ann")
	o.signsIn(bob, "bob")
	reachable(bob)
	eventually(t, "a session with Bob", func() bool { return ann.online(bob) })
	o.stop()
	eventually(t, "the server is missed", func() bool { return !ann.account().Reached && !ann.account().Problem.IsZero() })
	ann.stop()
	ann.restart()
	a := ann.account()
	if !a.SignedIn || a.User.String() != "ann" || a.Fingerprint != rendezvous.Fingerprint(o.realm.ID()) {
		t.Errorf("after a restart: %+v", a)
	}
	if f, ok := ann.friend("bob"); !ok || f.Presence != rendezvous.Offline || len(f.Devices) != 1 {
		t.Errorf("Bob on the list: %+v, %v", f, ok)
	}
	eventually(t, "a session with Bob, without the server", func() bool { return ann.online(bob) })
	p, _ := ann.sees(bob.myself())
	if p.Account != "bob" {
		t.Errorf("Bob is %+v", p)
	}

	o.listen(o.addr)
	eventually(t, "the server is back", func() bool {
		f, ok := ann.friend("bob") // each time it is looked for at once
		return ok && f.Presence == rendezvous.Online
	})
}

// TestNobodyWaitsForAServerThatIsKnownToBeAway has a server in whose place something
// takes connections and says nothing, as a firewall does.
func TestNobodyWaitsForAServerThatIsKnownToBeAway(t *testing.T) {
	o, ann, bob := openServer(t), start(t, "Ann"), start(t, "Bob")
	o.signsIn(ann, "ann")
	o.signsIn(bob, "bob")
	eventually(t, "Bob on the list", func() bool { _, ok := ann.friend("bob"); return ok })
	o.stop()
	eventually(t, "the server is missed", func() bool { return !ann.account().Problem.IsZero() })
	l, err := net.Listen("tcp", o.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	began := time.Now()
	if f, ok := ann.friend("bob"); !ok || f.Presence != rendezvous.Offline {
		t.Errorf("Bob is %+v, %v", f, ok)
	}
	if took := time.Since(began); took > 2*time.Second { // of the 5 that a server may take
		t.Errorf("the stored list took %v", took)
	}
}

func TestWhoIsKickedIsTold(t *testing.T) {
	o, ann := openServer(t), start(t, "Ann")
	o.signsIn(ann, "ann")
	eventually(t, "a heartbeat", func() bool { return ann.account().Reached })
	events := ann.subscribe()
	o.kick(ann.myself())
	if e := events.kind(SignedOut); e.Reason.IsZero() {
		t.Errorf("told %+v", e)
	}
	if a := ann.account(); a.SignedIn || a.Server != o.addr {
		t.Errorf("afterwards: %+v", a)
	}
	if _, err := ann.Friends(t.Context()); !errors.Is(err, ErrSignedOut) {
		t.Errorf("the friend list: %v", err)
	}
	o.signsIn(ann, "ann")
}

// TestWhoSignsOutIsNotToldSo: the server ends the heartbeat of who signs out, too.
func TestWhoSignsOutIsNotToldSo(t *testing.T) {
	o, ann := openServer(t), start(t, "Ann")
	heard := make(chan struct{}, 1)
	o.logout = func() { // the heartbeat ends first
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for a, err := ann.Account(t.Context()); err == nil && a.SignedIn; a, err = ann.Account(t.Context()) {
			<-tick.C
		}
		heard <- struct{}{}
	}
	for _, out := range []func(context.Context) error{ann.SignOut, ann.ForgetServer} {
		o.signsIn(ann, "ann")
		eventually(t, "a heartbeat", func() bool { return ann.account().Reached })
		events := ann.subscribe()
		if err := out(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-heard
		o.signsIn(ann, "ann")
		told := events.wait("the next sign-in, or a word too much", func(e Event) bool {
			return e.Kind == SignedOut || e.Kind == AccountChanged && e.Account.Reached
		})
		if told.Kind == SignedOut {
			t.Errorf("told %q", told.Reason)
		}
	}
}

// TestACopyThatSignsInIsTold has one identity signed in from two places: the one that
// came last stays, and a person takes that back.
func TestACopyThatSignsInIsTold(t *testing.T) { t.Run("A-25", signsInTwice) }

func signsInTwice(t *testing.T) {
	o, bob := openServer(t), start(t, "Bob")
	o.signsIn(bob, "bob")
	home := t.TempDir()
	first := start(t, "Ann", func(c *Config) { c.Profile = open(t, home, "ann") })
	o.signsIn(first, "ann")
	here := func(d *device) func() bool {
		return func() bool { a := d.account(); return a.SignedIn && a.Reached && !a.Elsewhere }
	}
	eventually(t, "a heartbeat", here(first))
	atFirst := first.subscribe()

	second := copied(t, first, t.TempDir(), "default")
	o.signsIn(second, "ann")
	atFirst.wait("nothing more of Bob", func(e Event) bool { return e.Kind == PresenceChanged && e.Friend.Presence == rendezvous.Offline })
	if e := atFirst.kind(SignedOut); e.Reason.String() != OutElsewhere {
		t.Errorf("the first is told %q", e.Reason)
	}
	eventually(t, "the second one stays", here(second))
	if a := first.account(); !a.SignedIn || a.Reached || !a.Elsewhere || a.Problem.IsZero() {
		t.Errorf("afterwards the first is %+v", a)
	}

	atSecond := second.subscribe()
	if a, err := first.TakeBack(t.Context()); err != nil || a.Elsewhere || !a.Problem.IsZero() {
		t.Errorf("taken back: %+v, %v", a, err)
	}
	if e := atSecond.kind(SignedOut); e.Reason.String() != OutElsewhere {
		t.Errorf("the second is told %q", e.Reason)
	}
	eventually(t, "the first is back", here(first))
	o.signsIn(second, "ann") // with the password it is the same
	atFirst.kind(SignedOut)
	eventually(t, "the second is back", here(second))

	if _, err := start(t, "Cleo").TakeBack(t.Context()); !errors.Is(err, ErrNoServer) {
		t.Errorf("without a server: %v", err)
	}
}

func TestAPasswordGoesOnlyToAServerThatWasConfirmed(t *testing.T) {
	o, rogue, ann := openServer(t), openServer(t), start(t, "Ann")
	ask := func(server, fingerprint string) error {
		_, err := ann.SignIn(t.Context(), SignIn{Server: server, Fingerprint: fingerprint, User: "ann", Password: "secret"})
		return err
	}
	if err := ask(o.addr, ""); !errors.Is(err, ErrUnconfirmed) {
		t.Errorf("without a fingerprint: %v", err)
	}
	if err := ask(o.addr, "0000 0000"); !errors.Is(err, ErrOtherKey) {
		t.Errorf("with another fingerprint: %v", err)
	}
	if len(o.asked) > 0 {
		t.Errorf("the server was asked %v", o.asked)
	}
	key, err := ann.ServerKey(t.Context(), o.addr)
	if err != nil || key.Pinned || key.Fingerprint != rendezvous.Fingerprint(o.realm.ID()) {
		t.Errorf("it shows %+v, %v", key, err)
	}
	if err := ask(o.addr, key.Fingerprint); err != nil {
		t.Fatal(err)
	}
	if key, err := ann.ServerKey(t.Context(), o.addr); err != nil || !key.Pinned {
		t.Errorf("then %+v, %v", key, err)
	}
	// Another server comes up in its place.
	rogue.stop()
	o.stop()
	rogue.realm = ann.Node.id
	rogue.asked = nil
	rogue.listen(o.addr)
	if err := ask(o.addr, ""); !errors.Is(err, ErrOtherKey) {
		t.Errorf("with another key: %v", err)
	}
	if err := ask(o.addr, rendezvous.Fingerprint(rogue.realm.ID())); !errors.Is(err, ErrOtherKey) {
		t.Errorf("with the other key's fingerprint: %v", err)
	}
	if err := ask(rogue.link(), ""); !errors.Is(err, ErrOtherServer) {
		t.Errorf("with a link to the other key: %v", err)
	}
	if len(rogue.asked) > 0 {
		t.Errorf("the rogue was asked %v", rogue.asked)
	}
	if err := ann.ForgetServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := ann.account(); a.SignedIn || a.Server != "" {
		t.Errorf("forgotten: %+v", a)
	}
	if err := ask(rogue.link(), ""); err != nil {
		t.Errorf("then the other one: %v", err)
	}
}

func TestWhatAServerMayHaveUsDial(t *testing.T) {
	all := []string{"10.1.0.2:7420", "[2001:db8::1]:7420", "127.0.0.1:7420", "0.0.0.0:7420", "224.0.0.251:7420", "10.1.0.2:22", "[fe80::1]:7420", "[::ffff:10.1.0.3]:7420", "x"}
	var got []string
	for _, a := range usable(all, false) {
		got = append(got, a.String())
	}
	if want := []string{"10.1.0.2:7420", "[2001:db8::1]:7420", "10.1.0.3:7420"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := usable([]string{"127.0.0.1:7420"}, true); len(got) != 1 {
		t.Errorf("of a server on this machine: %v", got)
	}
}

func TestNobodyIsSignedInWithoutAServer(t *testing.T) {
	ann := start(t, "Ann")
	for _, err := range []error{ann.SignOut(t.Context()), ann.ForgetServer(t.Context())} {
		if !errors.Is(err, ErrNoServer) {
			t.Errorf("got %v", err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := ann.ServerKey(t.Context(), l.Addr().String()); !errors.Is(err, ErrServerAway) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := ann.ServerKey(t.Context(), "a b"); !errors.Is(err, ErrAddress) {
		t.Errorf("no address: %v", err)
	}
}
