package peer

import (
	"testing"
	"time"
)

func TestPaceOfPingsAndTheEnd(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	for _, c := range []struct {
		what      string
		pace      pace
		ping, end float64
	}{
		{"nothing is going on", pace{heard: at(0)}, 15, 37.5},
		{"a ping was sent", pace{heard: at(0), pinged: at(15)}, 30, 37.5},
		{"it was answered", pace{heard: at(16), pinged: at(15)}, 31, 53.5},
		{"watched from the beginning", pace{heard: at(0), short: at(0)}, 5, 12.5},
		{"watched, a ping was sent", pace{heard: at(0), short: at(0), pinged: at(5)}, 10, 12.5},
		{"watched after a silence that was none", pace{heard: at(0), short: at(14)}, 15, 26.5},
		{"watched late in a silence", pace{heard: at(0), short: at(30), pinged: at(30)}, 35, 37.5},
		{"checked", pace{heard: at(0), pinged: at(3), checked: at(3)}, 18, 5},
		{"checked and heard", pace{heard: at(4), pinged: at(3), checked: at(3)}, 19, 41.5},
	} {
		ping, end := c.pace.next()
		if !ping.Equal(at(c.ping)) || !end.Equal(at(c.end)) {
			t.Errorf("%s: ping after %v, end after %v, want %v s, %v s", c.what, ping.Sub(start), end.Sub(start), c.ping, c.end)
		}
	}
}
