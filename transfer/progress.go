package transfer

import (
	"math"
	"sync/atomic"
	"time"

	"earshot/peer"
)

// progress is how far a transfer is, for whoever wants to know at any time.
type progress struct {
	done    atomic.Int64 // bytes in the journal and not known to be wrong
	checked atomic.Int64 // bytes verified again since the start
	empty   atomic.Int64 // bytes that came as zeros since the start
	// verifying: checked still grows.
	verifying atomic.Bool
	// content is the content hash, from the finish on.
	content atomic.Pointer[peer.Hash]
}

const (
	// rateTime is the time over which the rate is measured: long enough not to
	// flicker, short enough to tell that something changed.
	rateTime = 3 * time.Second
	// reportTime is the time between two reports of a transfer's progress.
	reportTime = 250 * time.Millisecond
)

// meter measures how fast a count grows.
type meter struct{ seen []sample }

type sample struct {
	at    time.Time
	count int64
}

// add takes in the count of now and returns its growth a second over the last 3 s.
func (m *meter) add(now time.Time, count int64) int64 {
	for len(m.seen) > 1 && now.Sub(m.seen[1].at) >= rateTime {
		m.seen = m.seen[1:]
	}
	m.seen = append(m.seen, sample{now, count})
	first := m.seen[0]
	if now.Sub(first.at) < reportTime || count < first.count {
		return 0
	}
	return int64(float64(count-first.count) / now.Sub(first.at).Seconds())
}

// reset forgets: what follows is another run.
func (m *meter) reset() { m.seen = nil }

// timeLeft is how long so many bytes take at that rate, 0 when unknown.
func timeLeft(bytes, rate int64) time.Duration {
	if rate <= 0 || bytes <= 0 {
		return 0
	}
	seconds := bytes / rate
	if seconds > math.MaxInt64/int64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(seconds) * time.Second
}
