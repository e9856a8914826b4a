package store

import (
	"bytes"
	"fmt"
	"testing"

	"earshot/internal/chat"
	"earshot/peer"
)

// wreckedBoth makes a database of alice and bob with 100 texts of each, all read,
// loses those entries of both, and wrecks its header.
func wreckedBoth(t *testing.T, lost []uint64) (path string, ours, theirs []chat.Entry) {
	t.Helper()
	path = newPath(t)
	db := mustOpen(t, path)
	a := &author{Identity: alice, with: bob, log: db.Log(), step: 10}
	b := &author{Identity: bob, with: alice, log: 7, step: 10}
	for i := range 100 {
		ours = append(ours, a.write(t, fmt.Sprint("ours ", i+1)))
		theirs = append(theirs, b.write(t, fmt.Sprint("theirs ", i+1)))
	}
	l := held(theirs...)
	l.Read = 100
	mustApply(t, db, chat.Batch{
		Conversations: []chat.Conversation{between(alice, bob)}, Contacts: []chat.Party{chat.DeviceParty(bob.ID())},
		Entries: append(ours[:100:100], theirs...), Logs: []chat.Log{held(ours...), l},
		Seen: []chat.Seen{{Conversation: l.Conversation, Peer: bob.ID(), LogKey: ours[0].LogKey(), First: 1, Last: 90, Read: 90}},
	})
	err := db.update("lose entries", func(tx tx) error {
		for _, n := range lost {
			if _, err := tx.exec("DELETE FROM entry WHERE number = ?", n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	overwrite(t, path, 0, bytes.Repeat([]byte{0xa5}, headerSize))
	return path, ours, theirs
}

// TestGaps loses entries in the middle of a log: the others stay, and those of
// somebody else that are missing are asked for and come again, as read as they
// were.
func TestGaps(t *testing.T) {
	for _, c := range []struct {
		name       string
		lost       []uint64
		last, from uint64 // the end of their log, the beginning of ours
	}{
		{"in the middle", []uint64{40, 41, 60}, 39, 61},
		{"the first one", []uint64{1}, 0, 2},
		{"nothing", nil, 100, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, ours, theirs := wreckedBoth(t, c.lost)
			db, notice := mustRepair(t, path)
			if want := 200 - 2*len(c.lost); notice.Saved != want {
				t.Errorf("%d saved, want %d", notice.Saved, want)
			}
			back := theirs[c.last:]
			logs := logsOf(t, db, ours[0].Conversation)
			if l := logs[theirs[0].LogKey()]; l.First != min(1, c.last) || l.Last != c.last || l.Read != 100 {
				t.Errorf("theirs: %+v", l)
			}
			if l := logs[ours[0].LogKey()]; l.First != c.from || l.Last != 100 {
				t.Errorf("ours: %+v", l)
			}
			comeAgain(t, db, theirs, back)
			got, err := db.Messages(Page{Conversations: []peer.Hash{ours[0].Conversation}, Limit: MaxPage})
			if err != nil || len(got) != 200-len(c.lost) {
				t.Errorf("%d shown, %v, want all but %d of ours", len(got), err, len(c.lost))
			}
			for _, m := range got {
				if far := m.Author == bob.ID() || m.Number <= 90; m.Delivered != far || m.Read != far {
					t.Errorf("%d of %s: delivered %v, read %v", m.Number, m.Author, m.Delivered, m.Read)
				}
			}
			found, err := db.Messages(Page{Search: "theirs 77"})
			if err != nil || len(found) != 1 {
				t.Errorf("search finds %d, %v", len(found), err)
			}
		})
	}
}

func logsOf(t *testing.T, db *DB, conversation peer.Hash) map[chat.LogKey]chat.Log {
	t.Helper()
	logs, err := db.Logs(conversation)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[chat.LogKey]chat.Log)
	for _, l := range logs {
		all[l.LogKey] = l
	}
	return all
}

// comeAgain stores the end of a log as it comes from its author.
func comeAgain(t *testing.T, db *DB, all, back []chat.Entry) {
	t.Helper()
	l := held(all...)
	l.Read = 100
	mustApply(t, db, chat.Batch{Entries: back, Logs: []chat.Log{l}})
	if len(back) > 0 {
		if err := db.Apply(chat.Batch{Entries: back[:1]}); err == nil {
			t.Error("an entry within its log was replaced")
		}
	}
	if n, err := db.Unread(l.Conversation); n != 0 || err != nil {
		t.Errorf("%d unread, %v", n, err)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
