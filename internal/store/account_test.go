package store

import (
	"reflect"
	"testing"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
)

// TestAnAccountIsThereAfterARestart: nobody needs the server for it.
func TestAnAccountIsThereAfterARestart(t *testing.T) {
	path := newPath(t)
	db := mustOpen(t, path)
	if a, err := db.Account(); err != nil || !reflect.DeepEqual(a, Account{}) {
		t.Fatalf("in a new profile: %+v, %v", a, err)
	}
	want := Account{
		Realm: carol.ID(), Servers: []string{"chat:7421", "[fd00::1]:7421"}, Presence: rendezvous.Busy, Ticket: []byte{1, 2},
		Account: rendezvous.Account{ID: uuid.UUID{1}, User: "alice", Name: "Alice 张", Team: "Sales", Status: "in a meeting", Admin: true},
	}
	friends := []rendezvous.Friend{
		{Account: uuid.UUID{2}, User: "bob", Name: "Bob", State: rendezvous.Friends, Status: "lunch",
			Devices: []rendezvous.Device{{ID: bob.ID(), Addresses: []string{"10.0.0.2:7420", "[fd00::2]:7420"}}, {ID: carol.ID(), Addresses: []string{}}}},
		{Account: uuid.UUID{3}, User: "cleo", Name: "Cleo", State: rendezvous.Incoming},
	}
	if err := db.SaveAccount(want); err != nil {
		t.Fatal(err)
	}
	if err := db.SaveFriends(append(friends, rendezvous.Friend{Account: uuid.UUID{4}}), nil); err != nil {
		t.Fatal(err)
	}
	if err := db.SaveFriends(friends[:1], []uuid.UUID{{4}, {5}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	db = mustOpen(t, path)
	if a, err := db.Account(); err != nil || !reflect.DeepEqual(a, want) {
		t.Errorf("got %+v, %v, want %+v", a, err, want)
	}
	if got, err := db.Friends(); err != nil || !reflect.DeepEqual(got, friends) {
		t.Errorf("got %+v, %v, want %+v", got, err, friends)
	}

	other := want
	other.Account.ID = uuid.UUID{9}
	if err := db.SaveAccount(other); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Friends(); err != nil || len(got) > 0 {
		t.Errorf("the friends of another account: %+v, %v", got, err)
	}
	if err := db.SaveAccount(Account{}); err != nil {
		t.Fatal(err)
	}
	a, err := db.Account()
	got, err2 := db.Friends()
	if err != nil || err2 != nil || !a.Realm.IsZero() || len(got) > 0 {
		t.Errorf("after it was forgotten: %+v, %v, %v, %v", a, got, err, err2)
	}
}
