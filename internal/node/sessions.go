package node

import (
	"net/netip"
	"slices"
	"time"

	"earshot/discovery"
)

// When there is a session. With few people one is kept with each in earshot: a
// pair costs about 20 KB and three packets in 15 s. In a crowd sessions are made
// where there is a reason, and closed when they were idle for long.
const (
	crowdFrom = 40 // more than so many in earshot are a crowd,
	crowdTo   = 24 // until only so many are left
	idleTime  = 10 * time.Minute
	// proveAgain is when somebody without a session is dialled for another proof:
	// in time before provedLately is over, so that nobody blinks.
	proveAgain = 10 * time.Minute
	// maxKnown is how many remembered addresses are dialled at start.
	maxKnown = 32
)

// crowded says whether n people are a crowd, given whether they were one.
func crowded(was bool, n int) bool {
	if was {
		return n > crowdTo
	}
	return n > crowdFrom
}

// reviewSessions looks how many people there are. Mere claims do not count:
// anybody can make up thousands.
func (n *Node) reviewSessions() {
	count := 0
	for _, p := range n.people {
		if p.online {
			count++
		}
	}
	was := n.crowd
	n.crowd = crowded(was, count)
	if was && !n.crowd {
		for _, p := range n.people {
			n.keepSession(p, p.addrs)
		}
	}
}

// wanted reports whether a session with a person is kept. In a crowd those are
// reached whose key is still to be proved (the session then rests), and those
// with whom there is something to do.
func (n *Node) wanted(p *person) bool {
	return !n.crowd || p.known() || n.busyWith(p) || n.now().Sub(p.proved) >= proveAgain
}

// busyWith reports whether something is open on a screen or under way with a
// person.
func (n *Node) busyWith(p *person) bool {
	face := n.face(p).id
	for _, id := range n.viewers {
		if id == p.id || id == face {
			return true
		}
	}
	for _, t := range n.moving {
		if t == p.id {
			return true
		}
	}
	return false
}

// keepSession asks the host for a session where one is wanted; fresh addresses
// begin a new round of attempts.
func (n *Node) keepSession(p *person, fresh []netip.AddrPort) {
	if p.session || len(fresh) == 0 || !n.wanted(p) {
		return
	}
	n.host.Reach(p.id, fresh)
}

// reach asks for a session with somebody because there is something to do.
func (n *Node) reach(p *person) {
	if !p.session && len(p.addrs) > 0 {
		n.host.Reach(p.id, p.addrs)
	}
}

// reachKnown dials the last known addresses of contacts, those seen last first.
func (n *Node) reachKnown() {
	var known []*person
	for _, p := range n.people {
		if p.known() && len(p.addrs) > 0 {
			known = append(known, p)
		}
	}
	slices.SortFunc(known, func(a, b *person) int { return b.lastSeen.Compare(a.lastSeen) })
	for _, p := range known[:min(len(known), maxKnown)] {
		p.addVia(discovery.Known)
		n.reach(p)
	}
}

// rest closes the sessions of a crowd that were idle for long.
func (n *Node) rest(now time.Time) {
	for _, p := range n.people {
		// Its key is proved by the session: only what there is to do keeps one.
		if n.crowd && p.session && !p.known() && !n.busyWith(p) && n.host.Rest(p.id, now.Add(-idleTime)) {
			p.rested = true
		}
	}
}

// tick is called every second.
func (n *Node) tick() {
	now := n.now()
	n.rest(now)
	n.warnOfImitators()
	n.takeNames()
	n.takeVouchers()
	n.reviewLapsed(now)
	n.confirmAgain(now)
	n.tellFound()
	for _, p := range n.people {
		if p.online && !p.present(now) {
			p.fading = time.Time{}
			n.changed(p)
		}
	}
	if health := n.finder.Health(); health != n.health {
		n.health = health
		n.selfChanged()
	}
}
