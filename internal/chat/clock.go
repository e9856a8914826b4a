package chat

import "time"

// Entries are ordered by a hybrid logical clock, in milliseconds: the wall
// clock, but always above every entry of the conversation that its author had
// seen. So an answer follows what it answers whatever the wall clocks say (after
// Kulkarni et al., Logical Physical Clocks, 2014).

const (
	// built is a moment shortly before this version was built, in milliseconds
	// since 1970. It keeps a device whose clock starts in 1970 from refusing
	// everybody.
	built = 1_795_000_000_000 // November 2026
	// ahead is how far an entry's clock may be ahead of the receiver's and of
	// built: ten years. It bounds how far one wrong clock can push everybody's.
	ahead = 10 * 365 * 24 * 60 * 60 * 1000
)

// milliseconds of a wall clock, since 1970.
func milliseconds(now time.Time) uint64 { return uint64(max(0, now.UnixMilli())) }

// nextClock is the clock of a new entry in a conversation whose newest entry has
// the clock newest. A wall clock that nobody would accept is not used.
func nextClock(now time.Time, newest uint64) uint64 {
	wall := milliseconds(now)
	if wall > built+ahead {
		wall = 0
	}
	return max(wall, newest+1)
}

// tooFarAhead reports whether an entry with this clock is left for later.
func tooFarAhead(clock uint64, now time.Time) bool {
	return clock > max(milliseconds(now), built)+ahead
}
