package chat

import (
	"net/netip"

	"earshot/peer"
)

// Strangers are devices that this person never wrote to, verified or said yes
// to. What they write is kept and shown as a request, up to caps; beyond them it
// stays with the stranger, unacknowledged, until the person answers.

// exceeds reports whether a stranger's entries are more than it may write.
func (w Weight) exceeds() bool {
	return w.Entries > strangerEntries || w.Bytes > strangerBytes || w.Offers > strangerOffers
}

// admits reports whether an entry of the peer may come in although it may be a
// stranger; an error is the store's.
func (c *core) admits(t *taking, e Entry) (bool, error) {
	v := t.v
	if v.contact || t.accept {
		return true, nil
	}
	full := false
	if !v.stored && len(t.batch.Entries) == 0 {
		var err error
		if full, err = c.full(v.Origin); err != nil {
			return false, err
		}
	}
	if !full && !t.weight.plus(e).exceeds() {
		return true, nil
	}
	if !t.s.held {
		t.s.held = true
		c.cfg.Notify(Held{Peer: t.s.peer, Full: full})
	}
	return false, nil
}

// full reports whether no more strangers may write, or none from there.
func (c *core) full(from netip.Prefix) (bool, error) {
	all, there, err := c.cfg.Store.Requests(from)
	return all >= maxRequests || from.IsValid() && there >= maxOriginRequests, err
}

// origin is what an address counts as, see [Conversation.Origin].
func origin(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	from, err := addr.WithZone("").Prefix(bits)
	if err != nil { // the zero Addr
		return netip.Prefix{}
	}
	return from
}

// accept makes contacts of a device and its account, and asks for what was held
// back.
func (c *core) accept(id peer.ID) error {
	if c.stopped || id == c.self {
		return nil
	}
	who := []Party{DeviceParty(id)}
	if account := c.parties[id]; account.IsAccount() && account != c.account {
		who = append(who, account)
	}
	return c.keepContacts(who...)
}

// resume asks those who are no strangers any more for what was held back.
func (c *core) resume(v *conversation) {
	for _, part := range v.shares {
		if part.held {
			part.held = false
			clear(part.asked) // what was dropped does not come by itself
			c.ask(part.session, part)
		}
	}
}

// reviewWaiting finds out whether the peer holds our entries back because we are
// the stranger: it took exactly what its caps let in, and never wrote.
func (c *core) reviewWaiting(s *share) {
	waiting := s.full && !s.guest && !s.v.Peer.IsRealm() && !c.sibling(s.peer) && c.heldBack(s)
	if waiting == s.waiting { // as of each of the many that devices of an account share
		return
	}
	before := s.waits()
	s.waiting = waiting
	if on := s.waits(); on != before {
		c.cfg.Notify(Waiting{s.peer, on})
	}
}

func (c *core) heldBack(s *share) bool {
	var w Weight
	var first *Entry // that the peer does not have
	for k, l := range s.v.logs {
		has := s.claims[k].Last
		if l.Last == 0 {
			continue
		}
		if !s.v.ours(k) || has > strangerEntries {
			return false
		}
		entries, err := c.cfg.Store.Entries(s.v.ID, k, 1, has+1, 2*strangerBytes)
		if err != nil {
			c.failed(err)
			return false
		}
		for i, e := range entries {
			if e.Number <= has {
				w = w.plus(e)
			} else {
				first = &entries[i]
			}
		}
	}
	return first != nil && w.plus(*first).exceeds()
}
