package ui

import (
	"fmt"
	"time"
)

// bytesOf is a size as people read it: "1.2 MB".
func bytesOf(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1000, 0
	for value >= 999.5 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	if value < 99.95 {
		return fmt.Sprintf("%.1f %s", value, units[unit])
	}
	return fmt.Sprintf("%.0f %s", value, units[unit])
}

var units = []string{"kB", "MB", "GB", "TB", "PB", "EB"}

// leftOf is how long something still takes: "0:07", "12:40", "3 h 05".
func leftOf(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d h %02d", s/3600, s/60%60)
}

// percent is done of total, 100 only when everything is there.
func percent(done, total int64) int {
	if done >= total {
		return 100
	}
	return int(float64(done) / float64(total) * 100)
}

// sameDay reports whether two times are on one day, in the first one's location.
func sameDay(a, b time.Time) bool {
	b = b.In(a.Location())
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}
