package chat

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"earshot/peer"
)

// Haves are the vectors: what this device says it holds and has read, and what
// peers say. A peer's is the acknowledgement of our entries.

// vector is what is told of one conversation.
type vector struct {
	s    *share
	logs []LogKey
}

// sayAll queues the first have of a session: everything, in pages.
func (c *core) sayAll(s *session) {
	var all []vector
	for _, part := range s.shares {
		if part.v.stored {
			part.owe(part.v.logs)
			all = append(all, vector{part, slices.Collect(maps.Keys(part.dirty))})
			clear(part.dirty)
		}
	}
	pages := haves(all)
	if len(pages) == 0 {
		pages = []peer.Have{{}} // says that nothing is held
	}
	for i, page := range pages {
		page.More = i < len(pages)-1
		s.out = append(s.out, page)
	}
}

// sayChanges tells the peer the logs that changed since it was told; false where
// that must wait.
func (c *core) sayChanges(s *session) bool {
	var changed []vector
	for _, part := range s.shares {
		if len(part.dirty) > 0 || part.naming {
			changed = append(changed, vector{part, slices.Collect(maps.Keys(part.dirty))})
		}
	}
	for _, page := range haves(changed) {
		if !c.send(s, page) {
			return false
		}
		for _, hc := range page.Conversations {
			part := s.shares[hc.ID]
			part.naming = false
			for _, l := range hc.Logs {
				delete(part.dirty, LogKey{l.Author, l.Log})
			}
		}
	}
	return true
}

// haves makes pages that fit into frames.
func haves(all []vector) []peer.Have {
	const most, heading = frameRoom / logExtra, 2 // a conversation takes the place of two logs
	var pages []peer.Have
	room := 0
	for _, v := range all {
		for logs, naming := v.logs, v.s.naming; naming || len(logs) > 0; naming = false {
			if room <= heading {
				pages, room = append(pages, peer.Have{}), most
			}
			n := min(len(logs), room-heading)
			page := &pages[len(pages)-1]
			page.Conversations = append(page.Conversations, v.s.have(logs[:n]))
			logs, room = logs[n:], room-heading-n
		}
	}
	return pages
}

// have is what is told of some logs of a conversation.
func (s *share) have(logs []LogKey) peer.HaveConversation {
	hc := peer.HaveConversation{ID: s.v.ID}
	if !s.named {
		hc.Preimage = s.v.Preimage
	}
	for _, k := range logs {
		l := s.v.logs[k]
		hc.Logs = append(hc.Logs, peer.HaveLog{
			Author: k.Author, Log: k.Log, First: l.First, Last: l.Last, Hash: l.Hash, Read: min(l.Read, l.Last),
		})
	}
	return hc
}

// takeHave handles what a peer says it holds.
func (c *core) takeHave(s *session, m peer.Have) {
	for _, hc := range m.Conversations {
		if err := c.checkHave(s, hc); err != nil {
			c.breach(s, fmt.Errorf("have: %w", err))
			return
		}
	}
	var heard []*share
	for _, hc := range m.Conversations {
		part, err := c.namedShare(s, hc)
		if err != nil {
			c.failed(err) // what is said of it comes with the next session
		}
		if part == nil {
			continue
		}
		c.takeClaims(part, hc)
		if !slices.Contains(heard, part) {
			heard = append(heard, part)
		}
	}
	if !s.full && !m.More {
		s.full, heard = true, s.all()
		for _, part := range heard {
			c.forget(part)
		}
	}
	c.ask(s, heard...)
	for _, part := range heard {
		c.reviewWaiting(part)
	}
}

// namedShare is the session's part that a peer speaks of; nil where this device has
// none in it.
func (c *core) namedShare(s *session, hc peer.HaveConversation) (*share, error) {
	if part := s.shares[hc.ID]; part != nil {
		return part, nil
	}
	return c.named(s, hc.ID, hc.Preimage)
}

// takeClaims notes what a peer says it holds of a conversation. One that names it
// after its first have had no part in it before, or not all the time: what was said to
// it, or asked of it, may have come to nothing.
func (c *core) takeClaims(s *share, hc peer.HaveConversation) {
	if s.full && (!s.named || hc.Preimage != nil) && (s.v.byTicket() || c.sibling(s.peer)) {
		s.repeat()
		clear(s.asked)
	}
	s.named = true
	for _, l := range hc.Logs {
		k := LogKey{l.Author, l.Log}
		if !s.claim(k, claim{Extent{l.First, l.Last, l.Read}, l.Hash}) {
			continue
		}
		if l.Last < s.asked[k].to {
			delete(s.asked, k) // it went back
			delete(s.healing, k)
		}
		c.review(s, k)
	}
	c.follow(s)
}

// checkHave refuses what no honest peer says; nothing is changed by then.
func (c *core) checkHave(s *session, hc peer.HaveConversation) error {
	part, err := s.share(hc.ID, hc.Preimage)
	if err != nil && !(s.shares[hc.ID] == nil && c.strange(s, hc.ID, hc.Preimage)) {
		return err
	}
	for _, l := range hc.Logs {
		if part != nil && !part.v.admits(l.Author) {
			return fmt.Errorf("log of %s, who has no part in the conversation", l.Author)
		}
		if l.First > l.Last || l.Last > 0 && l.First == 0 || l.Read > l.Last {
			return fmt.Errorf("log from %d to %d, read to %d", l.First, l.Last, l.Read)
		}
	}
	return nil
}

// forget notes that the peer holds none of our logs that its first have did not
// name: it lost its database, say.
func (c *core) forget(s *share) {
	for _, k := range ownLogs(s.holder.seen, s.holder.noted) {
		if _, ok := s.claims[k]; !ok {
			c.review(s, k)
		}
	}
}

func ownLogs(maps ...map[LogKey]Seen) []LogKey {
	var all []LogKey
	for _, m := range maps {
		for k := range m {
			all = append(all, k)
		}
	}
	return all
}

// review compares what a peer claims of a log with what is here: it finds forks,
// and how far our own entries were delivered.
func (c *core) review(s *share, k LogKey) {
	rel, err := relate(s.v.logs[k], s.claims[k], c.hashes(s.v, k))
	if err != nil {
		c.failed(err)
		return
	}
	if rel == forked {
		c.fork(s, k)
	}
	if s.v.ours(k) && c.receives(s) {
		c.note(s, k, rel)
	}
}

// follow takes over how far this person has read on another device of theirs.
func (c *core) follow(s *share) {
	if !c.sibling(s.peer) {
		return
	}
	ch := c.change(s.v)
	for k, theirs := range s.claims {
		l := s.v.logs[k]
		_, forked := s.fork(k)
		if read := min(theirs.Read, l.Last); !s.v.ours(k) && !forked && read > l.Read {
			l.Read = read
			ch.logs[k] = l
		}
	}
	if len(ch.logs) == 0 || ch.commit() != nil {
		return
	}
	s.v.changed(ch.logs)
	c.cfg.Notify(ReadElsewhere{s.v.ID})
}

// note notes how far a peer has a log of this side, as far as its entries are known
// to be the same.
func (c *core) note(s *share, k LogKey, rel relation) {
	theirs := s.claims[k]
	same := theirs.Last
	if fork, ok := s.fork(k); ok && rel != shorter {
		same = min(fork.Point, theirs.Last)
	} else if rel == longer { // not known before the rest came
		same = min(s.holder.seen[k].Last, s.v.logs[k].Last)
	} else if rel == forked {
		same = 0
	}
	now := Seen{Conversation: s.v.ID, Peer: s.peer, LogKey: k, First: theirs.First, Last: same, Read: min(theirs.Read, same)}
	if same < now.First || same == 0 {
		now.First, now.Last, now.Read = 0, 0, 0
	}
	if was, ok := s.holder.seen[k]; ok && was == now || !ok && now.Last == 0 {
		delete(s.holder.noted, k)
		return
	}
	s.holder.noted[k] = now
	c.noteworthy[s.holder] = true
}

// commitNoted makes durable how far the peers have our logs, and tells it.
func (c *core) commitNoted() {
	if len(c.noteworthy) == 0 || c.notedAgain.After(c.timer()) {
		return
	}
	var batch Batch
	for h := range c.noteworthy {
		for _, seen := range h.noted {
			batch.Seen = append(batch.Seen, seen)
		}
	}
	if c.apply(batch) != nil {
		c.notedAgain = c.timer().Add(storeRetry)
		return
	}
	for h := range c.noteworthy {
		noted := maps.Clone(h.noted)
		clear(h.noted)
		for k, now := range noted {
			was := h.seen[k]
			h.seen[k] = now
			c.cfg.Notify(Progress{now.Peer, now.Conversation, k, was.extent(), now.extent()})
		}
	}
	clear(c.noteworthy)
	c.notedAgain = time.Time{}
}

func (s Seen) extent() Extent { return Extent{s.First, s.Last, s.Read} }
