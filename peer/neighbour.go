package peer

import (
	"bytes"
	"errors"
	"net/netip"
	"time"
)

// neighbour is what the host knows of one other device. It belongs to the
// host's mutex, and goes when there is nothing left to know.
type neighbour struct {
	seat
	id      ID
	wanted  bool                // Reach was called, and no Forget since
	contact bool                // is no stranger
	asked   bool                // somebody waits to hear whether it is there
	addrs   []netip.AddrPort    // from Reach
	last    netip.AddrPort      // where it was met last; tried first
	watch   map[string]struct{} // what is under way, from Watch
	data    int                 // data connections that are open

	dialling bool          // a goroutine dials it
	due      time.Time     // of the next attempt; zero during one, unless another is to follow
	hurry    func()        // lets the attempt under way end soon; nil: there is none
	woken    chan struct{} // has a token when due or wanted changed
	failures int           // attempts, or short sessions, in a row
	grace    *time.Timer   // runs while it is not known whether the peer is there; nil: it is known
	contest  *time.Timer   // runs while there is a rival
	question uint64        // number of the ping that the favourite was asked with
}

// neighbour finds a device, or begins to know it. The mutex is held.
func (h *Host) neighbour(id ID) *neighbour {
	p := h.peers[id]
	if p == nil {
		p = &neighbour{id: id, watch: make(map[string]struct{}), woken: make(chan struct{}, 1)}
		h.peers[id] = p
	}
	return p
}

// tidy forgets a device of which nothing needs to be known. The mutex is held.
func (h *Host) tidy(p *neighbour) {
	if p.kept == nil && !p.wanted && !p.contact && !p.dialling && p.grace == nil && p.data == 0 && len(p.watch) == 0 {
		delete(h.peers, p.id)
	}
}

func (p *neighbour) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// forget lets nobody be looked for. The mutex is held.
func (p *neighbour) forget() {
	p.wanted, p.asked = false, false
	p.stopGrace()
	p.wake()
}

func (p *neighbour) stopGrace() {
	if p.grace != nil {
		p.grace.Stop()
		p.grace = nil
	}
}

// admit offers a session whose hello was read. An error says why it is not
// wanted.
func (h *Host) admit(s *session) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.neighbour(s.id)
	defer h.tidy(p)
	switch {
	case h.stopped:
		return &ProtocolError{Code: ByeLeaving, Reason: "this node stops"}
	case p.kept == nil && !p.contact && !h.roomForStranger(s):
		return &ProtocolError{Code: ByeFull, Reason: "no room for another stranger"}
	}
	if s.dials {
		p.last = s.addr
	}
	h.apply(p, p.enter(s))
	return nil
}

// roomForStranger counts the sessions of strangers. The mutex is held.
func (h *Host) roomForStranger(s *session) bool {
	all, here := 0, 0
	addr := s.conn.wire.remote().Addr()
	for _, p := range h.peers {
		if p.kept == nil || p.contact {
			continue
		}
		all++
		if p.kept.conn.wire.remote().Addr() == addr {
			here++
		}
	}
	return all < maxStrangers && here < maxAddressStrangers
}

// apply does what a seat wants done. The mutex is held.
func (h *Host) apply(p *neighbour, r ruling) {
	if p.rival == nil && p.contest != nil {
		p.contest.Stop()
		p.contest = nil
	}
	if r.lost != nil && r.up != nil {
		h.events.add(SessionDown{ID: p.id, Err: errReplaced})
	}
	if r.up != nil {
		h.keep(p, r.up)
	}
	if r.bye != nil {
		if r.code == ByeTwice {
			h.events.add(Twin{ID: p.id, Addr: r.bye.addr, Met: true})
			if p.kept != nil { // the bye tells the other one
				p.kept.queue(Presence{Name: h.name, Twice: true}, sendQueue)
			}
		}
		r.bye.bye(r.code, errReplaced.Error())
		r.bye.release()
	}
	if r.ask != nil {
		p.question = r.ask.ping()
		p.contest = time.AfterFunc(contestTime, func() { h.contestOver(p, r.ask) })
	}
}

// keep tells the owner of a session, and hands on what came on it before. The
// mutex is held.
func (h *Host) keep(p *neighbour, s *session) {
	s.since = time.Now()
	s.used = s.since
	p.asked = false
	p.stopGrace()
	p.wake()
	s.watched(len(p.watch) > 0)
	if s.addr.Port() != 0 {
		p.last = s.addr
	}
	if name := DisplayName(h.name).String(); name != s.said.Name { // changed since the hello
		s.queue(Presence{Name: name}, sendQueue)
	}
	if ticket := h.realm.ticket; len(ticket) > 0 && !bytes.Equal(ticket, s.said.Ticket) {
		s.queue(NewerTicket{Ticket: ticket}, sendQueue)
	}
	h.events.add(SessionUp{ID: s.id, Hello: s.hello, Addr: s.addr, Certified: h.certified(s)})
	if h.realm.revoked.Epoch > s.said.Epoch {
		h.tellList(s)
	}
	h.seekList(s)
	h.events.add(s.held...)
	s.held = nil
}

// answered is called by a session's reader when a pong came.
func (h *Host) answered(s *session, n uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.peers[s.id]; p != nil && p.rival != nil && n == p.question {
		h.apply(p, p.answered(s))
	}
}

// contestOver is called when the favourite had its time.
func (h *Host) contestOver(p *neighbour, favourite *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.stopped && p.rival != nil && p.favourite == favourite {
		h.apply(p, p.expired())
	}
}

// received is called by a session's reader with a message for the owner.
func (h *Host) received(s *session, m Received) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peers[s.id]
	switch {
	case p == nil || !p.holds(s): // says goodbye: counts as not sent
		m.Done()
	case s == p.kept:
		s.use(m.Message)
		h.events.add(m)
	default:
		s.held = append(s.held, m)
	}
}

// use notes that a session carries a message of its owner's or for it. What a
// device says of itself is no reason for a session. The mutex is held.
func (s *session) use(m Message) {
	if m.Type() != TypePresence {
		s.used = time.Now()
	}
}

// dataClosed counts a data connection no more; its session was used until now. The
// mutex is held.
func (h *Host) dataClosed(id ID) {
	p := h.peers[id]
	if p == nil {
		return
	}
	p.data--
	if p.kept != nil {
		p.kept.used = time.Now()
	}
	h.tidy(p)
}

// release drops what was held back for a session that is not kept after all.
func (s *session) release() {
	for _, e := range s.held {
		e.(Received).Done()
	}
	s.held = nil
}

// drop ends whatever session there is. The mutex is held.
func (h *Host) drop(p *neighbour, code ByeCode, why error) {
	for _, s := range []*session{p.rival, p.kept} {
		if s != nil {
			s.bye(code, why.Error())
			s.release()
		}
	}
	if p.kept != nil {
		h.events.add(SessionDown{ID: p.id, Err: why})
	}
	p.seat = seat{}
	h.apply(p, ruling{})
}

// left is called when nothing more comes on a session.
func (h *Host) left(s *session, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peers[s.id]
	if p == nil || !p.holds(s) {
		return
	}
	h.log.Debug("session ended", "id", s.id, "error", err)
	var bye *byeError
	if errors.As(err, &bye) && bye.Code == ByeTwice {
		h.events.add(Twin{ID: h.cfg.Identity.ID(), Addr: s.addr})
	}
	s.release()
	r := p.left(s)
	h.apply(p, r)
	if r.lost != nil && r.up == nil {
		h.events.add(SessionDown{ID: p.id, Err: err})
		h.missed(p, time.Since(s.since), err)
	}
	h.tidy(p)
}

// missed decides what to make of the end of the session that was kept for so
// long. The mutex is held.
func (h *Host) missed(p *neighbour, lasted time.Duration, err error) {
	var bye *byeError
	var wrong *ProtocolError
	isBye := errors.As(err, &bye)
	if lasted >= settled {
		p.failures = 0
	} else {
		p.failures++
	}
	switch {
	case isBye && bye.Code == ByeIdle: // still there, and content
		p.wanted = false
	case isBye && bye.Code != ByeDuplicate, errors.As(err, &wrong):
		p.failures = max(p.failures, 1)
		h.gone(p)
		h.dialSoon(p, backoff(p.failures))
	default:
		h.startGrace(p)
		wait := h.polite(p)
		if p.failures > 0 {
			wait = backoff(p.failures)
		}
		h.dialSoon(p, wait)
	}
}

// startGrace waits for the peer before it counts as gone. The mutex is held.
func (h *Host) startGrace(p *neighbour) {
	if p.grace != nil || h.stopped {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(RedialGrace, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if p.grace == timer {
			h.gone(p)
			h.tidy(p)
		}
	})
	p.grace = timer
}

// gone tells the owner that the peer is not there. The mutex is held.
func (h *Host) gone(p *neighbour) {
	p.stopGrace()
	p.asked = false
	p.wake()
	if !h.stopped {
		h.events.add(PeerGone{ID: p.id})
	}
}
