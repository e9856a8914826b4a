package server

import (
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"earshot/peer"
)

// TestMoreComeThanAreWrittenAtOnce has devices come between the moment when the hub
// is to write and the one when it looks whom: nobody may wait for a writer that waits
// itself.
func TestMoreComeThanAreWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(nil)
		for i := range flushBatch + 1 {
			h.change(peer.ID{byte(i), byte(i >> 8), 1}, uuid.UUID{1})
		}
		if n := len(h.take()); n != flushBatch { // the hub was told, and is told again
			t.Errorf("%d are written at once", n)
		}
		<-h.work
		if n := len(h.take()); n != 1 || len(h.work) > 0 {
			t.Errorf("%d are left, and %d times work", n, len(h.work))
		}
	})
}
