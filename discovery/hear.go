package discovery

import (
	"net/netip"
	"slices"
	"time"
)

// minPort: below are the ports of services that others run.
const minPort = 1024

// enqueue hands a packet to the loop, from a socket's goroutine. A full queue
// drops it, as the system's own would.
func (r *run) enqueue(p packet) {
	select {
	case r.heard <- p:
	default:
	}
}

// hear looks at one packet.
func (r *run) hear(p packet) {
	now := time.Now()
	s := r.stationAt(p.index)
	from := p.from.Addr().Unmap()
	if s == nil || !r.flood.pass(from, now) || !s.link.contains(from) { // on the link only: RFC 6762, section 11
		return
	}
	m, err := parse(p.data)
	switch {
	case err != nil:
	case m.of(r.kind).asks:
		r.hearQuestion(s, p, m, now)
	case p.from.Port() == mdnsPort: // others answer from there only
		r.hearResponse(s, p, m, now)
	}
}

// stationAt is the station on an interface, nil when there is none any more.
func (r *run) stationAt(index int) *station {
	for _, s := range r.stations {
		if s.link.ifi.Index == index {
			return s
		}
	}
	return nil
}

// hearQuestion sees to it that the asker hears of us. The server's answer, by
// unicast to the port that asked, is dropped by firewalls that let through only
// what they expect, so the answer is also multicast. A question that came by
// unicast was not heard by the server: one socket of the machine gets it.
func (r *run) hearQuestion(s *station, p packet, m message, now time.Time) {
	if slices.Contains(m.of(r.kind).known, r.label) || s.isOwn(p, now) {
		return
	}
	if !p.unicast {
		s.soon(now, len(r.table.entries))
		return
	}
	if records := s.zone.all(); len(records) > 0 && s.zone.admit(now) {
		if answer, err := packAnswer(m.dns, records); err == nil {
			_ = p.socket.reply(answer, p.from) // whoever asked will ask again
		}
	}
}

// hearResponse takes in an announcement, an answer, or a goodbye.
func (r *run) hearResponse(s *station, p packet, m message, now time.Time) {
	if slices.Contains(m.of(r.kind).goodbyes, r.label) {
		s.defend(now)
	}
	if r.kind == servers { // it announces, and looks for nobody
		s.echo(m.servers.parts[r.label] != nil)
		return
	}
	r.hearServers(s, p, m, now)
	for _, label := range m.goodbyes {
		if label != r.label {
			r.table.goodbye(label, now)
		}
	}
	for _, c := range m.claims {
		c.from = p.from.Addr().Unmap()
		if c.id == r.self.ID {
			s.echo(c.instance == r.self.Instance)
		}
		if r.sight(c, s.link, now) && !p.unicast {
			s.welcome(p, now, len(r.table.entries))
		}
	}
}

// sight passes a claim on to the table, with only those addresses that may be
// dialled. It reports whether the device just came; this one never does.
func (r *run) sight(c claim, l link, now time.Time) bool {
	s := r.reachable(c, l)
	switch {
	case c.port < minPort || !s.from.IsValid() && len(s.near)+len(s.far) == 0:
		return false
	case c.id == r.self.ID:
		r.claimed(s, now)
		return false
	}
	return r.table.hear(s, now)
}

// reachable is a claim with only those addresses that may be dialled.
func (r *run) reachable(c claim, l link) sighting {
	s := sighting{claim: c}
	if !mayDial(c.from, r.links) {
		s.from = netip.Addr{}
	}
	for _, addr := range c.named {
		addr = l.zoned(addr)
		if !mayDial(addr, r.links) {
			continue
		}
		if l.contains(addr) {
			s.near = append(s.near, addr)
		} else {
			s.far = append(s.far, addr)
		}
	}
	s.near = s.near[:min(len(s.near), maxAddrs)]
	s.far = s.far[:min(len(s.far), maxAddrs-len(s.near))]
	return s
}
