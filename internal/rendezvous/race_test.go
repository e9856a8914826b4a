package rendezvous

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestSilentAddressesHoldNobodyUp has a server whose first three addresses are of no
// use from here: packets to them get lost.
func TestSilentAddressesHoldNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, h := newNetwork(), &heard{}
		for _, silent := range []string{"a:1", "b:1", "c:1"} {
			defer n.listen(silent).Close()
		}
		defer n.serve(t, office, seeded(9), h)()
		c := n.client(t, 1, "a:1", "b:1", "c:1", office)
		defer c.Close()
		began := time.Now()
		if _, err := c.Me(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 3*stagger {
			t.Errorf("it took %v", took)
		}
		if got := c.Addresses(); got[0] != office {
			t.Errorf("the next call would begin with %s", got[0])
		}
		if _, err := c.Me(t.Context()); err != nil || h.count() != 2 {
			t.Errorf("asked %d times: %v", h.count(), err)
		}
		if n.dials("a:1") != 1 || n.dials(office) != 1 {
			t.Errorf("dialled %v, where one connection is enough", n.dialled)
		}
	})
}

// TestAllSilentIsSaidSoon: they are waited for at the same time.
func TestAllSilentIsSaidSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		addresses := []string{"a:1", "b:1", "c:1", "d:1"}
		for _, silent := range addresses {
			defer n.listen(silent).Close()
		}
		c := n.client(t, 1, addresses...)
		began := time.Now()
		if _, err := c.Me(t.Context()); !errors.Is(err, ErrAway) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took > dialTime+3*stagger {
			t.Errorf("it took %v", took)
		}
	})
}

// TestARogueServerWinsNoRace answers at once, with another key.
func TestARogueServerWinsNoRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, rogue, h := newNetwork(), &heard{}, &heard{}
		defer n.serve(t, office, seeded(8), rogue)()
		defer n.serve(t, branch, seeded(9), h)()
		c := n.client(t, 1, office, branch)
		defer c.Close()
		if _, err := c.Me(t.Context()); err != nil || rogue.count() > 0 || h.count() != 1 {
			t.Errorf("asked %d and %d times: %v", rogue.count(), h.count(), err)
		}
	})
}

// TestLosersOfARaceAreClosed has a server answer when another one was faster, and one
// that nobody asks after it won.
func TestLosersOfARaceAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		fast, other := net.Pipe()
		defer other.Close()
		won, failed := race(t.Context(), []string{"a", "b", "c"}, func(ctx context.Context, address string) (net.Conn, error) {
			switch address {
			case "a":
				<-ctx.Done()
				return near, nil // too late
			case "b":
				return nil, errors.New("refused")
			}
			return fast, nil
		})
		if won.address != "c" || len(failed) != 1 || failed[0].address != "b" {
			t.Errorf("%+v won, %+v failed", won, failed)
		}
		if _, err := far.Read(make([]byte, 1)); err == nil {
			t.Error("the loser is still open")
		}
		lines := newLines()
		conn := lines.add("c", won.conn)
		drop := lines.keep("c", conn)
		drop()
		if _, err := other.Read(make([]byte, 1)); err == nil || lines.isUp("c") || lines.take("c") != nil {
			t.Error("what nobody used is still open")
		}
	})
}

// TestAnEndedCallDialsNobody ends while all are silent.
func TestAnEndedCallDialsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		defer n.listen("a:1").Close()
		defer n.listen("b:1").Close()
		ctx, cancel := context.WithTimeout(t.Context(), stagger/2)
		defer cancel()
		_, err := n.client(t, 1, "a:1", "b:1").Me(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || n.dials("b:1") > 0 {
			t.Errorf("%v; dialled %v", err, n.dialled)
		}
	})
}
