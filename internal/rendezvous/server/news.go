package server

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// heard has the devices here told of what a transaction changed, on this server or on
// another one.
func (h *hub) heard(changes []change) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTime)
	defer cancel()
	list := false
	for _, c := range changes {
		switch c.kind {
		case face:
			h.tellOf(ctx, c.account)
		case relation:
			h.owe(c.account, func(o *owed) { o.friend(c.other) })
			h.owe(c.other, func(o *owed) { o.friend(c.account) })
		case self:
			h.owe(c.account, func(o *owed) { o.self = true })
		case seated:
			h.check(ctx, c.device)
		case revoked, servers:
			list = true
		}
	}
	if list {
		h.reload(ctx)
		h.ringAll()
	}
}

// tellOf tells everybody on whose list an account is of its new face.
func (h *hub) tellOf(ctx context.Context, account uuid.UUID) {
	if h.server.config.Roster == RosterOpen {
		h.oweAll(func(o *owed) { o.friend(account) })
		return
	}
	watchers, err := h.server.directory.watchers(ctx, account)
	if err != nil {
		h.server.log.Error("friends were not told", "why", err)
		return
	}
	for _, id := range watchers {
		h.owe(id, func(o *owed) { o.friend(account) })
	}
}

// owe has the devices of an account told.
func (h *hub) owe(account uuid.UUID, add func(*owed)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.accounts[account] {
		add(&s.fresh)
		s.ring()
	}
}

func (h *hub) oweAll(add func(*owed)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.seats {
		add(&s.fresh)
		s.ring()
	}
}

func (h *hub) ringAll() { h.oweAll(func(*owed) {}) }

// reload reads what all devices are told alike.
func (h *hub) reload(ctx context.Context) {
	old := *h.server.addresses.Load()
	err := errors.Join(h.server.readRevocations(ctx), h.server.readAddresses(ctx))
	if err != nil {
		h.server.log.Error("what all are told was not read", "why", err)
		return
	}
	if now := *h.server.addresses.Load(); !slices.Equal(old, now) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, s := range h.seats {
			s.fresh.servers = true // told with what comes next: it is no news for all of them at once
		}
	}
}

// moment is what a held heartbeat finds when it looks.
type moment struct {
	over   bool // answer now, with what is owed or nothing
	waited bool // it was held
	twice  bool // because another instance took over
	gone   bool // the device has no seat here any more
	behind bool // the device's revocation list is newer
	owed   owed
	number uint64        // of the answer
	wait   time.Duration // until there may be something
}

// look says what the held heartbeat with that bell is to do. Where it is to answer
// with news, what is owed counts as sent.
func (h *hub) look(s *seat, bell chan struct{}, beat *rendezvous.Heartbeat, now, end time.Time) moment {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := moment{number: beat.Received, wait: end.Sub(now)} // an answer without news confirms nothing
	epoch := h.server.revoked.Load().epoch
	early := now.Before(s.next)
	if s.ticket.Sub(now) < ticketRenewed {
		s.fresh.self = true
	}
	urgent := s.fresh.whole || s.fresh.self || beat.Epoch < epoch
	switch {
	case h.seats[s.device] != s:
		m.gone, m.over = true, true
	case s.bell != bell:
		m.over, m.twice = true, s.instance != beat.Instance
	case urgent || !early && len(s.fresh.friends) > 0:
		m.over = true
		s.send(&m, now)
	case beat.Epoch > epoch && !s.behind:
		m.over, m.behind, s.behind = true, true, true
	case m.wait <= 0 || h.closed:
		m.over = true
		if !early && !s.fresh.nothing() {
			s.send(&m, now)
		}
	case early && !s.fresh.nothing():
		m.wait = min(m.wait, s.next.Sub(now))
	}
	if m.over && s.bell == bell {
		s.bell = nil
	}
	return m
}

// send has what is owed be in the answer. The mutex is held.
func (s *seat) send(m *moment, now time.Time) {
	m.owed, s.sent, s.fresh = s.fresh, s.fresh, owed{}
	s.number++
	m.number = s.number
	s.next = now.Add(spacing)
	if m.owed.self {
		s.ticket = now.Add(ticketTime)
	}
}

// hold waits until there is news for a device, another heartbeat of it comes, or
// the time is over.
func (h *hub) hold(ctx context.Context, s *seat, bell chan struct{}, beat *rendezvous.Heartbeat) moment {
	end := time.Now().Add(time.Duration(beat.Hold) * time.Millisecond)
	var timer *time.Timer
	for waited := false; ; waited = true {
		m := h.look(s, bell, beat, time.Now(), end)
		if m.over {
			m.waited = waited
			return m
		}
		if timer == nil {
			timer = time.NewTimer(m.wait)
			defer timer.Stop()
		} else {
			timer.Reset(m.wait)
		}
		select {
		case <-bell:
		case <-timer.C:
		case <-ctx.Done():
			h.lost(s, bell)
			return moment{over: true}
		}
	}
}

// news writes what is owed as it is now.
func (s *Server) news(ctx context.Context, c caller, m moment, epoch uint64) (*rendezvous.News, error) {
	news := &rendezvous.News{Number: m.number, Whole: m.owed.whole, Twice: m.twice, Behind: m.behind}
	if list := s.revoked.Load(); epoch < list.epoch && !m.twice {
		news.Revoked = list.signed
	}
	if m.owed.whole || m.owed.servers {
		news.Servers = *s.addresses.Load()
	}
	if m.owed.whole || m.owed.self {
		news.Account = &c.Account
	}
	if m.owed.self {
		var err error
		if news.Ticket, err = s.ticket(ctx, c); err != nil {
			return nil, err
		}
	}
	if m.owed.whole {
		friends, err := s.directory.friends(ctx, c.ID, s.config.Roster)
		news.Friends = friends
		return news, err
	}
	return news, s.newsOf(ctx, news, c.ID, m.owed.friends)
}

// newsOf adds the friends to the news, each as it is now, or gone.
func (s *Server) newsOf(ctx context.Context, news *rendezvous.News, of uuid.UUID, friends []uuid.UUID) error {
	for _, id := range friends {
		f, err := s.directory.friend(ctx, of, id, s.config.Roster)
		switch {
		case errors.Is(err, errNone):
			news.Gone = append(news.Gone, id)
		case err != nil:
			return err
		default:
			news.Friends = append(news.Friends, f)
		}
	}
	return nil
}

// ticket signs a new ticket for a device. Each has a higher serial than the one
// before it, for peers keep the newest.
func (s *Server) ticket(ctx context.Context, c caller) ([]byte, error) {
	now := time.Now().Truncate(time.Second)
	ends := now.Add(ticketTime)
	serial, err := s.directory.issue(ctx, c.ID, c.device, ends)
	if errors.Is(err, errNone) {
		err = refuse(rendezvous.CodeSignedOut)
	}
	if err != nil {
		return nil, err
	}
	return peer.Ticket{
		Realm: s.realm.ID(), Account: c.ID, Device: c.device, Serial: serial,
		User: c.User, Name: c.Name, Team: c.Team, Admin: c.Admin, Issued: now, Expires: ends,
	}.Sign(s.realm)
}
