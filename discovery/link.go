package discovery

import (
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// link is a network interface that others may be found on, with its addresses.
type link struct {
	ifi      net.Interface
	prefixes []netip.Prefix // the interface's own addresses with their networks
}

// virtual are interfaces that lead to containers, virtual machines and tunnels
// of this machine; nobody sits there, and there may be hundreds.
var virtual = []string{"docker*", "veth*", "br-*", "virbr*", "vEthernet*", "VMnet*", "vmnet*", "tun*", "tap*", "utun*", "wg*", "awdl*", "llw*"}

// key tells one state of an interface from another: replugged, moved to another
// network, given another address.
func (l link) key() string {
	return fmt.Sprint(l.ifi.Name, l.ifi.Index, l.ifi.HardwareAddr, l.prefixes)
}

// addrs are the interface's own addresses.
func (l link) addrs() []netip.Addr {
	addrs := make([]netip.Addr, len(l.prefixes))
	for i, p := range l.prefixes {
		addrs[i] = p.Addr()
	}
	return addrs
}

// has reports whether the link has an address of the family.
func (l link) has(f family) bool {
	return slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool { return p.Addr().Is4() == (f == v4) })
}

// contains reports whether addr is on this link, so that no router stands
// between.
func (l link) contains(addr netip.Addr) bool {
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		return addr.Zone() == l.ifi.Name && l.has(v6)
	}
	return slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// isBroadcast reports whether addr is no single machine's: the first or the last
// address of an IPv4 network of this link.
func (l link) isBroadcast(addr netip.Addr) bool {
	return slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool {
		if !p.Addr().Is4() || p.Bits() > 30 || !p.Contains(addr) {
			return false
		}
		last := p.Masked().Addr().As4()
		for i := range last {
			last[i] |= byte(0xff >> min(8, max(0, p.Bits()-8*i)))
		}
		return addr == p.Masked().Addr() || addr == netip.AddrFrom4(last)
	})
}

// zoned gives an IPv6 link-local address the zone that it has seen from here.
func (l link) zoned(addr netip.Addr) netip.Addr {
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		return addr.WithZone(l.ifi.Name)
	}
	return addr.WithZone("")
}

// mayDial reports whether a claim may make this device dial addr: a single
// machine's address that is on one of the links, or private. A forged packet
// must not make us knock at the rest of the world, or at ourselves.
func mayDial(addr netip.Addr, links []link) bool {
	if !addr.IsValid() || addr.Is4In6() || addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() {
		return false
	}
	near := false
	for _, l := range links {
		if l.isBroadcast(addr) {
			return false
		}
		near = near || l.contains(addr)
	}
	return near || addr.IsPrivate()
}

// choose reports whether the interface is one to look for others on, by the
// patterns of [Config.Interfaces]. Without a pattern that names interfaces, virtual
// ones and tunnels are left out.
func choose(ifi net.Interface, patterns []string) bool {
	if !permitted(ifi.Name, patterns) {
		return false
	}
	if slices.ContainsFunc(patterns, func(p string) bool { return !strings.HasPrefix(p, "!") }) {
		return true
	}
	tunnel := ifi.Flags&net.FlagPointToPoint != 0
	return !tunnel && !slices.ContainsFunc(virtual, func(p string) bool { return matches(p, ifi.Name) })
}

// permitted reports whether the patterns let an interface be used at all: none
// behind "!" fits, and one of the others, if there are any.
func permitted(name string, patterns []string) bool {
	named, wanted := false, false
	for _, pattern := range patterns {
		unwanted, negated := strings.CutPrefix(pattern, "!")
		if negated && matches(unwanted, name) {
			return false
		}
		named = named || !negated
		wanted = wanted || !negated && matches(pattern, name)
	}
	return wanted || !named
}

// matches reports whether the name fits; a pattern that is none fits nothing.
func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}
