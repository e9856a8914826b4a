package transfer

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

func TestWithHowMuchATransferIsCompared(t *testing.T) {
	for name, c := range map[string]struct {
		entries int64 // of each of 40 that failed
		want    int
	}{
		"many small ones": {3, maxEarlier},
		"large ones":      {maxEarlierFiles / 2, 2},
		"the largest":     {maxEarlierFiles, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := &Engine{jobs: map[uuid.UUID]*job{}}
			for n := range 40 {
				j := newJob(Transfer{
					Offer: Offer{ID: uuid.UUID{byte(n)}}, Peer: peer.ID{1}, Direction: Receiving, State: Failed, Reason: SourceChanged,
					Done: 1, Listed: true, Entries: c.entries, Offered: time.Now().Add(-time.Duration(n) * time.Hour),
				})
				e.jobs[j.t.ID] = j
			}
			got := e.earlier(newJob(Transfer{Peer: peer.ID{1}}))
			if len(got) != c.want || got[0].ID != (uuid.UUID{0}) {
				t.Errorf("compared with %d, want the newest %d", len(got), c.want)
			}
		})
	}
}
