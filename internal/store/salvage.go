package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"earshot/internal/chat"
	"earshot/peer"
)

// salvage moves what can be read of the damaged database at from, which is left
// as it is, into the new one at to.
//
// Entries and conversations are looked for page by page, in the database and in
// its -wal file, because they prove themselves: an entry by its signature, a
// conversation by its hash. So no damage can put words into anybody's mouth.
// What nobody signed (people, settings, transfers) is asked of SQLite, table by
// table, as far as it reads.
func salvage(from, to string, cause error) (err error) {
	db, err := connect(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// Until it has its name, nobody misses it: one fsync at the end is enough.
	if _, err := db.write.conn.ExecContext(context.Background(), "PRAGMA synchronous = OFF"); err != nil {
		return err
	}
	var s saved
	if s.whole, err = db.copyTables(from, to); err != nil {
		return err
	}
	pages, err := openPages(from)
	if err != nil {
		return err
	}
	defer pages.close()
	if err := db.collect(pages); err != nil {
		return err
	}
	if err := db.mend(&s); err != nil {
		return err
	}
	if err := db.saveNotice(Notice{Text: s.sentences(cause, from), Aside: from, Saved: s.entries}); err != nil {
		return err
	}
	return checkpoint(db.write.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)"))
}

// saved says what was read back.
type saved struct {
	entries int
	gaps    int  // logs with entries missing before others
	unnamed int  // conversations of which nobody knows any more who they are with
	whole   bool // people, settings and transfers were read to the end
}

// sentences tell a person what happened and what it means.
func (s saved) sentences(cause error, aside string) string {
	said := []string{
		fmt.Sprintf("The database of this profile was damaged (%s). It was set aside as %s and a new one was made.", reason(cause), aside),
		fmt.Sprintf("%d messages were read back from it.", s.entries),
	}
	if s.gaps > 0 {
		said = append(said, fmt.Sprintf("In %d places messages are missing between others.", s.gaps))
	}
	if s.unnamed > 0 {
		said = append(said, fmt.Sprintf("%d conversations are missing, because it could not be read who they are with.", s.unnamed))
	}
	if !s.whole {
		said = append(said, "Not everything about people and transfers could be read: look whether those you verified are still marked so.")
	}
	return strings.Join(append(said,
		"What is missing of others' messages comes back from their devices.",
		"Messages of yours that were queued and are not in their conversation now are lost: please look at your last ones.",
		"Your identity is unchanged."), " ")
}

// reason is the cause without the words that every damage shares.
func reason(cause error) string {
	text := strings.ReplaceAll(cause.Error(), ErrDamaged.Error()+": ", "")
	return strings.TrimPrefix(text, "open database: ")
}

// batchSize is how many entries are stored in one transaction.
const batchSize = 1000

// collect stores every entry and conversation that is found in the pages.
func (db *DB) collect(pages *pages) error {
	var found []foundEntry
	store := func() error {
		err := db.addFound(verified(found))
		found = found[:0]
		return err
	}
	err := pages.each(func(page []byte) error {
		for _, r := range pages.rows(page) {
			if c, ok := conversationOf(r); ok {
				if err := db.Apply(chat.Batch{Conversations: []chat.Conversation{c}}); err != nil {
					return err
				}
			}
			if e, ok := entryOf(r); ok {
				found = append(found, foundEntry{id: r.id, Entry: e})
			}
		}
		if len(found) < batchSize {
			return nil
		}
		return store()
	})
	return errors.Join(err, store())
}

type foundEntry struct {
	id int64 // its row had: the order of arrival
	chat.Entry
}

// entryOf reads a row of the table entry; all but the signature is checked.
func entryOf(r row) (chat.Entry, bool) {
	const header, signature, body = 9, 10, 11 // columns
	if len(r.columns) <= body || len(r.columns[signature]) != 64 {
		return chat.Entry{}, false
	}
	e, err := chat.ParseEntry(peer.SignedEntry{
		Header: r.columns[header], Signature: r.columns[signature], Body: r.columns[body],
	})
	return e, err == nil
}

// conversationOf reads a row of the table conversation, which before version 2
// had no origin, and before version 9 the key of a device for the other side. The log written there is not taken over: its end may be missing,
// and no number is used twice.
func conversationOf(r row) (chat.Conversation, bool) {
	if len(r.columns) < 4 || len(r.columns[0]) != len(peer.Hash{}) {
		return chat.Conversation{}, false
	}
	c := chat.Conversation{ID: peer.Hash(r.columns[0]), Preimage: r.columns[1]}
	if key := r.columns[2]; len(key) == len(peer.ID{}) {
		c.Peer = chat.DeviceParty(peer.ID(key))
	} else if (*party)(&c.Peer).Scan(key) != nil {
		return chat.Conversation{}, false
	}
	if len(r.columns) > 4 {
		_ = (*prefix)(&c.Origin).Scan(string(r.columns[4])) // not known where it does not read
	}
	return c, c.ID == sha256.Sum256(c.Preimage)
}

// verified leaves out the entries with a wrong signature. Checking one takes
// about 50 µs, so all processors help.
func verified(found []foundEntry) []foundEntry {
	good := make([]bool, len(found))
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(found); i += workers {
				good[i] = found[i].Verify() == nil
			}
		})
	}
	wg.Wait()
	var right []foundEntry
	for i, e := range found {
		if good[i] {
			right = append(right, e)
		}
	}
	return right
}

// addFound stores entries under the ids that they had, once each: pages have
// older images.
func (db *DB) addFound(found []foundEntry) error {
	return db.update("store what was read back", func(tx tx) error {
		for _, e := range found {
			const query = `INSERT OR IGNORE INTO entry
				(id, conversation, author, log, number, uuid, clock, kind, header, signature, body, shown)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`
			_, err := tx.exec(query, e.id, e.Conversation[:], e.Author[:], int64(e.Log), clamp(e.Number), e.ID[:], clamp(e.Clock),
				int64(e.Kind), e.Raw, e.Signature, e.Body)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
