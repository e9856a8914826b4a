package chat

import (
	"net/netip"
	"time"

	"earshot/peer"
)

// session is what is known of a peer while its session lasts. Nothing of it is
// worth keeping: the next session begins with the whole vectors again.
type session struct {
	peer   peer.ID
	from   netip.Prefix
	guest  bool                 // see [Replica.Certify]
	shares map[peer.Hash]*share // by conversation
	left   map[peer.Hash]bool   // conversations that were a part of the session before
	broken bool                 // it broke the protocol; nothing more is taken from it

	// What comes from it.
	full     bool      // all pages of its first have came
	askAgain time.Time // when to ask again after the store failed
	unshared bool      // then, too, to look which conversations it is about
	live     bucket    // what it may send unasked
	refusing bool      // it sent entries that belong nowhere, and that was told

	// What is on its way to it.
	out       []peer.Message // in order, before anything else
	push      bucket         // what we may send unasked
	sendAgain time.Time      // when to try again because its queue was full
	patience  time.Duration  // between that and the try before
}

// span is a part of a log, both ends included.
type span struct{ from, to uint64 }

func (s span) covers(number uint64) bool { return s.from <= number && number <= s.to }

// up begins a session. One that is up already begins anew: what was under way on
// it counts as not sent.
func (c *core) up(id peer.ID, from netip.Prefix) {
	if c.stopped || id == c.self {
		return
	}
	c.down(id)
	if err := c.begin(id, from); err != nil {
		c.failed(err)
		c.arrivals[id] = &arrival{from: from, again: c.timer().Add(storeRetry)}
	}
}

// arrival is a session that could not begin because the store failed. What the
// peer says meanwhile is kept, and not done, so the peer sends little of it.
type arrival struct {
	from  netip.Prefix
	again time.Time // when to try again
	kept  []arrived
}

type arrived struct {
	m    peer.Message
	done func()
}

// arrive begins a session that could not begin before, with what was kept.
func (c *core) arrive(id peer.ID, a *arrival) {
	if err := c.begin(id, a.from); err != nil {
		c.failed(err)
		a.again = c.timer().Add(storeRetry)
		return
	}
	delete(c.arrivals, id)
	for _, kept := range a.kept {
		c.receive(id, kept.m, kept.done)
	}
}

// giveUp forgets a session that never began.
func (c *core) giveUp(id peer.ID) {
	if a := c.arrivals[id]; a != nil {
		delete(c.arrivals, id)
		for _, kept := range a.kept {
			kept.done()
		}
	}
}

// begin makes the session, with the first have on its way.
func (c *core) begin(id peer.ID, from netip.Prefix) error {
	all, err := c.between(id)
	if err != nil {
		return err
	}
	s := &session{peer: id, from: from, guest: c.guests[id], shares: make(map[peer.Hash]*share)}
	for _, v := range all {
		s.join(v)
	}
	s.live.fill(c.timer())
	s.push.fill(c.timer())
	c.sessions[id] = s
	c.sayAll(s)
	return nil
}

// down ends a session.
func (c *core) down(id peer.ID) {
	c.giveUp(id)
	s := c.sessions[id]
	if s == nil {
		return
	}
	delete(c.sessions, id)
	for _, part := range s.shares {
		delete(part.v.shares, id)
		c.release(part.v)
	}
}

// breach ends all dealings with a session whose peer broke the protocol.
func (c *core) breach(s *session, err error) {
	s.broken, s.sendAgain, s.askAgain = true, time.Time{}, time.Time{}
	c.cfg.Notify(Broken{s.peer, err})
}

// send queues m for the peer; false where it must be tried again later.
func (c *core) send(s *session, m peer.Message) bool {
	if c.cfg.Network.Send(s.peer, m) {
		s.patience = 0
		return true
	}
	s.patience = min(max(minSendRetry, 2*s.patience), maxSendRetry)
	s.sendAgain = c.timer().Add(s.patience)
	return false
}

// pump sends what is due, as far as the peer's queue takes it.
func (c *core) pump(s *session) {
	if s.broken || s.sendAgain.After(c.timer()) {
		return
	}
	s.sendAgain = time.Time{}
	for len(s.out) > 0 {
		if !c.send(s, s.out[0]) {
			return
		}
		s.out = s.out[1:]
	}
	if !c.sayChanges(s) {
		return
	}
	for _, part := range s.shares {
		if !c.serve(part) {
			return
		}
	}
}

// bucket limits entries to liveRate a second with bursts of liveBurst.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) fill(now time.Time) {
	if b.at.IsZero() {
		b.tokens = liveBurst
	} else {
		b.tokens = min(liveBurst, b.tokens+now.Sub(b.at).Seconds()*liveRate)
	}
	b.at = now
}

// take takes n tokens and returns how long it is until they were there.
func (b *bucket) take(n int, now time.Time) time.Duration {
	b.fill(now)
	b.tokens -= float64(n)
	return max(0, time.Duration(-b.tokens/liveRate*float64(time.Second)))
}

// has reports whether n tokens are there now.
func (b *bucket) has(n int, now time.Time) bool {
	b.fill(now)
	return b.tokens >= float64(n)
}
