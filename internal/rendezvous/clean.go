package rendezvous

import (
	"net/netip"
	"slices"

	"github.com/google/uuid"

	"earshot/peer"
)

// What a server may make a client keep.
const (
	// MaxFriends bounds a friend list: an open roster has everybody of a company.
	MaxFriends = 20_000
	maxDevices = 32 // of an account
	// MaxAddresses bounds the addresses of a device in a heartbeat.
	MaxAddresses = 8
	maxUserCells = 64 // user names have 32 characters
)

// cleanFriends makes what a server says of others fit to be kept and shown: texts
// are cleaned, addresses are addresses, what has no meaning is left out.
func cleanFriends(friends []Friend) []Friend {
	friends = friends[:min(len(friends), MaxFriends)]
	kept := friends[:0]
	for _, f := range friends {
		if f.Account == uuid.Nil || f.User == "" || !f.State.known() {
			continue
		}
		f.User = peer.Line(f.User, maxUserCells).String()
		f.Name, f.Team, f.Status = shown(f.Name), shown(f.Team), shown(f.Status)
		if f.Name == "" {
			f.Name = f.User
		}
		if !f.Presence.known() {
			f.Presence = Offline
		}
		f.Devices = cleanDevices(f.Devices)
		kept = append(kept, f)
	}
	return kept
}

// shown is a short text as it may be shown.
func shown(text string) string { return peer.DisplayName(text).String() }

func cleanDevices(devices []Device) []Device {
	devices = devices[:min(len(devices), maxDevices)]
	kept := devices[:0]
	for _, d := range devices {
		if d.ID.IsZero() {
			continue
		}
		d.Addresses = slices.DeleteFunc(d.Addresses, func(a string) bool {
			addr, err := netip.ParseAddrPort(a)
			return err != nil || addr.Port() == 0 || addr.Addr().Zone() != ""
		})
		d.Addresses = d.Addresses[:min(len(d.Addresses), MaxAddresses)]
		kept = append(kept, d)
	}
	return kept
}

func cleanAccount(a Account) Account {
	a.User = peer.Line(a.User, maxUserCells).String()
	a.Name, a.Team, a.Status = shown(a.Name), shown(a.Team), shown(a.Status)
	return a
}

func (r Relation) known() bool {
	return r == Friends || r == Incoming || r == Outgoing || r == Colleague || r == Nobody
}

func (p Presence) known() bool { return p == Online || p == Away || p == Busy || p == Offline }
