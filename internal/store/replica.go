package store

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/netip"

	"earshot/internal/chat"
	"earshot/peer"
)

// This file is what package chat needs: chat.Store.

var _ chat.Store = (*DB)(nil)

// Conversations returns every conversation.
func (db *DB) Conversations() ([]chat.Conversation, error) {
	var all []chat.Conversation
	err := db.each("SELECT id, preimage, peer, log, origin FROM conversation", nil, func(scan scan) error {
		var c chat.Conversation
		err := scan(fixed(c.ID[:]), &c.Preimage, (*party)(&c.Peer), (*bits)(&c.Log), (*prefix)(&c.Origin))
		all = append(all, c)
		return err
	})
	return all, db.mapped("list conversations", err)
}

// Logs returns the logs held of a conversation.
func (db *DB) Logs(conversation peer.Hash) ([]chat.Log, error) {
	var logs []chat.Log
	const query = "SELECT author, log, first, last, hash, clock, read, ours FROM log WHERE conversation = ?"
	err := db.each(query, []any{conversation[:]}, func(scan scan) error {
		l := chat.Log{Conversation: conversation}
		err := scan(fixed(l.Author[:]), (*bits)(&l.LogKey.Log), &l.First, &l.Last, fixed(l.Hash[:]), &l.Clock, &l.Read, &l.Ours)
		logs = append(logs, l)
		return err
	})
	return logs, db.mapped("list logs", err)
}

// Seen returns what a peer said last it holds of a conversation.
func (db *DB) Seen(conversation peer.Hash, by peer.ID) ([]chat.Seen, error) {
	var seen []chat.Seen
	const query = "SELECT author, log, first, last, read FROM seen WHERE conversation = ? AND peer = ?"
	err := db.each(query, []any{conversation[:], by[:]}, func(scan scan) error {
		s := chat.Seen{Conversation: conversation, Peer: by}
		err := scan(fixed(s.Author[:]), (*bits)(&s.Log), &s.First, &s.Last, &s.Read)
		seen = append(seen, s)
		return err
	})
	return seen, db.mapped("list what a peer has", err)
}

// Forks returns the forks found in a conversation's logs.
func (db *DB) Forks(conversation peer.Hash) ([]chat.Fork, error) {
	var forks []chat.Fork
	const query = "SELECT author, log, peer, point, last, hash FROM fork WHERE conversation = ?"
	err := db.each(query, []any{conversation[:]}, func(scan scan) error {
		f := chat.Fork{Conversation: conversation}
		err := scan(fixed(f.Author[:]), (*bits)(&f.Log), fixed(f.Peer[:]), &f.Point, &f.Last, fixed(f.Hash[:]))
		forks = append(forks, f)
		return err
	})
	return forks, db.mapped("list forks", err)
}

// Newest is the highest clock of a conversation's entries, 0 without any.
func (db *DB) Newest(conversation peer.Hash) (uint64, error) {
	var clock uint64
	err := db.one("SELECT coalesce(max(clock), 0) FROM entry WHERE conversation = ?", []any{conversation[:]}, into(&clock))
	return clock, db.mapped("read newest clock", err)
}

// errEnough ends a query before its last row.
var errEnough = errors.New("enough")

// Entries returns entries of one log in order, see [chat.Store].
func (db *DB) Entries(conversation peer.Hash, log chat.LogKey, from, to uint64, maxBytes int) ([]chat.Entry, error) {
	var entries []chat.Entry
	const query = `SELECT header, signature, body FROM entry
		WHERE conversation = ? AND author = ? AND log = ? AND number BETWEEN ? AND ? ORDER BY number`
	args := []any{conversation[:], log.Author[:], int64(log.Log), clamp(from), clamp(to)}
	err := db.each(query, args, func(scan scan) error {
		e, err := scanEntry(scan)
		if err != nil {
			return err
		}
		maxBytes -= e.Size()
		if maxBytes < 0 && len(entries) > 0 {
			return errEnough
		}
		entries = append(entries, e)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return entries, db.mapped("read entries", err)
}

// scanEntry reads header, signature and body, and whatever else is asked for,
// and makes sure that the disk gave back what it was given: a page that reads
// as garbage need not look like it to SQLite.
func scanEntry(scan scan, more ...any) (chat.Entry, error) {
	var s peer.SignedEntry
	if err := scan(append([]any{&s.Header, &s.Signature, &s.Body}, more...)...); err != nil {
		return chat.Entry{}, err
	}
	if s.Header == nil { // of an outer join
		return chat.Entry{}, nil
	}
	e, err := chat.ParseEntry(s)
	if err != nil {
		return e, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return e, nil
}

// HeaderHash returns the hash of the header of one entry, false where it is not
// held.
func (db *DB) HeaderHash(conversation peer.Hash, log chat.LogKey, number uint64) (peer.Hash, bool, error) {
	var header []byte
	const query = "SELECT header FROM entry WHERE conversation = ? AND author = ? AND log = ? AND number = ?"
	err := db.one(query, []any{conversation[:], log.Author[:], int64(log.Log), clamp(number)}, into(&header))
	if errors.Is(err, ErrUnknown) {
		return peer.Hash{}, false, nil
	}
	return sha256.Sum256(header), err == nil, db.mapped("read header hash", err)
}

// Find returns where an author's entry with this UUID stands in a conversation,
// the one that is shown first.
func (db *DB) Find(conversation peer.Hash, key chat.EntryKey) ([]chat.Place, error) {
	var places []chat.Place
	const query = "SELECT log, number FROM entry WHERE author = ? AND uuid = ? AND conversation = ? ORDER BY id"
	err := db.each(query, []any{key.Author[:], key.ID[:], conversation[:]}, func(scan scan) error {
		var p chat.Place
		err := scan((*bits)(&p.Log), &p.Number)
		places = append(places, p)
		return err
	})
	return places, db.mapped("find entry", err)
}

// Reached returns the highest number in a log whose entry stands at or before a
// position; 0 where there is none.
//
// Clocks never fall within a log, so the entry is among those with the clock of
// the last one before the position: the inner query finds that clock going back
// from the position, the outer one looks at the few that share it.
func (db *DB) Reached(conversation peer.Hash, log chat.LogKey, upTo chat.Position) (uint64, error) {
	const query = `SELECT coalesce(max(number), 0) FROM entry
		WHERE conversation = ?1 AND author = ?2 AND log = ?3 AND (clock, author, uuid) <= (?4, ?5, ?6)
		AND clock >= (SELECT clock FROM entry
			WHERE conversation = ?1 AND author = ?2 AND log = ?3 AND (clock, author, uuid) <= (?4, ?5, ?6)
			ORDER BY clock DESC LIMIT 1)`
	var number uint64
	args := []any{conversation[:], log.Author[:], int64(log.Log), clamp(upTo.Clock), upTo.Author[:], upTo.ID[:]}
	err := db.one(query, args, into(&number))
	return number, db.mapped("find how far it was read", err)
}

// Weight is what the other side's entries in a conversation come to.
func (db *DB) Weight(conversation peer.Hash) (chat.Weight, error) {
	var w chat.Weight
	const query = `SELECT count(*), coalesce(sum(length(e.body)), 0), coalesce(sum(e.kind = ?), 0)
		FROM log l JOIN entry e ON e.conversation = l.conversation AND e.author = l.author AND e.log = l.log
		WHERE l.conversation = ? AND NOT l.ours`
	err := db.one(query, []any{chat.KindOffer, conversation[:]}, into(&w.Entries, &w.Bytes, &w.Offers))
	return w, db.mapped("weigh entries", err)
}

// Contact reports whether this person wrote to the party, verified it or said yes
// to it.
func (db *DB) Contact(who chat.Party) (bool, error) {
	query, key := "SELECT coalesce((SELECT contact FROM device WHERE key = ?), 0)", who.Device[:]
	if who.Device.IsZero() {
		query, key = "SELECT EXISTS (SELECT 1 FROM contact WHERE party = ?)", who.AppendTo(nil)
	}
	var contact bool
	err := db.one(query, []any{key}, into(&contact))
	return contact, db.mapped("read contact", err)
}

// Requests is the number of conversations with strangers, and of those that have
// this origin.
func (db *DB) Requests(origin netip.Prefix) (all, there int, err error) {
	const query = `SELECT count(*), coalesce(sum(origin = ?), 0) FROM conversation
		WHERE substr(peer, 1, 1) <> x'03' AND peer NOT IN (SELECT CAST(x'01' || key AS BLOB) FROM device WHERE contact UNION ALL SELECT party FROM contact)`
	err = db.one(query, []any{prefix(origin).text()}, into(&all, &there))
	return all, there, db.mapped("count requests", err)
}

// prefix is stored as its text, the zero one as none.
type prefix netip.Prefix

func (p prefix) text() string {
	if !netip.Prefix(p).IsValid() {
		return ""
	}
	return netip.Prefix(p).String()
}

// Scan takes what text makes.
func (p *prefix) Scan(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("%w: a prefix is %T", ErrDamaged, value)
	}
	if text == "" {
		*p = prefix{}
		return nil
	}
	read, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	*p = prefix(read)
	return nil
}

// party is stored as its bytes.
type party chat.Party

// Scan takes what [chat.Party.AppendTo] makes.
func (p *party) Scan(value any) error {
	b, _ := value.([]byte)
	read, err := chat.ParseParty(b)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	*p = party(read)
	return nil
}

// bits scans a 64-bit number that uses its highest bit too.
type bits uint64

// Scan takes the signed integer of the same bits.
func (b *bits) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("%w: a number is %T", ErrDamaged, value)
	}
	*b = bits(n)
	return nil
}

// clamp makes a number fit into the database; all that are stored do.
func clamp(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

var _, _, _ sql.Scanner = (*bits)(nil), (*prefix)(nil), (*party)(nil)
