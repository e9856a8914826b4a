package store

import (
	"reflect"
	"testing"

	"earshot/peer"
)

func TestTicketsAndListsAreKept(t *testing.T) {
	path := newPath(t)
	db := mustOpen(t, path)
	for _, save := range []func() error{
		func() error { return db.SaveTicket(bob.ID(), []byte("first")) },
		func() error { return db.SaveTicket(bob.ID(), []byte("second")) },
		func() error { return db.SaveTicket(carol.ID(), []byte("hers")) },
		func() error { return db.SaveRevocations(alice.ID(), []byte("first")) },
		func() error { return db.SaveRevocations(alice.ID(), []byte("second")) },
	} {
		if err := save(); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, db)
	db = mustOpen(t, path)
	want := map[peer.ID][]byte{bob.ID(): []byte("second"), carol.ID(): []byte("hers")}
	if got, err := db.Tickets(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("tickets %q, %v", got, err)
	}
	want = map[peer.ID][]byte{alice.ID(): []byte("second")}
	if got, err := db.Revocations(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("lists %q, %v", got, err)
	}
}
