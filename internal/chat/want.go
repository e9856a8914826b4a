package chat

import (
	"fmt"

	"earshot/peer"
)

// ask asks the peer for what it has of conversations and this device lacks, a
// window of each log at a time.
func (c *core) ask(s *session, of ...*share) {
	var ranges []peer.WantRange
	for _, part := range of {
		for k := range part.claims {
			lack, ok := c.lacking(part, k)
			if !ok {
				continue
			}
			part.asked[k] = lack
			ranges = append(ranges, peer.WantRange{Conversation: part.v.ID, Author: k.Author, Log: k.Log, From: lack.from, To: &lack.to})
		}
	}
	const most = frameRoom / logExtra
	for len(ranges) > 0 {
		n := min(len(ranges), most)
		s.out = append(s.out, peer.Want{Ranges: ranges[:n]})
		ranges = ranges[n:]
	}
}

// lacking is what to ask for of one log now, if anything.
func (c *core) lacking(s *share, k LogKey) (span, bool) {
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
	case s.held && !s.v.ours(k):
		return span{}, false
	case mine.Last == 0 && len(s.v.logs) >= maxLogs:
		return span{}, false
	}
	return span{mine.Last + 1, min(theirs.Last, mine.Last+window)}, true
}

// takeWant handles what a peer asks for. A new range of a log takes the place of
// the one before.
func (c *core) takeWant(s *session, m peer.Want) {
	for _, w := range m.Ranges {
		if _, err := s.share(w.Conversation, nil); err != nil && !s.left[w.Conversation] {
			c.breach(s, fmt.Errorf("want: %w", err))
			return
		}
	}
	for _, w := range m.Ranges {
		k := LogKey{w.Author, w.Log}
		part := s.shares[w.Conversation]
		if part == nil || part.hides(k) {
			continue
		}
		want := span{max(1, w.From), part.v.logs[k].Last}
		if w.To != nil {
			want.to = min(want.to, *w.To)
		}
		if want.from <= want.to {
			part.serve[k] = want
		}
	}
}

// serve sends what a peer asked for, as much as its queue takes; false where the
// rest must wait.
func (c *core) serve(s *share) bool {
	for k, part := range s.serve {
		for part.from <= part.to {
			entries, err := c.cfg.Store.Entries(s.v.ID, k, part.from, part.to, frameRoom*3/4)
			if err != nil {
				c.failed(err)
				s.sendAgain = c.timer().Add(storeRetry)
				return false
			}
			if len(entries) == 0 {
				break
			}
			sent, ok := c.sendEntries(s.session, entries)
			part.from += uint64(sent)
			s.serve[k] = part
			if !ok {
				return false
			}
		}
		delete(s.serve, k)
	}
	return true
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
