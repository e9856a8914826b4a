package peer

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheLargerKeyWaits(t *testing.T) {
	dialled := func(n, m byte) (took time.Duration) {
		story(t, func(t *testing.T, s *stage) {
			a, b := s.host(n), s.host(m)
			began := time.Now()
			meet(a, b)
			took = time.Since(began)
		})
		return took
	}
	small, large := byte(1), byte(2)
	if seedID(small).Compare(seedID(large)) > 0 {
		small, large = large, small
	}
	if took := dialled(small, large); took > dialSpread {
		t.Errorf("the smaller key took %v", took)
	}
	if took := dialled(large, small); took < politeWait || took > politeWait+dialSpread {
		t.Errorf("the larger key took %v", took)
	}
}

// smaller and larger are two actors, by their keys.
func smallerAndLarger(s *stage) (*actor, *actor) {
	a, b := s.host(1), s.host(2)
	if a.id().Compare(b.id()) > 0 {
		a, b = b, a
	}
	return a, b
}

func TestAKilledPeerIsGoneAtOnce(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := smallerAndLarger(s)
		meet(a, b)
		time.Sleep(time.Minute)
		began := time.Now()
		s.kill(b.addr)
		await[SessionDown](a)
		await[PeerGone](a)
		if took := time.Since(began); took > 0 {
			t.Errorf("gone after %v", took)
		}
		if a.Send(b.id(), OfferState{}) {
			t.Error("something was sent to nobody")
		}
	})
}

func TestALeavingPeerIsGoneAtOnceAndComesBack(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		meet(a, b)
		b.stop()
		await[SessionDown](a)
		await[PeerGone](a)
		if n := count[PeerGone](a); n != 1 {
			t.Errorf("gone %d times", n)
		}
		b = s.host(2) // a still wants it
		await[SessionUp](a)
		await[SessionUp](b)
	})
}

func TestAPeerThatVanishes(t *testing.T) {
	vanishes := func(t *testing.T, unacked bool) (down, gone time.Duration) {
		story(t, func(t *testing.T, s *stage) {
			a, b := s.host(1), s.host(2)
			meet(a, b)
			began := time.Now()
			s.mute(b.addr.Addr())
			if unacked && !a.Send(b.id(), OfferState{}) {
				t.Error("not sent")
			}
			await[SessionDown](a)
			down = time.Since(began)
			await[PeerGone](a)
			gone = time.Since(began)
		})
		return down, gone
	}
	t.Run("with data that was not acknowledged/O-09", func(t *testing.T) {
		if down, gone := vanishes(t, true); gone > 30*time.Second || gone-down != RedialGrace {
			t.Errorf("down after %v, gone after %v", down, gone)
		}
	})
	t.Run("with nothing going on", func(t *testing.T) {
		if down, gone := vanishes(t, false); down != 37500*time.Millisecond || gone-down != RedialGrace {
			t.Errorf("down after %v, gone after %v", down, gone)
		}
	})
}

func TestASilentNetworkDoesNotBlink(t *testing.T) {
	const silence = 10 * time.Second
	for _, pause := range []time.Duration{3 * time.Second, 20 * time.Second} {
		story(t, func(t *testing.T, s *stage) {
			a, b := s.host(1), s.host(2)
			meet(a, b)
			a.Watch(b.id(), "screen", true)
			b.Watch(a.id(), "screen", true)
			b.Reach(a.id(), []netip.AddrPort{a.addr})
			for range 20 {
				time.Sleep(pause)
				s.mute(b.addr.Addr())
				time.Sleep(silence)
				s.unmute(b.addr.Addr())
			}
			time.Sleep(10 * time.Second)
			if n := count[PeerGone](a) + count[PeerGone](b); n > 0 {
				t.Errorf("silent every %v: gone %d times", pause, n)
			}
			if a.sessions() != 1 || b.sessions() != 1 {
				t.Errorf("silent every %v: %d and %d sessions", pause, a.sessions(), b.sessions())
			}
		})
	}
}

func TestALostSessionLocksNothing(t *testing.T) {
	t.Run("everything returns while the session is killed/H-23", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a, b := smallerAndLarger(s)
			meet(a, b)
			s.kill(b.addr)
			began := time.Now()
			await[SessionDown](a)
			a.Watch(b.id(), "screen", true)
			a.Reach(b.id(), []netip.AddrPort{b.addr})
			a.NetworkChanged()
			if a.Send(b.id(), OfferState{}) {
				t.Error("something was sent to nobody")
			}
			if _, err := a.DialData(t.Context(), b.id()); err == nil {
				t.Error("a data connection to nobody")
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("took %v", took)
			}
			await[PeerGone](a)
		})
	})
}

func TestAnUnreachablePeerIsDialledLessAndLess(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, nobody := s.host(1), addrOf(9)
		a.Reach(seedID(9), []netip.AddrPort{nobody})
		await[PeerGone](a)
		time.Sleep(24 * time.Hour)
		// Half of 5 minutes on average, so about 580 a day.
		if n := s.dialled(nobody); n < 300 || n > 900 {
			t.Errorf("dialled %d times in a day", n)
		}
		if n := count[PeerGone](a); n != 1 {
			t.Errorf("gone %d times", n)
		}
		s.host(9)
		a.NetworkChanged()
		began := time.Now()
		await[SessionUp](a)
		if took := time.Since(began); took > politeWait+dialSpread {
			t.Errorf("a network change had it dialled after %v", took)
		}
	})
}

func TestReachWithoutAnAddressIsAnswered(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		a.Reach(seedID(9), []netip.AddrPort{{}, netip.AddrPortFrom(addrOf(9).Addr(), 0)})
		await[PeerGone](a)
	})
}

func TestTheFirstGoodAddressWins(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := smallerAndLarger(s)
		s.mute(addrOf(20).Addr())
		began := time.Now()
		a.Reach(b.id(), []netip.AddrPort{addrOf(20), addrOf(21), b.addr})
		up := await[SessionUp](a)
		if took := time.Since(began); up.Addr != b.addr || took > dialSpread+2*addressHeadStart {
			t.Errorf("at %v after %v", up.Addr, took)
		}
	})
}

func TestForgetAndDrop(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		meet(a, b)
		a.Forget(b.id())
		talk(t, a, b)
		s.kill(b.addr)
		await[SessionDown](a)
		before := s.dialled(b.addr)
		time.Sleep(time.Hour)
		if n := s.dialled(b.addr) - before; n > 5 {
			t.Errorf("dialled %d times after Forget", n)
		}
	})
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		meet(a, b)
		a.Drop(b.id(), ByeIdle)
		if a.Send(b.id(), OfferState{}) {
			t.Error("sent after Drop")
		}
		await[SessionDown](a)
		await[SessionDown](b)
		time.Sleep(time.Hour)
		if n := count[PeerGone](a) + count[PeerGone](b) + a.sessions() + b.sessions(); n != 0 {
			t.Errorf("a: %v, b: %v", a.kinds(), b.kinds())
		}
		meet(a, b)
	})
}

func TestANewAddressIsTriedSoon(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := smallerAndLarger(s)
		s.mute(addrOf(20).Addr())
		a.Reach(b.id(), []netip.AddrPort{addrOf(20)})
		time.Sleep(time.Second)
		began := time.Now()
		for range 100 { // also where many false ones come with it
			a.Reach(b.id(), []netip.AddrPort{addrOf(20), b.addr})
			time.Sleep(10 * time.Millisecond)
		}
		await[SessionUp](a)
		if took := time.Since(began); took > hurriedDial+dialSpread+addressHeadStart {
			t.Errorf("took %v", took)
		}
		if count[PeerGone](a) > 0 {
			t.Error("the peer was gone")
		}
	})
}

func TestANetworkChangeEndsDeadSessions(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b, c := s.host(1), s.host(2), s.host(3)
		meet(a, b)
		meet(a, c)
		s.mute(b.addr.Addr())
		began := time.Now()
		a.NetworkChanged()
		down := await[SessionDown](a)
		if took := time.Since(began); took != checkTime || down.ID != b.id() {
			t.Errorf("%s down after %v", down.ID, took)
		}
		s.unmute(b.addr.Addr())
		await[SessionUp](a)
		if count[PeerGone](a) > 0 {
			t.Error("the peer was gone")
		}
		talk(t, a, c)
	})
}

func TestSleepIsAJumpOfTheWallClock(t *testing.T) {
	for _, c := range []struct {
		monotonic, wall time.Duration
		want            bool
	}{
		{2 * time.Second, 2 * time.Second, false},
		{2 * time.Second, 6 * time.Second, false},
		{2 * time.Second, 8 * time.Second, true},
		{2 * time.Second, -3 * time.Hour, false},
		{time.Minute, time.Minute, false},
	} {
		if got := jumped(c.monotonic, c.wall); got != c.want {
			t.Errorf("%v of %v: got %v", c.wall, c.monotonic, got)
		}
	}
}

func TestBackoffGrowsToItsBound(t *testing.T) {
	for _, c := range []struct {
		failures int
		bound    time.Duration
	}{{0, minBackoff}, {1, minBackoff}, {2, 2 * minBackoff}, {5, 16 * minBackoff}, {10, maxBackoff}, {1000, maxBackoff}} {
		longest := time.Duration(0)
		for range 1000 {
			longest = max(longest, backoff(c.failures))
		}
		if longest > c.bound || longest < c.bound*3/4 {
			t.Errorf("%d failures: up to %v, want %v", c.failures, longest, c.bound)
		}
	}
}

func TestTheRoundTripOfASessionIsMeasured(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		p, a := guest(s)
		time.Sleep(7 * time.Millisecond)
		if got := a.RoundTrip(seedID(visitor)); got != 0 {
			t.Errorf("%v, and nothing was answered", got)
		}
		p.say(Pong{N: 9}) // answers nothing
		p.say(Pong{N: 1})
		synctest.Wait()
		if got := a.RoundTrip(seedID(visitor)); got < 7*time.Millisecond || got > 8*time.Millisecond {
			t.Errorf("the round trip is %v", got)
		}
	})
}
