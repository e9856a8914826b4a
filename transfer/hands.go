package transfer

import (
	"runtime"

	"golang.org/x/sync/errgroup"
)

// Most of what small files cost are calls of the system, so several goroutines share
// those that come together.

const (
	// maxHands is how many goroutines share the work, at most.
	maxHands = 4
	// handful is how many small files are worth a goroutine.
	handful = 8
)

// byHands does something with each of n things. Each hand, a goroutine with a number
// below maxHands, does it with some that follow one another, and stops at an error.
func byHands(n int, do func(hand, i int) error) error {
	hands := max(1, min(runtime.GOMAXPROCS(0), maxHands, n/handful))
	var group errgroup.Group
	for hand := range hands {
		group.Go(func() error {
			for i := hand * n / hands; i < (hand+1)*n/hands; i++ {
				if err := do(hand, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
