package chat

import (
	"fmt"
	"maps"
	"time"

	"earshot/peer"
)

// Haves are the vectors: what this device says it holds and has read, and what
// peers say. A peer's is the acknowledgement of our entries.

// sayAll queues the first have of a session: everything, in pages.
func (c *core) sayAll(s *session) {
	var all []LogKey
	if s.v.stored {
		for k := range s.v.logs {
			all = append(all, k)
		}
	}
	pages := c.haves(s, all)
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
	if len(s.dirty) == 0 {
		return true
	}
	var changed []LogKey
	for k := range s.dirty {
		changed = append(changed, k)
	}
	for _, page := range c.haves(s, changed) {
		if !c.send(s, page) {
			return false
		}
		for _, l := range page.Conversations[0].Logs {
			delete(s.dirty, LogKey{l.Author, l.Log})
		}
	}
	return true
}

// haves makes pages that fit into frames.
func (c *core) haves(s *session, logs []LogKey) []peer.Have {
	var pages []peer.Have
	const most = frameRoom/logExtra - 2 // the conversation takes the place of two
	for len(logs) > 0 {
		n := min(len(logs), most)
		hc := peer.HaveConversation{ID: s.v.ID}
		if !s.named {
			hc.Preimage = s.v.Preimage
		}
		for _, k := range logs[:n] {
			l := s.v.logs[k]
			hc.Logs = append(hc.Logs, peer.HaveLog{
				Author: k.Author, Log: k.Log, First: l.First, Last: l.Last, Hash: l.Hash, Read: min(l.Read, l.Last),
			})
		}
		pages = append(pages, peer.Have{Conversations: []peer.HaveConversation{hc}})
		logs = logs[n:]
	}
	return pages
}

// takeHave handles what a peer says it holds.
func (c *core) takeHave(s *session, m peer.Have) {
	for _, hc := range m.Conversations {
		if err := c.checkHave(s, hc); err != nil {
			c.breach(s, fmt.Errorf("have: %w", err))
			return
		}
	}
	for _, hc := range m.Conversations {
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
	}
	if !s.full && !m.More {
		s.full = true
		c.forget(s)
	}
	c.ask(s)
	c.reviewWaiting(s)
}

// checkHave refuses what no honest peer says; nothing is changed by then.
func (c *core) checkHave(s *session, hc peer.HaveConversation) error {
	if err := shared(c.self, s.peer, hc.ID, hc.Preimage); err != nil {
		return err
	}
	for _, l := range hc.Logs {
		if !c.party(s.v, l.Author) {
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
func (c *core) forget(s *session) {
	for _, k := range ownLogs(s.v.seen, s.v.noted) {
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
func (c *core) review(s *session, k LogKey) {
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
func (c *core) note(s *session, k LogKey, rel relation) {
	theirs := s.claims[k]
	same := theirs.Last
	if fork, ok := s.v.forks[k]; ok && rel != shorter {
		same = min(fork.Point, theirs.Last)
	} else if rel == longer { // not known before the rest came
		same = min(s.v.seen[k].Last, s.v.logs[k].Last)
	} else if rel == forked {
		same = 0
	}
	now := Seen{Conversation: s.v.ID, Peer: s.peer, LogKey: k, First: theirs.First, Last: same, Read: min(theirs.Read, same)}
	if same < now.First || same == 0 {
		now.First, now.Last, now.Read = 0, 0, 0
	}
	if was, ok := s.v.seen[k]; ok && was == now || !ok && now.Last == 0 {
		delete(s.v.noted, k)
		return
	}
	s.v.noted[k] = now
	c.noteworthy[s.v] = true
}

// commitNoted makes durable how far the peers have our logs, and tells it.
func (c *core) commitNoted() {
	if len(c.noteworthy) == 0 || c.notedAgain.After(c.timer()) {
		return
	}
	var batch Batch
	for v := range c.noteworthy {
		for _, seen := range v.noted {
			batch.Seen = append(batch.Seen, seen)
		}
	}
	if c.apply(batch) != nil {
		c.notedAgain = c.timer().Add(storeRetry)
		return
	}
	for v := range c.noteworthy {
		noted := maps.Clone(v.noted)
		clear(v.noted)
		for k, now := range noted {
			was := v.seen[k]
			v.seen[k] = now
			c.cfg.Notify(Progress{v.Peer, v.ID, k.Log, was.extent(), now.extent()})
		}
	}
	clear(c.noteworthy)
	c.notedAgain = time.Time{}
}

func (s Seen) extent() Extent { return Extent{s.First, s.Last, s.Read} }
