package node

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"earshot/peer"
)

// waits makes sure that an offer came and is not accepted; the text behind it came
// later, so that what a rule would have done is done.
func waits(t *testing.T, from, to *device, id uuid.UUID) {
	t.Helper()
	m := from.write(to, "did you see it?")
	eventually(t, "the text behind the offer", func() bool { _, err := to.Message(t.Context(), m.ID); return err == nil })
	if got := to.transferState(id); got.State != "offered" {
		t.Errorf("the offer is %s, want it to wait", got.State)
	}
}

func TestALargeOfferWaitsForThePerson(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob", func(c *Config) { c.Rule, c.AcceptUpTo = AcceptAll, 1000 })
	meet(t, a, b)
	path, content := file(t, "small.txt", 1000)
	arrives(t, a, b, a.offers(b, path).ID, content)
	path, content = file(t, "large.txt", 1001)
	large := a.offers(b, path)
	waits(t, a, b, large.ID)
	if err := b.SetRule(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	waits(t, a, b, large.ID)
	if err := b.Answer(t.Context(), large.ID, Answer{Accept: true}); err != nil {
		t.Fatal(err)
	}
	arrives(t, a, b, large.ID, content)
}

func TestARuleForOnePerson(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	events := b.subscribe()
	meet(t, a, b)
	path, content := file(t, "first.txt", 1000)
	first := a.offers(b, path)
	path, larger := file(t, "larger.txt", 1001)
	second := a.offers(b, path)
	waits(t, a, b, second.ID)
	if err := b.AcceptFrom(t.Context(), a.myself(), 1000); err != nil {
		t.Fatal(err)
	}
	arrives(t, a, b, first.ID, content)
	waits(t, a, b, second.ID)
	events.wait("told", func(e Event) bool { return e.Person != nil && e.Person.AcceptUpTo == 1000 && e.Person.Contact })

	b.stop()
	b.restart()
	meet(t, a, b)
	waits(t, a, b, second.ID)
	path, content = file(t, "third.txt", 999)
	arrives(t, a, b, a.offers(b, path).ID, content)
	if err := b.AcceptFrom(t.Context(), a.myself(), AnySize); err != nil {
		t.Fatal(err)
	}
	arrives(t, a, b, second.ID, larger)

	if err := b.AcceptFrom(t.Context(), a.myself(), 0); err != nil {
		t.Fatal(err)
	}
	path, _ = file(t, "fourth.txt", 5)
	waits(t, a, b, a.offers(b, path).ID)
	if p, _ := b.sees(a.myself()); p.AcceptUpTo != 0 || !p.Contact {
		t.Errorf("taken back: %+v", p)
	}
	if err := b.AcceptFrom(t.Context(), peer.ID{1}, 5); !errors.Is(err, ErrNoSuchPeer) {
		t.Errorf("nobody: %v", err)
	}
	if b.AcceptFrom(t.Context(), a.myself(), -2) == nil {
		t.Error("a negative size was taken")
	}
}

func TestWhatIsAccepted(t *testing.T) {
	stranger, friend := person{}, person{contact: true}
	few, any := person{acceptUpTo: 10}, person{acceptUpTo: AnySize}
	imitator, blocked := person{acceptUpTo: AnySize, imitates: true}, person{acceptUpTo: AnySize, blocked: true}
	for _, c := range []struct {
		rule  Rule
		upTo  int64
		bytes int64
		want  [6]bool // the people below
	}{
		{AcceptNone, 0, 10, [6]bool{2: true, 3: true}},
		{AcceptNone, 0, 11, [6]bool{3: true}},
		{AcceptFriends, 20, 20, [6]bool{1: true, 3: true}},
		{AcceptFriends, 20, 21, [6]bool{3: true}},
		{AcceptAll, 0, 1 << 60, [6]bool{0: true, 1: true, 2: true, 3: true}},
		{AcceptAll, 5, 10, [6]bool{2: true, 3: true}},
	} {
		n := &Node{rule: c.rule, cfg: Config{AcceptUpTo: c.upTo}}
		for i, p := range []person{stranger, friend, few, any, imitator, blocked} {
			if got := n.accepts(&p, c.bytes); got != c.want[i] {
				t.Errorf("%s up to %d, %d bytes from person %d: %v", c.rule, c.upTo, c.bytes, i, got)
			}
		}
	}
}

// TestARuleThatSaysYesKnowsTheSender: as the person's own yes would.
func TestARuleThatSaysYesKnowsTheSender(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	path, content := file(t, "one.txt", 100)
	id := a.offers(b, path).ID
	eventually(t, "it waits", func() bool { return b.transferState(id).State == "offered" })
	if p, _ := b.sees(a.myself()); p.Contact || !p.Waiting {
		t.Errorf("before: %+v", p)
	}
	if err := b.SetRule(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	arrives(t, a, b, id, content)
	if p, _ := b.sees(a.myself()); !p.Contact || p.Waiting {
		t.Errorf("after: %+v", p)
	}
	if self, err := b.Self(t.Context()); err != nil || self.Accept != AcceptAll {
		t.Errorf("self: %+v, %v", self, err)
	}
}
