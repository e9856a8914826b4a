package chat

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"earshot/peer"
)

// The notices of a realm are what its administrators announce. Every device with an
// account of the realm reads them, and carries them on; the server has no part in it.

// noticesDomain begins the preimage of a realm's notices; its key follows.
const noticesDomain = "earshot notices v1\x00"

// Notices returns the ID of a realm's notices, and what the ID is the SHA-256 of.
func Notices(realm peer.ID) (id peer.Hash, preimage []byte) {
	preimage = append([]byte(noticesDomain), realm[:]...)
	return sha256.Sum256(preimage), preimage
}

// notices returns the notices of this device's realm.
func (c *core) notices() (*conversation, error) {
	name, preimage := Notices(c.account.Realm)
	if stored, ok := c.stored[name]; ok {
		return c.open(stored)
	}
	return c.open(Conversation{ID: name, Preimage: preimage, Peer: RealmParty(c.account.Realm)})
}

// skew is how far the clock of an announcement may be outside the time of its
// ticket, as with tickets in sessions.
const skew = 10 * time.Minute

// announced checks an announcement: that its author was an administrator of the realm
// then. It carries the ticket that says so, so anybody can check it who gets it from
// anybody; who is none any more can add none that is later than the ticket.
func announced(e Entry, realm peer.ID) (peer.Ticket, error) {
	a, err := e.Announcement()
	if err != nil {
		return peer.Ticket{}, err
	}
	t, err := peer.ParseTicket(a.Ticket)
	written := time.UnixMilli(int64(min(e.Clock, lastMilli)))
	switch {
	case err != nil:
		return t, err
	case t.Device != e.Author || t.Realm != realm:
		return t, errors.New("the ticket is another device's, or another realm's")
	case !t.Admin:
		return t, fmt.Errorf("%s is no administrator", e.Author)
	case written.Before(t.Issued.Add(-skew)) || written.After(t.Expires.Add(skew)):
		return t, errors.New("the ticket is of another time")
	}
	return t, nil
}

// lastMilli is the end of the year 9999: tickets end before it.
const lastMilli = 253_402_300_799_000
