package discovery

import (
	"net/netip"
	"time"
)

// What is looked at of what the network sends. 1,000 devices that announce once
// a minute are 17 packets a second.
const (
	maxPackets       = 2000 // a second
	maxSourcePackets = 200  // a second, from one address
)

// flood drops packets above the limits before anything is parsed. A second is
// counted from its first packet.
type flood struct {
	began   time.Time
	total   int
	sources map[netip.Addr]int // at most maxPackets
}

// pass counts a packet and reports whether to look at it.
func (f *flood) pass(from netip.Addr, now time.Time) bool {
	if now.Sub(f.began) >= time.Second {
		f.began, f.total, f.sources = now, 0, map[netip.Addr]int{}
	}
	if f.total >= maxPackets {
		return false
	}
	if f.sources[from] >= maxSourcePackets {
		return false
	}
	f.sources[from]++
	f.total++ // what one source sends too much takes nobody else's room
	return true
}
