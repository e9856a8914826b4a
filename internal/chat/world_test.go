package chat_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

// identity is the device with the seed n n n …
func identity(n byte) *peer.Identity {
	return peer.NewIdentity([32]byte(bytes.Repeat([]byte{n}, 32)))
}

// world is some devices, the lines between them, and a clock that moves when
// the test says so. Replicas are stepped by hand: nothing runs by itself.
type world struct {
	t       testing.TB
	now     time.Time
	devices []*device
	links   []*link
	written map[uuid.UUID]string // texts that were acknowledged to a person
	lost    map[uuid.UUID]bool   // of these, those that no disk holds any more
	enter   func(*device)        // what a new process is told, nil: nothing
}

// device is one device of a world. Two with one identity are a cloned disk.
type device struct {
	w        *world
	name     string
	identity *peer.Identity
	disk     *chattest.Memory
	backup   *chattest.Memory
	skew     time.Duration
	replica  *chat.Replica
	life     *life
	events   []chat.Event
	wake     time.Time // when the replica wants to be stepped again
}

// life ends a replica at one of its effects on the world.
type life struct {
	left int // effects until it ends; negative: it does not
	dead bool
	full bool // its disk is
}

var (
	errDead = errors.New("killed")
	errFull = errors.New("disk full")
)

// lives reports whether the next effect happens.
func (l *life) lives() bool {
	if l.left == 0 {
		l.dead = true
	}
	l.left--
	return !l.dead
}

// disk is what a mortal replica sees of its store.
type disk struct {
	chat.Store
	life *life
}

func (d disk) Apply(b chat.Batch) error {
	if d.life.dead {
		return errDead
	}
	if d.life.full {
		return errFull
	}
	before := d.life.lives()
	after := before && d.life.lives()
	if before { // killed after the commit, but before it was known
		if err := d.Store.Apply(b); err != nil {
			return err
		}
	}
	if !after {
		return errDead
	}
	return nil
}

// link is a session between two devices.
type link struct {
	ends  [2]*device
	wires [2][][]byte // frames on their way to each end
	bytes [2]int
	reads [2]int // bytes that came and are not done
}

const (
	wireRoom = 256 << 10
	readRoom = 256 << 10
)

func newWorld(t testing.TB, n int) *world {
	w := &world{t: t, now: time.UnixMilli(1_796_000_000_000), written: map[uuid.UUID]string{}, lost: map[uuid.UUID]bool{}}
	for i := range n {
		w.add(string(rune('A'+i)), identity(byte(i+1)), chattest.NewMemory())
	}
	return w
}

func (w *world) add(name string, id *peer.Identity, disk *chattest.Memory) *device {
	d := &device{w: w, name: name, identity: id, disk: disk, backup: disk.Copy()}
	w.devices = append(w.devices, d)
	d.start()
	return d
}

func (d *device) id() peer.ID { return d.identity.ID() }

// start begins a new process on the disk; what the one before had in memory is
// gone.
func (d *device) start() {
	d.w.links = slices.DeleteFunc(d.w.links, func(l *link) bool {
		if l.ends[0] != d && l.ends[1] != d {
			return false
		}
		l.drop(d)
		return true
	})
	d.life = &life{left: -1}
	life := d.life
	r, err := chat.New(chat.Config{
		Identity: d.identity,
		Store:    disk{d.disk, life},
		Network:  network{d, life},
		Notify: func(e chat.Event) {
			if life.dead {
				return
			}
			if f, ok := e.(chat.Failed); ok && !errors.Is(f.Err, errDead) && !errors.Is(f.Err, errFull) {
				d.w.t.Errorf("%s: %v", d.name, f.Err)
			}
			d.events = append(d.events, e)
		},
		Now: func() time.Time { return d.w.now.Add(d.skew) },
	})
	if err != nil {
		d.w.t.Fatal(err)
	}
	d.replica = r
	if d.w.enter != nil {
		d.w.enter(d)
	}
	d.step()
}

// step lets the replica do what it has to do.
func (d *device) step() {
	d.wake = d.w.now.Add(d.replica.Step(d.w.now))
	if d.life.dead {
		d.start()
	}
}

type network struct {
	d    *device
	life *life
}

func (n network) Send(to peer.ID, m peer.Message) bool {
	if n.life.dead || !n.life.lives() {
		return false
	}
	frame, err := peer.Append(nil, m)
	if err != nil {
		n.d.w.t.Errorf("%s sends a frame that cannot be: %v", n.d.name, err)
		return false
	}
	for _, l := range n.d.w.links {
		i := l.end(n.d)
		if i < 0 || l.ends[1-i].id() != to {
			continue
		}
		if l.bytes[1-i] > wireRoom {
			return false
		}
		l.wires[1-i] = append(l.wires[1-i], frame)
		l.bytes[1-i] += len(frame)
		return true
	}
	return false
}

func (l *link) end(d *device) int { return slices.Index(l.ends[:], d) }

// drop tells the end that is not d that the session is over.
func (l *link) drop(d *device) {
	other := l.ends[1-l.end(d)]
	other.replica.Down(d.id())
	other.step()
}

// connected reports whether d has a session with an identity.
func (d *device) connected(id peer.ID) *link {
	for _, l := range d.w.links {
		if i := l.end(d); i >= 0 && l.ends[1-i].id() == id {
			return l
		}
	}
	return nil
}

func (w *world) connect(a, b *device) {
	if a.id() == b.id() || a.connected(b.id()) != nil || b.connected(a.id()) != nil {
		return
	}
	w.links = append(w.links, &link{ends: [2]*device{a, b}})
	a.replica.Up(b.id(), netip.Addr{})
	b.replica.Up(a.id(), netip.Addr{})
	a.step()
	b.step()
}

func (w *world) disconnect(a, b *device) {
	for i, l := range w.links {
		if l.end(a) >= 0 && l.end(b) >= 0 {
			w.links = slices.Delete(w.links, i, i+1)
			a.replica.Down(b.id())
			b.replica.Down(a.id())
			a.step()
			b.step()
			return
		}
	}
}

// deliver brings one frame to one end of a link; false when there is none.
func (w *world) deliver(l *link, end int) bool {
	if len(l.wires[end]) == 0 || l.reads[end] > readRoom {
		return false
	}
	frame := l.wires[end][0]
	l.wires[end] = l.wires[end][1:]
	l.bytes[end] -= len(frame)
	l.reads[end] += len(frame)
	m, err := peer.Decode(peer.Type(frame[4]), frame[5:])
	if err != nil {
		w.t.Fatalf("%s gets %x: %v", l.ends[end].name, frame, err)
	}
	to := l.ends[end]
	to.replica.Receive(l.ends[1-end].id(), m, func() { l.reads[end] -= len(frame) })
	to.step()
	return true
}

// settle delivers everything and lets time pass until nothing is to happen within
// two minutes of the world.
func (w *world) settle() {
	for {
		for _, l := range slices.Clone(w.links) {
			for end := range l.ends {
				for slices.Contains(w.links, l) && w.deliver(l, end) {
				}
			}
		}
		next := w.next(w.now.Add(2 * time.Minute))
		if next.After(w.now.Add(time.Minute)) && !slices.ContainsFunc(w.links, (*link).busy) {
			return
		}
		w.pass(max(time.Millisecond, min(next.Sub(w.now), time.Second)))
	}
}

// busy reports whether a frame waits at an end that could read it.
func (l *link) busy() bool {
	for end := range l.ends {
		if len(l.wires[end]) > 0 && l.reads[end] <= readRoom {
			return true
		}
	}
	return false
}

// next is when the first device wants to be stepped, at most end.
func (w *world) next(end time.Time) time.Time {
	for _, d := range w.devices {
		if d.wake.Before(end) {
			end = d.wake
		}
	}
	return end
}

// pass lets time pass; replicas are stepped when they asked for it.
func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); ; {
		if next := w.next(end); next.After(w.now) {
			w.now = next
		}
		for _, d := range w.devices {
			if !d.wake.After(w.now) {
				d.step()
			}
		}
		if !w.now.Before(end) {
			return
		}
	}
}

// write lets a person write; the text is remembered once it was acknowledged.
func (d *device) write(to *device, text string) {
	life := d.life
	d.replica.Write(chat.Draft{To: to.id(), Kind: chat.KindText, Body: chat.Text{Text: text}}, func(e chat.Entry, err error) {
		if life.dead || errors.Is(err, errFull) {
			return
		}
		if err != nil {
			d.w.t.Errorf("%s writes: %v", d.name, err)
			return
		}
		d.w.written[e.ID] = text
	})
	d.step()
}

// with is the conversation of two devices.
func with(a, b *device) peer.Hash {
	id, _ := chat.Direct(a.id(), b.id())
	return id
}

// texts is what a device shows of a conversation.
func (d *device) texts(other *device) []string {
	var all []string
	for _, e := range d.disk.Shown(with(d, other)) {
		t, err := e.Text()
		if err != nil {
			d.w.t.Errorf("%s: %v", d.name, err)
		}
		all = append(all, t.Text)
	}
	return all
}

// wait steps until a condition holds, for at most ten minutes of the world.
func (w *world) wait(what string, holds func() bool) {
	w.t.Helper()
	for range 600 {
		if w.settle(); holds() {
			return
		}
		w.pass(time.Second)
	}
	w.t.Fatalf("never: %s", what)
}

// replace puts another disk into a device: a restored backup, or an empty one.
func (d *device) replace(disk *chattest.Memory) {
	d.disk = disk
	d.start()
	for id := range d.w.written {
		if !d.w.anywhere(id) {
			d.w.lost[id] = true
		}
	}
}

// anywhere reports whether any disk holds an entry.
func (w *world) anywhere(id uuid.UUID) bool {
	for _, d := range w.devices {
		for _, other := range w.devices {
			if d.holds(other, id) {
				return true
			}
		}
	}
	return false
}

func (d *device) holds(other *device, id uuid.UUID) bool {
	if d.id() == other.id() {
		return false
	}
	for _, author := range []peer.ID{d.id(), other.id()} {
		if places, _ := d.disk.Find(with(d, other), chat.EntryKey{Author: author, ID: id}); len(places) > 0 {
			return true
		}
	}
	return false
}

// meet lets every two devices meet until that changes nothing, as often as a
// chain of news may need.
func (w *world) meet() {
	for range 4 {
		for i, a := range w.devices {
			for _, b := range w.devices[i+1:] {
				if a.id() == b.id() {
					continue
				}
				for len(w.links) > 0 {
					w.disconnect(w.links[0].ends[0], w.links[0].ends[1])
				}
				a.replica.Accept(b.id())
				b.replica.Accept(a.id())
				w.connect(a, b)
				w.settle()
			}
		}
	}
}
