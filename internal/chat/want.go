package chat

import (
	"fmt"

	"earshot/peer"
)

// ask asks the peer for what it has and this device lacks, a window of each log
// at a time.
func (c *core) ask(s *session) {
	var ranges []peer.WantRange
	for k := range s.claims {
		part, ok := c.lacking(s, k)
		if !ok {
			continue
		}
		s.asked[k] = part
		ranges = append(ranges, peer.WantRange{Conversation: s.v.ID, Author: k.Author, Log: k.Log, From: part.from, To: &part.to})
	}
	const most = frameRoom / logExtra
	for len(ranges) > 0 {
		n := min(len(ranges), most)
		s.out = append(s.out, peer.Want{Ranges: ranges[:n]})
		ranges = ranges[n:]
	}
}

// lacking is what to ask for of one log now, if anything.
func (c *core) lacking(s *session, k LogKey) (span, bool) {
	if _, ok := s.asked[k]; ok || s.refused[k] || !s.askAgain.IsZero() {
		return span{}, false
	}
	if h := s.healing[k]; h != nil {
		return h.wants, true
	}
	mine, theirs := s.v.logs[k], s.claims[k]
	switch {
	case theirs.Last <= mine.Last || theirs.First > mine.Last+1 || s.tookOver(k):
		return span{}, false
	case s.held && k.Author == s.peer:
		return span{}, false
	case mine.Last == 0 && len(s.v.logs) >= maxLogs:
		return span{}, false
	}
	return span{mine.Last + 1, min(theirs.Last, mine.Last+window)}, true
}

// tookOver reports whether the peer's branch of a forked log of ours is here.
func (s *session) tookOver(k LogKey) bool {
	f, theirs := s.v.forks[k], s.claims[k]
	return f.Last > 0 && f.Last == theirs.Last && f.Hash == theirs.hash
}

// takeWant handles what a peer asks for. A new range of a log takes the place of
// the one before.
func (c *core) takeWant(s *session, m peer.Want) {
	for _, w := range m.Ranges {
		if err := shared(c.self, s.peer, w.Conversation, nil); err != nil {
			c.breach(s, fmt.Errorf("want: %w", err))
			return
		}
	}
	for _, w := range m.Ranges {
		k := LogKey{w.Author, w.Log}
		part := span{max(1, w.From), s.v.logs[k].Last}
		if w.To != nil {
			part.to = min(part.to, *w.To)
		}
		if part.from <= part.to {
			s.serve[k] = part
		}
	}
}

// serve sends what a peer asked for, as much as its queue takes.
func (c *core) serve(s *session) {
	for k, part := range s.serve {
		for part.from <= part.to {
			entries, err := c.cfg.Store.Entries(s.v.ID, k, part.from, part.to, frameRoom*3/4)
			if err != nil {
				c.failed(err)
				s.sendAgain = c.timer().Add(storeRetry)
				return
			}
			if len(entries) == 0 {
				break
			}
			sent, ok := c.sendEntries(s, entries)
			part.from += uint64(sent)
			s.serve[k] = part
			if !ok {
				return
			}
		}
		delete(s.serve, k)
	}
}

// sendEntries sends entries in as many frames as they need, and returns how many
// went out before the peer's queue was full.
func (c *core) sendEntries(s *session, entries []Entry) (sent int, ok bool) {
	for sent < len(entries) {
		var m peer.Entries
		room := frameRoom
		for _, e := range entries[sent:] {
			if room -= e.Size() + entryExtra; room < 0 {
				break
			}
			m.Entries = append(m.Entries, e.Signed())
		}
		if !c.send(s, m) {
			return sent, false
		}
		sent += len(m.Entries)
	}
	return sent, true
}
