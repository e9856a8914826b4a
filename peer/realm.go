package peer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

// What this device has of its realm, and what peers show of it: tickets in hellos
// and when they are renewed, and the newest revocation list, which goes from peer
// to peer so that it also reaches those who cannot reach the server.

// realm is what a host was told of the realm that its person chose. It belongs to
// the host's mutex.
type realm struct {
	id      ID     // zero: none
	ticket  []byte // our own; nil: none
	revoked Revocations
	pages   [][]byte // of the newest list, as they were signed
}

// papers is what a session's peer showed of a realm. It belongs to the host's
// mutex.
type papers struct {
	ticket  Ticket // the newest one that its realm signed; zero: none
	signed  []byte // its bytes
	spoke   bool   // the peer spoke of our realm's list
	epoch   uint64 // of its list, by its own word
	asked   bool   // for a page of that
	pages   [][]byte
	gathers uint64 // the epoch of the pages
}

// Certified says that a peer showed a ticket of our realm that is its own, not void,
// and not of a time to come. It may be expired: see [Ticket.Expired].
type Certified struct {
	ID     ID
	Ticket Ticket
	Signed []byte // the ticket's bytes
}

// RevocationsGrew says that more tickets of our realm are void than before, or that
// there is a newer list that says the same.
type RevocationsGrew struct {
	List   Revocations
	Signed []byte // the newest list
}

func (Certified) event()       {}
func (RevocationsGrew) event() {}

var errForeignList = errors.New("the list is of another realm")

// SetRealm says which realm's word counts, zero for none, and the newest list that
// is known of it, nil for none; a list that cannot be read is left out. The own
// ticket of another realm is forgotten.
func (h *Host) SetRealm(id ID, revoked []byte) {
	list, pages, err := readList(revoked)
	if len(revoked) > 0 && (err != nil || list.Realm != id) {
		h.log.Error("revocation list left out", "error", err)
		list, pages = Revocations{}, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if id != h.realm.id {
		h.realm = realm{id: id, revoked: Revocations{Realm: id}}
	}
	h.realm.take(list, pages)
	for _, p := range h.peers {
		if p.kept != nil {
			h.certify(p.kept)
			h.seekList(p.kept)
		}
	}
}

// SetTicket shows a ticket of this device to everybody from now on; nil shows none.
func (h *Host) SetTicket(signed []byte) {
	if len(signed) > MaxTicket {
		h.log.Error("ticket not shown", "bytes", len(signed))
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.realm.ticket = signed
	for _, p := range h.peers {
		if p.kept != nil && len(signed) > 0 {
			p.kept.queue(NewerTicket{Ticket: signed}, sendQueue)
		}
	}
}

// Revoke takes a list of the realm and passes it on. An error says that it is none.
func (h *Host) Revoke(signed []byte) error {
	list, pages, err := readList(signed)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if list.Realm != h.realm.id {
		return fmt.Errorf("take revocations: %w", errForeignList)
	}
	if !h.realm.take(list, pages) {
		return nil
	}
	h.events.add(RevocationsGrew{List: h.realm.revoked, Signed: bytes.Join(h.realm.pages, nil)})
	for _, p := range h.peers {
		if p.kept != nil {
			h.tellList(p.kept)
		}
	}
	return nil
}

// readList reads a list and its pages.
func readList(signed []byte) (Revocations, [][]byte, error) {
	list, err := ParseRevocations(signed)
	if err != nil {
		return Revocations{}, nil, err
	}
	pages, err := splitRevoked(signed)
	return list, pages, err
}

// take merges a list of this realm, and reports whether anything is new.
func (r *realm) take(list Revocations, pages [][]byte) bool {
	before := r.revoked
	r.revoked = before.Merge(list)
	if list.Epoch > before.Epoch {
		r.pages = pages
	}
	return r.revoked.Epoch > before.Epoch || !slices.Equal(r.revoked.Void, before.Void)
}

// holds reports whether the realm stands behind a ticket that a device shows.
func (r *realm) holds(t Ticket, device ID) bool {
	if r.id.IsZero() || r.revoked.Voids(t) {
		return false
	}
	err := t.Check(r.id, device, time.Now())
	return err == nil || errors.Is(err, ErrTicketExpired)
}

// shown takes a ticket that a peer shows during a session.
func (h *Host) shown(s *session, signed []byte) {
	t, err := ParseTicket(signed)
	if err != nil {
		return // of a later version, or of nobody: it proves nothing
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	// So the owner hears of no more tickets than the realm signed.
	older := t.Realm == s.ticket.Realm && t.Serial <= s.ticket.Serial
	foreign := t.Realm != h.realm.id && s.ticket.Realm == h.realm.id
	if older || foreign && !h.realm.id.IsZero() {
		return
	}
	s.ticket, s.signed = t, signed
	if p := h.peers[s.id]; p != nil && p.kept == s {
		h.certify(s)
	}
}

// certify tells the owner what a kept session's ticket proves. The mutex is held.
func (h *Host) certify(s *session) {
	if c := h.certified(s); c != nil {
		h.events.add(*c)
	}
}

// certified is what a session's ticket proves; nil: nothing. The mutex is held.
func (h *Host) certified(s *session) *Certified {
	if !h.realm.holds(s.ticket, s.id) {
		return nil
	}
	return &Certified{ID: s.id, Ticket: s.ticket, Signed: s.signed}
}

// tellList says how new our list is to a peer of our realm whose list is older, as
// far as is known. The mutex is held.
func (h *Host) tellList(s *session) {
	own := h.realm.revoked.Epoch
	if s.epoch < own && (s.spoke || s.ticket.Realm == h.realm.id) {
		s.queue(Revoked{Realm: h.realm.id, Epoch: own}, sendQueue)
	}
}

// seekList asks a peer that says it has a newer list for its next page. The mutex
// is held.
func (h *Host) seekList(s *session) {
	if own := h.realm.revoked.Epoch; !h.realm.id.IsZero() && s.epoch > own {
		s.asked = true
		s.queue(Revoked{Realm: h.realm.id, Epoch: own, Want: uint64(len(s.pages))}, sendQueue)
	}
}

// compareLists answers what a peer says of its list: who has the older one gets
// pages.
func (h *Host) compareLists(s *session, m Revoked) error {
	if len(m.Page) > 0 {
		return h.takePage(s, m.Page)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.realm.id.IsZero() || m.Realm != h.realm.id {
		return nil
	}
	s.spoke, s.epoch = true, m.Epoch
	own := h.realm.revoked.Epoch
	if m.Epoch < own && m.Want < uint64(len(h.realm.pages)) {
		page := Revoked{Realm: h.realm.id, Epoch: own, Page: h.realm.pages[m.Want]}
		s.queue(page, sendQueue+ControlFrame) // it has room where messages fill theirs
	}
	if m.Epoch > own {
		s.pages = nil
		h.seekList(s)
	}
	return nil
}

// takePage takes a page that was asked for; the last one makes the list. Signatures
// are checked outside the mutex.
func (h *Host) takePage(s *session, raw []byte) error {
	if !h.awaited(s) {
		return nil
	}
	b, err := parseRevokedPage(raw)
	if err != nil {
		return protocolErrorf("page of a revocation list: %v", err)
	}
	if list := h.gather(s, b, raw); list != nil {
		if err := h.Revoke(list); err != nil && !errors.Is(err, errForeignList) {
			return protocolErrorf("revocation list: %v", err)
		}
	}
	return nil
}

// awaited reports, once, whether a page was asked for.
func (h *Host) awaited(s *session) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked := s.asked
	s.asked = false
	return asked
}

// gather adds a page to those that came, and asks for the next one. It returns the
// list when it is whole.
func (h *Host) gather(s *session, b revokedBody, raw []byte) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b.Realm != h.realm.id || b.Epoch <= h.realm.revoked.Epoch {
		s.pages = nil // another realm was chosen, or another peer was faster
		return nil
	}
	if b.Page == 0 || b.Epoch != s.gathers {
		s.pages, s.gathers = nil, b.Epoch
	}
	if b.Page == uint64(len(s.pages)) {
		s.pages = append(s.pages, raw)
	}
	if uint64(len(s.pages)) == b.Pages {
		list := bytes.Join(s.pages, nil)
		s.pages, s.epoch = nil, max(s.epoch, b.Epoch)
		return list
	}
	h.seekList(s)
	return nil
}
