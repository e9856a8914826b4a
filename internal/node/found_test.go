package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"earshot/discovery"
	"earshot/internal/rendezvous"
	"earshot/peer"
)

// servers are those that a device found, in short.
func (d *device) servers() (all []string) {
	d.t.Helper()
	found, err := d.Servers(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, s := range found {
		standing := "unverified"
		if s.Verified {
			standing = "verified"
		}
		all = append(all, fmt.Sprintf("%s %s by %s, %s", s.Name, s.Address, s.Via, standing))
	}
	return all
}

// announced is a server that says of itself that it is the realm's, at an address.
func (d *device) announced(name, addr string, realm peer.ID) {
	d.box.put(discovery.ServerFound{Realm: realm, Name: name, Addr: netip.MustParseAddrPort(addr)})
}

func TestServersAreListedHoweverTheyWereFound(t *testing.T) {
	var mu sync.Mutex
	inDNS := []string{"rv.example.org:7421"}
	ann := start(t, "Ann", func(c *Config) {
		c.Server = "rv.corp:7421"
		c.inDNS = func(context.Context) []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(inDNS) }
	})
	events := ann.subscribe()
	ann.announced("Office", "10.0.0.9:7421", peer.ID{9})
	if told := events.kind(ServersFound); len(told.Servers) == 0 {
		t.Errorf("told %+v", told)
	}
	eventually(t, "all three are there", func() bool {
		return slices.Equal(ann.servers(), []string{
			"rv.corp rv.corp:7421 by settings, unverified", "rv.example.org rv.example.org:7421 by dns, unverified", "Office 10.0.0.9:7421 by mdns, unverified",
		})
	})
	mu.Lock()
	inDNS = []string{"other.example.org:7421", "not a host", "earshot://x/?k=y"}
	mu.Unlock()
	if err := ann.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "DNS says something else", func() bool {
		return slices.Contains(ann.servers(), "other.example.org other.example.org:7421 by dns, unverified")
	})
	ann.box.put(discovery.ServerLost{Realm: peer.ID{9}, Addr: netip.MustParseAddrPort("10.0.0.9:7421")})
	eventually(t, "it is gone", func() bool { return len(ann.servers()) == 2 })
}

func TestARogueServerGetsNoPassword(t *testing.T) {
	t.Run("A-01", func(t *testing.T) {
		o, ann := openServer(t), start(t, "Ann")
		rogue := openServer(t)
		rogue.stop()
		rogue.realm = peer.NewIdentity([32]byte{66})
		rogue.listen("127.0.0.1:0")

		// Before Ann chose a server: all of them look alike, under the name of the real one.
		ann.announced("Office", rogue.addr, o.realm.ID()) // it claims the real one's key, too
		ann.announced("Office", rogue.addr, rogue.realm.ID())
		eventually(t, "both claims are listed", func() bool { return len(ann.servers()) == 2 })
		signIn := func(fingerprint string) error {
			_, err := ann.SignIn(t.Context(), SignIn{Server: rogue.addr, Fingerprint: fingerprint, User: "ann", Password: "secret"})
			return err
		}
		if err := signIn(""); !errors.Is(err, ErrUnconfirmed) {
			t.Errorf("without a fingerprint: %v", err)
		}
		if err := signIn(rendezvous.Fingerprint(o.realm.ID())); !errors.Is(err, ErrOtherKey) {
			t.Errorf("with the one that it claims: %v", err)
		}
		if key, err := ann.ServerKey(t.Context(), rogue.addr); err != nil || key.Pinned || key.Fingerprint == rendezvous.Fingerprint(o.realm.ID()) {
			t.Errorf("it shows %+v, %v", key, err)
		}

		// Afterwards only the real one is verified.
		o.signsIn(ann, "ann")
		ann.announced("Office", o.addr, o.realm.ID())
		ann.announced("Office", o.addr, rogue.realm.ID())
		eventually(t, "the real one is verified", func() bool { return len(ann.servers()) == 4 })
		found, err := ann.Servers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range found {
			if real := s.Address == o.addr && s.Fingerprint == rendezvous.Fingerprint(o.realm.ID()); s.Verified != real {
				t.Errorf("listed as %+v", s)
			}
		}
		if err := signIn(""); !errors.Is(err, ErrUnconfirmed) {
			t.Errorf("signed in, at the rogue: %v", err)
		}
		if len(rogue.asked) > 0 {
			t.Errorf("the rogue was asked %v", rogue.asked)
		}
	})
}

func TestAJoinLinkInTheSettingsSaysTheKey(t *testing.T) {
	o := openServer(t)
	ann := start(t, "Ann", func(c *Config) { c.Server = o.link() })
	if got, want := ann.servers(), []string{"127.0.0.1 " + o.addr + " by settings, unverified"}; !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if _, err := ann.SignIn(t.Context(), SignIn{Server: o.addr, User: "ann", Password: "secret"}); err != nil {
		t.Errorf("sign in: %v", err)
	}
}

func TestASettingThatIsNoServerIsTold(t *testing.T) {
	ann := start(t, "Ann", func(c *Config) { c.Server = "http://example.org" })
	if e := ann.subscribe().kind(Failed); !strings.Contains(e.Error.String(), "server") {
		t.Errorf("told %q", e.Error)
	}
	if got := ann.servers(); len(got) > 0 {
		t.Errorf("listed %v", got)
	}
}
