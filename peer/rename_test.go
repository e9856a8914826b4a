package peer

import (
	"net/netip"
	"testing"
)

func TestANameThatChangesBeforeTheSessionIsKeptIsTold(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		p := s.puppet(visitor, a)
		p.hear() // a's hello, with its old name
		a.SetName("Anna")
		p.say(greeting("puppet", [16]byte{1}, 7420))
		if got, ok := p.hear().(Presence); !ok || got.Name != "Anna" {
			t.Errorf("heard %+v", got)
		}
	})
}

func TestClaimsAboutStrangersReserveNoPlace(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		claimed := addrOf(9)
		a.Reach(seedID(7), []netip.AddrPort{claimed})
		if a.knows(claimed.Addr()) {
			t.Error("a claim is enough")
		}
		a.SetContact(seedID(7), true)
		if !a.knows(claimed.Addr()) {
			t.Error("a contact is not known")
		}
		meet(a, b)
		if !a.knows(b.addr.Addr()) {
			t.Error("who was met is not known")
		}
	})
}
