package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for people := []node.Person(nil); len(people) == 0 || !people[0].Online; <-tick.C {
		var err error
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

// TestAListenTakesThePlaceOfACommandsNode starts one while a command waits for
// something; the command goes on with the new node.
func TestAListenTakesThePlaceOfACommandsNode(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	home := t.TempDir()
	command := attach(ctx, t, home, "ann", role{})
	if self, err := command.Self(ctx); err != nil || !self.Passing {
		t.Fatalf("got %+v, %v", self, err)
	}
	sub, err := command.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	listen := lasting(ctx, t, home, "ann")
	want, err := listen.Self(ctx)
	if err != nil || want.Passing {
		t.Fatalf("got %+v, %v", want, err)
	}
	if next := follow(ctx, t, sub); next.Passing || !next.Started.Equal(want.Started) {
		t.Errorf("the command goes on with %+v, want %+v", next, want)
	}
}

// TestAConsoleGoesOnWhenTheNodeEnds attaches consoles to a node that ends, be it a
// listen's, a command's or another console's, which does not wait for them.
func TestAConsoleGoesOnWhenTheNodeEnds(t *testing.T) {
	for name, r := range map[string]role{"listen": {lasting: true, alone: true}, "command": {}, "console": {lasting: true}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			home := t.TempDir()
			first := attach(ctx, t, home, "ann", r)
			began, err := first.Self(ctx)
			if err != nil {
				t.Fatal(err)
			}
			one, two := attach(ctx, t, home, "ann", role{lasting: true}), attach(ctx, t, home, "ann", role{lasting: true})
			subOne, subTwo := subscribe(ctx, t, one), subscribe(ctx, t, two)
			if self, err := one.Self(ctx); err != nil || !self.Started.Equal(began.Started) {
				t.Fatalf("attached to %+v, %v", self, err)
			}
			begin := time.Now()
			if err := first.end(); err != nil {
				t.Error(err)
			}
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("leaving took %v", took)
			}
			a, b := follow(ctx, t, subOne), follow(ctx, t, subTwo)
			if a.Passing || a.Started.Equal(began.Started) || !a.Started.Equal(b.Started) {
				t.Errorf("they go on with %+v and %+v", a, b)
			}
			if _, err := one.Write(ctx, node.Direct(seeded(9)), "hello"); !errors.Is(err, node.ErrNoSuchPeer) {
				t.Errorf("the next node says %v", err)
			}
		})
	}
}

// TestTheFirstConsoleIsHiddenUntilItHasAName has its person choose one, and then
// another console go on with it.
func TestTheFirstConsoleIsHiddenUntilItHasAName(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	home := t.TempDir()
	screen := role{lasting: true, quiet: true}
	first := attach(ctx, t, home, "ann", screen)
	self, err := first.Self(ctx)
	if err != nil || self.Named || !self.Hidden {
		t.Fatalf("got %+v, %v", self, err)
	}
	second := attach(ctx, t, home, "ann", screen)
	sub := subscribe(ctx, t, second)
	if err := first.SetName(ctx, "Ann"); err != nil {
		t.Fatal(err)
	}
	if err := first.end(); err != nil {
		t.Error(err)
	}
	if self := follow(ctx, t, sub); !self.Named || self.Hidden || self.Name.String() != "Ann" {
		t.Errorf("goes on as %+v", self)
	}
}

// TestAConsoleSaysWhyItCannotGoOn makes the profile useless while it is attached.
func TestAConsoleSaysWhyItCannotGoOn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	home := t.TempDir()
	listen := attach(ctx, t, home, "ann", role{lasting: true, alone: true})
	console := attach(ctx, t, home, "ann", role{lasting: true})
	sub := subscribe(ctx, t, console)
	identity := filepath.Join(home, "ann", profile.IdentityFile)
	kept, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(identity, []byte("nonsense"), 0o600), listen.end()); err != nil {
		t.Fatal(err)
	}
	if e := nextOf(ctx, t, sub, node.Failed); !strings.Contains(e.Error.String(), "identity") {
		t.Errorf("said %q", e.Error)
	}
	if err := os.WriteFile(identity, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	follow(ctx, t, sub)
}

func subscribe(ctx context.Context, t *testing.T, s *session) node.Subscription {
	t.Helper()
	sub, err := s.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	return sub
}

// follow waits until another node goes on, and returns it.
func follow(ctx context.Context, t *testing.T, sub node.Subscription) node.Self {
	t.Helper()
	return *nextOf(ctx, t, sub, node.Resync).Self
}

func nextOf(ctx context.Context, t *testing.T, sub node.Subscription, kind node.EventKind) node.Event {
	t.Helper()
	for {
		events, err := sub.Next(ctx)
		if err != nil {
			t.Fatalf("no %s: %v", kind, err)
		}
		if i := slices.IndexFunc(events, func(e node.Event) bool { return e.Kind == kind }); i >= 0 {
			return events[i]
		}
	}
}

// lasting starts a profile's node as listen does, until the test ends.
func lasting(ctx context.Context, t *testing.T, home, name string) *session {
	t.Helper()
	return attach(ctx, t, home, name, role{lasting: true, alone: true})
}

// attach takes a profile's node, or starts it, until the test ends. It looks at no
// network: the nodes of one home find each other through it.
func attach(ctx context.Context, t *testing.T, home, name string, r role) *session {
	t.Helper()
	p := Program{Stderr: io.Discard, Environment: func(string) (string, bool) { return "", false }}
	p.profile = profile.Profile{Home: home, Name: name}
	p.sources.Flags = map[string][]string{"interfaces": {"no-such-interface"}, "port": {"0"}, "log": {"error"}}
	if !r.quiet {
		p.sources.Flags["name"] = []string{name}
	}
	if err := p.readSettings(); err != nil {
		t.Fatal(err)
	}
	s, err := p.attachProfile(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.end(); err != nil {
			t.Error(err)
		}
	})
	return s
}
