package discovery

import "time"

// napAfter is how far the clocks may drift apart, or a timer be late, before the
// machine must have slept. Loaded machines are late by less.
const napAfter = 5 * time.Second

// slept reports whether the machine slept between two readings of time.Now that
// should be wait apart. On some systems the monotonic clock stands still
// meanwhile (Linux, macOS) and only the wall clock shows it; on the others
// (Windows) the timer is late.
func slept(before, after time.Time, wait time.Duration) bool {
	return napped(after.Sub(before), after.Round(0).Sub(before.Round(0)), wait)
}

// napped decides by how far the monotonic and the wall clock went.
func napped(monotonic, wall, wait time.Duration) bool {
	return wall-monotonic > napAfter || monotonic-wait > napAfter
}
