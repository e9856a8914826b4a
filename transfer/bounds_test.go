package transfer_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
)

func folders(count int) (entries []peer.ManifestEntry) {
	for n := range count {
		entries = append(entries, entry(fmt.Sprintf("d%d", n), 0, folder))
	}
	return entries
}

// TestMoreFoldersThanFiles refuses what nobody was shown: an offer says how many
// files it has, and nothing of folders.
func TestMoreFoldersThanFiles(t *testing.T) {
	one := entry("a", 0, 0)
	s := &script{entries: append([]peer.ManifestEntry{one}, folders(1041)...), perPage: 500}
	bob, offer := scripted(t, "a and 1041 more", s)
	bob.state(offer.ID, transfer.Failed, transfer.Refused)
	bob.without(offer.ID)

	s = &script{entries: append([]peer.ManifestEntry{one}, folders(1040)...), perPage: 500}
	bob, offer = scripted(t, "a and 1040 more", s)
	bob.state(offer.ID, transfer.Done)

	_, ann, bob := pair(t)
	src := filepath.Join(t.TempDir(), "x")
	for n := range 1025 {
		tree(t, src, map[string]string{fmt.Sprint(n) + "/": ""})
	}
	if _, err := prepareOnly(ann, bob, src); err == nil || !strings.Contains(err.Error(), "1024 folders") {
		t.Errorf("offered, %v", err)
	}
}

// without waits until the store has no files of a final transfer.
func (d *device) without(id uuid.UUID) {
	d.t.Helper()
	d.wait(id, "its files to be dropped", func(at transfer.Transfer) bool { return !at.Listed && !at.Parts })
	for began := time.Now(); time.Since(began) < longTime; runtime.Gosched() {
		if files, err := d.store.Files(id, 0, 1); err == nil && len(files) == 0 {
			return
		}
	}
	d.t.Error("its files are kept")
}

func TestNothingIsKeptOfWhatIsFinal(t *testing.T) {
	for name, end := range map[string]func(ann, bob *device, id uuid.UUID){
		"done":      func(_, bob *device, id uuid.UUID) { bob.accept(id) },
		"declined":  func(_, bob *device, id uuid.UUID) { bob.engine.Decline(id, func(error) {}) },
		"cancelled": func(ann, _ *device, id uuid.UUID) { ann.engine.Cancel(id, func(error) {}) },
	} {
		t.Run(name, func(t *testing.T) {
			_, ann, bob := pair(t)
			offer := ann.offer(bob, file(t, "a", 5))
			end(ann, bob, offer.ID)
			for _, d := range []*device{ann, bob} {
				d.state(offer.ID, transfer.State(name))
				switch {
				case name != "done" && d == ann: // who may want to send it again
					ann.clean(offer.ID)
					if err := do(t, func(reply func(error)) { ann.engine.Clear(offer.ID, reply) }); err != nil {
						t.Error(err)
					}
					fallthrough
				case name != "done":
					d.without(offer.ID)
				case d == bob: // so that it is recognised when it comes again
					d.clean(offer.ID)
				}
			}
		})
	}
}

// TestAManifestThatFillsTheDisk is not taken to its end before anybody looks.
func TestAManifestThatFillsTheDisk(t *testing.T) {
	w := newWorld(t)
	s := &script{t: t, entries: folders(100), perPage: 2}
	ann, bob := w.sender(9, s), w.device(2)
	var free, size, most atomic.Int64
	size.Store(1 << 40)
	bob.disk = func(d transfer.Disk) transfer.Disk { return sized{d, &free, &size} }
	bob.close()
	bob.start()
	s.on = func(_ *script, r peer.Read) bool {
		if r.Page != nil {
			most.Store(max(most.Load(), int64(*r.Page)))
		}
		return false
	}
	offer := s.offer(t, "d0 and 99 more")
	bob.engine.Up(ann.id)
	bob.engine.Incoming(offer, ann.id)
	bob.wait(offer.ID, "the offer", func(transfer.Transfer) bool { return true })
	bob.accept(offer.ID)
	if at := bob.state(offer.ID, transfer.Paused, transfer.DiskFull); at.Listed {
		t.Error("it was listed first")
	}
	if n := most.Load(); n > 32 {
		t.Errorf("asked for entry %d", n)
	}
}
