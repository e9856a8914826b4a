package peer

import (
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// double is a puppet with the actor's own key.
func (s *stage) double(a *actor) *puppet {
	s.t.Helper()
	cert := must(selfSigned(a.cfg.Identity))
	return s.puppetOn(must(s.dial(s.t.Context(), addrOf(visitor).Addr(), a.addr)), tlsConfig(cert, a.id(), protoSession))
}

// neighbours is of how many devices the host knows.
func (a *actor) neighbours() int {
	a.Host.mu.Lock()
	defer a.Host.mu.Unlock()
	return len(a.peers)
}

// bothKnow waits until two copies of one identity were told of each other, and
// of nothing else.
func bothKnow(t *testing.T, dialler, other *actor) {
	t.Helper()
	for _, pair := range [][2]*actor{{dialler, other}, {other, dialler}} {
		if got, want := await[Twin](pair[0]), (Twin{ID: pair[0].id(), Addr: pair[1].addr, Met: true}); got != want {
			t.Errorf("%v was told %+v, want %+v", pair[0].addr, got, want)
		}
		if n := len(pair[0].kinds()); n != 1 || pair[0].sessions() > 0 || pair[0].neighbours() > 0 {
			t.Errorf("%v: events %v, %d sessions, %d neighbours", pair[0].addr, pair[0].kinds(), pair[0].sessions(), pair[0].neighbours())
		}
		if n := pair[0].log.warnings(); n > 0 {
			t.Errorf("%v: %d warnings", pair[0].addr, n)
		}
	}
}

func TestTwoCopiesThatMeetNobodyElse(t *testing.T) {
	for _, c := range []struct {
		how  string
		find func(a *actor, addr netip.AddrPort)
	}{
		{"one claims the key of the other/H-13", func(a *actor, addr netip.AddrPort) { a.Challenge(addr) }},
		{"somebody named the address/H-13", func(a *actor, addr netip.AddrPort) { a.Probe(addr) }},
	} {
		t.Run(c.how, func(t *testing.T) {
			story(t, func(t *testing.T, s *stage) {
				a, copied := s.hostAt(1, addrOf(1)), s.hostAt(1, addrOf(2))
				c.find(a, copied.addr)
				bothKnow(t, a, copied)
				time.Sleep(time.Hour) // it is answered: nothing is tried again
				if n := s.dialled(copied.addr); n != 1 {
					t.Errorf("dialled %d times", n)
				}
			})
		})
	}
}

func TestTwoRealCopiesThatMeetNobodyElse(t *testing.T) {
	a, copied := realHost(t, 1), realHost(t, 1)
	a.Challenge(copied.addr)
	bothKnow(t, a, copied)
}

func TestACopyIsToldWithAHelloAndABye(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		p := s.double(a)
		if hello := p.hello(); hello.Instance != a.cfg.Instance {
			t.Errorf("the hello: %+v", hello)
		}
		if bye := p.hearBye(); bye.Code != ByeTwice {
			t.Errorf("heard %+v", bye)
		}
		await[Twin](a)
	})
}

// TestWhoClaimsOurKeyAndHasItNotChangesNothing: a claim makes us knock, once,
// and tell nobody.
func TestWhoClaimsOurKeyAndHasItNotChangesNothing(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, liar := s.host(1), s.host(2)
		a.Challenge(liar.addr)
		a.Challenge(addrOf(9)) // nobody
		time.Sleep(time.Hour)
		if len(a.kinds()) > 0 || len(liar.kinds()) > 0 || a.neighbours() > 0 {
			t.Errorf("told %v and %v, %d neighbours", a.kinds(), liar.kinds(), a.neighbours())
		}
		if s.dialled(liar.addr) != 1 || s.dialled(addrOf(9)) != 1 {
			t.Errorf("dialled %d and %d times", s.dialled(liar.addr), s.dialled(addrOf(9)))
		}
	})
}

func TestFewChallengesAreUnderWayAtOnce(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		s.mute(a.addr.Addr())
		dialled := func() (n int) {
			for to := range byte(20) {
				n += s.dialled(addrOf(100 + to))
			}
			return n
		}
		for round := range 2 {
			for to := range byte(20) {
				a.Challenge(addrOf(100 + to))
			}
			time.Sleep(time.Second)
			if n := dialled(); n != maxChallenges*(round+1) {
				t.Errorf("round %d: %d addresses were dialled in all", round, n)
			}
			s.unmute(a.addr.Addr()) // nobody is there: their room is back
			synctest.Wait()
			s.mute(a.addr.Addr())
		}
	})
}

func TestSilentCopiesAreFew(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		closed := make(chan struct{}, maxAddressHandshakes)
		for range maxAddressHandshakes {
			p := s.double(a)
			s.extras.Go(func() {
				io.Copy(io.Discard, p)
				closed <- struct{}{}
			})
		}
		conn := must(s.dial(t.Context(), addrOf(visitor).Addr(), a.addr))
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("one too many was let in")
		}
		conn.Close()
		time.Sleep(helloTime)
		synctest.Wait()
		if n := len(closed); n != maxAddressHandshakes {
			t.Errorf("%d were closed after %v", n, helloTime)
		}
		s.double(a).helloAs(greeting("copy", uuid.New(), DefaultPort)) // there is room again
		await[Twin](a)
	})
}
