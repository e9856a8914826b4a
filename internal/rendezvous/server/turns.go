package server

import (
	"crypto/tls"
	"errors"
	"runtime"
	"time"
)

// A handshake costs a server as much as some heartbeats. Where more come than it can
// pay they wait for each other, and not everybody who is signed in for them: on half
// of the processors they work at once.

var errBusy = errors.New("too many handshakes are waiting")

// turns are the places in which handshakes work.
type turns chan struct{}

func newTurns() turns { return make(turns, max(1, runtime.GOMAXPROCS(0)/2)) }

// await waits for the turn of a connection whose hello was read. It lasts until the
// answer is written ([gated.Write]): nobody holds it while he is waited for.
func (t turns) await(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	c, ok := hello.Conn.(*gated)
	if !ok {
		return nil, nil // the usual one
	}
	timer := time.NewTimer(handshakeTime)
	defer timer.Stop()
	select {
	case t <- struct{}{}:
		c.turn.Store(true)
		return nil, nil
	case <-timer.C:
		return nil, errBusy
	}
}

// yield ends the connection's turn.
func (c *gated) yield() {
	if c.turn.CompareAndSwap(true, false) {
		<-c.gate.turns
	}
}
