package node

import (
	"bytes"
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

// vet takes a device for its account's where nobody else is taken for that, or one that
// is vouches for it.
func (n *Node) vet(p *person) {
	if !n.isGuest(p) {
		return
	}
	vouched := slices.ContainsFunc(n.owned[p.owner], func(by *person) bool {
		return slices.ContainsFunc(by.vouches, func(v peer.Voucher) bool { return n.vouchesFor(v, p) })
	})
	if first := len(n.taken[p.owner]) == 0; first || vouched { // not first also where the others were signed out
		n.take(p)
	}
}

// vouchesFor reports whether a voucher is about a device, and of one that is taken for
// the same account's.
func (n *Node) vouchesFor(v peer.Voucher, p *person) bool {
	by, ok := n.people[v.By]
	return ok && v.Device == p.id && by.owner == p.owner && by.taken == p.owner && v.Holds(p.owner.Realm, p.owner.Account)
}

// take takes a device for its account's, and those for which it vouches.
func (n *Node) take(p *person) {
	n.noteTaken(p, p.owner)
	account := partyKey(p.owner)
	n.desk.do("remember whose device "+p.name.String()+" is", func() error { return n.db.SetSetting(takenFor+p.id.String(), account) })
	n.certify(p)
	n.changed(p)
	for _, other := range slices.Clone(n.owned[p.owner]) {
		n.vet(other)
	}
}

// noteTaken notes in the memory of the loop what a device is taken for.
func (n *Node) noteTaken(p *person, account chat.Party) {
	n.taken[p.taken] = without(n.taken[p.taken], p)
	p.taken = account
	n.taken[account] = append(n.taken[account], p)
}

// vouch notes the vouchers that a device shows: who shows many, often, costs no more
// than one look a second.
func (n *Node) vouch(from peer.ID, m peer.Vouch) {
	p, ok := n.people[from]
	if !ok || len(m.Vouchers) > peer.MaxVouched || !p.owner.IsAccount() {
		return
	}
	p.vouches, p.showed = m.Vouchers, true
}

// takeVouchers looks at the vouchers that came meanwhile.
func (n *Node) takeVouchers() {
	for _, p := range n.people {
		if !p.showed {
			continue
		}
		p.showed = false
		if p.own {
			n.keepVouchers(p)
			continue
		}
		for _, other := range slices.Clone(n.owned[p.owner]) {
			n.vet(other)
		}
	}
}

// vouchedBy begins the settings that hold the vouchers of other devices of this account
// for this one.
const vouchedBy = "vouched by "

// keepVouchers keeps what another device of this account signed for this one, and shows
// it.
func (n *Node) keepVouchers(p *person) {
	account := n.ownAccount()
	for _, v := range p.vouches {
		if bytes.Equal(n.vouchers[v.By].Signature, v.Signature) || v.By != p.id || v.Device != n.id.ID() || !v.Holds(account.Realm, account.Account) {
			continue
		}
		n.vouchers[v.By] = v
		text := hex.EncodeToString(v.Signature)
		n.desk.do("keep a voucher", func() error { return n.db.SetSetting(vouchedBy+p.id.String(), text) })
		n.vouchToAll()
	}
}

// voucher is what this device shows: for the devices to which its person said yes, and
// those for itself.
func (n *Node) voucher() (m peer.Vouch) {
	account := n.ownAccount()
	if !account.IsAccount() {
		return m
	}
	for _, p := range n.owned[account] {
		if p.own && n.admitted(p) {
			m.Vouchers = append(m.Vouchers, peer.SignVoucher(n.id, account.Realm, account.Account, p.id))
		}
	}
	for _, v := range n.vouchers {
		if v.Holds(account.Realm, account.Account) { // else of another account
			m.Vouchers = append(m.Vouchers, v)
		}
	}
	m.Vouchers = m.Vouchers[:min(len(m.Vouchers), peer.MaxVouched)]
	return m
}

// vouchTo shows a device of this realm, where there is a session, what there is.
func (n *Node) vouchTo(p *person) { n.showTo(p, n.voucher()) }

// vouchToAll shows it to everybody.
func (n *Node) vouchToAll() {
	m := n.voucher()
	for _, p := range n.people {
		n.showTo(p, m)
	}
}

func (n *Node) showTo(p *person, m peer.Vouch) {
	if p.linked && p.owner.IsAccount() && len(m.Vouchers) > 0 {
		n.host.Send(p.id, m) // who has no room for it hears it with the next session
	}
}

// loadVouchers reads those for this device. A damaged one does not hold.
func (n *Node) loadVouchers() error {
	kept, err := n.db.Settings(vouchedBy)
	for key, text := range kept {
		by, failed := peer.ParseID(strings.TrimPrefix(key, vouchedBy))
		signature, _ := hex.DecodeString(text)
		if failed == nil {
			n.vouchers[by] = peer.Voucher{Device: n.id.ID(), By: by, Signature: signature}
		}
	}
	return err
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
