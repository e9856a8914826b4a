package chat_test

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"earshot/internal/chat"
)

// delivered tells which of a device's own entries count as delivered.
func (d *device) delivered(to *device) map[uuid.UUID]bool {
	id := with(d, to)
	seen, _ := d.disk.Seen(id, to.id())
	all := map[uuid.UUID]bool{}
	for _, e := range d.disk.Shown(id) {
		if e.Author != d.id() {
			continue
		}
		places, _ := d.disk.Find(id, e.Key())
		for _, p := range places {
			for _, s := range seen {
				if s.Log == p.Log && s.First <= p.Number && p.Number <= s.Last {
					all[e.ID] = true
				}
			}
		}
	}
	return all
}

// check checks what must be true once everybody met everybody.
func (w *world) check() {
	w.t.Helper()
	for i, a := range w.devices {
		for _, b := range w.devices[i+1:] {
			if a.id() != b.id() {
				w.checkPair(a, b)
			}
		}
	}
	for id, text := range w.written {
		if !w.lost[id] && !w.anywhere(id) {
			w.t.Errorf("%q was acknowledged to its author and is nowhere", text)
		}
	}
}

func (w *world) checkPair(a, b *device) {
	w.t.Helper()
	ours, theirs := a.disk.Shown(with(a, b)), b.disk.Shown(with(a, b))
	name := func(e chat.Entry) string { return fmt.Sprint(e.Position(), string(e.Body)) }
	if !slices.EqualFunc(ours, theirs, func(x, y chat.Entry) bool { return name(x) == name(y) }) {
		w.t.Errorf("%s shows %d entries, %s shows %d, or others", a.name, len(ours), b.name, len(theirs))
	}
	once := map[uuid.UUID]bool{}
	for _, e := range ours {
		if once[e.ID] {
			w.t.Errorf("%s shows %s twice", a.name, e.ID)
		}
		once[e.ID] = true
	}
	for _, pair := range [][2]*device{{a, b}, {b, a}} {
		delivered := pair[0].delivered(pair[1])
		for _, e := range ours {
			if e.Author == pair[0].id() && !delivered[e.ID] {
				w.t.Errorf("%s: %q is at %s, but not delivered", pair[0].name, e.Body, pair[1].name)
			}
		}
		for id := range delivered {
			if !pair[1].holds(pair[0], id) {
				w.t.Errorf("%s: %s counts as delivered, but %s does not have it", pair[0].name, id, pair[1].name)
			}
		}
	}
}
