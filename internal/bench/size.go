package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a number of bytes; as a flag it is written like 64KiB, 512MiB, 2GiB,
// or as a plain number.
type size int64

var units = []struct {
	name  string
	bytes size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// Set reads a size from the command line.
func (s *size) Set(text string) error {
	for _, u := range units {
		number, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 1 || n > math.MaxInt64/int64(u.bytes) {
			break
		}
		*s = size(n) * u.bytes
		return nil
	}
	return fmt.Errorf("%q is not a size: want a number with KiB, MiB or GiB", text)
}

func (s size) String() string {
	for _, u := range units {
		if s >= u.bytes && s%u.bytes == 0 {
			return strings.TrimSpace(fmt.Sprintf("%d %s", int64(s)/int64(u.bytes), u.name))
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
