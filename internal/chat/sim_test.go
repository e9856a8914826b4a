package chat_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
)

// TestHistories runs random histories of devices that write, meet, are cut off,
// are killed at any effect they have on the world, lose their database, get an
// older copy back, or run from a cloned disk, and checks what is left once
// everybody met everybody.
func TestHistories(t *testing.T) {
	for _, kind := range []struct {
		name                           string
		kills, restores, loses, clones int // how often in about a thousand steps
	}{
		{"kills and full disks", 40, 0, 0, 0},
		{"lost databases", 20, 0, 8, 0},
		{"older copies", 20, 20, 0, 0},
		{"clones", 20, 0, 0, 3},
		{"everything", 30, 12, 6, 2},
	} {
		t.Run(kind.name, func(t *testing.T) {
			runs := 6
			if testing.Short() {
				runs = 2
			}
			for seed := range uint64(runs) {
				h := history{world: newWorld(t, 3), rng: rand.New(rand.NewPCG(seed, 7))}
				h.chances = []chance{
					{400, h.write}, {400, h.move}, {60, h.cut}, {60, h.join}, {20, h.read}, {20, h.backup}, {30, h.wait}, {20, h.fill},
					{kind.kills, h.kill}, {kind.restores, h.restore}, {kind.loses, h.lose}, {kind.clones, h.clone},
				}
				h.run(600)
				if t.Failed() {
					t.Fatalf("seed %d:\n%s", seed, h.trace)
				}
			}
		})
	}
}

// history is a world with a dice.
type history struct {
	*world
	rng     *rand.Rand
	chances []chance
	trace   string
	n       int
}

type chance struct {
	weight int
	do     func()
}

func (h *history) run(steps int) {
	skews := []time.Duration{0, 3 * 365 * 24 * time.Hour, -15 * time.Minute}
	for i, d := range h.devices {
		d.skew = skews[i]
	}
	total := 0
	for _, c := range h.chances {
		total += c.weight
	}
	for range steps {
		n := h.rng.IntN(total)
		for _, c := range h.chances {
			if n -= c.weight; n < 0 {
				c.do()
				break
			}
		}
		h.pass(time.Duration(h.rng.IntN(100)) * time.Millisecond)
	}
	for _, d := range h.devices {
		d.life.left, d.life.full = -1, false
	}
	h.meet()
	h.check()
	before := h.held()
	h.meet()
	if after := h.held(); after != before {
		h.t.Errorf("%d entries became %d when they met again", before, after)
	}
}

// held counts the entries on all disks, copies too.
func (h *history) held() int {
	n := uint64(0)
	for _, d := range h.devices {
		for _, o := range h.devices {
			if d.id() != o.id() {
				logs, _ := d.disk.Logs(with(d, o))
				for _, l := range logs {
					n += l.Last
				}
			}
		}
	}
	return int(n)
}

func (h *history) any() *device { return h.devices[h.rng.IntN(len(h.devices))] }

// other is a device of somebody else.
func (h *history) other(d *device) *device {
	for {
		if o := h.any(); o.id() != d.id() {
			return o
		}
	}
}

func (h *history) log(format string, args ...any) {
	h.trace += fmt.Sprintf(format, args...) + "\n"
}

func (h *history) write() {
	d := h.any()
	o := h.other(d)
	h.n++
	h.log("%s writes m%d to %s", d.name, h.n, o.name)
	d.write(o, fmt.Sprintf("m%d", h.n))
}

func (h *history) move() {
	if len(h.links) == 0 {
		h.join()
		return
	}
	l := h.links[h.rng.IntN(len(h.links))]
	end := h.rng.IntN(2)
	for range 1 + h.rng.IntN(3) {
		h.deliver(l, end)
	}
	h.log("to %s from %s", l.ends[end].name, l.ends[1-end].name)
}

func (h *history) join() {
	d := h.any()
	o := h.other(d)
	h.log("join %s %s", d.name, o.name)
	h.connect(d, o)
}

func (h *history) cut() {
	if len(h.links) > 0 {
		l := h.links[h.rng.IntN(len(h.links))]
		h.log("cut %s %s", l.ends[0].name, l.ends[1].name)
		h.disconnect(l.ends[0], l.ends[1])
	}
}

func (h *history) wait() { h.pass(time.Duration(h.rng.IntN(20)) * time.Second) }

func (h *history) kill() {
	d := h.any()
	d.life.left = h.rng.IntN(6)
	h.log("%s dies after %d", d.name, d.life.left)
}

func (h *history) fill() {
	d := h.any()
	d.life.full = !d.life.full
	h.log("%s: disk full: %v", d.name, d.life.full)
}

func (h *history) read() {
	d := h.any()
	o := h.other(d)
	if shown := d.disk.Shown(with(d, o)); len(shown) > 0 {
		d.replica.Read(with(d, o), shown[h.rng.IntN(len(shown))].Position())
		d.step()
	}
}

func (h *history) backup() {
	d := h.any()
	h.log("%s backs up", d.name)
	d.backup = d.disk.Copy()
}

func (h *history) restore() {
	d := h.any()
	h.log("%s restores", d.name)
	d.replace(d.backup.Copy())
}

func (h *history) lose() {
	d := h.any()
	h.log("%s loses its database", d.name)
	d.replace(chattest.NewMemory())
	for _, o := range h.devices { // the person is asked again, sooner or later
		if o.id() != d.id() && h.rng.IntN(2) == 0 {
			d.replica.Accept(o.id())
		}
	}
	d.step()
}

func (h *history) clone() {
	d := h.any()
	if len(h.devices) < 5 {
		h.log("%s is cloned", d.name)
		h.add(d.name+"'", d.identity, d.disk.Copy()).skew = d.skew
	}
}

// forks counts the forks that a device was told of.
func (d *device) forks() int {
	n := 0
	for _, e := range d.events {
		if _, ok := e.(chat.Forked); ok {
			n++
		}
	}
	return n
}
