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
	v      *conversation
	broken bool // it broke the protocol; nothing more is taken from it

	// What the peer has.
	claims map[LogKey]claim
	full   bool // all pages of its first have came
	named  bool // it named the conversation, so it needs no preimage

	// What is wanted of it.
	asked    map[LogKey]span
	refused  map[LogKey]bool     // not asked for again in this session
	healing  map[LogKey]*healing // its branches of our forked logs, on their way here
	held     bool                // a stranger's caps are used up
	askAgain time.Time           // when to ask again after the store failed
	live     bucket              // what it may send unasked

	// What is on its way to it.
	out       []peer.Message // in order, before anything else
	dirty     map[LogKey]bool
	serve     map[LogKey]span   // what it asked for and did not get yet
	pushed    map[LogKey]uint64 // the last entry of ours that was sent live
	push      bucket            // what we may send unasked
	sendAgain time.Time         // when to try again because its queue was full
	patience  time.Duration     // between that and the try before
	waiting   bool              // it holds our entries back until its person answers
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
	v, err := c.with(id)
	if err != nil {
		return err
	}
	if !v.stored {
		v.Origin = from
	}
	s := &session{
		peer: id, v: v,
		claims:  make(map[LogKey]claim),
		asked:   make(map[LogKey]span),
		refused: make(map[LogKey]bool),
		healing: make(map[LogKey]*healing),
		dirty:   make(map[LogKey]bool),
		serve:   make(map[LogKey]span),
		pushed:  make(map[LogKey]uint64),
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
	if !s.v.stored {
		delete(c.conversations, id)
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
	if c.sayChanges(s) {
		c.serve(s)
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
