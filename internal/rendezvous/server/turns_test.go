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

func TestHandshakesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(nil)
		g.turns = make(turns, 1)
		first, second, third := visit(t, g), visit(t, g), visit(t, g)
		awaits := func(c *gated) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := g.turns.await(&tls.ClientHelloInfo{Conn: c})
				done <- err
			}()
			synctest.Wait()
			return done
		}
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
		if len(g.turns) > 0 {
			t.Error("a turn is never over")
		}
	})
}
