package store

import (
	"testing"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
)

// TestWhoseConversationsAreNamedAnew: of two devices of one account, the one that the
// database belongs to is this side; and the notices of its realm are found again.
func TestWhoseConversationsAreNamedAnew(t *testing.T) {
	realm := peer.ID{9}
	account := chat.AccountParty(realm, uuid.UUID{1})
	for _, c := range []struct{ self, other *peer.Identity }{{alice, bob}, {bob, alice}} {
		db := mustOpen(t, newPath(t))
		a := &author{Identity: c.self, with: c.other, log: 5, step: 10}
		b := &author{Identity: c.other, with: c.self, log: 6, step: 10}
		ours, theirs := a.write(t, "ours"), b.write(t, "theirs")
		notices, _ := chat.Notices(realm)
		mustApply(t, db, chat.Batch{
			Entries: []chat.Entry{ours, theirs},
			Logs:    []chat.Log{held(ours), held(theirs), {Conversation: notices, LogKey: theirs.LogKey(), First: 1, Last: 1}},
		})
		k := kin{self: c.self.ID(), own: []chat.Party{chat.DeviceParty(c.self.ID()), account, chat.DeviceParty(c.other.ID())}, realms: []peer.ID{realm}}
		if err := db.nameConversations(k); err != nil {
			t.Fatal(err)
		}
		with := make(map[peer.Hash]chat.Party)
		all, err := db.Conversations()
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range all {
			with[found.ID] = found.Peer
		}
		if got := with[ours.Conversation]; got != chat.DeviceParty(c.other.ID()) {
			t.Errorf("with %+v, want the other device", got)
		}
		if got := with[notices]; got != chat.RealmParty(realm) {
			t.Errorf("the notices are %+v", got)
		}
	}
}

// TestWhoseLogsWereReadBack: what another device of this account wrote to somebody is
// this side's, what it wrote to this device is not.
func TestWhoseLogsWereReadBack(t *testing.T) {
	db := mustOpen(t, newPath(t))
	carol := peer.NewIdentity([32]byte{77})
	k := kin{self: alice.ID(), own: []chat.Party{chat.DeviceParty(alice.ID()), chat.DeviceParty(bob.ID())}}
	for with, want := range map[*peer.Identity]bool{carol: true, alice: false} {
		id, _ := chat.Direct(bob.ID(), with.ID())
		got, err := db.isOurs(heldLog{id, chat.LogKey{Author: bob.ID(), Log: 5}}, k)
		if err != nil || got != want {
			t.Errorf("to %s: %v, %v", with.ID(), got, err)
		}
	}
}
