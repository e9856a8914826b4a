package node

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"earshot/internal/chat"
	"earshot/peer"
)

// Notices is the conversation in which administrators tell everybody of the realm
// something: all with an account read it, and it is passed on from device to device.
const Notices Conversation = "#notices"

// Announce tells everybody who has an account of this realm something, and returns
// when it is on the disk. It needs an administrator's account, not the server.
func (n *Node) Announce(ctx context.Context, text string) (Message, error) {
	text, err := checkText(text)
	if err != nil {
		return Message{}, err
	}
	entry, err := await(ctx, n, func(done func(chat.Entry, error)) {
		switch own, err := peer.ParseTicket(n.server.Ticket); {
		case !n.server.signedIn():
			done(chat.Entry{}, ErrSignedOut)
		case err != nil || !own.Admin:
			done(chat.Entry{}, fmt.Errorf("announce: %w", ErrNotAdmin))
		default:
			n.replica.Write(chat.Draft{Kind: chat.KindAnnouncement, Body: chat.Announcement{Text: text}}, done)
		}
	})
	if err != nil {
		return Message{}, err
	}
	return n.messageOf(ctx, entry.Author, entry.ID)
}

// checkText is a text as it is written; the error says why it cannot be.
func checkText(text string) (string, error) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if strings.TrimSpace(text) == "" {
		return "", errors.New("write: the text is empty")
	}
	if len(text) > chat.MaxText {
		return "", fmt.Errorf("write: a text of %d bytes; at most %d", len(text), chat.MaxText)
	}
	return text, nil
}

// announced tells of an announcement.
func (n *Node) announced(e chat.EntryAdded) {
	a, err := e.Entry.Announcement()
	if err != nil {
		return
	}
	if t, err := peer.ParseTicket(a.Ticket); err == nil {
		n.opened(e.Entry.Author, t, a.Ticket)
	}
	m := n.entry(Notices, e.Entry, e.Ours)
	n.publish(Event{Kind: AnnouncementAdded, Message: &m})
}

// shown are the stored conversations that one name of a conversation means.
func (n *Node) shown(c Conversation) ([]peer.Hash, error) {
	if c == Notices {
		if n.server.Realm.IsZero() {
			return nil, ErrNoServer
		}
		id, _ := chat.Notices(n.server.Realm)
		return []peer.Hash{id}, nil
	}
	id, err := c.peer()
	if err != nil {
		return nil, err
	}
	return n.view(n.whoever(id)), nil
}
