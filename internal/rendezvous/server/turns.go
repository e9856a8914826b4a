package server

import (
	"crypto/tls"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

// A handshake costs a server as much as some heartbeats. Where more come than it can
// pay they wait for each other, and not everybody who is signed in for them: on half
// of the processors they work at once. None begins while those that came before it
// wait for the database: what is begun is finished.

var errBusy = errors.New("too many handshakes are waiting")

// turns are the places in which handshakes work.
type turns struct {
	mu      sync.Mutex
	places  int             // that are free
	asking  int             // requests that ask the database who it is, or what is new
	waiting []chan struct{} // handshakes, the newest last; closed when it is their turn
}

func newTurns() *turns { return &turns{places: max(1, runtime.GOMAXPROCS(0)/2)} }

// await waits for the turn of a connection whose hello was read. It lasts until the
// answer is written ([gated.Write]): nobody holds it while he is waited for. The
// newest is the first: the others are likelier to have given up, and where all wait
// for as long as they can bear nobody is served.
func (t *turns) await(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	c, ok := hello.Conn.(*gated)
	if !ok {
		return nil, nil // the usual one
	}
	timer := time.NewTimer(handshakeTime)
	defer timer.Stop()
	turn := t.queue()
	select {
	case <-turn:
	case <-timer.C:
		if t.leave(turn) {
			return nil, errBusy
		}
	}
	if !c.begin() {
		c.yield()
		return nil, errBusy
	}
	return nil, nil
}

func (t *turns) queue() chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	turn := make(chan struct{})
	t.waiting = append(t.waiting, turn)
	t.next()
	return turn
}

// leave has nobody wait for a turn any more, and reports false where it has come.
func (t *turns) leave(turn chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting, turn)
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	return i >= 0
}

// next begins what may begin. The mutex is held.
func (t *turns) next() {
	for t.places > 0 && t.asking < readConnections && len(t.waiting) > 0 {
		last := len(t.waiting) - 1
		close(t.waiting[last])
		t.waiting = slices.Delete(t.waiting, last, last+1)
		t.places--
	}
}

// ask counts a request that asks the database, until done is called.
func (t *turns) ask() (done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asking++
	return t.answered
}

func (t *turns) answered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asking--
	t.next()
}

// yield ends the connection's turn.
func (c *gated) yield() {
	if !c.turn.CompareAndSwap(true, false) {
		return
	}
	t := c.gate.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	t.places++
	t.next()
}
