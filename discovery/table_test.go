package discovery

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// bench is a table with a clock that the test turns.
type bench struct {
	*table
	now time.Time
}

func newBench() *bench { return &bench{newTable(), start} }

// announce is an announcement of the n-th device, from its own address.
func (b *bench) announce(n int, change ...func(*sighting)) bool {
	s := sightingOf(n)
	for _, c := range change {
		c(&s)
	}
	return b.hear(s, b.now)
}

func sightingOf(n int) sighting {
	id := numberedID(n)
	addr := netip.AddrFrom4([4]byte{10, 77, byte(n >> 8), byte(n)})
	s := sighting{claim: claim{label: id.Label(), port: 7420, from: addr}, near: []netip.Addr{addr}}
	s.text = text{id: id, instance: instance(1), name: fmt.Sprint("peer ", n)}
	return s
}

// pass lets time pass, second by second.
func (b *bench) pass(d time.Duration) {
	for end := b.now.Add(d); b.now.Before(end); {
		b.now = b.now.Add(time.Second)
		b.sweep(b.now)
	}
}

// said is what the table said since the last call, in short.
func (b *bench) said() string {
	var all []string
	for _, e := range b.take() {
		switch e := e.(type) {
		case Found:
			all = append(all, fmt.Sprintf("found %d %v", e.ID[3], e.Addrs))
		case Lost:
			all = append(all, fmt.Sprintf("lost %d", e.ID[3]))
		case Suspected:
			all = append(all, fmt.Sprintf("suspected %d", e.ID[3]))
		}
	}
	return strings.Join(all, ", ")
}

func (b *bench) expect(t *testing.T, want string) {
	t.Helper()
	if got := b.said(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

const firstFound = "found 1 [10.77.0.1:7420]"

func TestAPeerIsToldOnce(t *testing.T) {
	b := newBench()
	if !b.announce(1) {
		t.Error("did not come")
	}
	b.expect(t, firstFound)
	b.pass(2 * time.Second)
	if b.announce(1) {
		t.Error("came twice")
	}
	b.expect(t, "")
	b.pass(renewAfter)
	b.announce(1)
	b.expect(t, firstFound) // no session yet: whoever dials begins anew
	b.confirm(numberedID(1), true, b.now)
	b.pass(renewAfter + time.Second)
	b.announce(1)
	b.expect(t, "")
}

func TestChangesAreToldAtMostOnceASecond(t *testing.T) {
	b := newBench()
	b.announce(1)
	b.said()
	for i := range 100 {
		b.announce(1, func(s *sighting) { s.name = fmt.Sprint("name ", i) })
	}
	b.expect(t, "")
	b.pass(time.Second)
	events := b.take()
	if len(events) != 1 || events[0].(Found).Name != "name 99" {
		t.Errorf("got %v", events)
	}
}

func TestARestartedPeerIsToldAndCame(t *testing.T) {
	b := newBench()
	b.announce(1)
	b.pass(2 * time.Second)
	b.said()
	if !b.announce(1, func(s *sighting) { s.instance = instance(2) }) {
		t.Error("did not come again")
	}
	b.expect(t, firstFound)
}

func TestSilenceIsSuspectedThenLost(t *testing.T) {
	b := newBench()
	b.announce(1)
	b.said()
	b.pass(150 * time.Second)
	b.expect(t, "")
	b.pass(time.Second)
	b.expect(t, "suspected 1")
	b.pass(10 * time.Second)
	b.expect(t, "suspected 1")
	b.pass(10 * time.Second)
	b.expect(t, "lost 1")
	if len(b.entries)+len(b.origins) != 0 {
		t.Errorf("left behind: %v %v", b.entries, b.origins)
	}
}

func TestASuspectedPeerThatIsHeardIsTold(t *testing.T) {
	b := newBench()
	b.announce(1)
	b.pass(151 * time.Second)
	b.said()
	b.announce(1)
	b.expect(t, firstFound)
	b.pass(100 * time.Second)
	b.expect(t, "")
}

func TestASessionKeepsAPeer(t *testing.T) {
	b := newBench()
	b.announce(1)
	b.confirm(numberedID(1), true, b.now)
	b.said()
	b.pass(time.Hour)
	b.expect(t, "")
	b.confirm(numberedID(1), false, b.now)
	b.pass(100 * time.Second)
	b.expect(t, "")
	b.pass(51 * time.Second)
	b.expect(t, "suspected 1")
	b.confirm(numberedID(1), true, b.now) // whoever suspected it dialled it
	b.pass(time.Hour)
	b.expect(t, "")
}

func TestAPeerIsToldAgainAfterItsSession(t *testing.T) {
	b := newBench()
	b.announce(1)
	b.confirm(numberedID(1), true, b.now)
	b.said()
	b.pass(5 * time.Second)
	b.confirm(numberedID(1), false, b.now)
	b.pass(2 * time.Second)
	b.expect(t, "") // not heard since
	b.announce(1)
	b.expect(t, firstFound)
}

func TestASessionOfAPeerNeverHeard(t *testing.T) {
	b := newBench()
	b.confirm(numberedID(1), true, b.now)
	b.announce(1)
	b.expect(t, firstFound)
	b.goodbye(numberedID(1).Label(), b.now)
	b.pass(time.Hour)
	b.expect(t, "")
}

func TestGoodbyes(t *testing.T) {
	label := numberedID(1).Label()
	t.Run("is believed at once", func(t *testing.T) {
		b := newBench()
		b.announce(1)
		b.said()
		b.goodbye(label, b.now)
		b.expect(t, "lost 1")
	})
	t.Run("what was said before it counts for nothing", func(t *testing.T) {
		b := newBench()
		b.announce(1)
		b.goodbye(label, b.now)
		b.said()
		b.pass(2 * time.Second)
		b.announce(1)
		b.expect(t, "")
		b.pass(time.Second)
		b.announce(1)
		b.expect(t, firstFound)
	})
	t.Run("a restart is seen at once", func(t *testing.T) {
		b := newBench()
		b.announce(1)
		b.goodbye(label, b.now)
		b.said()
		b.announce(1, func(s *sighting) { s.instance = instance(2) })
		b.expect(t, firstFound)
	})
	t.Run("for a peer with a live session/D-07", func(t *testing.T) {
		b := newBench()
		b.announce(1)
		b.confirm(numberedID(1), true, b.now)
		b.said()
		b.goodbye(label, b.now)
		b.pass(time.Hour)
		b.expect(t, "")
		b.confirm(numberedID(1), false, b.now) // for another reason
		b.pass(time.Second)
		b.expect(t, "")
	})
	t.Run("before the session ends", func(t *testing.T) {
		b := newBench()
		b.announce(1)
		b.confirm(numberedID(1), true, b.now)
		b.said()
		b.goodbye(label, b.now)
		b.pass(time.Second)
		b.confirm(numberedID(1), false, b.now)
		b.expect(t, "lost 1")
		b.announce(1)
		b.expect(t, "")
	})
	t.Run("taken back by an announcement", func(t *testing.T) {
		b := newBench()
		b.announce(1)
		b.confirm(numberedID(1), true, b.now)
		b.said()
		b.goodbye(label, b.now)
		b.announce(1)
		b.confirm(numberedID(1), false, b.now)
		b.expect(t, "")
	})
	t.Run("of somebody unknown", func(t *testing.T) {
		b := newBench()
		b.goodbye(label, b.now)
		b.expect(t, "")
		if len(b.graves) != 0 {
			t.Error("remembers it")
		}
	})
}

func TestSiblings(t *testing.T) {
	id := numberedID(1)
	alone := []Sibling{{ID: id, Port: 7421}}
	t.Run("come and go", func(t *testing.T) {
		b := newBench()
		b.siblings(alone, b.now)
		b.expect(t, "found 1 [127.0.0.1:7421]")
		b.pass(time.Hour)
		b.expect(t, "")
		b.siblings(nil, b.now)
		b.expect(t, "lost 1")
	})
	t.Run("say where they come from", func(t *testing.T) {
		b := newBench()
		b.siblings(alone, b.now)
		if f := b.take()[0].(Found); f.Source != Local {
			t.Errorf("source %q", f.Source)
		}
		b.pass(time.Second)
		b.announce(1, func(s *sighting) { s.port = 7421 })
		if f := b.take()[0].(Found); f.Source != MDNS || !slices.Equal(f.Addrs, addrPorts("127.0.0.1:7421", "10.77.0.1:7421")) {
			t.Errorf("got %+v", f)
		}
	})
	t.Run("stay while the network tells of them", func(t *testing.T) {
		b := newBench()
		b.announce(1)
		b.siblings(alone, b.now)
		b.pass(2 * time.Second)
		b.said()
		b.siblings(nil, b.now)
		b.pass(2 * time.Second)
		b.announce(1)
		b.expect(t, firstFound)
	})
	t.Run("without a port are not there", func(t *testing.T) {
		b := newBench()
		b.siblings([]Sibling{{ID: id}}, b.now)
		b.expect(t, "")
	})
}

func TestNewPeersAreLimited(t *testing.T) {
	t.Run("a second", func(t *testing.T) {
		b := newBench()
		for n := range 1000 {
			b.announce(n)
		}
		if len(b.entries) != maxFresh {
			t.Errorf("%d peers in the first second", len(b.entries))
		}
	})
	t.Run("a source", func(t *testing.T) {
		b := newBench()
		for n := range 1000 {
			b.announce(n, func(s *sighting) { s.from = netip.MustParseAddr("10.77.0.66") })
			if n%maxFresh == 0 {
				b.pass(time.Second)
			}
		}
		if len(b.entries) != maxPerSource {
			t.Errorf("%d peers of one source", len(b.entries))
		}
	})
	t.Run("in all", func(t *testing.T) {
		b := newBench()
		kept := []int{3, 4} // live, and verified once
		b.fill(0, maxPeers)
		b.confirm(numberedID(kept[0]), true, b.now)
		b.confirm(numberedID(kept[1]), true, b.now)
		b.confirm(numberedID(kept[1]), false, b.now)
		b.said()
		const more = 500
		b.fill(maxPeers, maxPeers+more)
		if len(b.entries) != maxPeers {
			t.Errorf("%d peers", len(b.entries))
		}
		for _, n := range kept {
			if b.entries[numberedID(n)] == nil {
				t.Errorf("peer %d was put out", n)
			}
		}
		lost := 0
		for _, e := range b.take() {
			if _, ok := e.(Lost); ok {
				lost++
			}
		}
		if lost != more {
			t.Errorf("%d were said to be lost", lost)
		}
	})
	t.Run("none goes for a new one while all are live", func(t *testing.T) {
		b := newBench()
		b.fill(0, maxPeers)
		for id := range b.entries {
			b.live[id] = true
		}
		b.pass(time.Second)
		b.announce(maxPeers)
		if b.entries[numberedID(maxPeers)] != nil || len(b.entries) != maxPeers {
			t.Error("a live peer was put out")
		}
	})
}

// fill announces many peers as fast as the limits let them in. No time passes
// for those that are there: sweep is not called.
func (b *bench) fill(from, to int) {
	for n := from; n < to; n++ {
		if n%maxFresh == 0 {
			b.now = b.now.Add(time.Second)
		}
		b.announce(n)
	}
}

func TestOnlyNamedAddressesWaitForAPermit(t *testing.T) {
	b := newBench()
	for n := range 6 {
		b.announce(n, func(s *sighting) { s.from = netip.Addr{} })
	}
	if got := len(b.take()); got != permitsPerSecond {
		t.Errorf("%d told at once", got)
	}
	b.pass(time.Second)
	if got := len(b.take()); got != permitsPerSecond {
		t.Errorf("%d told a second later", got)
	}
	b.pass(time.Second)
	if got := len(b.take()); got != 2 {
		t.Errorf("%d told at the end", got)
	}
}

func TestManyMayNotBeMadeToDialOne(t *testing.T) {
	b := newBench()
	victim := addrs("10.77.9.9")
	named := 0
	for n := range 20 {
		b.announce(n, func(s *sighting) { s.from, s.near = netip.Addr{}, victim })
	}
	b.pass(20 * time.Second)
	for _, e := range b.take() {
		if f, ok := e.(Found); ok {
			named += len(f.Addrs)
		}
	}
	if named != 1 {
		t.Errorf("the same address was given out %d times", named)
	}
}

func TestWakingDoubtsSlowly(t *testing.T) {
	b := newBench()
	b.fill(0, 40)
	b.confirm(numberedID(39), true, b.now)
	b.said()
	b.doubt(b.now)
	b.expect(t, "")
	b.announce(0)
	b.said()
	b.pass(5 * time.Second)
	b.expect(t, "")
	for range 5 {
		b.pass(time.Second)
		if got := len(b.take()); got > maxDoubted {
			t.Errorf("%d suspected at once", got)
		}
	}
	if e := b.entries[numberedID(39)]; e.doubted != 0 {
		t.Error("suspects a live peer")
	}
	if e := b.entries[numberedID(0)]; e.doubted != 0 {
		t.Error("suspects who was heard since")
	}
}

func TestTwoDevices(t *testing.T) {
	t.Run("of the same name/D-11", func(t *testing.T) {
		b := newBench()
		for n := range 2 {
			b.announce(n, func(s *sighting) { s.name = "Ann" })
		}
		b.expect(t, "found 0 [10.77.0.0:7420], found 1 [10.77.0.1:7420]")
	})
	t.Run("peer K at the attacker's address/H-09", func(t *testing.T) {
		b := newBench()
		b.announce(1)
		b.pass(2 * time.Second)
		b.said()
		b.announce(1, func(s *sighting) { s.from, s.near = netip.MustParseAddr("10.77.0.66"), addrs("10.77.0.66") })
		b.pass(time.Second)
		b.announce(1)
		b.pass(time.Second)
		e := b.entries[numberedID(1)]
		if got := fmt.Sprint(b.addrsOf(e)); got != "[10.77.0.1:7420 10.77.0.66:7420]" {
			t.Errorf("the peer is at %s", got)
		}
	})
}

func (b *bench) addrsOf(e *entry) []netip.AddrPort {
	addrs, _ := b.addrs(e, b.now)
	return addrs
}
