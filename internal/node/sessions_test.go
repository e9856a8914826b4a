package node

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"earshot/discovery"
	"earshot/peer"
)

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestACrowdBeginsLateAndEndsLate(t *testing.T) {
	crowd := false
	for _, step := range []struct {
		people int
		want   bool
	}{{32, false}, {40, false}, {41, true}, {40, true}, {25, true}, {24, false}, {40, false}, {41, true}} {
		if crowd = crowded(crowd, step.people); crowd != step.want {
			t.Errorf("%d people: crowd is %v, want %v", step.people, crowd, step.want)
		}
	}
}

func TestPresence(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		what string
		p    person
		want bool
	}{
		{"nothing known", person{}, false},
		{"a claim alone", person{found: true}, false},
		{"a session", person{session: true}, true},
		{"a session a moment ago", person{fading: now.Add(-fadeTime / 2)}, true},
		{"a session long ago", person{fading: now.Add(-fadeTime), proved: now}, false},
		{"heard, proved lately", person{found: true, proved: now.Add(-provedLately / 2)}, true},
		{"heard, proved long ago", person{found: true, proved: now.Add(-provedLately)}, false},
	} {
		if got := c.p.present(now); got != c.want {
			t.Errorf("%s: present is %v", c.what, got)
		}
	}
}

func TestInACrowdSessionsNeedAReason(t *testing.T) {
	now := time.Now()
	n := &Node{now: func() time.Time { return now }, crowd: true}
	p := &person{proved: now}
	if n.wanted(p) {
		t.Error("a session without a reason")
	}
	if p.contact = true; !n.wanted(p) {
		t.Error("none with a contact")
	}
	p.contact = false
	if now = now.Add(proveAgain); !n.wanted(p) {
		t.Error("none with somebody who proved nothing lately")
	}
}

func TestViaNamesEachSourceOnce(t *testing.T) {
	var p person
	for _, s := range []discovery.Source{discovery.MDNS, discovery.Local, discovery.MDNS} {
		p.addVia(s)
	}
	if v := p.value(); len(v.Via) != 2 || v.Via[0] != "local" || v.Via[1] != "mdns" {
		t.Errorf("via %v", v.Via)
	}
}

func TestEachScreenWatchesItsOwn(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	to := Direct(b.myself())
	one, two := AsViewer(t.Context(), 1), AsViewer(t.Context(), 2)
	watched := func() bool {
		on, err := ask(t.Context(), a.Node, func() (bool, error) { return a.onScreen(b.myself()), nil })
		if err != nil {
			t.Fatal(err)
		}
		return on
	}
	for _, step := range []struct {
		ctx  context.Context
		to   Conversation
		want bool
	}{{one, to, true}, {two, to, true}, {one, "", true}, {two, "", false}, {t.Context(), to, true}, {t.Context(), "", false}} {
		if err := a.Watch(step.ctx, step.to); err != nil {
			t.Fatal(err)
		}
		if got := watched(); got != step.want {
			t.Errorf("after %v watches %.8s: %v", Viewer(step.ctx), step.to, got)
		}
	}
	if err := a.Watch(one, "nobody"); err == nil {
		t.Error("watched nobody")
	}
}

func TestInACrowdIdleSessionsAreClosedAndNobodyBlinks(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	events := a.subscribe()
	err := order(t.Context(), a.Node, func() error {
		p := a.people[b.myself()]
		a.crowd, p.found = true, true
		p.proved = p.proved.Add(-idleTime) // it and the session begin together
		a.rest(a.now().Add(idleTime))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	events.wait("the session is closed", func(e Event) bool {
		if e.Kind == PeerDown {
			t.Error("shown as gone")
		}
		return e.Kind == PeerChanged && !e.Person.Connected
	})
	if !a.online(b) {
		t.Error("not online")
	}
	a.write(b, "there is something to say")
	eventually(t, "reached again", func() bool { return len(b.texts(a)) == 1 })
}

// TestInACrowdASessionInUseIsNotClosed, whichever side uses it.
func TestInACrowdASessionInUseIsNotClosed(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	began := time.Now()
	restsAfter := func(d time.Duration) (rests bool) {
		t.Helper()
		err := order(t.Context(), a.Node, func() error {
			a.crowd = true
			a.rest(began.Add(d))
			rests = a.people[b.myself()].rested
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return rests
	}
	if !a.host.Send(b.myself(), peer.OfferState{}) {
		t.Fatal("not sent")
	}
	if restsAfter(idleTime) {
		t.Error("closed though a frame went out")
	}
	conn, err := a.host.DialData(t.Context(), b.myself())
	if err != nil {
		t.Fatal(err)
	}
	if restsAfter(10 * idleTime) {
		t.Error("closed though a data connection was open")
	}
	conn.Close()
	if restsAfter(idleTime) {
		t.Error("closed though it was used until a moment ago")
	}
	if !restsAfter(10 * idleTime) {
		t.Error("an idle one was not closed")
	}
}
