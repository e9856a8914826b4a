package node

import (
	"os"
	"strings"
	"testing"

	"earshot/discovery"
	"earshot/internal/profile"
)

// copied starts a node of a copy of a's profile.
func copied(t *testing.T, a *device, home, name string) *device {
	t.Helper()
	p := open(t, home, name)
	key, err := os.ReadFile(a.cfg.Profile.Path(profile.IdentityFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Path(profile.IdentityFile), key, 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, "Copy", func(c *Config) { c.Profile = p })
}

// warned waits until a node says that its identity runs at the other's address
// too, and makes sure that it lists nobody.
func warned(t *testing.T, events *follower, d, other *device) {
	t.Helper()
	events.wait("a warning", func(e Event) bool {
		return e.Kind == Failed && strings.Contains(e.Error.String(), "running a second time, at "+other.address().String())
	})
	people, err := d.People(t.Context())
	if err != nil || len(people) > 0 {
		t.Errorf("%s lists %+v, %v", d.cfg.Name, people, err)
	}
}

func TestTwoCopiesThatMeetNobodyElse(t *testing.T) {
	for _, c := range []struct {
		how  string
		find func(a, b *device)
	}{
		{"one hears the other", func(a, b *device) { a.box.put(discovery.Copied{Addr: b.address()}) }},
		{"a person names the address", func(a, b *device) {
			if err := a.Connect(a.t.Context(), b.address().String()); err != nil {
				a.t.Fatal(err)
			}
		}},
	} {
		t.Run(c.how, func(t *testing.T) {
			a := start(t, "Ann")
			b := copied(t, a, t.TempDir(), "default")
			atA, atB := a.subscribe(), b.subscribe()
			c.find(a, b)
			warned(t, atA, a, b)
			warned(t, atB, b, a)
		})
	}
}

func TestACopyInTheSameHome(t *testing.T) {
	home := t.TempDir()
	a := start(t, "Ann", func(c *Config) { c.Profile = open(t, home, "ann") })
	b := copied(t, a, home, "ann-copy")
	atA, atB := a.subscribe(), b.subscribe()
	warned(t, atA, a, b)
	warned(t, atB, b, a)
}
