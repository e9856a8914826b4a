package chat

import (
	"errors"
	"fmt"
	"time"

	"earshot/peer"
)

// taking is one message of entries on its way into the logs.
type taking struct {
	*change
	s       *session
	live    int // entries that were not asked for
	touched map[LogKey]bool
}

// takeEntries judges and commits the entries of one message, then acknowledges
// them. It returns how long the peer is to wait.
func (c *core) takeEntries(s *session, m peer.Entries) time.Duration {
	t := &taking{change: c.change(s.v), s: s, touched: make(map[LogKey]bool)}
	for _, signed := range m.Entries {
		if err := c.takeEntry(t, signed); err != nil {
			return c.tryAgain(t, err)
		}
	}
	if err := t.commit(); err != nil {
		return c.tryAgain(t, err)
	}
	t.tell()
	c.acknowledge(t)
	return s.live.take(t.live, c.timer())
}

// acknowledge says what is held now, and asks for more where there is more.
func (c *core) acknowledge(t *taking) {
	s := t.s
	for k := range t.logs {
		s.dirty[k] = true
		if k.Author == c.self {
			c.review(s, k)
		}
	}
	for k := range t.touched {
		if s.v.logs[k].Last >= s.asked[k].to && s.healing[k] == nil {
			delete(s.asked, k)
		}
		if s.healing[k] != nil {
			c.heal(s, k)
		}
	}
	if t.accept { // our own entries came back: we wrote to this peer once
		c.resume(s.v)
	}
	c.ask(s)
	c.reviewWaiting(s)
}

// tryAgain gives up on a message because of the store: nothing of it is
// acknowledged, and it is asked for again a little later.
func (c *core) tryAgain(t *taking, err error) time.Duration {
	c.failed(err)
	c.askLater(t.s)
	return storeRetry
}

// askLater forgets what the peer was asked for, to ask again when the store may
// work again.
func (c *core) askLater(s *session) {
	clear(s.asked)
	clear(s.healing)
	s.askAgain = c.timer().Add(storeRetry)
}

// takeEntry judges one entry; an error is the store's.
func (c *core) takeEntry(t *taking, signed peer.SignedEntry) error {
	s := t.s
	e, err := ParseEntry(signed)
	if err == nil && (e.Conversation != s.v.ID || !c.party(s.v, e.Author)) {
		err = errNotShared
	}
	if err != nil {
		t.live++
		c.refuse(s, LogKey{}, err)
		return nil
	}
	k := e.LogKey()
	if !s.asked[k].covers(e.Number) {
		t.live++
	}
	s.heard(e)
	t.touched[k] = true
	if h := s.healing[k]; h != nil {
		if err := h.take(e); err != nil {
			c.refuse(s, k, err)
		}
		return nil
	}
	placing, err := place(t.at(k), e, t.heads(k))
	if err != nil || placing == known || placing == gap {
		return err
	}
	if err := e.Verify(); err != nil {
		c.refuse(s, k, err)
		return nil
	}
	if placing == conflict {
		c.fork(s, k)
		return nil
	}
	return c.extend(t, e)
}

// extend appends an entry that is next in its log, where it may be.
func (c *core) extend(t *taking, e Entry) error {
	if before := t.at(e.LogKey()).Clock; e.Clock < before {
		c.refuse(t.s, e.LogKey(), fmt.Errorf("clock %d after %d in one log", e.Clock, before))
		return nil
	}
	if may, err := c.may(t, e); err != nil || !may {
		return err
	}
	if e.Author == c.self && e.Kind.speaks() {
		t.accept = true
	}
	return t.add(e)
}

// heard notes that the peer has an entry, since it sent it.
func (s *session) heard(e Entry) {
	known := s.claims[e.LogKey()]
	if e.Number > known.Last {
		known.First, known.Last, known.hash = max(1, known.First), e.Number, e.Hash()
		s.claim(e.LogKey(), known)
	}
}

// claim notes what the peer says of a log, unless it says too much.
func (s *session) claim(k LogKey, theirs claim) bool {
	most := maxLogs
	if !s.v.contact {
		most = maxStrangerLogs
	}
	if _, ok := s.claims[k]; !ok && len(s.claims) >= most {
		return false
	}
	s.claims[k] = theirs
	return true
}

// may reports whether an entry can be accepted now. One that cannot stays with
// whoever has it and is asked for again when it can. An error is the store's.
func (c *core) may(t *taking, e Entry) (bool, error) {
	switch {
	case tooFarAhead(e.Clock, c.cfg.Now()):
		c.leave(t.s, e, "its clock is too far ahead")
	case !e.Kind.known():
		c.leave(t.s, e, "a newer version is needed for it")
	case t.at(e.LogKey()).Last == 0 && len(t.v.logs)+len(t.logs) >= maxLogs:
		c.leave(t.s, e, "the conversation has too many logs")
	case e.Author == c.self:
		return true, nil
	default:
		return c.admits(t, e)
	}
	return false, nil
}

func (c *core) leave(s *session, e Entry, why string) {
	s.refused[e.LogKey()] = true
	c.cfg.Log.Info("entry left for later", "peer", s.peer, "log", e.Log, "number", e.Number, "why", why)
}

// errDropped is what [Refused] says beside the reason.
var errDropped = errors.New("entry dropped")

// refuse drops an entry. It is told once a log and session, and counted each
// time.
func (c *core) refuse(s *session, k LogKey, err error) {
	c.dropped++
	if s.refused[k] {
		return
	}
	s.refused[k] = true
	delete(s.healing, k)
	delete(s.asked, k)
	c.cfg.Notify(Refused{s.peer, fmt.Errorf("%w: %w", errDropped, err), c.dropped})
}
