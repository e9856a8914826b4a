package store

import (
	"errors"
	"slices"

	"earshot/internal/chat"
	"earshot/peer"
)

// kin is who is on this side of conversations, and which accounts are on the other,
// by the tickets that were read back.
type kin struct {
	self   peer.ID
	own    []chat.Party // this device, its account, and the devices of that
	others []chat.Party // other accounts
	realms []peer.ID    // of all accounts
}

func (db *DB) readKin(self peer.ID) (kin, error) {
	k := kin{self: self, own: []chat.Party{chat.DeviceParty(self)}}
	account, err := db.Account()
	if err != nil {
		return k, err
	}
	own := chat.AccountParty(account.Realm, account.Account.ID)
	if !own.Realm.IsZero() {
		k.realms = append(k.realms, own.Realm)
	}
	if own.IsAccount() {
		k.own = append(k.own, own)
	}
	tickets, err := db.Tickets()
	known := make(map[chat.Party]bool)
	for device, signed := range tickets {
		t, err := peer.ParseTicket(signed)
		if err != nil {
			continue
		}
		if !slices.Contains(k.realms, t.Realm) {
			k.realms = append(k.realms, t.Realm)
		}
		switch of := chat.AccountParty(t.Realm, t.Account); {
		case of == own:
			k.own = append(k.own, chat.DeviceParty(device))
		case !known[of]:
			known[of] = true
			k.others = append(k.others, of)
		}
	}
	return k, err
}

// isOurs reports whether a log is of this side: it was known to be, this device
// wrote it, or another one of the account, not to this one, or it opens with a ticket
// of the account.
func (db *DB) isOurs(held heldLog, k kin) (ours bool, err error) {
	if held.Author == k.self {
		return true, nil
	}
	const known = "SELECT ours FROM log WHERE conversation = ? AND author = ? AND log = ?"
	if err := db.one(known, held.args(), into(&ours)); ours || err != nil && !errors.Is(err, ErrUnknown) {
		return ours, err
	}
	if slices.Contains(k.own, chat.DeviceParty(held.Author)) {
		between, _ := chat.Direct(k.self, held.Author)
		return held.conversation != between, nil
	}
	first, err := db.Entries(held.conversation, held.LogKey, 1, 1, 1)
	if err != nil || len(first) == 0 {
		return false, err
	}
	t, err := first[0].Ticket()
	for _, own := range k.own {
		if err == nil && own == chat.AccountParty(t.Realm, t.Account) {
			return true, nil
		}
	}
	return false, nil
}
