package server

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// hub knows the devices that heartbeat to this server, and what each has to be told.
// What that looks like is read from the database when it is told.
type hub struct {
	server *Server

	mu       sync.Mutex
	closed   bool
	seats    map[peer.ID]*seat
	accounts map[uuid.UUID][]*seat
	changed  map[peer.ID]uuid.UUID // whose rows are to be written, with their accounts
	work     chan struct{}         // holds one where there are
}

// seat is a device that heartbeats here. The hub's mutex guards it. There are
// thousands, so it is small.
type seat struct {
	device           peer.ID
	account          uuid.UUID
	instance, before uuid.UUID // and the one that it took over from
	here             bool      // it came since this server started
	presence         rendezvous.Presence
	addresses        []string
	address          string
	since            time.Time
	expires          time.Time // when the device is gone, if nothing comes

	bell     chan struct{} // of the held heartbeat; nil: none
	number   uint64        // of the last answer with news
	received uint64        // of the last one that is known to have come
	sent     owed          // what was in those between
	fresh    owed          // what is new since
	next     time.Time     // when there may be news again
	ticket   time.Time     // when the device's newest ticket ends
	behind   bool          // it was asked for its newer revocation list
}

// owed is what a device has to be told.
type owed struct {
	whole   bool // everything
	self    bool // its own account, with a ticket
	servers bool
	friends []uuid.UUID
}

func (o *owed) nothing() bool { return !o.whole && !o.self && !o.servers && len(o.friends) == 0 }

func (o *owed) friend(id uuid.UUID) {
	if o.whole || slices.Contains(o.friends, id) {
		return
	}
	if len(o.friends) >= maxOwed {
		o.whole, o.friends = true, nil
		return
	}
	o.friends = append(o.friends, id)
}

// add has o be what both are.
func (o *owed) add(other owed) {
	o.self, o.servers = o.self || other.self, o.servers || other.servers
	if other.whole {
		o.whole, o.friends = true, nil
	}
	for _, id := range other.friends {
		o.friend(id)
	}
}

func newHub(s *Server) *hub {
	return &hub{
		server: s, seats: map[peer.ID]*seat{}, accounts: map[uuid.UUID][]*seat{},
		changed: map[peer.ID]uuid.UUID{}, work: make(chan struct{}, 1),
	}
}

// expect gives seats to devices that heartbeat to the server before this one. Those
// who come back as they were are no news and cost no writing; the others have until
// returnTime.
func (h *hub) expect(there []sighting) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, row := range there {
		s := h.add(row.device, row.account)
		s.presence, s.addresses, s.address, s.since = row.presence, row.addresses, row.address, row.since
		s.expires = time.Now().Add(returnTime)
	}
}

// arrive takes a heartbeat and gives the seat and the bell of this one; the held one
// before it ends. Twice says that another instance of the device took over from this
// one, which gets no seat.
func (h *hub) arrive(c caller, beat *rendezvous.Heartbeat, address string) (s *seat, bell chan struct{}, twice bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s = h.seats[c.device]
	if s != nil && s.account != c.ID {
		h.remove(s)
		s = nil
	}
	if s == nil {
		s = h.add(c.device, c.ID)
	}
	if !s.here {
		s.here, s.instance = true, beat.Instance
	}
	if s.instance != beat.Instance {
		if s.before == beat.Instance {
			return nil, nil, true
		}
		s.before, s.instance = s.instance, beat.Instance
	}
	s.ring()
	s.bell, s.ticket = make(chan struct{}, 1), time.UnixMilli(c.ticket)
	s.confirm(beat.Received)
	h.sight(s, beat, address)
	return s, s.bell, false
}

// add makes the seat of a device that was not here. The mutex is held.
func (h *hub) add(device peer.ID, account uuid.UUID) *seat {
	s := &seat{device: device, account: account, since: time.Now(), number: rand.Uint64()>>12 | 1}
	h.seats[device] = s
	h.accounts[account] = append(h.accounts[account], s)
	return s
}

// remove takes a seat away and ends its heartbeat. The mutex is held.
func (h *hub) remove(s *seat) {
	if h.seats[s.device] != s {
		return
	}
	delete(h.seats, s.device)
	left := slices.DeleteFunc(h.accounts[s.account], func(other *seat) bool { return other == s })
	if h.accounts[s.account] = left; len(left) == 0 {
		delete(h.accounts, s.account)
	}
	s.ring()
}

// ring has the held heartbeat look. The mutex is held.
func (s *seat) ring() {
	select {
	case s.bell <- struct{}{}:
	default: // it will look, or none is held
	}
}

// confirm takes a device's word for which answer it got last. The mutex is held.
func (s *seat) confirm(received uint64) {
	switch {
	case received == s.number && s.received != 0 || received == s.number && !s.sent.nothing():
		s.received = received
	case received != 0 && received == s.received:
		s.sent.add(s.fresh)
		s.fresh = s.sent
		s.next = time.Time{} // it asks again for what it should have
	default:
		// Who knows nothing may lack its ticket; who was at another server, or here
		// before a restart, has it.
		s.received, s.fresh, s.next = 0, owed{whole: true, self: received == 0}, time.Time{}
	}
	s.sent = owed{}
}

// sight notes what a heartbeat says of the device. The mutex is held.
func (h *hub) sight(s *seat, beat *rendezvous.Heartbeat, address string) {
	hold := time.Duration(beat.Hold) * time.Millisecond
	s.expires = time.Now().Add(2*hold + slack)
	if s.presence == beat.Presence && s.address == address && slices.Equal(s.addresses, beat.Addresses) {
		return
	}
	s.presence, s.address, s.addresses = beat.Presence, address, beat.Addresses
	h.change(s.device, s.account)
	if s.presence == rendezvous.Offline {
		h.remove(s)
	}
}

// change has a device's row written. The mutex is held.
func (h *hub) change(device peer.ID, account uuid.UUID) {
	h.changed[device] = account
	h.wake()
}

// wake has the next rows written. It never waits: the mutex is held.
func (h *hub) wake() {
	select {
	case h.work <- struct{}{}:
	default:
	}
}

// lost says that the connection of a held heartbeat broke.
func (h *hub) lost(s *seat, bell chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if soon := time.Now().Add(slack); s.bell == bell && soon.Before(s.expires) {
		s.expires = soon
	}
}

// run writes presence and notices who is gone, until ctx ends.
func (h *hub) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.sweep(time.Now())
		case <-h.work:
			h.flush(ctx)
			pause(ctx, flushSpacing)
		}
	}
}

// sweep removes the devices from which nothing came for too long.
func (h *hub) sweep(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.seats {
		if now.After(s.expires) {
			h.remove(s)
			h.change(s.device, s.account)
		}
	}
}

// flush writes the rows that changed. What could not be written is tried again.
func (h *hub) flush(ctx context.Context) {
	batch := h.take()
	if len(batch) == 0 {
		return
	}
	err := h.server.directory.see(ctx, batch)
	if err == nil || ctx.Err() != nil {
		return
	}
	h.server.log.Error("presence was not written", "why", err)
	pause(ctx, time.Second)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range batch {
		h.change(s.device, s.account)
	}
}

// take gives what is to be written now.
func (h *hub) take() []sighting {
	h.mu.Lock()
	defer h.mu.Unlock()
	batch := make([]sighting, 0, min(len(h.changed), flushBatch))
	for device, account := range h.changed {
		if len(batch) == flushBatch {
			h.wake() // for the rest, where nobody did since this began
			break
		}
		delete(h.changed, device)
		row := sighting{device: device, account: account, presence: rendezvous.Offline}
		if s := h.seats[device]; s != nil && s.account == account {
			row.presence, row.addresses, row.address, row.since = s.presence, s.addresses, s.address, s.since
		}
		batch = append(batch, row)
	}
	slices.SortFunc(batch, func(a, b sighting) int { return a.device.Compare(b.device) }) // servers lock rows in one order
	return batch
}

// rewrite has the rows of all devices written: the others took this server for dead.
func (h *hub) rewrite() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.seats {
		h.change(s.device, s.account)
	}
}

// close has every held heartbeat answered, and holds none any more.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, s := range h.seats {
		s.ring()
	}
}

// awaits reports whether a device was asked for its revocation list.
func (h *hub) awaits(device peer.ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.seats[device]
	return s != nil && s.behind
}

// count is how many devices heartbeat here.
func (h *hub) count() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.seats {
		if s.here {
			n++
		}
	}
	return n
}

// missed says that changes elsewhere may have been missed: everything is told anew.
func (h *hub) missed(why error) {
	if why != nil {
		h.server.log.Error("no notices come from the database", "why", why)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), queryTime)
	defer cancel()
	h.mu.Lock()
	devices := make([]peer.ID, 0, len(h.seats))
	for device, s := range h.seats {
		devices = append(devices, device)
		s.fresh.add(owed{whole: true})
	}
	h.mu.Unlock()
	for _, device := range devices {
		h.check(ctx, device)
	}
	h.reload(ctx)
	h.ringAll()
}

// check looks whether a device that is here still should be.
func (h *hub) check(ctx context.Context, device peer.ID) {
	h.mu.Lock()
	s := h.seats[device]
	h.mu.Unlock()
	if s == nil {
		return
	}
	account, at, err := h.server.directory.seat(ctx, device)
	gone := errors.Is(err, errNone) || err == nil && account != s.account
	moved := err == nil && at != uuid.Nil && at != h.server.directory.name
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, writing := h.changed[device]; gone || moved && !writing {
		h.remove(s)
	}
}
