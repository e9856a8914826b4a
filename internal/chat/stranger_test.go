package chat_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

func TestStrangerIsHeldBack(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	for i := range 30 {
		a.write(b, fmt.Sprint("m", i))
	}
	w.connect(a, b)
	w.settle()
	if n := len(b.texts(a)); n != 20 {
		t.Errorf("%d texts of a stranger are shown, want 20", n)
	}
	if n := len(a.delivered(b)); n != 20 {
		t.Errorf("%d count as delivered, want 20", n)
	}
	if held := eventsOf[chat.Held](b); len(held) != 1 || held[0] != (chat.Held{Peer: a.id()}) {
		t.Errorf("held: %v", held)
	}
	if waiting := eventsOf[chat.Waiting](a); !slices.Equal(waiting, []chat.Waiting{{b.id(), true}}) {
		t.Errorf("waiting: %v", waiting)
	}
	a.write(b, "m30")
	w.settle()
	b.replica.Accept(a.id())
	b.step()
	w.settle()
	if n := len(b.texts(a)); n != 31 {
		t.Errorf("%d texts are shown after the answer, want 31", n)
	}
	if waiting := eventsOf[chat.Waiting](a); len(waiting) != 2 || waiting[1].On {
		t.Errorf("waiting: %v", waiting)
	}
	w.check()
}

func eventsOf[E chat.Event](d *device) []E {
	var all []E
	for _, e := range d.events {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

func TestWritingAnswersAStranger(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	for i := range 30 {
		a.write(b, fmt.Sprint("m", i))
	}
	w.connect(a, b)
	w.settle()
	b.write(a, "who is there?")
	w.settle()
	if n := len(a.texts(b)); n != 31 {
		t.Errorf("%d texts are shown, want 31", n)
	}
	w.check()
}

func TestStrangersCaps(t *testing.T) {
	long := strings.Repeat("x", 30<<10)
	for _, c := range []struct {
		name string
		kind chat.Kind
		text string
		want int
	}{
		{"bytes", chat.KindText, long, 2},
		{"offers", chat.KindOffer, "", 4},
		{"entries", chat.KindText, "", 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSolo(t, chattest.NewMemory())
			b := newAuthor(t, 2)
			s.up(b)
			for range 25 {
				h := b.next
				h.Kind = c.kind
				s.add(b, b.adds(b.seal(h, c.text)))
			}
			if n := len(s.shown(b)); n != c.want {
				t.Errorf("%d were taken, want %d", n, c.want)
			}
			if n := len(events[chat.Held](s)); n != 1 {
				t.Errorf("told %d times", n)
			}
			for _, e := range events[chat.EntryAdded](s) {
				if !e.Stranger {
					t.Error("told as from a contact")
				}
			}
		})
	}
}

func TestRequestsAreBounded(t *testing.T) {
	disk := chattest.NewMemory()
	var b chat.Batch
	for i := range 2000 {
		id := peer.ID{9, byte(i), byte(i >> 8)}
		conversation, preimage := chat.Direct(identity(1).ID(), id)
		b.Conversations = append(b.Conversations, chat.Conversation{ID: conversation, Preimage: preimage, Peer: chat.DeviceParty(id)})
	}
	if err := disk.Apply(b); err != nil {
		t.Fatal(err)
	}
	s := newSolo(t, disk)
	c := newAuthor(t, 3)
	s.up(c)
	s.add(c, c.say("let me in"))
	s.wantShown(c)
	if held := events[chat.Held](s); len(held) != 1 || !held[0].Full {
		t.Errorf("held: %v", held)
	}
	s.replica.Accept(c.ID())
	s.step()
	if wants := got[peer.Want](s, c); len(wants) != 1 {
		t.Errorf("asked for %v", wants)
	}
}

func TestRequestsFromOneAddressAreBounded(t *testing.T) {
	for _, c := range []struct {
		what        string
		from        func(n byte) string // of the n-th stranger
		last, other string
	}{
		{"an IPv4 address", func(byte) string { return "10.0.0.9" }, "10.0.0.9", "10.0.0.10"},
		{"it inside IPv6", func(byte) string { return "10.0.0.9" }, "::ffff:10.0.0.9", "::ffff:10.0.0.10"},
		{"a network of IPv6 addresses", func(n byte) string { return fmt.Sprintf("fd77::%x", n) }, "fd77::ffff", "fd77:0:0:1::9"},
		{"a link", func(n byte) string { return fmt.Sprintf("fe80::%x%%eth0", n) }, "fe80::9%eth1", "fe80:1::9%eth0"},
	} {
		t.Run(c.what, func(t *testing.T) {
			disk := chattest.NewMemory()
			s := newSolo(t, disk)
			var first *author
			for n := range byte(32) {
				b := newAuthor(t, 100+n)
				b.from = netip.MustParseAddr(c.from(n))
				if n == 0 {
					first = b
				}
				s.up(b)
				s.add(b, b.say("let me in"))
				s.wantShown(b, "let me in")
			}
			s = newSolo(t, disk) // a restart forgets nothing of it
			last, other, unknown := newAuthor(t, 2), newAuthor(t, 3), newAuthor(t, 4)
			last.from, other.from = netip.MustParseAddr(c.last), netip.MustParseAddr(c.other)
			e := last.say("me too")
			s.up(last)
			s.add(last, e)
			s.wantShown(last)
			if held := events[chat.Held](s); !slices.Equal(held, []chat.Held{{Peer: last.ID(), Full: true}}) {
				t.Errorf("held: %v", held)
			}
			for _, b := range []*author{other, unknown} {
				s.up(b)
				s.add(b, b.say("from elsewhere"))
				s.wantShown(b, "from elsewhere")
			}
			s.replica.Accept(first.ID()) // an answer makes room
			s.up(last)
			s.add(last, e)
			s.wantShown(last, "me too")
		})
	}
}

func TestAContactNeedsNoPlaceAtItsAddress(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	for n := range byte(40) {
		b := newAuthor(t, 100+n)
		b.from = netip.MustParseAddr("10.0.0.9")
		s.replica.Accept(b.ID())
		s.up(b)
		s.add(b, b.say("hello"))
		s.wantShown(b, "hello")
	}
	b := newAuthor(t, 2)
	b.from = netip.MustParseAddr("10.0.0.9")
	s.up(b)
	s.add(b, b.say("hello"))
	s.wantShown(b, "hello")
}

func TestStrangersLeaveNoTrace(t *testing.T) {
	disk := chattest.NewMemory()
	s := newSolo(t, disk)
	for i := range 50 {
		b := newAuthor(t, byte(10+i))
		s.up(b)
		s.replica.Down(b.ID())
		s.step()
	}
	if all, _ := disk.Conversations(); len(all) != 0 || len(s.events) != 0 {
		t.Errorf("%d conversations, events %v", len(all), s.events)
	}
}

func TestTooManyLiveEntriesAreReadSlower(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2)
	s.replica.Accept(b.ID())
	s.up(b)
	done, begin := 0, s.now
	for range 100 {
		s.replica.Receive(b.ID(), peer.Entries{Entries: []peer.SignedEntry{b.say("x").Signed()}}, func() { done++ })
	}
	pause := s.step()
	if len(s.shown(b)) != 100 {
		t.Errorf("%d of 100 were taken: something was refused", len(s.shown(b)))
	}
	if done != 60 {
		t.Errorf("%d were done at once, want 60", done)
	}
	for done < 100 {
		if pause <= 0 || pause > time.Second {
			t.Fatalf("%d done, then nothing for %v", done, pause)
		}
		s.now = s.now.Add(pause)
		pause = s.step()
	}
	if took := s.now.Sub(begin); took < 1900*time.Millisecond || took > 2100*time.Millisecond {
		t.Errorf("the rest took %v, want 2 s", took)
	}
}

func TestAskedForIsNotSlower(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2)
	s.replica.Accept(b.ID())
	s.up(b)
	var all []chat.Entry
	for range 300 {
		all = append(all, b.say("x"))
	}
	last := all[len(all)-1]
	s.tell(b, b.have(peer.HaveLog{Author: b.ID(), Log: 77, First: 1, Last: last.Number, Hash: last.Hash()}))
	wants := got[peer.Want](s, b)
	if len(wants) != 1 || len(wants[0].Ranges) != 1 || wants[0].Ranges[0].From != 1 || *wants[0].Ranges[0].To != 300 {
		t.Fatalf("asked for %+v", wants)
	}
	for len(all) > 0 {
		if !s.add(b, all[:100]...) {
			t.Error("what was asked for had to wait")
		}
		all = all[100:]
	}
}

// TestEagerSenderIsNotPunished writes much at once: what goes out live is within
// what the other side takes, the rest is asked for.
func TestEagerSenderIsNotPunished(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	b.replica.Accept(a.id())
	w.connect(a, b)
	w.settle()
	begin := w.now
	for i := range 500 {
		a.write(b, fmt.Sprint(i))
	}
	w.wait("all is delivered", func() bool { return len(a.delivered(b)) == 500 })
	if took := w.now.Sub(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	w.check()
}

// newLog makes an entry that begins a log.
func (a *author) newLog(log uint64) chat.Entry {
	h := a.next
	h.Log, h.Number, h.Before, h.ID = log, 1, nil, uuid.Must(uuid.NewV7())
	return a.seal(h, "")
}
