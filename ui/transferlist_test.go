package ui

import (
	"slices"
	"testing"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

func TestTransfersKeepTheirOrder(t *testing.T) {
	l := newTransferList()
	put := func(n uint64, state string, age time.Duration) {
		l.put(node.Transfer{ID: uuidOf(n), State: state, Offered: testNow.Add(-age)})
	}
	check := func(want ...byte) {
		t.Helper()
		var got []byte
		for _, tr := range l.all() {
			got = append(got, tr.ID[15])
		}
		if !slices.Equal(got, want) {
			t.Errorf("order %v, want %v", got, want)
		}
		going := slices.IndexFunc(l.all(), func(tr *node.Transfer) bool { return finished(*tr) })
		if got := len(l.going()); got != going {
			t.Errorf("%d go on, want %d", got, going)
		}
	}
	put(1, "done", time.Hour)
	put(2, "done", time.Minute)
	put(3, "paused", time.Hour)
	put(4, "active", time.Hour)
	put(5, "active", time.Hour)
	check(4, 5, 3, 2, 1)
	put(4, "failed", time.Hour)
	check(5, 3, 2, 1, 4)
	put(3, "active", time.Minute)
	check(3, 5, 2, 1, 4)
	if before, had := l.put(node.Transfer{ID: uuidOf(3), State: "done", Offered: testNow}); !had || before.State != "active" {
		t.Errorf("before: %v, %v", before.State, had)
	}
	check(5, 3, 2, 1, 4)
	l.reset([]node.Transfer{{ID: uuidOf(9), State: "done"}, {ID: uuidOf(8), State: "paused"}})
	check(8, 9)
	l.put(node.Transfer{ID: uuidOf(7), State: "active", Reason: "queued", Offered: testNow})
	l.put(node.Transfer{ID: uuidOf(6), State: "active"})
	check(6, 7, 8, 9)
}

func TestTheGaugeTellsWhatMovesFromWhatWaitsItsTurn(t *testing.T) {
	f := newFakeNode()
	for i, reason := range []string{"", "verifying", "queued", "queued", "queued"} {
		f.transfers = append(f.transfers, node.Transfer{
			ID: uuidOf(uint64(i)), Direction: node.Sending, State: "active", Reason: reason, Bytes: 100, Done: int64(10 * (2 - i/2)),
		})
	}
	c := still(t, 80, 24, f)
	if got, want := c.gauge(), "↑ 2+3 12%"; got != want {
		t.Errorf("the gauge says %q, want %q", got, want)
	}
	c.begin(f.self, nil, f.transfers[:2])
	if got, want := c.gauge(), "↑ 2 20%"; got != want {
		t.Errorf("the gauge says %q, want %q", got, want)
	}
}

func TestManyOldTransfersCostNothingToDraw(t *testing.T) {
	allocs := func(n uint64) float64 {
		f := office()
		for i := range n {
			f.transfers = append(f.transfers, node.Transfer{ID: uuidOf(1000 + i), State: "done", Offered: testNow, Name: peer.Line("old", 0)})
		}
		c := still(t, 80, 24, f)
		c.show(idOf(2))
		c.drawOnce()
		return testing.AllocsPerRun(10, c.drawOnce)
	}
	few, many := allocs(0), allocs(5000)
	if many > few+10 {
		t.Errorf("a draw allocates %.0f times with 5,000 old transfers, %.0f without", many, few)
	}
}
