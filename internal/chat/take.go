package chat

import (
	"errors"
	"fmt"
	"time"

	"earshot/peer"
)

// taking is what one message brings of one conversation on its way into the logs.
type taking struct {
	*change
	s       *share
	touched map[LogKey]bool
}

// intake is one message of entries while it is taken.
type intake struct {
	s       *session
	takings []*taking
	live    int // entries that were not asked for
}

// takeEntries judges and commits the entries of one message, those of each
// conversation together, then acknowledges them. It returns how long the peer is
// to wait.
func (c *core) takeEntries(s *session, entries peer.Entries) time.Duration {
	m := &intake{s: s}
	for _, signed := range entries.Entries {
		if err := c.takeEntry(m, signed); err != nil {
			return c.tryAgain(s, err)
		}
	}
	for _, t := range m.takings {
		if err := t.commit(); err != nil {
			return c.tryAgain(s, err)
		}
		t.tell()
		c.acknowledge(t)
	}
	return s.live.take(m.live, c.timer())
}

// taking is where a message's entries of one conversation go.
func (m *intake) taking(c *core, s *share) *taking {
	for _, t := range m.takings {
		if t.s == s {
			return t
		}
	}
	t := &taking{change: c.change(s.v), s: s, touched: make(map[LogKey]bool)}
	m.takings = append(m.takings, t)
	return t
}

// acknowledge says what is held now, and asks for more where there is more.
func (c *core) acknowledge(t *taking) {
	s := t.s
	s.v.changed(t.logs)
	for k := range t.logs {
		if s.v.ours(k) {
			for _, each := range s.v.shares {
				c.review(each, k)
			}
		}
	}
	for _, each := range s.v.shares {
		c.follow(each)
	}
	for k := range t.touched {
		if s.v.logs[k].Last >= s.asked[k].to && s.healing[k] == nil {
			delete(s.asked, k)
		}
		if s.healing[k] != nil {
			c.heal(s, k)
		}
	}
	c.ask(s.session, s)
	c.reviewWaiting(s)
}

// tryAgain gives up on a message because of the store: nothing of it is
// acknowledged, and it is asked for again a little later.
func (c *core) tryAgain(s *session, err error) time.Duration {
	c.failed(err)
	c.askLater(s)
	return storeRetry
}

// askLater forgets what the peer was asked for, to ask again when the store may
// work again.
func (c *core) askLater(s *session) {
	for _, part := range s.shares {
		clear(part.asked)
		clear(part.healing)
	}
	s.askAgain = c.timer().Add(storeRetry)
}

// takeEntry judges one entry; an error is the store's.
func (c *core) takeEntry(m *intake, signed peer.SignedEntry) error {
	e, s, err := c.parseEntry(m.s, signed)
	if err != nil {
		m.live++
		c.drop(m.s, err)
		return nil
	}
	t, k := m.taking(c, s), e.LogKey()
	if !s.asked[k].covers(e.Number) {
		m.live++
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

// parseEntry reads an entry of a conversation that the peer shares.
func (c *core) parseEntry(s *session, signed peer.SignedEntry) (Entry, *share, error) {
	e, err := ParseEntry(signed)
	if err != nil {
		return Entry{}, nil, err
	}
	part, err := s.share(e.Conversation, nil)
	if err == nil && !part.v.admits(e.Author) {
		err = errNotShared
	}
	return e, part, err
}

// extend appends an entry that is next in its log, where it may be.
func (c *core) extend(t *taking, e Entry) error {
	ours, err := t.whose(e)
	if before := t.at(e.LogKey()).Clock; err == nil && e.Clock < before {
		err = fmt.Errorf("clock %d after %d in one log", e.Clock, before)
	}
	if err != nil {
		c.refuse(t.s, e.LogKey(), err)
		return nil
	}
	if may, err := c.may(t, e, ours); err != nil || !may {
		return err
	}
	if ours && e.Kind.speaks() {
		t.accept = true
	}
	return t.add(e)
}

// may reports whether an entry can be accepted now. One that cannot stays with
// whoever has it and is asked for again when it can. An error is the store's.
func (c *core) may(t *taking, e Entry, ours bool) (bool, error) {
	switch {
	case tooFarAhead(e.Clock, c.cfg.Now()):
		c.leave(t.s, e, "its clock is too far ahead")
	case !e.Kind.known():
		c.leave(t.s, e, "a newer version is needed for it")
	case t.at(e.LogKey()).Last == 0 && len(t.v.logs)+len(t.logs) >= maxLogs:
		c.leave(t.s, e, "the conversation has too many logs")
	case ours || c.sibling(t.s.peer): // that one admitted it
		return true, nil
	default:
		return c.admits(t, e)
	}
	return false, nil
}

func (c *core) leave(s *share, e Entry, why string) {
	s.refused[e.LogKey()] = true
	c.cfg.Log.Info("entry left for later", "peer", s.peer, "log", e.Log, "number", e.Number, "why", why)
}

// errDropped is what [Refused] says beside the reason.
var errDropped = errors.New("entry dropped")

// refuse drops an entry. It is told once a log and session, and counted each
// time.
func (c *core) refuse(s *share, k LogKey, err error) {
	c.count(s.session, err, !s.refused[k])
	s.refused[k] = true
	delete(s.healing, k)
	delete(s.asked, k)
}

// drop drops an entry that belongs to no conversation. It is told once a session.
func (c *core) drop(s *session, err error) {
	c.count(s, err, !s.refusing)
	s.refusing = true
}

// count counts an entry that was dropped, and tells it.
func (c *core) count(s *session, err error, tell bool) {
	c.dropped++
	if tell {
		c.cfg.Notify(Refused{s.peer, fmt.Errorf("%w: %w", errDropped, err), c.dropped})
	}
}
