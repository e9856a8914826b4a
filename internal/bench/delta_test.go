package main

import (
	"bufio"
	"bytes"
	"testing"
)

// TestOnePerCentIsChanged compares what was kept by where it comes from: an old
// byte says its place.
func TestOnePerCentIsChanged(t *testing.T) {
	const length = 1 << 20
	old := make([]byte, length)
	for i := range length / 4 {
		old[4*i], old[4*i+1], old[4*i+2] = byte(i), byte(i>>8), byte(i>>16)
	}
	edited := func() []byte {
		var out bytes.Buffer
		if err := change(&out, bufio.NewReader(bytes.NewReader(old)), length); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	one, other := edited(), edited()
	const edit = length / 100 / edits
	if want := length + (7-6)*edit; len(one) != want || len(other) != want { // 7 overwritten, 7 inserted, 6 deleted
		t.Errorf("%d and %d bytes, want %d", len(one), len(other), want)
	}
	if bytes.Equal(one, other) {
		t.Error("the new bytes are the same each time")
	}
	differ := 0
	for i := range one {
		if one[i] != other[i] {
			differ++
		}
	}
	if most := 14 * edit; differ > most || differ < most*9/10 {
		t.Errorf("two versions differ in %d bytes, want nearly %d: the same places", differ, most)
	}
	if got := commonEnds(old, one); got < length/100 {
		t.Errorf("only %d bytes at the ends are kept", got)
	}
}

// commonEnds is how many bytes two texts share at the beginning and at the end.
func commonEnds(a, b []byte) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	for i := 1; i <= min(len(a), len(b))-n && a[len(a)-i] == b[len(b)-i]; i++ {
		n++
	}
	return n
}
