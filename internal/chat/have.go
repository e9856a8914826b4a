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
			all = append(all, vector{part, slices.Collect(maps.Keys(part.v.logs))})
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
		if len(part.dirty) > 0 {
			changed = append(changed, vector{part, slices.Collect(maps.Keys(part.dirty))})
		}
	}
	for _, page := range haves(changed) {
		if !c.send(s, page) {
			return false
		}
		for _, hc := range page.Conversations {
			for _, l := range hc.Logs {
				delete(s.shares[hc.ID].dirty, LogKey{l.Author, l.Log})
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
		for logs := v.logs; len(logs) > 0; {
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
		part := s.shares[hc.ID]
		c.takeClaims(part, hc.Logs)
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

// takeClaims notes what a peer says it holds of a conversation.
func (c *core) takeClaims(s *share, logs []peer.HaveLog) {
	s.named = true
	for _, l := range logs {
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
}

// checkHave refuses what no honest peer says; nothing is changed by then.
func (c *core) checkHave(s *session, hc peer.HaveConversation) error {
	part, err := s.share(hc.ID, hc.Preimage)
	if err != nil {
		return err
	}
	for _, l := range hc.Logs {
		if !c.party(part.v, l.Author) {
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
	if k.Author == c.self {
		c.note(s, k, rel)
	}
}

// note notes how far a peer has one of our logs, as far as its entries are known
// to be ours.
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
			c.cfg.Notify(Progress{now.Peer, now.Conversation, k.Log, was.extent(), now.extent()})
		}
	}
	clear(c.noteworthy)
	c.notedAgain = time.Time{}
}

func (s Seen) extent() Extent { return Extent{s.First, s.Last, s.Read} }
