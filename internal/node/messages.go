package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if text, err = checkText(text); err != nil {
		return Message{}, err
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
		p, err := n.addressee(d.To)
		if err != nil {
			done(chat.Entry{}, err)
			return
		}
		if d.Kind == chat.KindText {
			d.To = n.correspondent(p).id
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
		var err error
		page.Conversations, err = ask(ctx, n, func() ([]peer.Hash, error) { return n.shown(h.Conversation) })
		if err != nil {
			return nil, err
		}
	}
	rows, err := reply(ctx, n, func(done func([]store.Message, error)) { done(n.db.Messages(page)) })
	if err != nil {
		return nil, err
	}
	return ask(ctx, n, func() ([]Message, error) { return n.messages(rows), nil })
}

// messages are stored entries as people see them; those with an account of which no
// device is known are nowhere to be shown.
func (n *Node) messages(rows []store.Message) []Message {
	messages := make([]Message, 0, len(rows))
	for _, row := range rows {
		if row.Peer.IsRealm() || n.shownAs(row.Peer, row.Author) != nil {
			messages = append(messages, n.message(row))
		}
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
	var p *person // nil: notices
	err := order(ctx, n, func() error {
		conversations, err := n.shown(c)
		if id, failed := c.peer(); err == nil && failed == nil {
			p, err = n.person(id)
		}
		if err != nil {
			return err
		}
		for _, id := range conversations {
			n.replica.Read(id, *upTo.chat())
		}
		return nil
	})
	if err == nil {
		err = n.sync(ctx)
	}
	if err != nil || p == nil {
		return err
	}
	return order(ctx, n, func() error {
		n.countUnread(p)
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
	p, in := n.shownAs(row.Peer, row.Author), Notices
	if p == nil {
		p = &person{}
	}
	if !row.Peer.IsRealm() {
		in = Direct(p.id)
	}
	m := n.entry(in, row.Entry, row.Ours)
	switch {
	case row.Read:
		m.State = Read
	case row.Delivered:
		m.State = Delivered
	}
	m.Request = !m.Mine && p.request && !p.contact
	if m.Mine && m.State == Queued && in != Notices {
		m.Why = n.why(p)
	}
	return m
}

// why says what a queued message waits for.
func (n *Node) why(p *person) peer.Text {
	switch {
	case p.older():
		return sentence("waiting for you: %s speaks an older version than before", p.name)
	case slices.ContainsFunc(n.kin(p), func(q *person) bool { return q.waiting }):
		return sentence("waiting for an answer")
	case !slices.ContainsFunc(n.kin(p), func(q *person) bool { return q.online }):
		return sentence("%s is away", p.name)
	case !slices.ContainsFunc(n.kin(p), func(q *person) bool { return q.online && !n.isGuest(q) }):
		return sentence("only a new device of %s is there, to which nobody said yes", p.name)
	}
	return peer.Text{}
}

// entry is what an entry in a conversation says; its state is that of one just written.
func (n *Node) entry(in Conversation, e chat.Entry, ours bool) Message {
	m := Message{
		ID: e.ID, Conversation: in, From: n.whoever(e.Author).ref(), State: Delivered,
		Position: Position{Clock: e.Clock, Author: e.Author, ID: e.ID},
	}
	if ours {
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
	case chat.KindAnnouncement:
		if a, err := e.Announcement(); err == nil {
			m.Text, wall = peer.Body(a.Text), a.Wall
		} else {
			m.Text = sentence("(an announcement that cannot be read)")
		}
	case chat.KindOffer:
		if o, err := e.Offer(); err == nil {
			m.Offer = &Offer{
				ID: e.ID, Name: peer.Line(o.Name, 0), Files: clampInt(o.Files), Bytes: int64(clampInt(o.Bytes)), Program: runnable(o),
			}
			if t, ok := n.transfers[e.ID]; ok && (ours || t.Peer == e.Author) {
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
	n.talks.note(e.Entry.Conversation, e.Peer)
	if e.Peer.IsRealm() {
		n.announced(e)
		return
	}
	if t, err := e.Entry.Ticket(); err == nil {
		n.opened(e.Entry.Author, t, e.Entry.Body)
	}
	if !e.Entry.Kind.HasLine() {
		n.confirmed(e.Entry)
		return
	}
	if !e.Ours {
		n.belongs(n.meet(e.Entry.Author), e.Peer)
	}
	p := n.shownAs(e.Peer, e.Entry.Author)
	if p == nil {
		return // it is shown once a device of that account is known
	}
	if p.name.IsZero() { // it came through another device of this account
		n.rename(p, "")
	}
	mine := e.Ours
	p.written = n.now()
	if e.Stranger && n.rule.covers(p) {
		n.befriend(p)
		n.replica.Accept(e.Entry.Author)
	}
	p.request = p.request || e.Stranger
	if mine { // also one that comes home after the database was lost
		n.befriend(p)
	}
	if !p.stored {
		n.save(p)
	}
	m := n.entry(Direct(p.id), e.Entry, mine)
	m.Request = !mine && p.request && !p.contact
	kind := MessageAdded
	if m.Offer != nil && !mine && n.isHere(e.Entry) {
		kind = OfferReceived
		from := n.meet(e.Entry.Author)
		n.offered(from, e.Entry)
		m.Offer.Accepted = n.accepts(from, m.Offer.Bytes)
	}
	n.publish(Event{Kind: kind, Message: &m})
	if mine {
		n.changed(p)
	} else {
		n.countUnread(p)
	}
}
