package peer

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"
)

func TestSurvivorIsTheSameOnBothSides(t *testing.T) {
	low, high := ID{1}, ID{2}
	one, two := uuid.UUID{1}, uuid.UUID{2}
	for _, c := range []struct {
		rule         string
		older, newer claim
		olderWins    bool
		loser        ByeCode
	}{
		{"another instance", claim{one, low}, claim{two, low}, true, ByeTwice},
		{"another instance and dialler", claim{one, high}, claim{two, low}, true, ByeTwice},
		{"the smaller key dialled the older", claim{one, low}, claim{one, high}, true, ByeDuplicate},
		{"the smaller key dialled the newer", claim{one, high}, claim{one, low}, false, ByeDuplicate},
		{"the same dialler, smaller", claim{one, low}, claim{one, low}, false, ByeDuplicate},
		{"the same dialler, larger", claim{one, high}, claim{one, high}, false, ByeDuplicate},
	} {
		olderWins, loser := survivor(low, c.older, c.newer)
		if olderWins != c.olderWins || loser != c.loser {
			t.Errorf("%s: got %v, %d, want %v, %d", c.rule, olderWins, loser, c.olderWins, c.loser)
		}
	}
}

// pair is two devices and the connections between them, as the seats see them:
// every frame is delivered in order on its connection, and connections overtake
// each other at random.
type pair struct {
	sides [2]*side
	wires []*modelWire
}

type side struct {
	host     *Host
	instance uuid.UUID
	seat     seat
	of       map[*session]*modelWire
	ups      int
}

// modelWire is one connection: what is on its way to each side.
type modelWire struct {
	ends  [2]*session // nil: never heard of, or gone
	queue [2][]Message
	dead  bool // nothing is delivered any more
}

func newPair() *pair {
	p := &pair{}
	for n := range p.sides {
		host := &Host{cfg: Config{Identity: NewIdentity(seed(byte(n + 1)))}}
		p.sides[n] = &side{host: host, instance: uuid.UUID{byte(n + 1)}, of: make(map[*session]*modelWire)}
	}
	return p
}

// dial adds a connection that side n made; both have said hello on it.
func (p *pair) dial(n int, probe bool) *modelWire {
	w := &modelWire{}
	for end := range w.ends {
		peer := p.sides[1-end]
		w.ends[end] = &session{host: p.sides[end].host, id: peer.host.cfg.Identity.ID(), dials: end == n, probe: probe && end == n}
		p.sides[end].of[w.ends[end]] = w
		w.queue[end] = []Message{Hello{Instance: peer.instance}}
	}
	p.wires = append(p.wires, w)
	return w
}

// play delivers everything, in an order that random chooses, and lets contests
// expire whose favourite's connection is dead.
func (p *pair) play(random *rand.Rand) {
	for {
		var ready []func()
		for _, w := range p.wires {
			for end := range w.ends {
				if len(w.queue[end]) > 0 && !w.dead {
					ready = append(ready, func() { p.deliver(w, end) })
				}
			}
		}
		for n, s := range p.sides {
			if f := s.seat.favourite; f != nil && s.of[f].dead {
				ready = append(ready, func() { p.obey(n, s.seat.expired()) })
			}
		}
		if len(ready) == 0 {
			return
		}
		ready[random.IntN(len(ready))]()
	}
}

func (p *pair) deliver(w *modelWire, end int) {
	m := w.queue[end][0]
	w.queue[end] = w.queue[end][1:]
	s, side := w.ends[end], p.sides[end]
	if s == nil {
		return
	}
	switch m := m.(type) {
	case Hello:
		s.hello = m
		p.obey(end, side.seat.enter(s))
	case Ping:
		w.queue[1-end] = append(w.queue[1-end], Pong(m))
	case Pong:
		p.obey(end, side.seat.answered(s))
	case Bye:
		w.ends[end] = nil
		p.obey(end, side.seat.left(s))
	}
}

func (p *pair) obey(n int, r ruling) {
	s := p.sides[n]
	if r.up != nil {
		s.ups++
	}
	if r.bye != nil {
		w := s.of[r.bye]
		w.ends[n] = nil
		w.queue[1-n] = append(w.queue[1-n], Bye{Code: r.code})
	}
	if r.ask != nil {
		w := s.of[r.ask]
		w.queue[1-n] = append(w.queue[1-n], Ping{})
	}
}

// agreed says what is wrong with how it ended.
func (p *pair) agreed() error {
	a, b := p.sides[0].seat, p.sides[1].seat
	if a.rival != nil || b.rival != nil {
		return fmt.Errorf("a contest is not over")
	}
	if a.kept == nil || b.kept == nil || p.sides[0].of[a.kept] != p.sides[1].of[b.kept] {
		return fmt.Errorf("kept: %v and %v", a.kept != nil, b.kept != nil)
	}
	for _, w := range p.wires {
		if open := w.ends[0] != nil || w.ends[1] != nil; open && w != p.sides[0].of[a.kept] && !w.dead {
			return fmt.Errorf("a connection that lost is open")
		}
	}
	return nil
}

// TestBothSidesKeepTheSameSession goes through interleavings of what two sides
// hear.
func TestBothSidesKeepTheSameSession(t *testing.T) {
	const runs = 2_500
	for _, c := range []struct {
		name string
		tell func(p *pair, random *rand.Rand)
	}{
		{"both dial at once", func(p *pair, _ *rand.Rand) {
			p.dial(0, false)
			p.dial(1, false)
		}},
		{"both dial, and one looks at an address", func(p *pair, random *rand.Rand) {
			p.dial(0, false)
			p.dial(1, false)
			p.dial(random.IntN(2), true)
		}},
		{"one dials twice at once", func(p *pair, random *rand.Rand) {
			n := random.IntN(2)
			p.dial(n, false)
			p.dial(n, true)
		}},
		{"one side lost the session and dials again", func(p *pair, random *rand.Rand) {
			w := p.dial(random.IntN(2), false)
			p.play(random)
			n := random.IntN(2)
			w.dead, w.ends[n] = true, nil
			p.sides[n].seat.left(p.sides[n].seat.kept)
			p.dial(n, false)
		}},
		{"one side starts anew", func(p *pair, random *rand.Rand) {
			w := p.dial(random.IntN(2), false)
			p.play(random)
			n := random.IntN(2)
			w.dead, w.ends[n] = true, nil
			p.sides[n].seat = seat{}
			p.sides[n].instance = uuid.UUID{9}
			p.dial(n, false)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n := range uint64(runs) {
				p, random := newPair(), rand.New(rand.NewPCG(n, 0))
				c.tell(p, random)
				p.play(random)
				if err := p.agreed(); err != nil {
					t.Fatalf("run %d: %v", n, err)
				}
			}
			t.Logf("%d interleavings", runs)
		})
	}
}
