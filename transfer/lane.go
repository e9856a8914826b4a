package transfer

import (
	"context"
	"errors"
	"time"

	"earshot/peer"
)

// A large transfer comes over two connections. Where packets get lost, one of them
// waits now and then until the loss is noticed, 200 ms and more after the packet that
// was sent again got lost too; the other one goes on.

const (
	// maxLanes is how many connections one transfer uses.
	maxLanes = 2
	// wideFrom is how many bytes must be missing for a second one.
	wideFrom = 64 << 20
	// wideTime is how long it may take to open it.
	wideTime = 500 * time.Millisecond
	// runSize is how many bytes are asked for on one before the next one's turn: whole
	// chunks, since one reader hashes them.
	runSize = peer.ChunkSize
	// restTime is how long nothing may be asked for on a connection that is to be used
	// again: less than the other side waits for a request.
	restTime = patience / 2
)

// lane is one connection of a pull, with what is on its way over it.
type lane struct {
	wire    *wire
	asked   chan piece    // what will come, in order
	arrived chan received // what came
	free    chan received // what was written, to be filled again
	asking  []piece       // to be asked for next
	open    int64         // bytes that were asked for and not taken yet
	used    time.Time     // when something was asked for last
}

func newLane(w *wire) *lane {
	l := &lane{
		wire: w, used: time.Now(),
		asked: make(chan piece, maxAsked), arrived: make(chan received, buffers), free: make(chan received, buffers),
	}
	for range buffers {
		l.free <- received{buf: make([]byte, batchSize)}
	}
	return l
}

// lead finds a lane for a piece that is to be asked for: that of the piece before it
// until the run is long enough, then the one on which least is on its way.
func (p *pull) lead(c *piece) {
	if p.left <= 0 {
		for _, l := range p.lanes {
			if p.lane == nil || l.open < p.lane.open && time.Since(l.used) < restTime {
				p.lane = l
			}
		}
		p.left = runSize
	}
	p.left -= int64(c.size)
	if !c.isLast() {
		p.left = max(p.left, 1)
	}
	c.lane, c.turn = p.lane, p.left <= 0
	p.lane.open, p.lane.used = p.lane.open+int64(c.size), c.asked
	p.lane.asking = append(p.lane.asking, *c)
	p.lane.asked <- *c
}

// widen opens the second connection where that is worth it, and the first one was
// dialled from here. Without it everything comes over the first.
func (r *receipt) widen(ctx context.Context) {
	if r.second != nil || r.narrow || r.link.asksFirst() || r.t.Bytes-r.moved.done.Load() < r.cfg.wideFrom {
		return
	}
	dialing, done := context.WithTimeout(ctx, wideTime)
	defer done()
	w, err := r.dial(dialing)
	if err == nil {
		r.second = w
	}
	r.narrow = err != nil && ctx.Err() == nil
}

// narrowed decides about the second connection after an error: of two, either may
// have been the cause, so the next try is made with one.
func (r *receipt) narrowed(ctx context.Context, err error) {
	if ctx.Err() == nil && errors.As(err, new(*lostError)) {
		r.narrow = r.second != nil
	}
}

// rest closes the second connection while nothing is asked for on it: the other side
// would not wait.
func (r *receipt) rest() {
	if r.second != nil {
		r.second.abort()
		r.second = nil
	}
}

// wires are the connections that are open.
func (r *receipt) wires() []*wire {
	if r.second == nil {
		return []*wire{r.wire}
	}
	return []*wire{r.wire, r.second}
}
