package transfer

import (
	"cmp"
	"slices"

	"earshot/peer"
)

// A plan says from where the bytes of one file come: from the sender, or from an
// older version of the file in the save folder.
type plan struct {
	file  *File
	parts []planned       // in order, without a gap
	sums  [][sumSize]byte // of the file's chunks at the sender; nil: not known
}

// planned is a range of the file that comes from one place.
type planned struct {
	at, size int64
	from     int64 // in the older version, or fromSender
}

// Where a piece comes from, beside a place in the older version.
const (
	fromSender = -1
	placed     = -2 // the whole file lies where it belongs
)

// piece is the one behind another one of the same chunk.
func (p *plan) piece(before piece) piece {
	next := piece{chunk: before.chunk, at: before.at + before.size, from: fromSender}
	at := next.offset + int64(next.at)
	next.size = min(next.chunk.size-next.at, peer.PieceSize-int(at%peer.PieceSize))
	if p == nil || p.file.N != next.file.N || next.repair {
		return next
	}
	next.plan = p
	i, found := slices.BinarySearchFunc(p.parts, at, func(r planned, at int64) int { return cmp.Compare(r.at, at) })
	if !found {
		i-- // at is within the one before
	}
	r := p.parts[i]
	next.size = int(min(int64(next.size), r.at+r.size-at))
	if r.from >= 0 {
		next.from = r.from + at - r.at
	}
	return next
}

// planned reports whether a file can be asked for: there is a plan, or nothing to
// plan.
func (l *landing) planned(f *File) bool {
	switch {
	case f.Base == "", l.plan != nil && l.plan.file.N == f.N:
		return true
	case !f.Same || f.Size > smallFile:
		return false
	}
	l.plan = &plan{file: f, parts: []planned{{0, f.Size, 0}}}
	return true
}

// unplanned is the file that has to be planned before anything can follow, nil for
// none. Entries before it, of which nothing is to be asked for any more, are passed.
func (l *landing) unplanned() (*File, error) {
	for n := l.file; n < l.entries; n++ {
		f, ok, err := l.walk.file(n)
		if err != nil || !ok {
			return nil, err
		}
		if l.asked >= f.First+f.Chunks() {
			continue
		}
		if f.Placed || l.planned(f) {
			return nil, nil
		}
		return f, nil
	}
	return nil, nil
}

// match finds what the slices of a file at the sender have in common with those of
// an older version.
func match(file, older []slice) []planned {
	slices.SortFunc(older, func(a, b slice) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.offset, b.offset)) })
	var parts []planned
	for _, want := range file {
		from := find(older, want)
		if n := len(parts) - 1; n >= 0 && parts[n].joins(from) {
			parts[n].size += int64(want.size)
			continue
		}
		parts = append(parts, planned{want.offset, int64(want.size), from})
	}
	return parts
}

// find is where a slice lies among sorted ones, fromSender where it does not.
func find(sorted []slice, want slice) int64 {
	i, _ := slices.BinarySearchFunc(sorted, want.hash, func(s slice, hash uint64) int { return cmp.Compare(s.hash, hash) })
	for ; i < len(sorted) && sorted[i].hash == want.hash; i++ {
		if sorted[i].size == want.size {
			return sorted[i].offset
		}
	}
	return fromSender
}

// joins reports whether what comes from there goes on where the range ends.
func (r planned) joins(from int64) bool {
	return from < 0 && r.from < 0 || from >= 0 && r.from >= 0 && r.from+r.size == from
}
