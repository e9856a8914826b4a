package discovery

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Paths says which connections keep to the chosen network interfaces. Discovery
// does so by itself; whoever dials and accepts asks here. It may be used from any
// goroutine.
type Paths struct {
	patterns []string
	list     func() ([]link, error) // all interfaces that are up

	mu    sync.Mutex // guards what follows
	links []link
	since time.Time // when they were listed
}

// freshPaths is how long a list of interfaces counts: strangers can come often,
// and an interface is soon plugged in.
const freshPaths = time.Second

// NewPaths takes the patterns of [Config.Interfaces].
func NewPaths(patterns []string) *Paths { return &Paths{patterns: patterns, list: upLinks} }

// Allows reports whether a connection between an address of this machine and
// another one keeps to the chosen interfaces. Without patterns each does, and what
// stays on this machine does. An address that no interface has, or one on the other
// side that sits on a link that is left out, does not.
func (p *Paths) Allows(local, remote netip.Addr) bool {
	local, remote = local.Unmap(), remote.Unmap()
	if len(p.patterns) == 0 || local.IsLoopback() {
		return true
	}
	links := p.upLinks()
	at := slices.IndexFunc(links, func(l link) bool { return l.owns(local) })
	if at < 0 || !permitted(links[at].ifi.Name, p.patterns) {
		return false
	}
	// A machine takes what is meant for any of its addresses from any link.
	here, elsewhere := false, false
	for _, l := range links {
		if l.contains(remote) {
			chosen := permitted(l.ifi.Name, p.patterns)
			here, elsewhere = here || chosen, elsewhere || !chosen
		}
	}
	return here || !elsewhere
}

// Addresses are the addresses under which others may reach this machine on the
// chosen interfaces, at most eight: neither loopback nor those of one link alone.
func (p *Paths) Addresses() []netip.Addr {
	var all []netip.Addr
	for _, l := range p.upLinks() {
		if !choose(l.ifi, p.patterns) {
			continue
		}
		for _, prefix := range l.prefixes {
			if a := prefix.Addr().Unmap(); a.IsGlobalUnicast() && len(all) < maxAddrs {
				all = append(all, a)
			}
		}
	}
	return all
}

func (p *Paths) upLinks() []link {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links == nil || time.Since(p.since) > freshPaths {
		if links, err := p.list(); err == nil { // else what was known last
			p.links, p.since = links, time.Now()
		}
	}
	return p.links
}

// upLinks are all interfaces that are up, also those on which nobody is looked for.
func upLinks() ([]link, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var links []link
	for _, ifi := range all {
		if ifi.Flags&net.FlagUp != 0 {
			links = append(links, link{ifi: ifi, prefixes: prefixes(ifi)})
		}
	}
	return links, nil
}

// owns reports whether addr is the interface's own. A link-local one says in its
// zone whose it is.
func (l link) owns(addr netip.Addr) bool {
	if zone := addr.Zone(); zone != "" {
		return zone == l.ifi.Name
	}
	return slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool { return p.Addr() == addr })
}
