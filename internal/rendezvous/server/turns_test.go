package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// visit is a connection at a gate whose hello was read; its other end reads.
func visit(t *testing.T, g *gate) *gated {
	t.Helper()
	near, far := net.Pipe()
	go io.Copy(io.Discard, far)
	t.Cleanup(func() { near.Close() })
	return &gated{Conn: near, gate: g}
}

// awaits has a connection wait for its turn in the background.
func awaits(c *gated) chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.gate.turns.await(&tls.ClientHelloInfo{Conn: c})
		done <- err
	}()
	synctest.Wait()
	return done
}

func TestHandshakesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(nil)
		g.turns.places = 1
		first, second, third := visit(t, g), visit(t, g), visit(t, g)
		if err := <-awaits(first); err != nil {
			t.Fatal(err)
		}
		waiting := awaits(second)
		if len(waiting) > 0 {
			t.Fatal("two work at once")
		}
		first.Write([]byte("hello"))
		if err := <-waiting; err != nil {
			t.Errorf("after the first one's answer: %v", err)
		}
		begun := time.Now()
		if err := <-awaits(third); !errors.Is(err, errBusy) || time.Since(begun) != handshakeTime {
			t.Errorf("got %v after %v", err, time.Since(begun))
		}
		second.yield()
		second.yield() // is nothing
		if g.turns.places != 1 {
			t.Error("a turn is never over")
		}
	})
}

// TestWhatIsBegunIsFinished has handshakes wait while the database is asked as much as
// it can answer, and the newest go first then.
func TestWhatIsBegunIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(nil)
		g.turns.places = 1
		var answered []func()
		for range readConnections {
			answered = append(answered, g.turns.ask())
		}
		early, late := visit(t, g), visit(t, g)
		first, second := awaits(early), awaits(late)
		if len(first)+len(second) > 0 {
			t.Fatal("a handshake begins while the database has enough to do")
		}
		answered[0]()
		synctest.Wait()
		if len(first) > 0 || len(second) != 1 {
			t.Errorf("of two that wait %d and %d began, want the newer", len(first), len(second))
		}
		late.yield()
		if err := <-first; err != nil {
			t.Errorf("the other one: %v", err)
		}
		early.yield()
		for _, done := range answered[1:] {
			done()
		}
		if g.turns.asking != 0 || g.turns.places != 1 || len(g.turns.waiting) != 0 {
			t.Errorf("left behind: %d ask, %d places, %d wait", g.turns.asking, g.turns.places, len(g.turns.waiting))
		}
	})
}
