package peer

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait after so many failures in a row: anything up to
// a bound that doubles from minBackoff to maxBackoff. "Full jitter" keeps a
// network full of nodes that lost the same switch from dialling in step.
func backoff(failures int) time.Duration {
	bound := maxBackoff
	if n := failures - 1; n < 16 {
		bound = min(maxBackoff, minBackoff<<max(n, 0))
	}
	return rand.N(bound) + 1
}

// spread is how long to wait before somebody is dialled of whom everybody heard
// at the same moment: the more they are, the longer.
func spread(everybody int) time.Duration {
	return rand.N(min(dialSpread, time.Duration(everybody)*dialSlot)) + 1
}
