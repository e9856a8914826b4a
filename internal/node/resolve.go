package node

import (
	"slices"
	"strings"

	"earshot/peer"
)

// MinPrefix is how many characters of an ID must be given: fewer would name
// somebody by accident.
const MinPrefix = 4

// Resolve finds those whom text may mean: the one with exactly this ID; else
// everybody whose name or account equals it after folding, or whose ID starts
// with it (at least [MinPrefix] characters). Several are for the person to
// choose from: somebody verified never wins over another of the same name.
// Resolve looks at nothing but its arguments.
func Resolve(people []Person, text string) []Person {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	if id, err := peer.ParseID(text); err == nil {
		return matching(people, func(p Person) bool { return p.ID == id })
	}
	name, prefix := peer.FoldName(text), peer.FoldID(text)
	return asOne(people, matching(people, func(p Person) bool {
		return peer.FoldName(p.Name.String()) == name ||
			p.Account != "" && peer.FoldName(p.Account) == name ||
			len(prefix) >= MinPrefix && strings.HasPrefix(p.ID.String(), prefix)
	}))
}

// asOne makes one of several devices of a single person.
func asOne(people, found []Person) []Person {
	if len(found) < 2 {
		return found
	}
	face := found[0].face()
	if slices.ContainsFunc(found, func(p Person) bool { return p.face() != face }) {
		return found
	}
	return matching(people, func(p Person) bool { return p.ID == face })
}

// face is the device under which this one is shown.
func (p Person) face() peer.ID {
	if p.Face.IsZero() {
		return p.ID
	}
	return p.Face
}

func matching(people []Person, match func(Person) bool) []Person {
	var found []Person
	for _, p := range people {
		if match(p) {
			found = append(found, p)
		}
	}
	return found
}
