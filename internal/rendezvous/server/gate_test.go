package server

import (
	"net/netip"
	"testing"
)

// TestRoomIsMadeByWhoWaits fills a gate with strangers: a new one takes the place of the
// oldest that nothing was done for, and of none where something was for all.
func TestRoomIsMadeByWhoWaits(t *testing.T) {
	g := newGate(nil)
	stranger := func(n int) *gated {
		c := visit(t, g)
		c.from = netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})
		return c
	}
	var all []*gated
	for n := range maxStrangers {
		c := stranger(n)
		if out, ok := g.enter(c); !ok || out != nil {
			t.Fatalf("stranger %d: %v, %v", n, out, ok)
		}
		all = append(all, c)
	}
	all[0].begin()
	out, ok := g.enter(stranger(maxStrangers))
	if !ok || out != all[1] {
		t.Fatal("the oldest that waits did not make room")
	}
	out.Close()
	if out.begin() {
		t.Error("a handshake begins whose connection is closed")
	}
	for _, c := range all[2:] {
		c.begin()
	}
	if out, ok := g.enter(stranger(maxStrangers + 1)); !ok || out == nil || g.untouched.Len() != 1 {
		t.Errorf("the one before did not make room: %v, %v, %d wait", out, ok, g.untouched.Len())
	}
	g.untouched.Front().Value.(*gated).begin()
	if _, ok := g.enter(stranger(maxStrangers + 2)); ok {
		t.Error("one came in that there is no room for")
	}
}
