package chat

import (
	"errors"
	"fmt"
	"slices"

	"earshot/peer"
)

// When a peer holds another branch of one of our own logs (an older database was
// put back, a disk was cloned), we fetch that branch from where it parts from
// ours, go on in a new log, and first add there what either branch holds behind
// the fork, UUID and clock kept. The peer does nothing but serve its branch: it
// takes the new log like any other.

const (
	// stepBack is how many entries before the end are looked at first for the
	// point where the branches part; each time it is not there, twice as many.
	stepBack = 32
	// healRoom is how many bytes of a branch are taken over in one commit.
	healRoom = 16 << 20
)

// healing is a peer's branch of one of our logs on its way here.
type healing struct {
	wants   span      // what is asked for
	back    bool      // looking for the point where the branches part
	point   uint64    // the last number that both have alike, once it is known
	before  peer.Hash // of the header before wants.from, once the point is known
	entries []Entry   // that came of wants, or behind the point
	bytes   int
}

// take takes an entry of the branch. Others of the same log are not wanted now.
func (h *healing) take(e Entry) error {
	if e.Number != h.wants.from || len(h.entries) > 0 && e.Number != h.entries[len(h.entries)-1].Number+1 {
		return nil
	}
	if err := e.Verify(); err != nil {
		return err
	}
	if n := len(h.entries); n > 0 {
		if before := h.entries[n-1]; *e.Before != before.Hash() || e.Clock < before.Clock {
			return errors.New("the branch does not hold together")
		}
	}
	h.entries = append(h.entries, e)
	h.bytes += e.Size()
	h.wants.from++
	return nil
}

// fork handles that a peer holds another branch of a log. Everybody is told
// once; the author heals it.
func (c *core) fork(s *share, k LogKey) {
	if _, known := s.fork(k); !known {
		f := Fork{Conversation: s.v.ID, LogKey: k, Peer: s.peer}
		if c.apply(Batch{Forks: []Fork{f}}) != nil {
			c.askLater(s.session)
			return
		}
		s.v.forks[forkKey{k, s.peer}] = f
		c.cfg.Notify(Forked{Peer: s.peer, Author: k.Author, Conversation: s.v.ID, Log: k.Log})
	}
	delete(s.asked, k)
	if k.Author != c.self {
		s.refused[k] = true // its author goes on in another log
		return
	}
	c.beginHealing(s, k)
}

// beginHealing begins to fetch the peer's branch, or what it has more of it.
func (c *core) beginHealing(s *share, k LogKey) {
	f, _ := s.fork(k)
	theirs := s.claims[k]
	if s.healing[k] != nil || s.refused[k] || s.tookOver(k) || theirs.Last == 0 {
		return
	}
	if f.Last > 0 && theirs.Last > f.Last {
		s.healing[k] = &healing{wants: s.branch(k, f.Last+1), point: f.Point, before: f.Hash}
		return
	}
	s.healing[k] = lookBack(min(theirs.Last, s.v.logs[k].Last), stepBack)
}

// lookBack looks for the point in the n entries up to number to.
func lookBack(to, n uint64) *healing {
	return &healing{back: true, wants: span{max(1, to-min(to, n-1)), to}}
}

// branch is the next part of a peer's branch from a number on.
func (s *share) branch(k LogKey, from uint64) span {
	return span{from, min(s.claims[k].Last, from+window-1)}
}

// heal goes on with a branch after entries of it came.
func (c *core) heal(s *share, k LogKey) {
	h := s.healing[k]
	if h.wants.from <= h.wants.to || len(h.entries) == 0 {
		return // more of what was asked for is on its way
	}
	delete(s.asked, k)
	var err error
	if h.back {
		err = c.findPoint(s, k, h)
	} else {
		err = c.takeOver(s, k, h)
	}
	if err != nil {
		c.failed(err)
		c.askLater(s.session)
	}
}

// findPoint looks for the point where the branches part in what came.
func (c *core) findPoint(s *share, k LogKey, h *healing) error {
	at := c.hashes(s.v, k)
	point, found, err := parting(h.entries, at)
	if err != nil {
		return err
	}
	begin := h.entries[0].Number
	if !found {
		s.healing[k] = lookBack(begin-1, 2*uint64(len(h.entries)))
		return nil
	}
	if point >= s.claims[k].Last { // there is no branch: the hash was a lie
		delete(s.healing, k)
		s.refused[k] = true
		c.cfg.Log.Warn("a peer called a log of ours forked that is not", "peer", s.peer, "log", k.Log)
		return nil
	}
	next := &healing{wants: s.branch(k, point+1), point: point}
	if point > 0 {
		if next.before, _, err = at(point); err != nil {
			return err
		}
	}
	s.healing[k] = next
	return nil
}

// takeOver adds the branch that came to a log of ours, once it is complete or
// large.
func (c *core) takeOver(s *share, k LogKey, h *healing) error {
	first := h.entries[0]
	if h.wants.to < s.claims[k].Last && h.bytes < healRoom {
		h.wants = s.branch(k, h.wants.to+1)
		return nil
	}
	delete(s.healing, k)
	if first.Number > 1 && *first.Before != h.before { // the peer's branch is another one by now
		s.healing[k] = lookBack(min(first.Number-1, s.v.logs[k].Last), stepBack)
		return nil
	}
	ch := c.change(s.v)
	if err := ch.adopt(Fork{Conversation: s.v.ID, LogKey: k, Peer: s.peer}, h); err != nil {
		return err
	}
	if err := ch.commit(); err != nil {
		return err
	}
	ch.tell()
	s.v.changed(ch.logs)
	c.review(s, k)
	return nil
}

// adopt adds to the log that is written now what either branch of a forked one
// holds behind the fork, where it is not in a sound place already.
func (ch *change) adopt(fork Fork, h *healing) error {
	ours, err := ch.behind(fork.LogKey, h.point)
	if err != nil {
		return err
	}
	last := h.entries[len(h.entries)-1]
	fork.Point, fork.Last, fork.Hash = h.point, last.Number, last.Hash()
	var copies []Entry
	for _, e := range merged(ours, h.entries) {
		if e.Kind == KindTicket { // a log of its own begins with its own
			continue
		}
		sound, err := ch.sound(e, fork)
		if err != nil {
			return err
		}
		if !sound {
			copies = append(copies, e)
		}
	}
	if ch.writes() == fork.LogKey || len(copies) > 0 && copies[0].Clock < ch.at(ch.writes()).Clock {
		ch.newLog()
	}
	for _, e := range copies {
		if _, err := ch.addOwn(e.Header, e.Body); err != nil {
			return fmt.Errorf("repeat entry %s: %w", e.ID, err)
		}
	}
	ch.batch.Forks = append(ch.batch.Forks, fork)
	return nil
}

// behind returns our branch of a log behind the point.
func (ch *change) behind(k LogKey, point uint64) ([]Entry, error) {
	var all []Entry
	for last := ch.v.logs[k].Last; point < last; point = all[len(all)-1].Number {
		some, err := ch.c.cfg.Store.Entries(ch.v.ID, k, point+1, last, healRoom)
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			return nil, fmt.Errorf("entry %d of a log of ours is not in the store", point+1)
		}
		all = slices.Concat(all, some)
	}
	return all, nil
}

// sound reports whether an entry stands in a place that everybody can take: not
// behind a fork.
func (ch *change) sound(e Entry, fresh Fork) (bool, error) {
	places, err := ch.c.cfg.Store.Find(ch.v.ID, e.Key())
	if err != nil {
		return false, err
	}
	for _, p := range places {
		if !ch.forked(LogKey{e.Author, p.Log}, p.Number, fresh) {
			return true, nil
		}
	}
	return false, nil
}

// forked reports whether an entry stands behind a fork of its log with anybody;
// fresh takes the place of what is known of that one.
func (ch *change) forked(k LogKey, number uint64, fresh Fork) bool {
	if k == fresh.LogKey && number > fresh.Point {
		return true
	}
	for key, f := range ch.v.forks {
		if key.LogKey == k && key != (forkKey{fresh.LogKey, fresh.Peer}) && number > f.Point {
			return true
		}
	}
	return false
}
