package discovery

import (
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// Rendezvous servers that announce themselves are heard of, and nothing more: they
// are told to the owner, who shows them to a person. Nobody is dialled for it.

const (
	// maxServers are listed at most, and so many first heard from one address.
	maxServers       = 64
	maxSourceServers = 8
	// serverPatience is how long a server may be silent: it announces itself once a
	// minute.
	serverPatience = 150 * time.Second
	// renamedAfter is the least time between two names of one server.
	renamedAfter = 30 * time.Second
)

// ServerFound says that somebody announces a rendezvous server, or another name of
// it. All of it is a claim: under any name, and with anybody's key.
type ServerFound struct {
	Realm peer.ID // the key that it claims to have
	Name  string  // hostile: clean it before it is shown; at most 192 bytes
	Addr  netip.AddrPort
}

// ServerLost says that a server left, or was silent for too long.
type ServerLost struct {
	Realm peer.ID
	Addr  netip.AddrPort
}

func (ServerFound) event() {}
func (ServerLost) event()  {}

// serverKey tells servers apart. Those of one realm have one key; who claims a key
// at another address is another one, so that nobody takes a server's place.
type serverKey struct {
	realm peer.ID
	addr  netip.AddrPort
}

// serverEntry is what is known of a server.
type serverEntry struct {
	label  uuid.UUID
	name   string
	origin netip.Addr    // where it was first heard from
	from   [2]netip.Addr // and last, by family
	named  time.Time
	heard  time.Time
}

type serverTable map[serverKey]*serverEntry

// hearServers takes in what a response says of servers. A goodbye counts where it
// comes from who was heard last.
func (r *run) hearServers(s *station, p packet, m message, now time.Time) {
	from := p.from.Addr().Unmap()
	for key, e := range r.servers {
		if slices.Contains(m.servers.goodbyes, e.label) && e.from[familyOf(from)] == from {
			r.loseServer(key)
		}
	}
	for _, c := range m.offers {
		c.from = from
		r.hearServer(r.reachable(c, s.link), now)
	}
}

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return v4
	}
	return v6
}

// hearServer takes in one claim. A server has one address in the list, the one that
// a person would type; IPv6 addresses of one link cannot be typed.
func (r *run) hearServer(s sighting, now time.Time) {
	addrs := slices.DeleteFunc(slices.Concat(s.near, s.far), func(a netip.Addr) bool { return a.Zone() != "" })
	if len(addrs) == 0 || s.port < minPort {
		return
	}
	key := serverKey{s.id, netip.AddrPortFrom(addrs[max(0, slices.IndexFunc(addrs, netip.Addr.Is4))], s.port)}
	e := r.servers[key]
	if e == nil {
		if !r.servers.room(s.claim.from) {
			return
		}
		e = &serverEntry{origin: s.claim.from}
		r.servers[key] = e
	}
	e.label, e.heard, e.from[familyOf(s.claim.from)] = s.label, now, s.claim.from
	if e.named.IsZero() || e.name != s.name && now.Sub(e.named) >= renamedAfter {
		e.name, e.named = s.name, now
		r.finder.cfg.Notify(ServerFound{Realm: key.realm, Name: e.name, Addr: key.addr})
	}
}

// room reports whether one more server may be listed that is heard from an address.
func (t serverTable) room(from netip.Addr) bool {
	same := 0
	for _, e := range t {
		if e.origin == from {
			same++
		}
	}
	return len(t) < maxServers && same < maxSourceServers
}

// sweepServers loses those that were silent for too long.
func (r *run) sweepServers(now time.Time) {
	for key, e := range r.servers {
		if now.Sub(e.heard) > serverPatience {
			r.loseServer(key)
		}
	}
}

func (r *run) loseServer(key serverKey) {
	delete(r.servers, key)
	r.finder.cfg.Notify(ServerLost{Realm: key.realm, Addr: key.addr})
}
