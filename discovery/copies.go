package discovery

import (
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
)

// copyAgain is how often an address is told of at which our own key is claimed:
// a copy that runs is warned of once a minute.
const copyAgain = time.Minute

// claimed tells where our own key is claimed under another instance. What a claim
// only names is also held to the limits of all that is only named.
func (r *run) claimed(s sighting, now time.Time) {
	if s.instance == r.self.Instance || s.instance == uuid.Nil {
		return
	}
	if at := netip.AddrPortFrom(s.from, s.port); s.from.IsValid() && r.copies.allow(at, now) {
		r.finder.cfg.Notify(Copied{at})
	}
	for _, addr := range slices.Concat(s.near, s.far) {
		at := netip.AddrPortFrom(addr, s.port)
		if r.copies.allow(at, now) && r.table.permits.allow(at, now) {
			r.finder.cfg.Notify(Copied{at})
		}
	}
}

// claimedHere tells where another profile of this home has our own key.
func (r *run) claimedHere(s Sibling, now time.Time) {
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), s.Port)
	if s.Port >= minPort && s.Port != r.self.Port && r.copies.allow(at, now) {
		r.finder.cfg.Notify(Copied{at})
	}
}
