package transfer

import (
	"testing"
	"time"

	"earshot/peer"
)

// TestTheWindowFollowsTheLink simulates a link: whatever its rate, pieces wait about
// queueTime in it.
func TestTheWindowFollowsTheLink(t *testing.T) {
	for name, c := range map[string]struct {
		rate, trip  float64 // bytes a second, seconds
		least, most int64   // of the window in the end
	}{
		"10 Mbit/s":                    {1.25e6, 0.001, minWindow, minWindow},
		"100 Mbit/s":                   {12.5e6, 0.001, 400_000, 560_000},
		"1 Gbit/s":                     {125e6, 0.0005, maxWindow - 16, maxWindow},
		"10 Gbit/s":                    {1250e6, 0.0001, maxWindow - 16, maxWindow},
		"100 Mbit/s, far away":         {12.5e6, 0.050, 1_000_000, 1_250_000},
		"1 Gbit/s, in another country": {125e6, 0.200, maxWindow - 16, maxWindow},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWindow()
			w.use(time.Duration(c.trip * float64(time.Second)))
			type asked struct {
				at    time.Time
				ahead int64
			}
			var open []asked
			now := time.Unix(0, 0)
			free := now // when the link has sent all that was asked for
			for range 4000 {
				for int64(len(open)+1)*peer.PieceSize <= w.size {
					open = append(open, asked{now, int64(len(open)+1) * peer.PieceSize})
				}
				arrives := later(free, open[0].at.Add(time.Duration(c.trip*float64(time.Second))))
				free = arrives.Add(time.Duration(peer.PieceSize / c.rate * float64(time.Second)))
				now = free
				w.arrived(piece{asked: open[0].at, ahead: open[0].ahead}, now)
				open = open[1:]
			}
			if w.size < c.least || w.size > c.most {
				t.Errorf("%d bytes, want %d to %d", w.size, c.least, c.most)
			}
		})
	}
	t.Run("a peer that did not answer yet", func(t *testing.T) {
		w := newWindow()
		w.use(0)
		w.arrived(piece{asked: time.Unix(0, 0), ahead: 1}, time.Unix(9, 0))
		if w.size != maxWindow {
			t.Errorf("%d bytes", w.size)
		}
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
