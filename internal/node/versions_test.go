package node

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"earshot/peer"
)

// speaks has a device be seen with that highest version, on a session that only the
// node believes in.
func (d *device) speaks(id peer.ID, highest uint64) {
	d.box.put(peer.SessionUp{ID: id, Hello: peer.Hello{Lowest: 1, Highest: highest, Name: "Bob", Instance: uuid.New()}})
}

// linked reports whether anything would be sent to a device.
func (d *device) linked(id peer.ID) bool {
	d.t.Helper()
	linked, err := ask(d.t.Context(), d.Node, func() (bool, error) { return d.people[id].linked, nil })
	if err != nil {
		d.t.Fatal(err)
	}
	return linked
}

func TestAVerifiedContactThatSpeaksAnOlderVersion(t *testing.T) {
	a, bob := start(t, "Ann"), peer.ID{7}
	a.speaks(bob, 3)
	a.speaks(bob, 5)
	if err := a.Verify(t.Context(), bob, true); err != nil {
		t.Fatal(err)
	}
	a.stop()
	a.restart()
	events := a.subscribe()
	t.Run("it offered 5 and now at most 3/H-17", func(t *testing.T) {
		a.speaks(bob, 3)
		if notice := events.kind(Failed).Error.String(); !strings.Contains(notice, "older version of the protocol than before (3, it was 5)") {
			t.Errorf("the notice: %s", notice)
		}
		if p, _ := a.sees(bob); !p.Older || !p.Online || a.linked(bob) {
			t.Errorf("it is not held: %+v, %v", p, a.linked(bob))
		}
		m, err := a.Write(t.Context(), Direct(bob), "hello")
		if err != nil || m.State != Queued || !strings.Contains(m.Why.String(), "waiting for you") {
			t.Errorf("what is written is %s (%s), %v", m.State, m.Why, err)
		}
		a.speaks(bob, 5) // as before
		if p, _ := a.sees(bob); p.Older || !a.linked(bob) {
			t.Errorf("it is still held: %+v", p)
		}
	})
	for what, yes := range map[string]func() error{
		"the person says so":       func() error { return a.Accept(t.Context(), bob) },
		"the numbers are compared": func() error { return a.Verify(t.Context(), bob, true) },
		"it is verified no longer": func() error { return a.Verify(t.Context(), bob, false) },
	} {
		if err := a.Verify(t.Context(), bob, true); err != nil {
			t.Fatal(err)
		}
		a.speaks(bob, 5)
		a.speaks(bob, 3)
		if p, _ := a.sees(bob); !p.Older || a.linked(bob) {
			t.Fatalf("%s: it is not held: %+v", what, p)
		}
		if err := yes(); err != nil {
			t.Fatal(err)
		}
		if p, _ := a.sees(bob); p.Older || !a.linked(bob) {
			t.Errorf("%s, and it is held: %+v", what, p)
		}
	}
}

func TestAStrangerMaySpeakAnyVersion(t *testing.T) {
	a, bob := start(t, "Ann"), peer.ID{7}
	a.speaks(bob, 5)
	a.speaks(bob, 3)
	if p, _ := a.sees(bob); p.Older || !a.linked(bob) {
		t.Errorf("held: %+v", p)
	}
}
