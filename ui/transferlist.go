package ui

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/google/uuid"

	"earshot/internal/node"
)

// transferList is all transfers in the order in which they are shown: what moves
// first, then what waits, then what is over; of the same kind the newest first. What
// was cleared is known, but not shown.
// There may be very many, most of them over: it is sorted when the order
// changes, not when it is drawn.
type transferList struct {
	byID  map[uuid.UUID]*node.Transfer
	order []*node.Transfer
	mixed bool // order is to be sorted
}

func newTransferList() transferList {
	return transferList{byID: map[uuid.UUID]*node.Transfer{}}
}

// reset takes over all transfers.
func (l *transferList) reset(all []node.Transfer) {
	clear(l.byID)
	l.order = nil
	for _, t := range all {
		l.put(t)
	}
}

// put adds a transfer, or takes over its newer state and returns the one before.
func (l *transferList) put(t node.Transfer) (before node.Transfer, had bool) {
	have, had := l.byID[t.ID]
	if !had {
		l.byID[t.ID] = &t
		if !t.Cleared {
			l.order, l.mixed = append(l.order, &t), true
		}
		return before, false
	}
	before, *have = *have, t
	l.mixed = l.mixed || rank(&before) != rank(have) || !before.Offered.Equal(t.Offered) || t.Cleared
	return before, true
}

// of is the transfer with this ID.
func (l *transferList) of(id uuid.UUID) (node.Transfer, bool) {
	if t := l.byID[id]; t != nil {
		return *t, true
	}
	return node.Transfer{}, false
}

// all is every transfer that is shown. The slice is the list's own, and good until the next
// transfer changes.
func (l *transferList) all() []*node.Transfer {
	if l.mixed {
		l.order = slices.DeleteFunc(l.order, func(t *node.Transfer) bool { return t.Cleared })
		slices.SortFunc(l.order, func(a, b *node.Transfer) int {
			if c := cmp.Or(cmp.Compare(rank(a), rank(b)), b.Offered.Compare(a.Offered)); c != 0 {
				return c
			}
			return bytes.Compare(a.ID[:], b.ID[:])
		})
		l.mixed = false
	}
	return l.order
}

// going is those that are not over.
func (l *transferList) going() []*node.Transfer {
	all := l.all()
	n, _ := slices.BinarySearchFunc(all, rankOver, func(t *node.Transfer, r int) int { return cmp.Compare(rank(t), r) })
	return all[:n]
}

// over is those that are over.
func (l *transferList) over() []*node.Transfer { return l.all()[len(l.going()):] }

// finished reports whether a transfer's state is final.
func finished(t node.Transfer) bool {
	switch t.State {
	case "done", "declined", "cancelled", "failed":
		return true
	}
	return false
}

// The ranks of transfers, first to last.
const (
	rankMoves = iota
	rankWaits
	rankOver
	ranks
)

func rank(t *node.Transfer) int {
	switch {
	case t.State == "active" && t.Reason != "queued":
		return rankMoves
	case !finished(*t):
		return rankWaits
	}
	return rankOver
}
