package store

import (
	"slices"
	"strings"
	"testing"

	"earshot/internal/chat"
	"earshot/peer"
)

// receipt adds a confirmation, which has no line, and returns its entry.
func (a *author) receipt(t testing.TB, of chat.Entry) chat.Entry {
	t.Helper()
	named := chat.Answers{Author: of.Author, ID: of.ID}
	body, err := peer.Marshal(chat.Confirmation{Of: named, Files: &chat.Saved{Name: "a.txt", Files: 1, Bytes: 10}})
	if err != nil {
		t.Fatal(err)
	}
	return a.add(t, chat.Header{Kind: chat.KindConfirmation, ID: chat.ConfirmationID(named)}, body)
}

func TestMessagesAreNamedByTheirBeginning(t *testing.T) {
	db := mustOpen(t, newPath(t))
	all := dialogue(t, db, 40)
	for _, e := range all {
		digits := strings.ReplaceAll(e.ID.String(), "-", "")
		for _, n := range []int{32, 31, 13} {
			if got, err := db.Named(digits[:n]); err != nil || len(got) != 1 || got[0].ID != e.ID {
				t.Errorf("%s: %d messages, %v", digits[:n], len(got), err)
			}
		}
	}
	if got, err := db.Named(""); err != nil || len(got) != MaxNamed {
		t.Errorf("all: %d messages, %v, want the newest %d", len(got), err, MaxNamed)
	}
	for _, wrong := range []string{"x", "王", strings.Repeat("0", 33), "%", "00 "} {
		if got, err := db.Named(wrong); err != nil || len(got) != 0 {
			t.Errorf("%q: %d messages, %v", wrong, len(got), err)
		}
	}
}

func TestAReceiptIsFoundBetweenItsNeighbours(t *testing.T) {
	path := newPath(t)
	db := mustOpen(t, path)
	a := &author{Identity: alice, with: bob, log: db.Log()}
	b := &author{Identity: bob, with: alice, log: 9}
	offer := a.offer(t, "a.txt")
	theirs := []chat.Entry{b.write(t, "before"), b.receipt(t, offer), b.write(t, "behind")}
	mustApply(t, db, chat.Batch{
		Conversations: []chat.Conversation{between(alice, bob)}, Entries: append([]chat.Entry{offer}, theirs...),
		Logs: []chat.Log{held(offer), held(theirs...)},
	})
	for i, e := range theirs {
		got, at, err := db.Beside(e.Conversation, e.Key())
		if err != nil || got[at].ID != e.ID || chat.CheckChain(got) != nil {
			t.Fatalf("entry %d: %d entries, %v", i, len(got), err)
		}
		if want := entryIDs(theirs[max(0, i-1):min(3, i+2)]); !slices.Equal(entryIDs(got), want) {
			t.Errorf("entry %d: %d neighbours, want %d", i, len(got)-1, len(want)-1)
		}
	}
	if _, _, err := db.Beside(offer.Conversation, chat.EntryKey{Author: bob.ID(), ID: offer.ID}); !isUnknown(err) {
		t.Errorf("what is not there: %v", err)
	}
	if got := ids(mustRead(t, db, Page{Conversations: []peer.Hash{offer.Conversation}})); len(got) != 3 {
		t.Errorf("%d lines, the receipt is none", len(got))
	}
	if n, err := db.Unread(offer.Conversation); n != 2 || err != nil {
		t.Errorf("%d unread, %v", n, err)
	}
}

func TestSettingsByTheirBeginning(t *testing.T) {
	db := mustOpen(t, newPath(t))
	for key, value := range map[string]string{"folder /a": "1", "folder /a%": "2", "folders": "3", "colour": "4"} {
		if err := db.SetSetting(key, value); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.Settings("folder ")
	if err != nil || len(got) != 2 || got["folder /a"] != "1" || got["folder /a%"] != "2" {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestTransfersOfTheSchemaBefore have no content hash, and devices no rule.
func TestTransfersOfTheSchemaBefore(t *testing.T) {
	path := newPath(t)
	db, _, err := openAs(path, first(t))
	if err != nil {
		t.Fatal(err)
	}
	err = db.update("what the first program kept", func(tx tx) error {
		if err := tx.addContact(chat.DeviceParty(bob.ID())); err != nil {
			return err
		}
		id := someTransfer(1).ID
		_, err := tx.exec(`INSERT INTO transfer (id, name, files, bytes, manifest, program, peer, direction, state, reason, error,
			done, dir, path, renamed, skipped, entries, accepted, listed, paused_own, paused_far, parts, settled)
			VALUES (?, 'a', 1, 5, ?, 0, ?, 'receive', 'done', '', '', 5, '/d', '/d/a', '', '', 1, 1, 0, 0, 0, 0, 1)`,
			id[:], make([]byte, 32), make([]byte, 32))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	db = mustOpen(t, path)
	all, err := db.TransferStore().Transfers()
	if err != nil || len(all) != 1 || all[0].Content != (peer.Hash{}) || all[0].Confirmed != "" {
		t.Errorf("transfers %+v, %v", all, err)
	}
	if d, err := db.Device(bob.ID()); err != nil || d.AcceptUpTo != 0 || !d.Contact {
		t.Errorf("device %+v, %v", d, err)
	}
}
