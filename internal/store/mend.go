package store

import (
	"crypto/sha256"
	"errors"

	"earshot/internal/chat"
	"earshot/peer"
)

// This file makes of the entries that were read back what a database consists
// of: logs without gaps, conversations with somebody, lines and words.

// mend makes a database that works of what [DB.collect] stored.
func (db *DB) mend(s *saved) error {
	self, err := db.whoAmI()
	if err != nil {
		return err
	}
	kin, err := db.readKin(self)
	if err != nil {
		return err
	}
	if s.gaps, err = db.keepRuns(kin); err != nil {
		return err
	}
	if err := db.nameConversations(kin); err != nil {
		return err
	}
	return db.finishSalvage(s)
}

// heldLog is a log of which at least one entry is held.
type heldLog struct {
	conversation peer.Hash
	chat.LogKey
}

func (l heldLog) args(more ...any) []any {
	return append([]any{l.conversation[:], l.Author[:], int64(l.Log)}, more...)
}

func (db *DB) heldLogs() ([]heldLog, error) {
	var logs []heldLog
	err := db.each("SELECT DISTINCT conversation, author, log FROM entry", nil, func(scan scan) error {
		var l heldLog
		err := scan(fixed(l.conversation[:]), fixed(l.Author[:]), (*bits)(&l.Log))
		logs = append(logs, l)
		return err
	})
	return logs, err
}

// keepRuns brings the logs into the form that they have to have: one range
// without a gap. Of somebody else's log it is the oldest, from 1 on, because what
// comes after is then asked for again. Of a log of self it is the newest, because
// what is still queued is at the end. Entries outside the range are not removed:
// they are shown, and those after it give way when they come again, see
// [tx.addEntry]. It returns the number of logs with gaps.
func (db *DB) keepRuns(k kin) (gaps int, err error) {
	logs, err := db.heldLogs()
	if err != nil {
		return 0, err
	}
	for _, l := range logs {
		find := db.oldestRun
		if l.Author == k.self {
			find = db.newestRun
		}
		row, gap, err := find(l)
		if err != nil {
			return gaps, err
		}
		if row.Ours, err = db.isOurs(l, k); err != nil {
			return gaps, err
		}
		if err := db.keepRun(l, row); err != nil {
			return gaps, err
		}
		if gap {
			gaps++
		}
	}
	const stray = " WHERE (conversation, author, log) NOT IN (SELECT conversation, author, log FROM entry)"
	return gaps, db.update("forget logs that were lost", func(tx tx) error {
		for _, table := range []string{"log", "seen", "fork"} {
			if _, err := tx.exec("DELETE FROM " + table + stray); err != nil {
				return err
			}
		}
		return nil
	})
}

// oldestRun is the range from entry 1 on, empty where that is lost, with all that
// is held read: an old message must not come up as new.
func (db *DB) oldestRun(held heldLog) (l chat.Log, gap bool, err error) {
	l = chat.Log{Conversation: held.conversation, LogKey: held.LogKey}
	err = db.eachHead(held, "number", func(number, clock uint64, hash peer.Hash) {
		l.Read = number
		if number != l.Last+1 {
			gap = true
			return
		}
		l.First, l.Last, l.Clock, l.Hash = 1, number, clock, hash
	})
	return l, gap, err
}

// newestRun is the range at the end of a log.
func (db *DB) newestRun(held heldLog) (l chat.Log, gap bool, err error) {
	l = chat.Log{Conversation: held.conversation, LogKey: held.LogKey}
	err = db.eachHead(held, "number DESC", func(number, clock uint64, hash peer.Hash) {
		if l.Last == 0 {
			l.First, l.Last, l.Clock, l.Hash, l.Read = number, number, clock, hash, number
		} else if number == l.First-1 {
			l.First = number
		}
	})
	return l, l.First > 1, err
}

// eachHead calls visit for every entry that is held of a log.
func (db *DB) eachHead(held heldLog, order string, visit func(number, clock uint64, hash peer.Hash)) error {
	query := "SELECT number, clock, header FROM entry WHERE conversation = ? AND author = ? AND log = ? ORDER BY " + order
	return db.each(query, held.args(), func(scan scan) error {
		var number, clock uint64
		var header []byte
		if err := scan(&number, &clock, &header); err != nil {
			return err
		}
		visit(number, clock, sha256.Sum256(header))
		return nil
	})
}

// keepRun writes the range of a log and makes the other tables agree. How far
// the person has read is taken over where it is known.
func (db *DB) keepRun(held heldLog, l chat.Log) error {
	return db.update("keep what is held of a log", func(tx tx) error {
		const known = "SELECT read FROM log WHERE conversation = ? AND author = ? AND log = ?"
		if err := tx.one(known, held.args(), into(&l.Read)); err != nil && !errors.Is(err, ErrUnknown) {
			return err
		}
		if err := tx.putLog(l); err != nil {
			return err
		}
		const shrink = `UPDATE seen SET last = min(last, ?4), read = min(read, ?4)
			WHERE conversation = ?1 AND author = ?2 AND log = ?3`
		if _, err := tx.exec(shrink, held.args(int64(l.Last))...); err != nil {
			return err
		}
		_, err := tx.exec("DELETE FROM seen WHERE conversation = ? AND author = ? AND log = ? AND first > last", held.args()...)
		return err
	})
}

// nameConversations finds out who the conversations are with whose row could not
// be read: the ID of a direct one is a hash of both parties, so trying everybody who
// is known tells.
func (db *DB) nameConversations(k kin) error {
	nameless, err := db.keys("SELECT DISTINCT conversation FROM log WHERE conversation NOT IN (SELECT id FROM conversation)")
	if err != nil || len(nameless) == 0 {
		return err
	}
	keys, err := db.keys("SELECT key FROM device UNION SELECT DISTINCT author FROM log")
	if err != nil {
		return err
	}
	others := k.others
	for _, key := range keys {
		others = append(others, chat.DeviceParty(peer.ID(key)))
	}
	missing := make(map[peer.Hash]bool)
	for _, id := range nameless {
		missing[id] = true
	}
	var found []chat.Conversation
	try := func(id peer.Hash, preimage []byte, with chat.Party) {
		if missing[id] {
			delete(missing, id)
			found = append(found, chat.Conversation{ID: id, Preimage: preimage, Peer: with})
		}
	}
	for _, own := range k.own { // this device first: it is on this side of what is its own
		for _, other := range others {
			id, preimage := chat.Between(own, other)
			try(id, preimage, other)
		}
	}
	for _, realm := range k.realms {
		id, preimage := chat.Notices(realm)
		try(id, preimage, chat.RealmParty(realm))
	}
	return db.Apply(chat.Batch{Conversations: found})
}

// whoAmI guesses this device's own key, which the database does not hold: it is
// who wrote the log of this database; else who takes part in most conversations
// and was never met.
func (db *DB) whoAmI() (peer.ID, error) {
	own, err := db.Setting(logKey)
	if err != nil {
		return peer.ID{}, err
	}
	number, _ := parseLog(own) // 0, which is nobody's log, where there is none
	var self peer.ID
	const query = `SELECT author FROM entry GROUP BY author
		ORDER BY max(log = ?) DESC, author IN (SELECT key FROM device), count(DISTINCT conversation) DESC LIMIT 1`
	err = db.one(query, []any{int64(number)}, into(fixed(self[:])))
	if errors.Is(err, ErrUnknown) {
		return self, nil
	}
	return self, err
}

// keys lists a column of keys or hashes.
func (db *DB) keys(query string) ([]peer.Hash, error) {
	var keys []peer.Hash
	err := db.each(query, nil, func(scan scan) error {
		var key peer.Hash
		err := scan(fixed(key[:]))
		keys = append(keys, key)
		return err
	})
	return keys, err
}

// finishSalvage decides which entries have a line, makes them findable, forgets
// the number of the old log and counts.
func (db *DB) finishSalvage(s *saved) error {
	const show = `UPDATE entry SET shown = 1 WHERE (kind IN (?, ?, ?) OR kind >= ?) AND NOT EXISTS (
		SELECT 1 FROM entry AS before WHERE before.author = entry.author AND before.uuid = entry.uuid
		AND before.conversation = entry.conversation AND before.id < entry.id)`
	err := db.update("decide what is shown", func(tx tx) error {
		_, err := tx.exec(show, int64(chat.KindText), int64(chat.KindOffer), int64(chat.KindAnnouncement), int64(chat.KindNewer))
		if err != nil {
			return err
		}
		return tx.set(logKey, "")
	})
	if err != nil {
		return err
	}
	err = db.update("make findable what was read back", func(tx tx) error {
		return db.each("SELECT header, signature, body, id FROM entry WHERE shown ORDER BY id", nil, func(scan scan) error {
			var id int64
			e, err := scanEntry(scan, &id)
			if err != nil {
				return err
			}
			return tx.index(id, e)
		})
	})
	if err != nil {
		return err
	}
	const count = `SELECT (SELECT count(*) FROM entry WHERE shown),
		(SELECT count(DISTINCT conversation) FROM log WHERE conversation NOT IN (SELECT id FROM conversation))`
	return db.one(count, nil, into(&s.entries, &s.unnamed))
}
