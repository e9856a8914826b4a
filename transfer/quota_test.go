package transfer_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"earshot/transfer"
)

// TestAQuotaThatIsUsedUp pauses a transfer although the disk has room.
func TestAQuotaThatIsUsedUp(t *testing.T) {
	for name, op := range map[string]string{"bytes": "write", "inodes": "create"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting for the next look
			_, ann, bob := pair(t)
			path := file(t, "a", 2*mib)
			var tries atomic.Int64
			var more atomic.Bool
			bob.close()
			bob.onDisk = func(did, name string) error {
				if did == op && strings.HasSuffix(name, ".part") && !more.Load() {
					tries.Add(1)
					return transfer.ErrFull
				}
				return nil
			}
			bob.start()
			offer := ann.offer(bob, path)
			bob.accept(offer.ID)
			bob.state(offer.ID, transfer.Paused, transfer.DiskFull)
			ann.state(offer.ID, transfer.Paused, transfer.DiskFull)
			more.Store(true)
			same(t, bob.state(offer.ID, transfer.Done).Path, path)
			if n := tries.Load(); n > 1 {
				t.Errorf("tried %d times at once", n)
			}
		})
	}
}
