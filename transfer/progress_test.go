package transfer

import (
	"math"
	"testing"
	"time"
)

func TestTheRateIsThatOfThreeSeconds(t *testing.T) {
	var m meter
	at := time.Unix(0, 0)
	rate := m.add(at, 0)
	if rate != 0 {
		t.Errorf("at once: %d", rate)
	}
	for n := int64(1); n <= 40; n++ {
		rate = m.add(at.Add(time.Duration(n)*reportTime), n*250)
	}
	if rate != 1000 {
		t.Errorf("steady: %d, want 1000", rate)
	}
	for n := int64(41); n <= 52; n++ {
		rate = m.add(at.Add(time.Duration(n)*reportTime), 40*250)
	}
	if rate != 0 {
		t.Errorf("three seconds after it stopped: %d", rate)
	}
	if len(m.seen) > 14 {
		t.Errorf("%d samples are kept", len(m.seen))
	}
	m.reset()
	m.add(at, 100)
	if rate = m.add(at.Add(time.Second), 50); rate != 0 {
		t.Errorf("back again: %d", rate)
	}
}

func TestTimeLeft(t *testing.T) {
	for _, c := range []struct {
		bytes, rate int64
		want        time.Duration
	}{{0, 5, 0}, {5, 0, 0}, {100, 10, 10 * time.Second}, {1 << 60, 1, math.MaxInt64}} {
		if got := timeLeft(c.bytes, c.rate); got != c.want {
			t.Errorf("%d at %d: %v, want %v", c.bytes, c.rate, got, c.want)
		}
	}
}
