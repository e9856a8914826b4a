package chat

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"earshot/peer"
)

// Which conversations a session is about: those that both devices belong to, by
// themselves or by their accounts. Whose account a device belongs to is the node's
// to say, by tickets; it may change while a session lasts. Whose entries a log has
// is never decided by that, but by the ticket that opens it: what a device that was
// in good standing wrote, all accept.

// maxShares bounds the conversations of one session: a device of one's own has as
// many as all the people one wrote with.
const maxShares = 1 << 16

// signIn notes which account this device belongs to.
func (c *core) signIn(account Party, ticket []byte) {
	c.ticket = ticket
	if account == c.account {
		return
	}
	c.account = account
	c.belonged = c.belonged || account.IsAccount()
	for _, s := range c.sessions {
		c.reshare(s)
	}
}

// certify notes which account another device belongs to.
func (c *core) certify(id peer.ID, account Party, guest bool) {
	if id == c.self || c.parties[id] == account && c.guests[id] == guest {
		return
	}
	was := c.sibling(id)
	if c.parties[id] = account; account.IsZero() {
		delete(c.parties, id)
	}
	if c.guests[id] = guest; !guest {
		delete(c.guests, id)
	}
	own := was || c.sibling(id) // then its conversations concern others of our own, too
	for _, s := range c.sessions {
		if s.peer == id || own && c.sibling(s.peer) {
			c.reshare(s)
		}
	}
}

// sibling reports whether a device is another one of this account.
func (c *core) sibling(id peer.ID) bool {
	return c.account.IsAccount() && c.parties[id] == c.account
}

// receives reports whether what the peer has of this side's entries is delivered: what
// another device of this account has is not, unless it was written to that device.
func (c *core) receives(s *share) bool {
	return !c.sibling(s.peer) || s.v.Peer == DeviceParty(s.peer)
}

// mine reports whether this device writes on behalf of a party.
func (c *core) mine(p Party) bool {
	return p == DeviceParty(c.self) || p.IsAccount() && p == c.account
}

// ours reports whether a party is this device, its account or a device of that.
func (c *core) ours(p Party) bool {
	return c.mine(p) || !p.Device.IsZero() && c.sibling(p.Device)
}

// ownIn is on whose behalf this device holds a conversation.
func (c *core) ownIn(row Conversation) Party {
	a, b, err := Parties(row.Preimage)
	switch {
	case row.Peer.IsRealm():
		return c.account
	case err != nil:
		return DeviceParty(c.self)
	case a == row.Peer:
		return b
	}
	return a
}

// shared reports whether a device belongs to a conversation as this one does.
// Devices of one account share all that any of them has.
func (c *core) shared(row Conversation, id peer.ID) bool {
	if row.Peer.IsRealm() {
		return row.Peer.Realm == c.account.Realm && row.Peer.Realm == c.parties[id].Realm
	}
	own := c.ownIn(row)
	if c.sibling(id) {
		return c.ours(own)
	}
	return c.mine(own) && (row.Peer == DeviceParty(id) || row.Peer.IsAccount() && row.Peer == c.parties[id])
}

// between returns the conversations that a device belongs to as this one does, and
// makes sure that it is known how far it has them. The direct ones come last: where
// an earlier one cannot be read, they are not made.
func (c *core) between(id peer.ID) ([]*conversation, error) {
	var all []*conversation
	for _, row := range c.stored {
		if c.shared(row, id) {
			v, err := c.open(row)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
	}
	direct, err := c.directs(id)
	if err != nil {
		return nil, err
	}
	for _, v := range direct {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	for _, v := range all {
		if err := c.meet(v, id); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// directs are the conversations that this device has with another one whether
// anything was written or not: the one with the device itself, the one of both
// accounts where there are two, and the notices of their realm. Who is a contact in
// one is so in both.
func (c *core) directs(id peer.ID) ([]*conversation, error) {
	device, err := c.direct(DeviceParty(c.self), DeviceParty(id))
	if err != nil {
		return nil, err
	}
	all := []*conversation{device}
	if realm := c.account.Realm; !realm.IsZero() && realm == c.parties[id].Realm {
		notices, err := c.notices()
		if err != nil {
			return nil, err
		}
		all = append(all, notices)
	}
	if with := c.parties[id]; c.account.IsAccount() && with.IsAccount() && with != c.account {
		account, err := c.direct(c.account, with)
		if err != nil {
			return nil, err
		}
		all = append(all, account)
		if account.contact != device.contact {
			return all, c.keepContacts(account.Peer, device.Peer)
		}
	}
	return all, nil
}

// person are the other side of a conversation and what is the same person: the account
// of a device, the devices of an account that are there.
func (c *core) person(v *conversation) []Party {
	all := []Party{v.Peer}
	for id := range v.shares {
		account := c.parties[id]
		switch {
		case !account.IsAccount() || account == c.account:
		case v.Peer == account:
			all = append(all, DeviceParty(id))
		case v.Peer == DeviceParty(id):
			all = append(all, account)
		}
	}
	return all
}

// keepContacts makes contacts of parties.
func (c *core) keepContacts(who ...Party) error {
	if err := c.apply(Batch{Contacts: who}); err != nil {
		return err
	}
	for _, p := range who {
		c.befriend(p)
	}
	return nil
}

// reshare looks anew which conversations a session is about. What both belong to
// from now on is told, with or without a log: so the other side repeats what it
// said of it before that could be known here.
func (c *core) reshare(s *session) {
	all, err := c.between(s.peer)
	if err != nil {
		c.shareLater(s, err)
		return
	}
	s.unshared = false
	welcome := s.guest && !c.guests[s.peer]
	s.guest = c.guests[s.peer]
	if welcome {
		for _, part := range s.shares {
			part.repeat()
		}
	}
	waited := s.waits()
	for id, part := range s.shares {
		if !c.shared(part.v.Conversation, s.peer) {
			s.leave(id)
			c.release(part.v)
		}
	}
	if waited && !s.waits() {
		c.cfg.Notify(Waiting{s.peer, false})
	}
	for _, v := range all {
		if s.shares[v.ID] == nil {
			s.join(v).repeat()
		}
	}
}

// hides reports whether a log is nothing for the peer: it is a guest, and the log is
// somebody else's in the conversation with it or its account.
func (s *share) hides(k LogKey) bool {
	return s.guest && !s.v.Peer.IsRealm() && k.Author != s.peer
}

// shareLater has a session looked at again when the store may work again.
func (c *core) shareLater(s *session, err error) {
	c.failed(err)
	c.askLater(s)
	s.unshared = true
}

// shareNew makes a conversation that has just begun a part of the sessions with other
// devices of this account.
func (c *core) shareNew(v *conversation) {
	for _, s := range c.sessions {
		if s.shares[v.ID] != nil || !c.shared(v.Conversation, s.peer) {
			continue
		}
		if err := c.meet(v, s.peer); err != nil {
			c.shareLater(s, err)
			continue
		}
		s.join(v).repeat()
	}
}

// leave ends a conversation's part of a session. What the peer still says of it is
// no breach: it may not know yet.
func (s *session) leave(id peer.Hash) {
	delete(s.shares[id].v.shares, s.peer)
	delete(s.shares, id)
	if s.left == nil {
		s.left = make(map[peer.Hash]bool)
	}
	s.left[id] = true
}

// named takes up a conversation that the peer named first, where this device
// belongs to it; nil: it does not, or not yet.
func (c *core) named(s *session, id peer.Hash, preimage []byte) (*share, error) {
	a, b, err := Parties(preimage)
	if err != nil || sha256.Sum256(preimage) != id || len(s.shares) >= maxShares {
		return nil, nil
	}
	if c.mine(b) { // of two devices of this account, this one is no other side
		a, b = b, a
	}
	for _, row := range []Conversation{{ID: id, Preimage: preimage, Peer: b}, {ID: id, Preimage: preimage, Peer: a}} {
		if !c.shared(row, s.peer) {
			continue
		}
		if stored, ok := c.stored[id]; ok {
			row = stored
		}
		v, err := c.open(row)
		if err == nil {
			err = c.meet(v, s.peer)
		}
		if err != nil {
			return nil, err
		}
		return s.join(v), nil
	}
	return nil, nil
}

// strange reports whether a peer may name a conversation although this device has
// no part in it, as far as it knows: accounts may be known on one side before the
// other, and that this device was signed out may not be known there yet.
func (c *core) strange(s *session, id peer.Hash, preimage []byte) bool {
	if preimage == nil {
		return s.left[id]
	}
	if sha256.Sum256(preimage) != id {
		return false
	}
	if bytes.HasPrefix(preimage, []byte(noticesDomain)) {
		return true
	}
	a, b, err := Parties(preimage)
	return err == nil && (a.IsAccount() || b.IsAccount() || c.belonged || c.parties[s.peer].IsAccount())
}

// opens says whose log the entry with number 1 begins: of this side or of the
// other. A log of an account's device begins with the ticket that says so.
func (v *conversation) opens(e Entry) (ours bool, err error) {
	switch DeviceParty(e.Author) {
	case v.own:
		return true, nil
	case v.Peer:
		return false, nil
	}
	t, err := e.Ticket()
	if err != nil {
		return false, fmt.Errorf("log of %s: %w", e.Author, err)
	}
	switch AccountParty(t.Realm, t.Account) {
	case v.own:
		return true, nil
	case v.Peer:
		return false, nil
	}
	return false, fmt.Errorf("log of %s, whose account has no part in the conversation", e.Author)
}

// admits reports whether a device may have a log in the conversation, as far as that
// shows without its first entry.
func (v *conversation) admits(author peer.ID) bool {
	p := DeviceParty(author)
	return p == v.own || p == v.Peer || v.byTicket()
}

// byTicket reports whether tickets say who belongs to the conversation.
func (v *conversation) byTicket() bool {
	return v.own.IsAccount() || v.Peer.IsAccount() || v.Peer.IsRealm()
}

// ours reports whether a log is one of this side's.
func (v *conversation) ours(k LogKey) bool {
	return DeviceParty(k.Author) == v.own || v.logs[k].Ours
}

var errNoAccount = errors.New("this device belongs to no account any more")
