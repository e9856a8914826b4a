package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/store"
	"earshot/peer"
)

// skew is how far an author's clock may be off before that is marked.
const skew = 2 * time.Minute

// Write adds a text to a conversation and returns when it is on the disk; it is
// delivered when that device is there. It makes a contact of the addressee.
func (n *Node) Write(ctx context.Context, to Conversation, text string) (Message, error) {
	id, err := to.peer()
	if err != nil {
		return Message{}, err
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if strings.TrimSpace(text) == "" {
		return Message{}, errors.New("write: the text is empty")
	}
	if len(text) > chat.MaxText {
		return Message{}, fmt.Errorf("write: a text of %d bytes; at most %d", len(text), chat.MaxText)
	}
	draft := chat.Draft{To: id, Kind: chat.KindText, Body: chat.Text{Text: text}}
	entry, err := n.add(ctx, draft)
	if err != nil {
		return Message{}, fmt.Errorf("write to %s: %w", to, err)
	}
	return n.messageOf(ctx, entry.Author, entry.ID)
}

// add writes an entry, if its addressee may be written to, and waits for the
// disk.
func (n *Node) add(ctx context.Context, d chat.Draft) (chat.Entry, error) {
	return await(ctx, n, func(done func(chat.Entry, error)) {
		if _, err := n.addressee(d.To); err != nil {
			done(chat.Entry{}, err)
			return
		}
		n.replica.Write(d, done)
	})
}

// Message is one message, by the UUID that its author gave it.
func (n *Node) Message(ctx context.Context, id uuid.UUID) (Message, error) {
	return n.messageOf(ctx, peer.ID{}, id)
}

// Named finds messages whose ID begins with hexadecimal digits, of which at least
// [MinPrefix] must be given; the newest first, and no more than ten. Hyphens do not
// matter.
func (n *Node) Named(ctx context.Context, digits string) ([]Message, error) {
	digits = strings.ReplaceAll(strings.TrimSpace(digits), "-", "")
	if len(digits) < MinPrefix {
		return nil, nil
	}
	rows, err := reply(ctx, n, func(done func([]store.Message, error)) { done(n.db.Named(digits)) })
	if err != nil {
		return nil, err
	}
	return ask(ctx, n, func() ([]Message, error) { return n.messages(rows), nil })
}

// messageOf is one message of an author; the zero ID is whoever used the UUID
// first.
func (n *Node) messageOf(ctx context.Context, author peer.ID, id uuid.UUID) (Message, error) {
	row, err := reply(ctx, n, func(done func(store.Message, error)) { done(n.db.Message(author, id)) })
	if errors.Is(err, store.ErrUnknown) {
		return Message{}, fmt.Errorf("%w: %s", ErrNoSuchMessage, id)
	}
	if err != nil {
		return Message{}, err
	}
	return ask(ctx, n, func() (Message, error) { return n.message(row), nil })
}

// History is a part of a conversation, or what was found in it; oldest first. A
// search without a conversation looks through all of them.
func (n *Node) History(ctx context.Context, h History) ([]Message, error) {
	page := store.Page{Limit: h.Limit, Search: h.Search, Before: h.Before.chat(), After: h.After.chat()}
	if h.Conversation != "" {
		id, err := h.Conversation.peer()
		if err != nil {
			return nil, err
		}
		page.Conversation, _ = chat.Direct(n.id.ID(), id)
	}
	rows, err := reply(ctx, n, func(done func([]store.Message, error)) { done(n.db.Messages(page)) })
	if err != nil {
		return nil, err
	}
	return ask(ctx, n, func() ([]Message, error) { return n.messages(rows), nil })
}

// messages are stored entries as people see them.
func (n *Node) messages(rows []store.Message) []Message {
	messages := make([]Message, len(rows))
	for i, row := range rows {
		messages[i] = n.message(row)
	}
	return messages
}

// chat is the position as package chat has it.
func (p *Position) chat() *chat.Position {
	if p == nil {
		return nil
	}
	return &chat.Position{Clock: p.Clock, Author: p.Author, ID: p.ID}
}

// MarkRead says that the person has seen a conversation up to a position; the
// other side is told. It returns when that is on the disk.
func (n *Node) MarkRead(ctx context.Context, c Conversation, upTo Position) error {
	id, err := c.peer()
	if err != nil {
		return err
	}
	err = order(ctx, n, func() error {
		p, err := n.person(id)
		if err != nil {
			return err
		}
		n.replica.Read(p.id, *upTo.chat())
		return nil
	})
	if err == nil {
		err = n.sync(ctx)
	}
	if err != nil {
		return err
	}
	return order(ctx, n, func() error {
		n.countUnread(n.meet(id))
		return nil
	})
}

// sync waits until what was asked of the conversations is on the disk.
func (n *Node) sync(ctx context.Context) error {
	_, err := reply(ctx, n, func(done func(struct{}, error)) {
		n.replica.Sync(func(err error) { done(struct{}{}, err) })
	})
	return err
}

// message is a stored entry as people see it.
func (n *Node) message(row store.Message) Message {
	p := n.meet(row.Peer)
	m := n.entry(p, row.Entry)
	switch {
	case row.Read:
		m.State = Read
	case row.Delivered:
		m.State = Delivered
	}
	m.Request = !m.Mine && p.request && !p.contact
	if m.Mine && m.State == Queued {
		m.Why = n.why(p)
	}
	return m
}

// why says what a queued message waits for.
func (n *Node) why(p *person) peer.Text {
	switch {
	case p.older():
		return sentence("waiting for you: %s speaks an older version than before", p.name)
	case p.waiting:
		return sentence("waiting for an answer")
	case !p.online:
		return sentence("%s is away", p.name)
	}
	return peer.Text{}
}

// entry is what an entry says; its state is that of one just written.
func (n *Node) entry(p *person, e chat.Entry) Message {
	m := Message{
		ID: e.ID, Conversation: Direct(p.id), From: p.ref(), State: Delivered,
		Position: Position{Clock: e.Clock, Author: e.Author, ID: e.ID},
	}
	if e.Author == n.id.ID() {
		m.Mine, m.From, m.State = true, Ref{ID: e.Author, Name: n.name}, Queued
	}
	wall := e.Clock
	switch e.Kind {
	case chat.KindText:
		if t, err := e.Text(); err == nil {
			m.Text, wall = peer.Body(t.Text), t.Wall
		} else {
			m.Text = sentence("(a message that cannot be read)")
		}
	case chat.KindOffer:
		if o, err := e.Offer(); err == nil {
			m.Offer = &Offer{
				ID: e.ID, Name: peer.Line(o.Name, 0), Files: clampInt(o.Files), Bytes: int64(clampInt(o.Bytes)), Program: runnable(o),
			}
			if t, ok := n.transfers[e.ID]; ok && t.Peer == p.id {
				m.Offer.Program = t.Program
			}
			wall = o.Wall
			if m.Mine {
				m.Offer.Skipped = skipped(n.transfers[e.ID])
			}
		} else {
			m.Text = sentence("(a file offer that cannot be read)")
		}
	default:
		m.Text = sentence("(something that needs a newer Earshot)")
	}
	m.At = time.UnixMilli(int64(min(wall, maxMillis)))
	m.Skewed = m.At.Sub(n.now()) > skew || time.UnixMilli(int64(min(e.Clock, maxMillis))).Sub(m.At) > skew
	return m
}

// maxMillis is the last moment of the year 9999: RFC 3339 has no later one.
const maxMillis = 253402300799000

// clampInt takes a number from the network.
func clampInt(u uint64) int { return int(min(u, 1<<62)) }

// entryAdded tells of a new entry, and hands offers and receipts on.
func (n *Node) entryAdded(e chat.EntryAdded) {
	if !e.Entry.Kind.HasLine() {
		n.confirmed(e.Entry)
		return
	}
	p := n.meet(e.Peer)
	mine := e.Entry.Author == n.id.ID()
	p.written = n.now()
	if e.Stranger && n.rule.covers(p) {
		n.befriend(p)
		n.replica.Accept(p.id)
	}
	p.request = p.request || e.Stranger
	if mine { // also one that comes home after the database was lost
		n.befriend(p)
	}
	if !p.stored {
		n.save(p)
	}
	m := n.entry(p, e.Entry)
	m.Request = !mine && p.request && !p.contact
	kind := MessageAdded
	if m.Offer != nil && !mine {
		kind = OfferReceived
		n.offered(p, e.Entry)
		m.Offer.Accepted = n.accepts(p, m.Offer.Bytes)
	}
	n.publish(Event{Kind: kind, Message: &m})
	if mine {
		n.changed(p)
	} else {
		n.countUnread(p)
	}
}

// unreadCounted: so many messages of a person were not seen.
type unreadCounted struct {
	id    peer.ID
	count int
}

// countUnread counts anew on the disk, once for any number of messages.
func (n *Node) countUnread(p *person) {
	if p.counting {
		p.recount = true
		return
	}
	p.counting = true
	id := p.id
	conversation, _ := chat.Direct(n.id.ID(), id)
	n.desk.do("count unread messages", func() error {
		count, err := n.db.Unread(conversation, id)
		n.box.put(unreadCounted{id, count})
		return err
	})
}

func (n *Node) unreadCounted(e unreadCounted) {
	p := n.meet(e.id)
	p.counting, p.unread = false, e.count
	if p.recount {
		p.recount = false
		n.countUnread(p)
	}
	n.changed(p)
}

// stateRead: these messages of ours moved from one extent to another.
type stateRead struct {
	peer    peer.ID
	entries []chat.Entry
	was     chat.Extent
	now     chat.Extent
}

// progress reads the entries whose state a peer's word changed.
func (n *Node) progress(e chat.Progress) {
	key := chat.LogKey{Author: n.id.ID(), Log: e.Log}
	n.desk.do("read what was delivered", func() error {
		for _, r := range between(e.Was, e.Now) {
			for from := r.from; from <= r.to; {
				entries, err := n.db.Entries(e.Conversation, key, from, r.to, statePage)
				if err != nil {
					return err
				}
				if len(entries) == 0 {
					break
				}
				n.box.put(stateRead{e.Peer, entries, e.Was, e.Now})
				from = entries[len(entries)-1].Number + 1
			}
		}
		return nil
	})
}

// statePage is how many bytes of entries are read at a time.
const statePage = 1 << 20

// numbers are those from..to of a log.
type numbers struct{ from, to uint64 }

// between are the numbers whose state differs between two extents: those whose
// delivery and those whose reading changed.
func between(was, now chat.Extent) []numbers {
	var ranges []numbers
	for _, limits := range [][2]uint64{{was.Last, now.Last}, {was.Read, now.Read}} {
		if low, high := min(limits[0], limits[1]), max(limits[0], limits[1]); low < high {
			ranges = append(ranges, numbers{low + 1, high})
		}
	}
	if len(ranges) == 2 && ranges[1].to >= ranges[0].from && ranges[1].from <= ranges[0].to { // the same entries are told once
		return []numbers{{min(ranges[0].from, ranges[1].from), max(ranges[0].to, ranges[1].to)}}
	}
	return ranges
}

// stateOf is how far entry number of a log is, for who has so much of it.
func stateOf(number uint64, x chat.Extent) MessageState {
	switch {
	case number < x.First || number > x.Last:
		return Queued
	case number <= x.Read:
		return Read
	}
	return Delivered
}

// stateRead tells of each message whose state changed.
func (n *Node) stateRead(e stateRead) {
	p := n.meet(e.peer)
	ref := p.ref()
	for _, entry := range e.entries {
		state := stateOf(entry.Number, e.now)
		if state == stateOf(entry.Number, e.was) || !entry.Kind.HasLine() {
			continue
		}
		m := n.entry(p, entry)
		m.State = state
		n.publish(Event{Kind: StateChanged, Message: &m, Peer: &ref})
	}
}
