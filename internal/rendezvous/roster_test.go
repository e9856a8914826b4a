package rendezvous

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

func friend(n byte, name string, p Presence) Friend {
	return Friend{Account: uuid.UUID{n}, User: strings.ToLower(name), Name: name, State: Friends, Presence: p}
}

func TestARosterTellsDifferencesOnce(t *testing.T) {
	bob, cleo := friend(2, "Bob", Online), friend(3, "Cleo", Offline)
	r := NewRoster([]Friend{bob, cleo})
	if all := r.All(); all[0].Presence != Offline {
		t.Errorf("from the disk Bob is %s", all[0].Presence)
	}
	n := News{Friends: []Friend{bob}}
	if got := r.Apply(n); len(got) != 1 || got[0].Before.Presence != Offline || got[0].Friend.Presence != Online || got[0].Kept() {
		t.Errorf("Bob came: %+v", got)
	}
	if got := r.Apply(n); len(got) != 0 {
		t.Errorf("told again: %+v", got)
	}
	got := r.Apply(News{Whole: true, Friends: []Friend{cleo, friend(4, "Dan", Busy)}})
	gone := slices.IndexFunc(got, func(d Difference) bool { return d.Gone && d.Friend.Name == "Bob" })
	if len(got) != 2 || gone < 0 {
		t.Errorf("another list: %+v", got)
	}
	if got := r.Apply(News{Gone: []uuid.UUID{{4}, {4}, {9}}}); len(got) != 1 || len(r.All()) != 1 {
		t.Errorf("Dan is no friend any more: %+v, %+v", got, r.All())
	}
	if got := r.Away(); len(got) != 0 {
		t.Errorf("nobody was there: %+v", got)
	}
}

// TestWhatAServerSaysOfPeopleIsCleaned has what a server must not make us show,
// keep or dial.
func TestWhatAServerSaysOfPeopleIsCleaned(t *testing.T) {
	many := make([]Device, 1000)
	for i := range many {
		many[i] = Device{ID: seeded(1).ID(), Addresses: []string{
			"10.0.0.1:1", "nonsense", "[fe80::1%eth0]:7420", "10.0.0.1:0", "host:80", "10.0.0.1:2", "10.0.0.1:3", "10.0.0.1:4",
			"10.0.0.1:5", "10.0.0.1:6", "10.0.0.1:7", "10.0.0.1:8", "10.0.0.1:9"}}
	}
	got := cleanFriends([]Friend{
		{}, {Account: uuid.UUID{1}, User: "a", State: "boss"}, {Account: uuid.UUID{2}},
		{Account: uuid.UUID{3}, User: "b\x1b[2J", Status: "\u202eevil", State: Friends, Presence: "everywhere", Devices: many},
	})
	if len(got) != 1 {
		t.Fatalf("kept %+v", got)
	}
	f := got[0]
	if strings.ContainsAny(f.User+f.Name+f.Status, "\x1b\u202e") || f.Name == "" || f.Presence != Offline {
		t.Errorf("got %q %q %q %s", f.User, f.Name, f.Status, f.Presence)
	}
	if len(f.Devices) != maxDevices || !slices.Equal(f.Devices[0].Addresses[:2], []string{"10.0.0.1:1", "10.0.0.1:2"}) || len(f.Devices[0].Addresses) != MaxAddresses {
		t.Errorf("%d devices, of the first %v", len(f.Devices), f.Devices[0].Addresses)
	}
	flood := make([]Friend, MaxFriends+1)
	for i := range flood {
		flood[i] = Friend{Account: uuid.New(), User: "x", State: Friends}
	}
	r := NewRoster(nil)
	r.Apply(News{Friends: flood})
	if len(r.All()) != MaxFriends {
		t.Errorf("%d on the list", len(r.All()))
	}
}

// FuzzNews reads what a server may say, and takes it into a list twice.
func FuzzNews(f *testing.F) {
	f.Add([]byte(`{"number":1,"whole":true,"friends":[{"account":"01000000-0000-0000-0000-000000000000","user":"bob","name":"Bob","state":"friend","presence":"online","devices":[{"id":"` + seeded(1).ID().String() + `","addresses":["10.0.0.1:7420"]}]}]}`))
	f.Add([]byte(`{"number":18446744073709551615,"gone":["01000000-0000-0000-0000-000000000000"],"me":{"account":"01000000-0000-0000-0000-000000000000","user":"a","name":"","team":"","status":"","admin":true},"ticket":"AA==","servers":["a:1"],"twice":true}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var n News
		if json.Unmarshal(b, &n) != nil {
			return
		}
		n.Friends = cleanFriends(n.Friends)
		r := NewRoster(nil)
		r.Apply(n)
		seen := make(map[uuid.UUID]bool)
		for _, friend := range n.Friends {
			if seen[friend.Account] {
				return // twice in one: the last one counts, each time
			}
			seen[friend.Account] = true
		}
		for _, id := range n.Gone {
			if seen[id] {
				return // there and gone at once
			}
		}
		if again := r.Apply(n); len(again) != 0 {
			t.Errorf("told again: %+v", again)
		}
	})
}
