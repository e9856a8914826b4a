package rendezvous

import (
	"cmp"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// Roster is a friend list as a client remembers it. It belongs to one goroutine;
// the zero Roster is empty.
type Roster struct{ friends map[uuid.UUID]Friend }

// NewRoster is a list of those known so far. Nobody is on-line in it: who was is not
// known until a server says so; where they were is.
func NewRoster(known []Friend) *Roster {
	r := &Roster{friends: make(map[uuid.UUID]Friend)}
	for _, f := range cleanFriends(known) {
		f.Presence = Offline
		r.friends[f.Account] = f
	}
	return r
}

// A Difference is how somebody stands now and stood before.
type Difference struct {
	Friend Friend
	Before Friend // of Account zero where they were not on the list
	Gone   bool   // no longer on the list
}

// Kept reports whether there is something in a difference that is worth the disk:
// who is on-line is not known after a restart anyway.
func (d Difference) Kept() bool {
	d.Before.Presence = d.Friend.Presence
	return d.Gone || !sameFriend(d.Before, d.Friend)
}

// Apply takes news into the list and returns what is different by them. The same
// news again make no difference.
func (r *Roster) Apply(n News) []Difference {
	var all []Difference
	if r.friends == nil {
		r.friends = make(map[uuid.UUID]Friend)
	}
	gone := n.Gone
	if n.Whole {
		gone = append(slices.Clone(gone), r.missing(n.Friends)...)
	}
	for _, id := range gone {
		if before, ok := r.friends[id]; ok {
			delete(r.friends, id)
			all = append(all, Difference{Friend: before, Before: before, Gone: true})
		}
	}
	for _, f := range n.Friends {
		before, known := r.friends[f.Account]
		if f.State == Nobody || known && sameFriend(before, f) || !known && len(r.friends) >= MaxFriends {
			continue
		}
		r.friends[f.Account] = f
		all = append(all, Difference{Friend: f, Before: before})
	}
	return all
}

// missing are those on the list who are not among all.
func (r *Roster) missing(all []Friend) []uuid.UUID {
	there := make(map[uuid.UUID]bool, len(all))
	for _, f := range all {
		there[f.Account] = true
	}
	var missing []uuid.UUID
	for id := range r.friends {
		if !there[id] {
			missing = append(missing, id)
		}
	}
	return missing
}

// Away makes everybody off-line, as nobody says who is there any more, and returns
// what is different by that.
func (r *Roster) Away() (all []Difference) {
	for id, before := range r.friends {
		if before.Presence == Offline {
			continue
		}
		now := before
		now.Presence = Offline
		r.friends[id] = now
		all = append(all, Difference{Friend: now, Before: before})
	}
	return all
}

// All is everybody on the list, by name.
func (r *Roster) All() []Friend {
	return slices.SortedFunc(maps.Values(r.friends), func(a, b Friend) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.User, b.User))
	})
}

func sameFriend(a, b Friend) bool {
	return a.Account == b.Account && a.User == b.User && a.Name == b.Name && a.Team == b.Team && a.State == b.State &&
		a.Presence == b.Presence && a.Status == b.Status && slices.EqualFunc(a.Devices, b.Devices, sameDevice)
}

func sameDevice(a, b Device) bool { return a.ID == b.ID && slices.Equal(a.Addresses, b.Addresses) }
