package chat

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"earshot/peer"
)

// A conversation's ID is the SHA-256 of its preimage: what it is called by and
// between whom it is, so nobody can name a conversation that is another one.

// directDomain begins the preimage of a direct conversation.
const directDomain = "earshot direct v1\x00"

// deviceParty begins a party that is a device without an account; its key
// follows.
const deviceParty = 1

// Direct returns the ID of the direct conversation between two devices, and what
// the ID is the SHA-256 of.
func Direct(a, b peer.ID) (id peer.Hash, preimage []byte) {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	preimage = append(preimage, directDomain...)
	for _, party := range []peer.ID{a, b} {
		preimage = append(preimage, deviceParty)
		preimage = append(preimage, party[:]...)
	}
	return sha256.Sum256(preimage), preimage
}

// errNotShared says that a peer named a conversation that it has no part in, or
// this device has none in.
var errNotShared = errors.New("a conversation that is not shared")

// shared checks that a conversation that from named, with the preimage where
// there is one, is one it shares with self.
func shared(self, from peer.ID, id peer.Hash, preimage []byte) error {
	want, names := Direct(self, from)
	if id != want || preimage != nil && !bytes.Equal(preimage, names) {
		return errNotShared
	}
	return nil
}
