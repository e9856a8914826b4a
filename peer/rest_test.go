package peer

import (
	"testing"
	"time"
)

// rests lets a rest with b where their session was not used for an hour, and
// wants it so or not.
func rests(t *testing.T, a, b *actor, want bool) {
	t.Helper()
	if got := a.Rest(b.id(), time.Now().Add(-time.Hour)); got != want {
		t.Errorf("%v rests with %v: %v, want %v", a.addr, b.addr, got, want)
	}
}

func TestWhatUsesASession(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		rests(t, a, b, false) // there is no session
		meet(a, b)
		time.Sleep(59 * time.Minute)
		a.Send(b.id(), OfferState{State: "active"})
		time.Sleep(59 * time.Minute)
		rests(t, a, b, false) // it wrote
		rests(t, b, a, false) // it was written to

		conn, err := a.DialData(t.Context(), b.id())
		if err != nil {
			t.Fatal(err)
		}
		opened := await[DataOpened](b)
		time.Sleep(10 * time.Hour)
		rests(t, a, b, false) // it reads, or is read from
		rests(t, b, a, false)
		conn.Close()
		opened.Conn.Close()
		time.Sleep(59 * time.Minute)
		rests(t, a, b, false)
		rests(t, b, a, false)
		if n := count[SessionDown](a) + count[SessionDown](b); n > 0 {
			t.Fatalf("%d sessions ended", n)
		}

		a.SetName("Anna") // neither this nor the pings are use
		time.Sleep(time.Minute)
		rests(t, b, a, true)
		for _, actor := range []*actor{a, b} {
			await[SessionDown](actor)
		}
		time.Sleep(time.Hour)
		if n := a.sessions() + count[PeerGone](a) + count[PeerGone](b); n > 0 {
			t.Errorf("a: %v, b: %v", a.kinds(), b.kinds())
		}
	})
}
