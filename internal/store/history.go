package store

import (
	"errors"
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
	// Peer is the other device of the conversation.
	Peer peer.ID
	// Delivered and Read are about Peer for an entry of this device, as Peer said
	// last. An entry of Peer is Delivered, and Read once this person saw it.
	Delivered, Read bool
}

// Page asks for a part of the history.
type Page struct {
	Conversation peer.Hash // zero: all, which takes a Search
	// Before and After bound the part, both exclusive. With After alone it is the
	// oldest messages after it, else the newest ones.
	Before, After *chat.Position
	Limit         int    // at most [MaxPage]; 0 means 50
	Search        string // messages that contain these words in this order
}

// MaxPage is the most messages that one [Page] brings.
const MaxPage = 500

// maxHits bounds a search for a word that is everywhere: of more hits, only
// those that arrived last are put in order and shown.
const maxHits = 5000

const (
	messageColumns = `e.header, e.signature, e.body, c.peer,
		e.author = c.peer, coalesce(l.read, 0) >= e.number, (
			SELECT max(1 + (p.number <= s.read)) FROM entry p
			JOIN seen s ON s.conversation = p.conversation AND s.peer = c.peer AND s.author = p.author AND s.log = p.log
			WHERE p.author = e.author AND p.uuid = e.uuid AND p.conversation = e.conversation
			AND p.number BETWEEN s.first AND s.last)`
	messageTables = `entry e JOIN conversation c ON c.id = e.conversation
		LEFT JOIN log l ON l.conversation = e.conversation AND l.author = e.author AND l.log = e.log`
)

// Messages returns a part of the history, oldest first.
func (db *DB) Messages(p Page) ([]Message, error) {
	if p.Conversation == (peer.Hash{}) && p.Search == "" {
		return nil, errors.New("read history: neither a conversation nor words to search for")
	}
	query, args := p.query()
	if query == "" {
		return nil, nil
	}
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

func scanMessage(scan scan) (Message, error) {
	var m Message
	var theirs, weRead bool
	var far *int64
	e, err := scanEntry(scan, fixed(m.Peer[:]), &theirs, &weRead, &far)
	m.Entry = e
	if theirs {
		m.Delivered, m.Read = true, weRead
	} else if far != nil {
		m.Delivered, m.Read = true, *far == 2
	}
	return m, err
}

func (p Page) forward() bool { return p.After != nil && p.Before == nil }

// query is the SQL for a page, "" when nothing can be found.
func (p Page) query() (query string, args []any) {
	where := []string{"e.shown"}
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if p.Search != "" {
		words := phrase(p.Search, p.Conversation)
		if words == "" {
			return "", nil
		}
		add("e.id IN (SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT ?)", words, maxHits)
	}
	if p.Conversation != (peer.Hash{}) {
		condition := "e.conversation = ?"
		if p.Search != "" {
			condition = "+" + condition // the hits are fewer than the conversation
		}
		add(condition, p.Conversation[:])
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

func (p Page) limit() int {
	if p.Limit <= 0 {
		return 50
	}
	return min(p.Limit, MaxPage)
}

func bounds(p *chat.Position) []any {
	return []any{clamp(p.Clock), p.Author[:], p.ID[:]}
}

// Summary is what a list of conversations shows of one.
type Summary struct {
	Conversation peer.Hash
	Peer         peer.ID
	Unread       int     // messages of Peer that this person has not seen; at most [MaxUnread]
	Newest       Message // the last line, with a zero ID when there is none
}

// MaxUnread is where counting stops: nobody reads a larger number.
const MaxUnread = 1000

// Unread counts the messages of peer that this person has not seen, up to
// [MaxUnread].
func (db *DB) Unread(conversation peer.Hash, by peer.ID) (int, error) {
	const query = `SELECT count(*) FROM (
		SELECT 1 FROM log l CROSS JOIN entry e ON e.conversation = l.conversation AND e.author = l.author AND e.log = l.log
		AND e.number BETWEEN l.read + 1 AND l.last
		WHERE l.conversation = ? AND l.author = ? AND e.shown LIMIT ?)`
	var n int
	err := db.one(query, []any{conversation[:], by[:], MaxUnread}, into(&n))
	return n, db.mapped("count unread messages", err)
}

// Summaries returns one summary for each conversation, in no order.
func (db *DB) Summaries() ([]Summary, error) {
	conversations, err := db.Conversations()
	if err != nil {
		return nil, err
	}
	all := make([]Summary, len(conversations))
	for i, c := range conversations {
		s := Summary{Conversation: c.ID, Peer: c.Peer}
		if s.Unread, err = db.Unread(c.ID, c.Peer); err != nil {
			return nil, err
		}
		newest, err := db.Messages(Page{Conversation: c.ID, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(newest) == 1 {
			s.Newest = newest[0]
		}
		all[i] = s
	}
	return all, nil
}
