package discovery

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

const (
	maxAddrs   = 8 // of one peer, in an event and in an announcement
	maxSources = 4 // addresses that packets about one peer came from
)

// place is an address that a peer may be found at.
type place struct {
	addr  netip.Addr
	first time.Time // when it came up
	// source is when a packet last came from there, zero where it was only named.
	source time.Time
	named  bool // the last claim names it
	near   bool // on the link that the last claim came by
}

// rank orders places, the ones to dial first first. Where a packet came from,
// somebody is; that the last claim does not name it means that the peer moved
// on, or that somebody passed the packet on.
func (p place) rank() int {
	switch {
	case !p.source.IsZero() && p.named:
		return 0
	case p.source.IsZero() && p.near:
		return 1
	case !p.source.IsZero():
		return 2
	}
	return 3
}

// compare is a stable order: hearing a peer on one family after the other must
// not turn its addresses around.
func (p place) compare(q place) int {
	return cmp.Or(
		cmp.Compare(p.rank(), q.rank()),
		cmp.Compare(p.addr.BitLen(), q.addr.BitLen()), // IPv4 first: people know it
		p.first.Compare(q.first),
		p.addr.Compare(q.addr),
	)
}

// places are the addresses that are known of one peer, at most maxAddrs +
// maxSources.
type places []place

// hear takes in where a claim came from, and what it names. What only an earlier
// one named is forgotten.
func (ps *places) hear(s sighting, now time.Time) {
	for i := range *ps {
		(*ps)[i].named, (*ps)[i].near = false, false
	}
	for i, addr := range slices.Concat(s.near, s.far) {
		p := ps.at(addr, now)
		p.named, p.near = true, i < len(s.near)
	}
	if s.from.IsValid() {
		ps.at(s.from, now).source = now
	}
	ps.trim()
}

// at is the place of an address, made where there is none.
func (ps *places) at(addr netip.Addr, now time.Time) *place {
	i := slices.IndexFunc(*ps, func(p place) bool { return p.addr == addr })
	if i < 0 {
		i = len(*ps)
		*ps = append(*ps, place{addr: addr, first: now})
	}
	return &(*ps)[i]
}

// trim drops what neither a packet came from nor the last claim names, and of
// the sources the ones heard longest ago.
func (ps *places) trim() {
	slices.SortStableFunc(*ps, func(p, q place) int { return q.source.Compare(p.source) })
	for i := range *ps {
		if i >= maxSources {
			(*ps)[i].source = time.Time{}
		}
	}
	*ps = slices.DeleteFunc(*ps, func(p place) bool { return p.source.IsZero() && !p.named })
	slices.SortFunc(*ps, place.compare)
}

// sweep forgets sources that were silent for too long. It reports whether the
// addresses may have changed.
func (ps *places) sweep(now time.Time, patience time.Duration) (changed bool) {
	for i, p := range *ps {
		if !p.source.IsZero() && now.Sub(p.source) > patience {
			(*ps)[i].source, changed = time.Time{}, true
		}
	}
	if changed {
		ps.trim()
	}
	return changed
}

// Limits of dialling where nobody was heard, only named by a packet: a forger
// must not make many devices knock at one.
const (
	permitsPerSecond = 2
	permitAgain      = 30 * time.Second // for the same address and port
)

// permits bounds how often an address may be dialled because of a packet.
type permits struct {
	again  time.Duration                // for the same address and port
	given  map[netip.AddrPort]time.Time // within again
	second time.Time                    // begin of the second that count counts
	count  int
}

func newPermits(again time.Duration) permits {
	return permits{again: again, given: map[netip.AddrPort]time.Time{}}
}

// allow gives one permit, if the limits let it.
func (p *permits) allow(addr netip.AddrPort, now time.Time) bool {
	if at, ok := p.given[addr]; ok && now.Sub(at) < p.again {
		return false
	}
	if now.Sub(p.second) >= time.Second {
		p.second, p.count = now, 0
	}
	if p.count >= permitsPerSecond {
		return false
	}
	p.count++
	p.given[addr] = now
	return true
}

func (p *permits) sweep(now time.Time) {
	for addr, at := range p.given {
		if now.Sub(at) >= p.again {
			delete(p.given, addr)
		}
	}
}
