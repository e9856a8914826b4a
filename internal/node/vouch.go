package node

import (
	"encoding/hex"
	"slices"
	"strings"

	"earshot/internal/chat"
	"earshot/peer"
)

// Which devices of somebody else's account get what was written with it. The server's
// word is not enough: who knows a password can sign in. The first device that was met
// is taken for the person's; another one where one that is taken vouches for it, since
// its person said yes there, or where this person says yes. Until then it is a guest:
// what it writes is shown, and it gets nothing.

// takenFor begins the settings that remember as whose devices others are taken.
const takenFor = "device of "

// isGuest reports whether somebody is a guest.
func (n *Node) isGuest(p *person) bool {
	return p.owner.IsAccount() && !p.own && p.taken != p.owner
}

// vet takes a device for its account's where nobody else is taken for that, or
// somebody who is vouches for it.
func (n *Node) vet(p *person) {
	if !n.isGuest(p) {
		return
	}
	first := true
	for _, other := range n.taken[p.owner] {
		if other.owner == p.owner && slices.Contains(other.vouches, p.id) {
			n.take(p)
			return
		}
		first = false // also where it belongs to the account no more
	}
	if first {
		n.take(p)
	}
}

// take takes a device for its account's, and those that it vouches for.
func (n *Node) take(p *person) {
	n.noteTaken(p, p.owner)
	account := partyKey(p.owner)
	n.desk.do("remember whose device "+p.name.String()+" is", func() error { return n.db.SetSetting(takenFor+p.id.String(), account) })
	n.certify(p)
	n.vouched(p)
}

// noteTaken notes in the memory of the loop what a device is taken for.
func (n *Node) noteTaken(p *person, account chat.Party) {
	n.taken[p.taken] = without(n.taken[p.taken], p)
	p.taken = account
	n.taken[account] = append(n.taken[account], p)
}

// vouch takes a device's word about others of its account.
func (n *Node) vouch(from peer.ID, m peer.Vouch) {
	p, ok := n.people[from]
	if !ok || len(m.Devices) > peer.MaxVouched {
		return
	}
	p.vouches = m.Devices
	n.vouched(p)
}

// vouched takes those whom a device vouches for, if it is taken itself.
func (n *Node) vouched(p *person) {
	if !p.owner.IsAccount() || p.own || n.isGuest(p) {
		return
	}
	for _, id := range p.vouches {
		if other, ok := n.people[id]; ok && other.owner == p.owner && n.isGuest(other) {
			n.take(other)
			n.changed(other)
		}
	}
}

// vouchTo tells a device of this realm, where there is a session, to which devices of
// this account the person said yes.
func (n *Node) vouchTo(p *person) {
	if !p.linked || !p.owner.IsAccount() || p.own || !n.server.signedIn() {
		return
	}
	var m peer.Vouch
	for _, other := range n.owned[n.ownAccount()] {
		if other.own && n.admitted(other) && len(m.Devices) < peer.MaxVouched {
			m.Devices = append(m.Devices, other.id)
		}
	}
	if len(m.Devices) > 0 {
		n.host.Send(p.id, m) // who has no room for it hears it with the next session
	}
}

// loadTaken reads as whose devices others are taken.
func (n *Node) loadTaken() error {
	accounts, err := n.db.Settings(takenFor)
	for key, account := range accounts {
		id, failed := peer.ParseID(strings.TrimPrefix(key, takenFor))
		b, _ := hex.DecodeString(account)
		if of, err := chat.ParseParty(b); err == nil && failed == nil {
			n.noteTaken(n.meet(id), of)
		}
	}
	return err
}
