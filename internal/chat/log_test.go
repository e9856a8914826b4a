package chat

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"earshot/peer"
)

// branch makes entries from after number on; salt tells branches apart.
func branch(t rapid.TB, before []Entry, n int, salt byte) []Entry {
	all := slices.Clone(before)
	author := peer.NewIdentity([32]byte{1})
	for range n {
		h := Header{Log: 5, Number: uint64(len(all)) + 1, ID: uuid.UUID{byte(len(all)), salt}, Clock: 10*uint64(len(all)) + uint64(salt)}
		if len(all) > 0 {
			hash := all[len(all)-1].Hash()
			h.Before = &hash
		}
		e, err := Seal(author, h, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// knows is what the holder of a log knows of its headers.
func knows(log []Entry) hashAt {
	return func(number uint64) (peer.Hash, bool, error) {
		if number == 0 || number > uint64(len(log)) {
			return peer.Hash{}, false, nil
		}
		return log[number-1].Hash(), true, nil
	}
}

// held is the log that consists of these entries.
func held(entries []Entry) Log {
	var l Log
	for _, e := range entries {
		l = l.extended(e)
	}
	return l
}

func claimOf(entries []Entry) claim {
	l := held(entries)
	return claim{Extent{l.First, l.Last, 0}, l.Hash}
}

func TestTwoBranches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		common := branch(t, nil, rapid.IntRange(0, 12).Draw(t, "common"), 0)
		ours := branch(t, common, rapid.IntRange(0, 8).Draw(t, "ours"), 1)
		theirs := branch(t, common, rapid.IntRange(0, 8).Draw(t, "theirs"), 2)
		parted := len(ours) > len(common) && len(theirs) > len(common)

		rel, err := relate(held(ours), claimOf(theirs), knows(ours))
		want := shorter
		if len(theirs) > len(ours) {
			want = longer
		} else if parted {
			want = forked
		}
		if err != nil || rel != want {
			t.Fatalf("relation %v, want %v; %v", rel, want, err)
		}
		checkPlaces(t, ours, theirs, len(common))
		if len(theirs) > 0 {
			checkParting(t, ours, theirs, len(common))
		}
	})
}

func checkPlaces(t *rapid.T, ours, theirs []Entry, common int) {
	for i, e := range theirs {
		want := conflict
		switch {
		case i < common:
			want = known
		case i > len(ours):
			want = gap
		case i == len(ours) && len(ours) == common:
			want = next
		}
		if got, err := place(held(ours), e, knows(ours)); err != nil || got != want {
			t.Fatalf("entry %d of theirs, %d common, %d ours: %v, want %v; %v", i+1, common, len(ours), got, want, err)
		}
	}
}

func checkParting(t *rapid.T, ours, theirs []Entry, common int) {
	begin := rapid.IntRange(0, len(theirs)-1).Draw(t, "begin")
	point, found, err := parting(theirs[begin:], knows(ours))
	if err != nil || found != (begin <= common) || found && point != uint64(common) {
		t.Fatalf("from %d: they part at %d, %v; want %d; %v", begin+1, point, found, common, err)
	}
	all := merged(ours[common:], theirs[common:])
	if len(all) != len(ours)+len(theirs)-2*common {
		t.Fatalf("%d entries of both branches", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b Entry) int { return int(a.Clock) - int(b.Clock) }) {
		t.Fatal("the new log would not be in order")
	}
	if again := merged(all, all[:len(all)/2]); len(again) != len(all) {
		t.Fatal("an entry twice in the new log")
	}
}

func TestClock(t *testing.T) {
	year := int64(365 * 24 * 60 * 60 * 1000)
	at := func(ms int64) time.Time { return time.UnixMilli(ms) }
	for _, c := range []struct {
		name   string
		now    time.Time
		newest uint64
		want   uint64
	}{
		{"the wall clock", at(built), 5, built},
		{"behind the conversation", at(built), built + 7, built + 8},
		{"1970", at(0), 41, 42},
		{"before 1970", at(-7), 0, 1},
		{"beyond what anybody takes", at(built + 11*year), 41, 42},
	} {
		if got := nextClock(c.now, c.newest); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		name  string
		clock int64
		now   int64
		want  bool
	}{
		{"now", built, built, false},
		{"three years ahead", built + 3*year, built, false},
		{"ten years ahead", built + 10*year, built, false},
		{"more than ten years ahead", built + 10*year + 1, built, true},
		{"the receiver lives in 1970", built + year, 0, false},
		{"the receiver is ahead", built + 11*year, built + 2*year, false},
	} {
		if got := tooFarAhead(uint64(c.clock), at(c.now)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if !tooFarAhead(1<<62, at(built)) {
		t.Error("the end of time was taken")
	}
}
