package transfer_test

import (
	"os"
	"testing"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"

	"earshot/peer"
	"earshot/transfer"
)

// TestAForgedResume has somebody claim what is not his, or not there, when a transfer
// goes on. What is sent is what was offered to who asks; what is kept is what the
// receiver finds on its own disk.
func TestAForgedResume(t *testing.T) {
	const size, kept = 20*mib + 77, 12 * mib
	at := func(offset, length uint64) func(o uuid.UUID) peer.Read {
		return func(o uuid.UUID) peer.Read {
			return peer.Read{Offer: o, Ranges: []peer.ReadRange{{Offset: offset, Length: length}}, Hashes: true}
		}
	}
	for name, read := range map[string]func(o uuid.UUID) peer.Read{
		"an offset at the end":             at(size, 1),
		"an offset beyond the end":         at(size+1, 1),
		"an offset far beyond it":          at(1<<40, mib),
		"an offset that is negative":       at(1<<64-mib, mib),
		"an offset and a length that wrap": at(1<<63, 1<<63+mib),
		"a length beyond the end":          at(kept, size),
		"a length that is negative":        at(kept, 1<<64-1),
		"another file": func(o uuid.UUID) peer.Read {
			return peer.Read{Offer: o, Ranges: []peer.ReadRange{{File: 7, Offset: kept, Length: 1}}}
		},
		"a recipe of a file that is not there": func(o uuid.UUID) peer.Read { return peer.Read{Offer: o, Recipes: []uint64{7}, Slices: true} },
	} {
		t.Run(name+"/R-13", func(t *testing.T) {
			_, ann, bob, offer, path := interrupted(t, size, kept)
			ann.start()
			answers := say(t, ann.open(bob.id), read(offer.ID))
			for _, m := range answers {
				switch m := m.(type) {
				case peer.Chunk:
					if m.File != 0 || m.Offset+uint64(len(m.Data))+m.Zeros > size {
						t.Errorf("bytes of file %d at %d", m.File, m.Offset)
					}
				case peer.Gone:
					if m.Reason != string(transfer.Refused) {
						t.Errorf("gone: %s", m.Reason)
					}
				default:
					t.Errorf("answered %T", m)
				}
			}
			bob.start()
			same(t, bob.state(offer.ID, transfer.Done).Path, path)
			ann.state(offer.ID, transfer.Done)
		})
	}
	t.Run("of another one's transfer/R-13", func(t *testing.T) {
		w, ann, bob, offer, path := interrupted(t, size, kept)
		carl := w.device(3)
		ann.start()
		secret := ann.offer(carl, file(t, "secret", 2*mib))
		ask := at(0, mib)
		// Carl for Bob's, Bob for Carl's, and Carl for Bob's after one of his own.
		refusedOnly(t, offer, say(t, ann.open(carl.id), ask(offer.ID)))
		refusedOnly(t, secret, say(t, ann.open(bob.id), ask(secret.ID)))
		for _, m := range say(t, ann.open(carl.id), at(0, 5)(secret.ID), ask(offer.ID)) {
			if c, ok := m.(peer.Chunk); ok && c.Offer != secret.ID {
				t.Errorf("Carl got %d bytes of Bob's", len(c.Data))
			}
		}
		bob.start()
		same(t, bob.state(offer.ID, transfer.Done).Path, path)
		carl.state(secret.ID, transfer.Offered)
	})
	t.Run("that it is done, by the sender/R-13", func(t *testing.T) {
		_, ann, bob, offer, _ := interrupted(t, size, kept)
		bob.start()
		bob.says(ann.id, peer.OfferState{Offer: offer.ID, State: "active", Done: 1 << 63})
		if at := bob.at(offer.ID); at.State.Final() || at.Done > size {
			t.Errorf("it is %s, %d bytes", at.State, at.Done)
		}
		bob.says(ann.id, peer.OfferState{Offer: offer.ID, State: "done", Done: size})
		bob.state(offer.ID, transfer.Cancelled, transfer.ByPeer)
		bob.clean(offer.ID)
		if names := bob.finals(); len(names) != 0 {
			t.Errorf("there is %v", names)
		}
	})
	t.Run("that it is done, by a receiver in the journal/R-13", func(t *testing.T) {
		for name, forge := range map[string]func(part, journal string, right []byte){
			"with the right hashes":               func(_, journal string, right []byte) { os.WriteFile(journal, right, 0o600) },
			"with the right hashes, and the size": func(part, journal string, right []byte) { os.WriteFile(journal, right, 0o600); os.Truncate(part, size) },
			"with the right hashes, of other bytes": func(part, journal string, right []byte) {
				os.WriteFile(journal, right, 0o600)
				os.WriteFile(part, []byte(noise(size-1)+"x"), 0o600)
			},
			"with hashes of nothing": func(part, journal string, right []byte) {
				os.WriteFile(journal, make([]byte, len(right)), 0o600)
				os.Truncate(part, size)
			},
			"with more hashes than there are chunks": func(part, journal string, right []byte) {
				os.WriteFile(journal, append(right, make([]byte, 1<<20)...), 0o600)
				os.Truncate(part, size)
			},
		} {
			t.Run(name, func(t *testing.T) {
				_, ann, bob, offer, path := interrupted(t, size, kept)
				forge(only(t, bob.dir, "*.part"), only(t, bob.dir, "*.journal"), sums(t, path))
				bob.start()
				if at := bob.at(offer.ID); at.State.Final() {
					t.Errorf("it is %s", at.State)
				}
				ann.start()
				same(t, bob.state(offer.ID, transfer.Done).Path, path)
				ann.state(offer.ID, transfer.Done)
				bob.clean(offer.ID)
			})
		}
	})
}

// sums are the hashes of a file's chunks, as a journal has them.
func sums(t *testing.T, path string) (all []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for len(b) > 0 {
		n := min(len(b), peer.ChunkSize)
		sum := blake3.Sum256(b[:n])
		all, b = append(all, sum[:]...), b[n:]
	}
	return all
}
