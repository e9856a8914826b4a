package discovery

import (
	"net/netip"
	"testing"
	"time"
)

func TestFloodIsBounded(t *testing.T) {
	var f flood
	source := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, byte(n >> 8), byte(n)}) }
	passed := 0
	for range 10 * maxPackets {
		if f.pass(source(1), start) {
			passed++
		}
	}
	if passed != maxSourcePackets {
		t.Errorf("%d packets of one source passed", passed)
	}
	if !f.pass(source(2), start) {
		t.Error("one source took another's room")
	}
	for n := range 10 * maxPackets {
		if f.pass(source(3+n), start) {
			passed++
		}
	}
	if passed != maxPackets-1 || len(f.sources) > maxPackets {
		t.Errorf("%d packets passed, %d sources remembered", passed, len(f.sources))
	}
	if !f.pass(source(1), start.Add(time.Second)) {
		t.Error("nothing passes in the next second")
	}
}

func TestSleepIsNoticed(t *testing.T) {
	for _, c := range []struct {
		what                  string
		monotonic, wall, wait time.Duration
		want                  bool
	}{
		{"awake", 2 * time.Second, 2 * time.Second, 2 * time.Second, false},
		{"a loaded machine", 5 * time.Second, 5 * time.Second, 2 * time.Second, false},
		{"the monotonic clock stood still", 2 * time.Second, time.Hour, 2 * time.Second, true},
		{"the timer is late", time.Hour, time.Hour, 2 * time.Second, true},
		{"the clock was put back", 2 * time.Second, -time.Hour, 2 * time.Second, false},
	} {
		if got := napped(c.monotonic, c.wall, c.wait); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	if now := time.Now(); slept(now, now.Add(2*time.Second), 2*time.Second) {
		t.Error("two seconds count as sleep")
	}
}
