package discovery

import (
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// How many peers are kept, and for how long.
const (
	maxPeers     = 4096
	maxFresh     = 64  // new peers a second
	maxPerSource = 256 // peers first heard from one address

	tombstone  = 3 * time.Second  // after a goodbye, what was said before it counts for nothing
	renewAfter = 30 * time.Second // between two Found of a peer that says the same and has no session
	tellAfter  = time.Second      // between two Found of one peer
	doubtAfter = 10 * time.Second // between Suspected and Suspected again or Lost
	doubts     = 2                // times that a peer is suspected before it is lost
	maxDoubted = 8                // suspected in one sweep: each costs somebody a dial
)

// entry is what is known of one peer.
type entry struct {
	id       peer.ID
	label    uuid.UUID
	instance uuid.UUID // zero until one was named
	name     string
	port     uint16
	places   places
	allowed  []netip.AddrPort // only named, and permitted to be dialled
	local    uint16           // the port of a sibling profile, 0 when it is none
	source   Source           // of the last claim

	origin   netip.Addr // where it was first heard from
	verified bool       // a session with it was live once
	heard    time.Time

	doubted int       // times suspected since it was heard
	doubt   time.Time // when to doubt again
	left    time.Time // when it said goodbye while its session was live

	told    Found
	toldAt  time.Time // zero: never
	renew   bool      // tell at the next hearing
	pending bool      // there is more to tell, later
}

// sighting is a claim whose addresses may be dialled.
type sighting struct {
	claim
	near, far []netip.Addr // what it names on the link that it came by, and elsewhere
}

// grave remembers who said goodbye.
type grave struct {
	instance uuid.UUID
	until    time.Time
}

// table is the peers that were heard of. It is pure: it knows no network and no
// clock, and collects its events.
type table struct {
	entries map[peer.ID]*entry
	labels  map[uuid.UUID]peer.ID
	live    map[peer.ID]bool // sessions, also of peers that were never heard
	graves  map[uuid.UUID]grave
	origins map[netip.Addr]int
	permits permits
	spare   bool // permits may go to second addresses
	events  []Event

	second time.Time // begin of the second that fresh counts
	fresh  int
}

func newTable() *table {
	return &table{
		entries: map[peer.ID]*entry{},
		labels:  map[uuid.UUID]peer.ID{},
		live:    map[peer.ID]bool{},
		graves:  map[uuid.UUID]grave{},
		origins: map[netip.Addr]int{},
		permits: newPermits(permitAgain),
	}
}

// take gives the events since the last call.
func (t *table) take() []Event {
	events := t.events
	t.events = nil
	return events
}

// period is the time between two announcements of a device, by the number of
// peers: all together send at most ten a second.
func (t *table) period() time.Duration {
	return max(time.Minute, time.Duration(len(t.entries))*100*time.Millisecond)
}

// patience is how long a peer may be silent.
func (t *table) patience() time.Duration { return t.period() * 5 / 2 }

// hear takes a sighting in. It reports whether the device just came: then it may
// not know of us.
func (t *table) hear(s sighting, now time.Time) (came bool) {
	if g, ok := t.graves[s.label]; ok && now.Before(g.until) && g.instance == s.instance {
		return false
	}
	e := t.entries[s.id]
	if e == nil {
		if e = t.admit(s.id, s.from, now); e == nil {
			return false
		}
		came = true
	}
	delete(t.graves, s.label)
	if s.instance != uuid.Nil {
		came = came || e.instance != s.instance
		e.instance = s.instance
	}
	e.name, e.port, e.source = s.name, s.port, MDNS
	e.places.hear(s, now)
	t.touch(e, now)
	t.tell(e, now)
	return came
}

// touch notes a sign of life.
func (t *table) touch(e *entry, now time.Time) {
	e.renew = e.renew || e.doubted > 0
	e.heard, e.doubted, e.left = now, 0, time.Time{}
}

// goodbye believes a goodbye at once where no session is live; else it waits for
// the session to end.
func (t *table) goodbye(label uuid.UUID, now time.Time) {
	e := t.entries[t.labels[label]]
	switch {
	case e == nil:
	case t.live[e.id]:
		e.left = now
	default:
		t.lose(e)
		if len(t.graves) < maxPeers {
			t.graves[label] = grave{e.instance, now.Add(tombstone)}
		}
	}
}

// confirm notes that a session began or ended.
func (t *table) confirm(id peer.ID, up bool, now time.Time) {
	e := t.entries[id]
	if up {
		t.live[id] = true
	} else {
		delete(t.live, id)
	}
	if e == nil {
		return
	}
	e.heard, e.doubted = now, 0
	if up {
		e.verified = true
		return
	}
	e.renew = true
	if !e.left.IsZero() && now.Sub(e.left) < doubtAfter {
		t.goodbye(e.label, now)
	}
}

// siblings takes in which profiles of this home run.
func (t *table) siblings(list []Sibling, now time.Time) {
	ports := map[peer.ID]uint16{}
	for _, s := range list {
		if s.Port != 0 && len(ports) < maxPeers {
			ports[s.ID] = s.Port
		}
	}
	for id, port := range ports {
		t.sibling(id, port, now)
	}
	for id, e := range t.entries {
		if e.local != 0 && ports[id] == 0 {
			t.siblingLeft(e, now)
		}
	}
}

func (t *table) sibling(id peer.ID, port uint16, now time.Time) {
	e := t.entries[id]
	if e == nil {
		if e = t.admit(id, netip.Addr{}, now); e == nil {
			return
		}
	}
	if e.local != port {
		e.local, e.source = port, Local
	}
	t.touch(e, now)
	t.tell(e, now)
}

// siblingLeft ends what the sibling's file said; where the network has told of
// it too, a goodbye or silence decides.
func (t *table) siblingLeft(e *entry, now time.Time) {
	e.local = 0
	if len(e.places) == 0 {
		t.goodbye(e.label, now)
	}
}

// admit makes room for a new peer; nil where a limit is against it.
func (t *table) admit(id peer.ID, from netip.Addr, now time.Time) *entry {
	if now.Sub(t.second) >= time.Second {
		t.second, t.fresh = now, 0
	}
	if t.fresh >= maxFresh || from.IsValid() && t.origins[from] >= maxPerSource {
		return nil
	}
	if len(t.entries) >= maxPeers {
		out := t.leastWanted()
		if out == nil {
			return nil
		}
		t.lose(out)
	}
	t.fresh++
	e := &entry{id: id, label: id.Label(), origin: from, verified: t.live[id]}
	if from.IsValid() {
		t.origins[from]++
	}
	t.entries[id], t.labels[e.label] = e, id
	return e
}

// leastWanted is the peer to give up for a new one: never verified and least
// recently heard first, none with a live session.
func (t *table) leastWanted() *entry {
	var out *entry
	for id, e := range t.entries {
		if t.live[id] {
			continue
		}
		if out == nil || out.verified && !e.verified || out.verified == e.verified && e.heard.Before(out.heard) {
			out = e
		}
	}
	return out
}

// lose removes a peer.
func (t *table) lose(e *entry) {
	delete(t.entries, e.id)
	delete(t.labels, e.label)
	if e.origin.IsValid() {
		if t.origins[e.origin]--; t.origins[e.origin] == 0 {
			delete(t.origins, e.origin)
		}
	}
	if !e.toldAt.IsZero() {
		t.events = append(t.events, Lost{e.id})
	}
}

// sweep does what time brings; to be called about once a second.
func (t *table) sweep(now time.Time) {
	for label, g := range t.graves {
		if !now.Before(g.until) {
			delete(t.graves, label)
		}
	}
	t.permits.sweep(now)
	t.tellPending(now)
	room := maxDoubted
	for id, e := range t.entries {
		if !t.live[id] && e.local == 0 && now.Sub(e.heard) > t.patience() && !now.Before(e.doubt) {
			t.suspect(e, now, &room)
		}
	}
}

// tellPending tells what could not be told before: first of those of whom
// nothing was told.
func (t *table) tellPending(now time.Time) {
	for _, told := range []bool{false, true} {
		for _, e := range t.entries {
			if e.toldAt.IsZero() != told && (e.places.sweep(now, t.patience()) || e.pending) {
				t.spare = told
				t.tell(e, now)
			}
		}
	}
	t.spare = false
}

// suspect takes one step from silence to loss.
func (t *table) suspect(e *entry, now time.Time, room *int) {
	if e.doubted >= doubts {
		t.lose(e)
		return
	}
	if *room == 0 {
		return
	}
	*room--
	e.doubted++
	e.doubt = now.Add(doubtAfter)
	if !e.toldAt.IsZero() {
		t.events = append(t.events, Suspected{e.id})
	}
}

// doubt makes every peer without a session suspect in the next seconds unless it
// is heard: the network or the machine was away.
func (t *table) doubt(now time.Time) {
	soon := now.Add(5*time.Second - t.patience())
	for id, e := range t.entries {
		if !t.live[id] && e.heard.After(soon) {
			e.heard = soon
		}
	}
}

// tell reports a peer if there is something to say and it is time to.
func (t *table) tell(e *entry, now time.Time) {
	f := Found{ID: e.id, Instance: e.instance, Name: e.name, Source: e.source}
	f.Addrs, e.pending = t.addrs(e, now)
	if len(f.Addrs) == 0 {
		return // nowhere to dial, or not yet
	}
	since := now.Sub(e.toldAt)
	first := e.toldAt.IsZero()
	changed := !first && !f.says(e.told)
	again := e.heard.Equal(now) && !t.live[e.id] && (e.renew || since >= renewAfter)
	if !first && !changed && !again {
		return
	}
	if !first && since < tellAfter {
		e.pending = true
		return
	}
	e.told, e.toldAt, e.renew = f, now, false
	t.events = append(t.events, f)
}

// says reports whether both events say the same of the peer.
func (f Found) says(other Found) bool {
	return f.Instance == other.Instance && f.Name == other.Name && slices.Equal(f.Addrs, other.Addrs)
}

// addrs is where a peer may be dialled, best first. It reports whether there is
// more that waits for a permit.
func (t *table) addrs(e *entry, now time.Time) (addrs []netip.AddrPort, more bool) {
	if e.local != 0 {
		addrs = append(addrs, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), e.local))
	}
	var allowed []netip.AddrPort
	for _, p := range e.places {
		addr := netip.AddrPortFrom(p.addr, e.port)
		if p.source.IsZero() {
			if !t.permitted(e, addr, now, len(addrs) > 0) {
				more = more || !t.live[e.id]
				continue
			}
			allowed = append(allowed, addr)
		}
		if len(addrs) < maxAddrs {
			addrs = append(addrs, addr)
		}
	}
	e.allowed = allowed
	return addrs, more
}

// permitted reports whether an address that was only named may be dialled. While
// a session is live there is no need to, and a second address waits until every
// peer has one.
func (t *table) permitted(e *entry, addr netip.AddrPort, now time.Time, second bool) bool {
	if slices.Contains(e.allowed, addr) {
		return true
	}
	return !t.live[e.id] && (!second || t.spare) && t.permits.allow(addr, now)
}
