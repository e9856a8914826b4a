package node

import (
	"net/netip"
	"slices"

	"earshot/discovery"
)

// This file is what discovery says of people, and how they were found. Nothing of it is
// proved.

// found notes a claim of discovery and looks whether it is true.
func (n *Node) found(e discovery.Found) {
	if e.ID == n.id.ID() {
		return
	}
	p := n.meet(e.ID)
	p.found = true
	p.addVia(e.Source)
	if !p.session { // a live session's address is proved, a claim is not
		p.addAddrs(e.Addrs...)
	}
	n.keepSession(p, e.Addrs)
	n.changed(p)
}

// addVia notes how the person was found.
func (p *person) addVia(s discovery.Source) {
	if !slices.Contains(p.via, s) {
		p.via = append(p.via, s)
		slices.Sort(p.via)
	}
}

// dropVia notes that the person is not found that way any more.
func (p *person) dropVia(s discovery.Source) {
	p.via = slices.DeleteFunc(p.via, func(v discovery.Source) bool { return v == s })
}

// addAddrs puts addresses first, the best one foremost.
func (p *person) addAddrs(addrs ...netip.AddrPort) {
	all := slices.Clone(addrs)
	for _, a := range p.addrs {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	p.addrs = all[:min(len(all), keptAddrs)]
}

// lost notes that discovery hears a device no longer.
func (n *Node) lost(e discovery.Lost) {
	p, ok := n.people[e.ID]
	if !ok {
		return
	}
	p.found = false
	p.via = slices.DeleteFunc(p.via, func(s discovery.Source) bool {
		return s == discovery.MDNS || s == discovery.Local
	})
	n.changed(p)
	if !p.listed() {
		n.forget(p)
	}
}

// suspected looks after a device that was silent for long.
func (n *Node) suspected(e discovery.Suspected) {
	if p, ok := n.people[e.ID]; ok && !p.session && len(p.addrs) > 0 {
		n.host.Reach(p.id, p.addrs)
	}
}
