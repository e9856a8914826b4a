package peer

import (
	"net/netip"
	"testing"
	"time"
)

// TestWhoAcceptsAndHangsUpIsDialledLessAndLess has the owner of a host ask for
// more with each session, as the owner of a node does.
func TestWhoAcceptsAndHangsUpIsDialledLessAndLess(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		a.onUp(func() { a.Keep(b.id(), []netip.AddrPort{b.addr}) })
		b.onUp(func() { b.Drop(a.id(), ByeLeaving) })
		a.Reach(b.id(), []netip.AddrPort{b.addr})
		time.Sleep(10 * time.Minute)
		if n := s.dialled(b.addr); n < 3 || n > 40 {
			t.Errorf("dialled %d times in ten minutes", n)
		}
	})
}

func TestReachDoesNotForgetFailuresWhileThereIsASession(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		meet(a, b)
		failures := func(set int) int {
			a.Host.mu.Lock()
			defer a.Host.mu.Unlock()
			p := a.neighbour(b.id())
			p.failures += set
			return p.failures
		}
		before := failures(5)
		a.Reach(b.id(), []netip.AddrPort{b.addr})
		if got := failures(0); got != before {
			t.Errorf("%d failures, want %d", got, before)
		}
	})
}
