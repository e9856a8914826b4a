package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
)

// Message is an entry that has a line of its own in its conversation, and how
// far it got.
type Message struct {
	chat.Entry
	Peer chat.Party // the other side of the conversation
	// Ours: of this device, or another one of this account.
	Ours bool
	// Delivered and Read are about the other side for an entry of ours, as its
	// devices said last: one of them has it, one of them showed it. An entry of the
	// other side is Delivered, and Read once this person saw it.
	Delivered, Read bool
}

// Page asks for a part of the history.
type Page struct {
	Conversations []peer.Hash // that are shown as one; none: all, which takes a Search
	// Before and After bound the part, both exclusive. With After alone it is the
	// oldest messages after it, else the newest ones.
	Before, After *chat.Position
	Limit         int    // at most [MaxPage]; 0 means 50
	Search        string // messages that contain these words in this order
}

// MaxPage is the most messages that one [Page] brings.
const MaxPage = 500

// maxHits is how many hits of a search are put in order by sorting. For a word
// that is everywhere the conversation is read in order instead, until enough of
// it are hits; where all conversations are searched, only the hits that arrived
// last are looked at.
const maxHits = 5000

const (
	messageColumns = `e.header, e.signature, e.body, c.peer,
		coalesce(l.ours, 0), coalesce(l.read >= e.number, 0), (
			SELECT max(1 + (p.number <= s.read)) FROM entry p
			JOIN seen s ON s.conversation = p.conversation AND s.author = p.author AND s.log = p.log
			WHERE p.author = e.author AND p.uuid = e.uuid AND p.conversation = e.conversation
			AND p.number BETWEEN s.first AND s.last)`
	messageTables = `entry e JOIN conversation c ON c.id = e.conversation
		LEFT JOIN log l ON l.conversation = e.conversation AND l.author = e.author AND l.log = e.log`
)

// Messages returns a part of the history, oldest first.
func (db *DB) Messages(p Page) ([]Message, error) {
	if len(p.Conversations) == 0 && p.Search == "" {
		return nil, errors.New("read history: neither a conversation nor words to search for")
	}
	if len(p.Conversations) < 2 {
		return db.messages(p)
	}
	var all []Message
	for _, id := range p.Conversations {
		part := p
		part.Conversations = []peer.Hash{id}
		some, err := db.messages(part)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b Message) int { return a.Position().Compare(b.Position()) })
	if more := len(all) - p.limit(); more > 0 && p.forward() {
		all = all[:p.limit()]
	} else if more > 0 {
		all = all[more:]
	}
	return all, nil
}

// messages is [DB.Messages] for one conversation, or for all of them.
func (db *DB) messages(p Page) ([]Message, error) {
	var condition string
	var hits []any
	if p.Search != "" {
		var err error
		if condition, hits, err = db.searchCondition(p); err != nil || condition == "" {
			return nil, db.mapped("search history", err)
		}
	}
	query, args := p.query(condition, hits)
	var messages []Message
	err := db.each(query, args, func(scan scan) error {
		m, err := scanMessage(scan)
		messages = append(messages, m)
		return err
	})
	if !p.forward() {
		slices.Reverse(messages)
	}
	return messages, db.mapped("read history", err)
}

// Message returns the message with that UUID: of the author, or of whoever used
// it first where author is zero. [ErrUnknown] when there is none.
func (db *DB) Message(author peer.ID, id uuid.UUID) (Message, error) {
	var m Message
	where, args := "e.author = ? AND e.uuid = ?", []any{author[:], id[:]}
	if author.IsZero() {
		// The index has the author first: there are few of them, so each is tried.
		where, args = "e.author IN (SELECT DISTINCT author FROM log) AND e.uuid = ?", args[1:]
	}
	query := "SELECT " + messageColumns + " FROM " + messageTables + " WHERE " + where + " AND e.shown ORDER BY e.id LIMIT 1"
	err := db.one(query, args, func(scan scan) (err error) {
		m, err = scanMessage(scan)
		return err
	})
	return m, db.mapped("read message "+id.String(), err)
}

// MaxNamed is the most messages that [DB.Named] brings.
const MaxNamed = 10

// Named returns messages whose UUID begins with hexadecimal digits, at most 32, the
// newest first. Anything else begins no UUID.
func (db *DB) Named(digits string) ([]Message, error) {
	from, err := hex.DecodeString((digits + strings.Repeat("0", 32))[:32])
	if err != nil || len(digits) > 32 {
		return nil, nil
	}
	to, _ := hex.DecodeString((digits + strings.Repeat("f", 32))[:32])
	var found []Message
	query := "SELECT " + messageColumns + " FROM " + messageTables + `
		WHERE e.author IN (SELECT DISTINCT author FROM log) AND e.uuid BETWEEN ? AND ? AND e.shown ORDER BY e.id DESC LIMIT ?`
	err = db.each(query, []any{from, to, MaxNamed}, func(scan scan) error {
		m, err := scanMessage(scan)
		found = append(found, m)
		return err
	})
	return found, db.mapped("find messages "+digits, err)
}

// Beside returns the entry of any kind that an author's UUID names in a
// conversation, entries[at], between those that are held next to it in its log.
// [ErrUnknown] when there is none.
func (db *DB) Beside(conversation peer.Hash, key chat.EntryKey) (entries []chat.Entry, at int, err error) {
	places, err := db.Find(conversation, key)
	if err == nil && len(places) == 0 {
		err = fmt.Errorf("find entry %s: %w", key.ID, ErrUnknown)
	}
	if err != nil {
		return nil, 0, err
	}
	p := places[0]
	entries, err = db.Entries(conversation, chat.LogKey{Author: key.Author, Log: p.Log}, p.Number-1, p.Number+1, besideBytes)
	at = slices.IndexFunc(entries, func(e chat.Entry) bool { return e.Number == p.Number })
	if err == nil && at < 0 {
		err = fmt.Errorf("find entry %s: %w", key.ID, ErrUnknown)
	}
	return entries, at, err
}

// besideBytes is more than three entries have.
const besideBytes = 1 << 20

// OffersWithoutTransfer returns the offers of others, to whichever device of this
// account, that have no transfer here, the oldest first, but no more than the newest thousand: a kill came between, or
// they were refused before there was one.
func (db *DB) OffersWithoutTransfer() ([]Message, error) {
	var offers []Message
	// The kind is no parameter: only so SQLite takes the index of offers.
	query := "SELECT " + messageColumns + " FROM " + messageTables + fmt.Sprintf(`
		WHERE e.shown AND e.kind = %d AND NOT l.ours AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.id = e.uuid)
		ORDER BY e.id DESC LIMIT 1000`, chat.KindOffer)
	err := db.each(query, nil, func(scan scan) error {
		m, err := scanMessage(scan)
		offers = append(offers, m)
		return err
	})
	slices.Reverse(offers)
	return offers, db.mapped("find offers without a transfer", err)
}

func scanMessage(scan scan, more ...any) (m Message, err error) {
	var weRead bool
	var far *int64
	m.Entry, err = scanEntry(scan, append([]any{(*party)(&m.Peer), &m.Ours, &weRead, &far}, more...)...)
	switch {
	case far != nil:
		m.Delivered, m.Read = true, *far == 2
	case !m.Ours && m.Raw != nil:
		m.Delivered, m.Read = true, weRead
	}
	return m, err
}

func (p Page) forward() bool { return p.After != nil && p.Before == nil }

// searchCondition is the SQL for "is a hit of the search", "" when nothing is.
// The + keeps SQLite from an index that would be slower.
func (db *DB) searchCondition(p Page) (condition string, args []any, err error) {
	words := phrase(p.Search, p.conversation())
	if words == "" {
		return "", nil, nil
	}
	var n int
	const count = "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ? LIMIT ?)"
	if err := db.one(count, []any{words, maxHits + 1}, into(&n)); err != nil {
		return "", nil, err
	}
	id := p.conversation()
	one := id != (peer.Hash{})
	switch {
	case n > maxHits && one:
		return "e.conversation = ? AND +e.id IN (SELECT rowid FROM search WHERE search MATCH ?)", []any{id[:], words}, nil
	case one:
		return "+e.conversation = ? AND e.id IN (SELECT rowid FROM search WHERE search MATCH ?)", []any{id[:], words}, nil
	}
	return "e.id IN (SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT ?)", []any{words, maxHits}, nil
}

// query is the SQL for a page, of the hits of a search where there is one.
func (p Page) query(search string, hits []any) (query string, args []any) {
	where := []string{"e.shown"}
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if search != "" {
		add(search, hits...)
	} else {
		id := p.conversation()
		add("e.conversation = ?", id[:])
	}
	if p.Before != nil {
		add("(e.clock, e.author, e.uuid) < (?, ?, ?)", bounds(p.Before)...)
	}
	if p.After != nil {
		add("(e.clock, e.author, e.uuid) > (?, ?, ?)", bounds(p.After)...)
	}
	order := "e.clock DESC, e.author DESC, e.uuid DESC"
	if p.forward() {
		order = strings.ReplaceAll(order, " DESC", "")
	}
	args = append(args, p.limit())
	return "SELECT " + messageColumns + " FROM " + messageTables +
		" WHERE " + strings.Join(where, " AND ") + " ORDER BY " + order + " LIMIT ?", args
}

// conversation is the one that is asked for; zero: all.
func (p Page) conversation() (id peer.Hash) {
	if len(p.Conversations) > 0 {
		id = p.Conversations[0]
	}
	return id
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 50
	}
	return min(p.Limit, MaxPage)
}

func bounds(p *chat.Position) []any {
	return []any{clamp(p.Clock), p.Author[:], p.ID[:]}
}

// Authors returns the devices that wrote on behalf of the other side, for each account
// that conversations are with.
func (db *DB) Authors() (map[chat.Party][]peer.ID, error) {
	const query = `SELECT DISTINCT c.peer, l.author FROM conversation c JOIN log l ON l.conversation = c.id
		WHERE NOT l.ours AND substr(c.peer, 1, 1) = x'02'`
	all := make(map[chat.Party][]peer.ID)
	err := db.each(query, nil, func(scan scan) error {
		var with chat.Party
		var author peer.ID
		err := scan((*party)(&with), fixed(author[:]))
		all[with] = append(all[with], author)
		return err
	})
	return all, db.mapped("list who wrote", err)
}

// Summary is what a list of conversations shows of one.
type Summary struct {
	Conversation peer.Hash
	Peer         chat.Party
	Unread       int     // messages of Peer that this person has not seen; at most [MaxUnread]
	Newest       Message // the last line, with a nil Raw when there is none
}

// MaxUnread is where counting stops: nobody reads a larger number.
const MaxUnread = 1000

// countUnread counts, up to a limit, the lines that the other side has in the
// conversation in %s behind what was read.
const countUnread = `SELECT count(*) FROM (
	SELECT 1 FROM log r CROSS JOIN entry u ON u.conversation = r.conversation AND u.author = r.author AND u.log = r.log
	AND u.number BETWEEN r.read + 1 AND r.last
	WHERE r.conversation = %s AND NOT r.ours AND u.shown LIMIT ?1)`

// Unread counts the messages of the other side that this person has not seen, up to
// [MaxUnread].
func (db *DB) Unread(conversation peer.Hash) (int, error) {
	var n int
	err := db.one(fmt.Sprintf(countUnread, "?2"), []any{MaxUnread, conversation[:]}, into(&n))
	return n, db.mapped("count unread messages", err)
}

// Summaries returns one summary for each conversation, in no order.
func (db *DB) Summaries() ([]Summary, error) {
	query := "SELECT " + messageColumns + ", c.id, (" + fmt.Sprintf(countUnread, "c.id") + `)
		FROM conversation c LEFT JOIN entry e ON e.id = (
			SELECT id FROM entry WHERE conversation = c.id AND shown
			ORDER BY clock DESC, author DESC, uuid DESC LIMIT 1)
		LEFT JOIN log l ON l.conversation = e.conversation AND l.author = e.author AND l.log = e.log`
	var all []Summary
	err := db.each(query, []any{MaxUnread}, func(scan scan) error {
		var s Summary
		var err error
		s.Newest, err = scanMessage(scan, fixed(s.Conversation[:]), &s.Unread)
		s.Peer = s.Newest.Peer
		all = append(all, s)
		return err
	})
	return all, db.mapped("list conversations", err)
}
