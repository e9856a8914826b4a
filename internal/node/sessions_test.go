package node

import (
	"log/slog"
	"testing"
	"time"

	"earshot/discovery"
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
	if now = now.Add(provedLately); !n.wanted(p) {
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
