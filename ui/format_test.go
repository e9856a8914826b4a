package ui

import (
	"testing"
	"time"
)

func TestSizesAndTimesReadLikePeopleSayThem(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_234_567: "1.2 MB", 99_949: "99.9 kB", 99_950: "100 kB",
		999_499: "999 kB", 999_500: "1.0 MB", 5_000_000_000: "5.0 GB", 1 << 62: "4.6 EB",
	} {
		if got := bytesOf(n); got != want {
			t.Errorf("bytesOf(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0:00", 7 * time.Second: "0:07", 12*time.Minute + 40*time.Second: "12:40", 3*time.Hour + 5*time.Minute: "3 h 05",
	} {
		if got := leftOf(d); got != want {
			t.Errorf("leftOf(%v) = %q, want %q", d, got, want)
		}
	}
	for _, c := range []struct {
		done, total int64
		want        int
	}{{0, 0, 100}, {0, 10, 0}, {9_999, 10_000, 99}, {10, 10, 100}, {1 << 61, 1 << 62, 50}} {
		if got := percent(c.done, c.total); got != c.want {
			t.Errorf("percent(%d, %d) = %d, want %d", c.done, c.total, got, c.want)
		}
	}
}
