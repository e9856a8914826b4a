package transfer

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"earshot/peer"
)

const (
	// MinRate is the lowest limit, in bytes a second: with less, connections would
	// look as if they stalled. Who wants less pauses.
	MinRate = 16 << 10
	// share is how many bytes wait for a limit at once. A limit that is changed
	// holds from the next share on.
	share = 16 << 10
)

// limits bound how fast bytes go in one direction: those of a transfer, of its peer
// and of all together.
type limits []*rate.Limiter

func newLimiter() *rate.Limiter { return rate.NewLimiter(rate.Inf, share) }

// setRate sets a limit in bytes a second; 0 is none.
func setRate(l *rate.Limiter, bytes int64) {
	if bytes == 0 {
		l.SetLimit(rate.Inf)
		return
	}
	l.SetLimit(rate.Limit(bytes))
}

// are reports whether there is any limit now.
func (l limits) are() bool {
	for _, one := range l {
		if one.Limit() != rate.Inf {
			return true
		}
	}
	return false
}

// wait waits until so many bytes may go.
func (l limits) wait(ctx context.Context, n int) error {
	for n > 0 && l.are() {
		now := min(n, share)
		for _, one := range l {
			if err := one.WaitN(ctx, now); err != nil {
				return err
			}
		}
		n -= now
	}
	return nil
}

// of are the limits for what is sent or received of a job.
func (e *Engine) limitsOf(j *job) limits {
	i := 0
	if j.t.Direction == Receiving {
		i = 1
	}
	return limits{j.limit, e.link(j.t.Peer).limits[i], e.limits[i]}
}

// LimitAll bounds what is sent, and what is received, to so many bytes a second each;
// 0 is no limit. Like the others it holds at once.
func (e *Engine) LimitAll(bytes int64) {
	e.post(func() { e.limitBoth(e.limits, bytes) })
}

// LimitPeer bounds what goes to, and comes from, one peer.
func (e *Engine) LimitPeer(id peer.ID, bytes int64) {
	e.post(func() { e.limitBoth(e.link(id).limits, bytes) })
}

func (e *Engine) limitBoth(l [2]*rate.Limiter, bytes int64) {
	for _, one := range l {
		setRate(one, bytes)
	}
}

// LimitTransfer bounds one transfer, also after a restart.
func (e *Engine) LimitTransfer(id uuid.UUID, bytes int64, reply func(error)) {
	e.command(id, reply, func(j *job) error {
		switch {
		case j.t.State.Final():
			return ErrState
		case bytes != 0 && bytes < MinRate:
			return fmt.Errorf("limit to %d bytes a second: at least %d", bytes, MinRate)
		}
		j.t.Limit = bytes
		setRate(j.limit, bytes)
		if !e.save(j) {
			return j.unsaved
		}
		return nil
	})
}
