package cli

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"earshot/internal/node"
	"earshot/internal/profile"
)

// TestListenHearsWhatHappenedBeforeItListened starts a node next to another one,
// and subscribes only when the two have met.
func TestListenHearsWhatHappenedBeforeItListened(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	home := t.TempDir()
	bob, ann := lasting(ctx, t, home, "bob"), lasting(ctx, t, home, "ann")
	met, err := ann.Node.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer met.Close()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for people := []node.Person(nil); len(people) == 0 || !people[0].Online; <-tick.C {
		if people, err = ann.People(ctx); err != nil {
			t.Fatal(err)
		}
	}
	self, err := bob.Self(ctx)
	if err != nil {
		t.Fatal(err)
	}

	sub, err := ann.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	events, err := sub.Next(ctx)
	if err != nil || events[0].Kind != node.Ready {
		t.Fatalf("got %+v, %v", events, err)
	}
	for _, e := range events[1:] {
		if e.Kind == node.PeerUp && e.Person.ID == self.ID {
			return
		}
	}
	t.Errorf("nobody came up in %+v", events)
}

// lasting starts a profile's node as listen does, until the test ends. It looks
// at no network: the nodes of one home find each other through it.
func lasting(ctx context.Context, t *testing.T, home, name string) *session {
	t.Helper()
	p := Program{Stderr: io.Discard, Environment: func(string) (string, bool) { return "", false }}
	p.profile = profile.Profile{Home: home, Name: name}
	p.set.Name, p.set.Interfaces, p.set.Log = name, []string{"no-such-interface"}, slog.LevelError
	s, err := p.attachProfile(ctx, role{lasting: true, alone: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.end(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}
