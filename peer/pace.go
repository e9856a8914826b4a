package peer

import "time"

// pace says when a session must be asked whether its peer is there, and when
// it has been silent for too long. It knows no clock: all times are given.
type pace struct {
	heard   time.Time // the last byte came
	pinged  time.Time // the last ping was sent
	short   time.Time // since then the shorter interval holds; zero: it does not
	checked time.Time // since then a sign of life is waited for; zero: it is not
}

// next is when the next ping is due, and when the session ends if nothing is
// heard until then.
func (p pace) next() (ping, end time.Time) {
	ping = later(p.heard, p.pinged).Add(pingInterval)
	end = p.heard.Add(silence(pingInterval))
	if !p.short.IsZero() {
		// The silence before the interval became shorter was none.
		base := later(p.heard, p.short)
		ping = sooner(ping, later(base, p.pinged).Add(watchedInterval))
		end = sooner(end, base.Add(silence(watchedInterval)))
	}
	if p.checked.After(p.heard) {
		end = sooner(end, p.checked.Add(checkTime))
	}
	return ping, end
}

// silence is how long nothing may be heard where pings are sent at interval.
func silence(interval time.Duration) time.Duration { return interval * silentHalves / 2 }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
