package chat

import (
	"bytes"
	"cmp"
	"slices"

	"earshot/peer"
)

// This file is what a log is, as pure functions: when an entry may be appended,
// when two copies of a log are the same, and what a forked log's author adds to
// a new one. A log is named by its author and a random number that is drawn with
// each new database, so a lost database reuses no number of an entry; an older
// database that was put back does, and is noticed by the hashes.

// hashAt returns the hash of the header of a held entry of one log, false where
// it is not held.
type hashAt func(number uint64) (peer.Hash, bool, error)

// claim is what a peer says it holds of a log.
type claim struct {
	Extent
	hash peer.Hash // of the header of entry Last
}

// relation is how a peer's copy of a log relates to this device's.
type relation int

const (
	shorter relation = iota // the peer holds what we hold, or the beginning of it
	longer                  // the peer holds more; whether it goes on from ours shows when it comes
	forked                  // the peer holds another entry under the same number
)

// relate compares a peer's claim with a log.
func relate(mine Log, theirs claim, at hashAt) (relation, error) {
	if theirs.Last == 0 {
		return shorter, nil
	}
	if theirs.Last > mine.Last {
		return longer, nil
	}
	hash, held, err := at(theirs.Last)
	if err != nil {
		return shorter, err
	}
	if held && hash != theirs.hash {
		return forked, nil
	}
	return shorter, nil
}

// placing is what an entry means to a log.
type placing int

const (
	next     placing = iota // it goes on from the last one
	known                   // it is held already
	gap                     // entries before it are missing
	conflict                // another entry is held under its number, or before it
)

// place says what e, an entry of the log, means to it. The signature decides
// whether that is true.
func place(mine Log, e Entry, at hashAt) (placing, error) {
	switch {
	case e.Number > mine.Last+1:
		return gap, nil
	case e.Number == mine.Last+1:
		if mine.Last > 0 && *e.Before != mine.Hash {
			return conflict, nil
		}
		return next, nil
	}
	hash, held, err := at(e.Number)
	if err != nil {
		return known, err
	}
	if held && hash != e.Hash() {
		return conflict, nil
	}
	return known, nil
}

// extended is the log with e, which place called next, at its end.
func (l Log) extended(e Entry) Log {
	l.Conversation, l.LogKey = e.Conversation, e.LogKey()
	l.First = max(1, l.First)
	l.Last, l.Hash, l.Clock = e.Number, e.Hash(), e.Clock
	return l
}

// parting finds where two copies of a log part: theirs is a run of consecutive
// entries of the other copy, at knows this one. Found is false where they part
// before the run begins.
func parting(theirs []Entry, at hashAt) (point uint64, found bool, err error) {
	for _, e := range slices.Backward(theirs) {
		hash, held, err := at(e.Number)
		if err != nil {
			return 0, false, err
		}
		if held && hash == e.Hash() {
			return e.Number, true, nil
		}
	}
	begin := theirs[0]
	if begin.Before == nil {
		return 0, true, nil
	}
	hash, held, err := at(begin.Number - 1)
	if err != nil || !held || hash != *begin.Before {
		return 0, false, err
	}
	return begin.Number - 1, true, nil
}

// merged is what an author adds to a new log after one was forked: the entries
// of both branches behind the fork, each UUID once, by clock so that the new log
// is in order.
func merged(ours, theirs []Entry) []Entry {
	var all []Entry
	seen := make(map[EntryKey]bool)
	for _, e := range slices.Concat(ours, theirs) {
		if !seen[e.Key()] {
			seen[e.Key()] = true
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Clock, b.Clock), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return all
}
