package store

import (
	"errors"
	"fmt"
	"math"

	"earshot/internal/chat"
)

// Apply makes all changes of the batch in one transaction and returns when they
// are durable; with an error none of them is made.
func (db *DB) Apply(b chat.Batch) error {
	return db.update("store batch", func(tx tx) error { return tx.apply(b) })
}

func (t tx) apply(b chat.Batch) error {
	if err := applyEach(b.Contacts, t.addContact); err != nil {
		return err
	}
	if err := applyEach(b.Conversations, t.putConversation); err != nil {
		return err
	}
	if err := t.addEntries(b.Entries); err != nil {
		return err
	}
	if err := applyEach(b.Logs, t.putLog); err != nil {
		return err
	}
	if err := applyEach(b.Seen, t.putSeen); err != nil {
		return err
	}
	return applyEach(b.Forks, t.putFork)
}

func applyEach[T any](changes []T, apply func(T) error) error {
	for _, change := range changes {
		if err := apply(change); err != nil {
			return err
		}
	}
	return nil
}

func (t tx) addContact(who chat.Party) error {
	query, key := "INSERT INTO device (key, contact) VALUES (?, 1) ON CONFLICT DO UPDATE SET contact = 1", who.Device[:]
	if who.Device.IsZero() {
		query, key = "INSERT OR IGNORE INTO contact (party) VALUES (?)", who.AppendTo(nil)
	}
	_, err := t.exec(query, key)
	return err
}

func (t tx) putConversation(c chat.Conversation) error {
	_, err := t.exec("INSERT OR REPLACE INTO conversation (id, preimage, peer, log, origin) VALUES (?, ?, ?, ?, ?)",
		c.ID[:], c.Preimage, c.Peer.AppendTo(nil), int64(c.Log), prefix(c.Origin).text())
	return err
}

// addEntries stores entries and then makes those that are shown findable: FTS5
// flushes at every statement of another kind that comes between.
func (t tx) addEntries(entries []chat.Entry) error {
	ids := make([]int64, len(entries)) // 0: has no line
	for i, e := range entries {
		id, shown, err := t.addEntry(e)
		if err != nil {
			return err
		}
		if shown {
			ids[i] = id
		}
	}
	for i, id := range ids {
		if id == 0 {
			continue
		}
		if err := t.index(id, entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// addEntry stores an entry. One with the author and UUID of an earlier one of the
// conversation has no line of its own. What a repair kept behind a gap of the log
// gives way to what comes for its number.
func (t tx) addEntry(e chat.Entry) (id int64, shown bool, err error) {
	if e.Number > math.MaxInt64 || e.Clock > math.MaxInt64 {
		return 0, false, fmt.Errorf("entry %s: number %d or clock %d is out of range", e.ID, e.Number, e.Clock)
	}
	id, shown, err = t.insertEntry(e)
	if !errors.Is(err, ErrUnknown) {
		return id, shown, err
	}
	if err := t.dropBehind(e); err != nil {
		return 0, false, fmt.Errorf("entry %d of a log is held already: %w", e.Number, err)
	}
	return t.insertEntry(e)
}

// dropBehind removes the entry with e's number that stands behind the end of its
// log; [ErrUnknown] when none does.
func (t tx) dropBehind(e chat.Entry) error {
	const query = `DELETE FROM entry WHERE conversation = ?1 AND author = ?2 AND log = ?3 AND number = ?4
		AND number > (SELECT last FROM log WHERE conversation = ?1 AND author = ?2 AND log = ?3) RETURNING id`
	var id int64
	if err := t.one(query, []any{e.Conversation[:], e.Author[:], int64(e.Log), int64(e.Number)}, into(&id)); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM search WHERE rowid = ?", id)
	return err
}

// insertEntry fails with [ErrUnknown] where the number is taken.
func (t tx) insertEntry(e chat.Entry) (id int64, shown bool, err error) {
	const query = `INSERT INTO entry
		(conversation, author, log, number, uuid, clock, kind, header, signature, body, shown)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
			?11 AND NOT EXISTS (SELECT 1 FROM entry WHERE author = ?2 AND uuid = ?5 AND conversation = ?1 AND shown))
		ON CONFLICT (conversation, author, log, number) DO NOTHING RETURNING id, shown`
	err = t.one(query, []any{e.Conversation[:], e.Author[:], int64(e.Log), int64(e.Number), e.ID[:], int64(e.Clock),
		int64(e.Kind), e.Raw, e.Signature, e.Body, e.Kind.HasLine()}, into(&id, &shown))
	return id, shown, err
}

func (t tx) putLog(l chat.Log) error {
	const query = `INSERT INTO log (conversation, author, log, first, last, hash, clock, read, ours)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
		first = excluded.first, last = excluded.last, hash = excluded.hash, clock = excluded.clock, read = excluded.read, ours = excluded.ours`
	_, err := t.exec(query, l.Conversation[:], l.Author[:], int64(l.LogKey.Log),
		clamp(l.First), clamp(l.Last), l.Hash[:], clamp(l.Clock), clamp(l.Read), l.Ours)
	return err
}

func (t tx) putSeen(s chat.Seen) error {
	if s.Last == 0 {
		_, err := t.exec("DELETE FROM seen WHERE conversation = ? AND peer = ? AND author = ? AND log = ?",
			s.Conversation[:], s.Peer[:], s.Author[:], int64(s.Log))
		return err
	}
	const query = `INSERT INTO seen (conversation, peer, author, log, first, last, read)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
		first = excluded.first, last = excluded.last, read = excluded.read`
	_, err := t.exec(query, s.Conversation[:], s.Peer[:], s.Author[:], int64(s.Log), clamp(s.First), clamp(s.Last), clamp(s.Read))
	return err
}

func (t tx) putFork(f chat.Fork) error {
	const query = `INSERT INTO fork (conversation, author, log, peer, point, last, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
		point = excluded.point, last = excluded.last, hash = excluded.hash`
	_, err := t.exec(query, f.Conversation[:], f.Author[:], int64(f.Log), f.Peer[:], clamp(f.Point), clamp(f.Last), f.Hash[:])
	return err
}
