package store

import (
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"earshot/internal/chat"
	"earshot/peer"
)

func isUnknown(err error) bool { return errors.Is(err, ErrUnknown) }

func TestDevices(t *testing.T) {
	db := mustOpen(t, newPath(t))
	now := time.Unix(start/1000, 0)
	want := Device{
		ID: bob.ID(), Name: "Bob \x1b[2J\x00\xff", FirstSeen: now, LastSeen: now.Add(time.Hour), Verified: now, Contact: true, Blocked: true, AcceptUpTo: 1 << 40,
		Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.7:7420"), netip.MustParseAddrPort("[fe80::1%eth0]:7420")},
	}
	if err := db.SaveDevices([]Device{{ID: carol.ID()}, want}); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Device(bob.ID()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	all, err := db.Devices()
	if err != nil || len(all) != 2 || !reflect.DeepEqual(all, []Device{want, {ID: carol.ID()}}) {
		t.Errorf("got %+v, %v", all, err)
	}
	if _, err := db.Device(alice.ID()); !isUnknown(err) {
		t.Errorf("a device that was never seen: %v", err)
	}
	want.Contact, want.Blocked, want.Addresses, want.AcceptUpTo = false, false, nil, 0
	if err := db.SaveDevice(want); err != nil {
		t.Fatal(err)
	}
	want.Contact = true
	if got, err := db.Device(bob.ID()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("saved again: %+v, %v, want %+v", got, err, want)
	}
}

// TestStrangers: a contact is who was made one in either way.
func TestStrangers(t *testing.T) {
	db := mustOpen(t, newPath(t))
	mustApply(t, db, chat.Batch{Conversations: []chat.Conversation{between(alice, bob), between(alice, carol)}})
	check := func(requests int, contacts ...bool) {
		t.Helper()
		if n, _, err := db.Requests(netip.Prefix{}); n != requests || err != nil {
			t.Errorf("%d requests, %v, want %d", n, err, requests)
		}
		for i, id := range []peer.ID{bob.ID(), carol.ID()} {
			if got, err := db.Contact(chat.DeviceParty(id)); got != contacts[i] || err != nil {
				t.Errorf("contact %d: %v, %v", i, got, err)
			}
		}
	}
	check(2, false, false)
	mustApply(t, db, chat.Batch{Contacts: []chat.Party{chat.DeviceParty(bob.ID())}})
	check(1, true, false)
	if err := db.SaveDevice(Device{ID: carol.ID(), Contact: true}); err != nil {
		t.Fatal(err)
	}
	check(0, true, true)
}
