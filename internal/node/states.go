package node

import (
	"errors"

	"earshot/internal/chat"
	"earshot/internal/store"
	"earshot/peer"
)

// This file is how far messages are: what was not seen here, and what the other side
// has of ours.

// unreadCounted: so many messages of a person were not seen.
type unreadCounted struct {
	id    peer.ID
	count int
}

// countUnread counts anew on the disk, once for any number of messages.
func (n *Node) countUnread(p *person) {
	p = n.face(p)
	if p.counting {
		p.recount = true
		return
	}
	p.counting = true
	id, view := p.id, n.view(p)
	n.desk.do("count unread messages", func() error {
		all := 0
		for _, conversation := range view {
			count, err := n.db.Unread(conversation)
			if err != nil {
				n.box.put(unreadCounted{id, all})
				return err
			}
			all = min(all+count, MaxUnread)
		}
		n.box.put(unreadCounted{id, all})
		return nil
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

// stateRead: these messages of ours got as far as they did by the word of a device.
type stateRead struct {
	peer  peer.ID
	moved []moved
}

// moved is a message of ours, and how far it was and is with one device.
type moved struct {
	row      store.Message
	was, now MessageState
}

// progress reads the entries whose state a peer's word changed.
func (n *Node) progress(e chat.Progress) {
	n.desk.do("read what was delivered", func() error {
		for _, r := range between(e.Was, e.Now) {
			for from := r.from; from <= r.to; {
				entries, err := n.db.Entries(e.Conversation, e.Log, from, r.to, statePage)
				if err != nil {
					return err
				}
				if len(entries) == 0 {
					break
				}
				all, err := n.moved(entries, e)
				if err != nil {
					return err
				}
				n.box.put(stateRead{e.Peer, all})
				from = entries[len(entries)-1].Number + 1
			}
		}
		return nil
	})
}

// moved reads the messages among entries whose state differs with the device that the
// progress is of.
func (n *Node) moved(entries []chat.Entry, e chat.Progress) (all []moved, err error) {
	for _, entry := range entries {
		m := moved{was: stateOf(entry.Number, e.Was), now: stateOf(entry.Number, e.Now)}
		if m.was == m.now || !entry.Kind.HasLine() {
			continue
		}
		m.row, err = n.db.Message(entry.Author, entry.ID)
		if errors.Is(err, store.ErrUnknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
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

// stateRead tells of each message whose state changed. What one device of the other
// side has already is no news of another one.
func (n *Node) stateRead(e stateRead) {
	ref := n.meet(e.peer).ref()
	for _, each := range e.moved {
		m := n.message(each.row)
		if m.State != each.now && each.was != Read {
			continue
		}
		n.publish(Event{Kind: StateChanged, Message: &m, Peer: &ref})
	}
}
