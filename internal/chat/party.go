package chat

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"earshot/peer"
)

// Party is who a conversation is with: an account, or a device that has none; and of
// a realm's notices everybody who has an account there. The zero Party is nobody.
type Party struct {
	Realm   peer.ID // the key of the servers; zero for a device
	Account uuid.UUID
	Device  peer.ID // of a device; zero for an account
}

// DeviceParty is a device by itself.
func DeviceParty(id peer.ID) Party { return Party{Device: id} }

// AccountParty is an account of a realm, whichever devices it has.
func AccountParty(realm peer.ID, account uuid.UUID) Party {
	return Party{Realm: realm, Account: account}
}

// RealmParty is everybody who has an account of a realm.
func RealmParty(realm peer.ID) Party { return Party{Realm: realm} }

// IsRealm reports whether it is everybody of a realm.
func (p Party) IsRealm() bool { return !p.Realm.IsZero() && !p.IsAccount() }

// IsZero reports whether it is nobody.
func (p Party) IsZero() bool { return p == Party{} }

// IsAccount reports whether it is an account.
func (p Party) IsAccount() bool { return p.Account != uuid.Nil }

// The first byte of a party; a device's key follows, or the realm's key and the
// account's UUID, or the realm's key alone.
const (
	deviceByte  = 1
	accountByte = 2
	realmByte   = 3 // on disk only
)

// AppendTo appends the bytes of the party, which have one form.
func (p Party) AppendTo(b []byte) []byte {
	switch {
	case p.IsAccount():
		b = append(append(b, accountByte), p.Realm[:]...)
		return append(b, p.Account[:]...)
	case p.IsRealm():
		return append(append(b, realmByte), p.Realm[:]...)
	}
	return append(append(b, deviceByte), p.Device[:]...)
}

// ParseParty reads the bytes of exactly one party.
func ParseParty(b []byte) (Party, error) {
	p, rest, err := cutParty(b)
	if err == nil && len(rest) > 0 {
		err = errParty
	}
	return p, err
}

var errParty = errors.New("these bytes are no party")

// cutParty reads a party from the beginning.
func cutParty(b []byte) (p Party, rest []byte, err error) {
	key := len(p.Device)
	switch {
	case len(b) > key && b[0] == deviceByte:
		p.Device = peer.ID(b[1:][:key])
		rest = b[1+key:]
	case len(b) > key+len(p.Account) && b[0] == accountByte:
		p.Realm = peer.ID(b[1:][:key])
		p.Account = uuid.UUID(b[1+key:][:len(p.Account)])
		rest = b[1+key+len(p.Account):]
		if !p.IsAccount() {
			return Party{}, nil, errParty
		}
	case len(b) > key && b[0] == realmByte:
		p.Realm = peer.ID(b[1:][:key])
		rest = b[1+key:]
	}
	if p.IsZero() {
		return Party{}, nil, errParty
	}
	return p, rest, nil
}

// directDomain begins the preimage of a direct conversation.
const directDomain = "earshot direct v1\x00"

// Direct returns the ID of the direct conversation between two devices, and what
// the ID is the SHA-256 of.
func Direct(a, b peer.ID) (id peer.Hash, preimage []byte) {
	return Between(DeviceParty(a), DeviceParty(b))
}

// Between returns the ID of the direct conversation between two parties, and what
// the ID is the SHA-256 of.
func Between(a, b Party) (id peer.Hash, preimage []byte) {
	first, second := a.AppendTo(nil), b.AppendTo(nil)
	if bytes.Compare(first, second) > 0 {
		first, second = second, first
	}
	preimage = append(append([]byte(directDomain), first...), second...)
	return sha256.Sum256(preimage), preimage
}

// Parties reads between whom a direct conversation is. It refuses what [Between]
// does not make.
func Parties(preimage []byte) (a, b Party, err error) {
	rest, ok := bytes.CutPrefix(preimage, []byte(directDomain))
	if !ok {
		return a, b, errors.New("no direct conversation")
	}
	if a, rest, err = cutParty(rest); err == nil {
		b, err = ParseParty(rest)
	}
	if err == nil && (a.IsRealm() || b.IsRealm()) {
		err = errParty
	}
	if err == nil && bytes.Compare(a.AppendTo(nil), b.AppendTo(nil)) >= 0 {
		err = errors.New("parties out of order")
	}
	if err != nil {
		return Party{}, Party{}, fmt.Errorf("read parties: %w", err)
	}
	return a, b, nil
}
