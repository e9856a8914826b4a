package discovery

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"earshot/peer"
)

// world turns a table through random histories of a few devices, and checks what
// its owner relies on.
type world struct {
	bench
	known map[peer.ID]bool // told, and not lost since
	told  map[peer.ID]time.Time
}

const someDevices = 4

func TestTableKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{bench: *newBench(), known: map[peer.ID]bool{}, told: map[peer.ID]time.Time{}}
		device := func() int { return rapid.IntRange(0, someDevices-1).Draw(t, "device") }
		t.Repeat(map[string]func(*rapid.T){
			"announce": func(t *rapid.T) { w.hear(w.draw(t, device()), w.now) },
			"goodbye":  func(t *rapid.T) { w.goodbye(numberedID(device()).Label(), w.now) },
			"up":       func(t *rapid.T) { w.confirm(numberedID(device()), true, w.now) },
			"down":     func(t *rapid.T) { w.confirm(numberedID(device()), false, w.now) },
			"wake":     func(t *rapid.T) { w.doubt(w.now) },
			"siblings": func(t *rapid.T) { w.siblings(drawSiblings(t), w.now) },
			"wait": func(t *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
				w.sweep(w.now)
			},
			"wait long": func(t *rapid.T) {
				for range rapid.IntRange(1, 200).Draw(t, "seconds") {
					w.now = w.now.Add(time.Second)
					w.sweep(w.now)
					w.check(t)
				}
			},
			"": w.check,
		})
	})
}

// draw makes a sighting of a device: from its address, another one, or an
// unknown one, of one of two starts, under one of two names.
func (w *world) draw(t *rapid.T, n int) sighting {
	s := sightingOf(n)
	s.instance = instance(byte(rapid.IntRange(1, 2).Draw(t, "start")))
	s.name = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name")
	s.from = rapid.SampledFrom([]netip.Addr{s.from, netip.MustParseAddr("10.77.0.66"), {}}).Draw(t, "from")
	s.far = rapid.SampledFrom([][]netip.Addr{nil, addrs("192.168.1.1", "192.168.1.2")}).Draw(t, "far")
	return s
}

func drawSiblings(t *rapid.T) (list []Sibling) {
	for n := range someDevices {
		if rapid.Bool().Draw(t, "runs") {
			list = append(list, Sibling{ID: numberedID(n), Port: 7421})
		}
	}
	return list
}

func (w *world) check(t *rapid.T) {
	for _, e := range w.take() {
		switch e := e.(type) {
		case Found:
			w.checkFound(t, e)
		case Lost:
			if !w.known[e.ID] || w.live[e.ID] {
				t.Fatalf("lost %v: known %v, live %v", e.ID[3], w.known[e.ID], w.live[e.ID])
			}
			delete(w.known, e.ID)
			delete(w.told, e.ID)
		case Suspected:
			if !w.known[e.ID] || w.live[e.ID] {
				t.Fatalf("suspected %v: known %v, live %v", e.ID[3], w.known[e.ID], w.live[e.ID])
			}
		}
	}
	w.checkCounts(t)
}

func (w *world) checkFound(t *rapid.T, f Found) {
	if len(f.Addrs) == 0 || len(f.Addrs) > maxAddrs {
		t.Fatalf("%d addresses", len(f.Addrs))
	}
	for i, a := range f.Addrs {
		if slices.Contains(f.Addrs[:i], a) {
			t.Fatalf("%v twice in %v", a, f.Addrs)
		}
	}
	if last, ok := w.told[f.ID]; ok && w.now.Sub(last) < tellAfter {
		t.Fatalf("told again after %v", w.now.Sub(last))
	}
	w.known[f.ID], w.told[f.ID] = true, w.now
}

// checkCounts compares what the table counts with what it holds.
func (w *world) checkCounts(t *rapid.T) {
	origins := 0
	for id, e := range w.entries {
		if e.id != id || len(e.places) > maxAddrs+maxSources {
			t.Fatalf("entry %+v", e)
		}
		if e.origin.IsValid() {
			origins++
		}
	}
	for _, n := range w.origins {
		origins -= n
	}
	if len(w.labels) != len(w.entries) || origins != 0 || len(w.graves) > someDevices || len(w.permits.given) > 60 {
		t.Fatalf("origins off by %d, %d graves, %d permits", origins, len(w.graves), len(w.permits.given))
	}
	for id := range w.known {
		if w.entries[id] == nil {
			t.Fatalf("%v went without a word", id[3])
		}
	}
}
