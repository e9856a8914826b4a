package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

func TestQueuedMessagesArriveOnceInOrder(t *testing.T) {
	for _, n := range []int{1000, 2500} {
		t.Run(fmt.Sprintf("%d messages while the other is away/O-01", n), func(t *testing.T) {
			w := newWorld(t, 2)
			a, b := w.devices[0], w.devices[1]
			b.replica.Accept(a.id())
			var want []string
			for i := range n {
				want = append(want, fmt.Sprint("m", i))
				a.write(b, want[i])
			}
			w.connect(a, b)
			w.settle()
			if got := b.texts(a); !slices.Equal(got, want) {
				t.Errorf("%d texts shown, or others", len(got))
			}
			w.check()
		})
	}
}

// TestReceiverIsKilled kills the receiver at its n-th effect on the world, for
// every n until it gets through: before the commit, between the commit and the
// acknowledgement, and after it.
func TestReceiverIsKilled(t *testing.T) {
	t.Run("killed at every step/O-03", func(t *testing.T) {
		for n := 0; ; n++ {
			w := newWorld(t, 2)
			a, b := w.devices[0], w.devices[1]
			b.replica.Accept(a.id())
			b.step()
			for i := range 3 {
				a.write(b, fmt.Sprint("m", i))
			}
			b.life.left = n
			life := b.life
			w.connect(a, b)
			w.settle()
			a.write(b, "m3")
			w.settle()
			w.connect(a, b)
			w.settle()
			if got := b.texts(a); !slices.Equal(got, []string{"m0", "m1", "m2", "m3"}) {
				t.Fatalf("killed after %d effects: %q", n, got)
			}
			w.check()
			if !life.dead {
				t.Logf("%d places to be killed at", n)
				if n < 7 {
					t.Error("fewer than there were")
				}
				return
			}
		}
	})
}

func TestSameUUID(t *testing.T) {
	t.Run("with another body, and of a third person's message/O-05", func(t *testing.T) {
		s := newSolo(t, chattest.NewMemory())
		b, c := newAuthor(t, 2), newAuthor(t, 3)
		s.up(b)
		s.up(c)
		first := b.say("first")
		s.add(b, first)
		h := b.next
		h.ID = first.ID
		s.add(b, b.adds(b.seal(h, "second")))
		h = c.next
		h.ID = first.ID
		s.add(c, c.adds(c.seal(h, "third person")))
		s.wantShown(b, "first")
		s.wantShown(c, "third person")
		h = b.next
		h.Log, h.Number, h.Before, h.ID, h.Clock = 5, 1, nil, first.ID, 1
		s.add(b, b.seal(h, "in another log, with an earlier clock"))
		s.add(b, b.say("next"))
		s.wantShown(b, "first", "next")
		if n := len(events[chat.EntryAdded](s)); n != 3 {
			t.Errorf("%d entries were told, want 3", n)
		}
	})
}

func TestAlteredEntries(t *testing.T) {
	other, _ := chat.Direct(identity(2).ID(), identity(3).ID())
	tests := []struct {
		name  string
		alter func(b, c *author) peer.SignedEntry
	}{
		{"body", func(b, c *author) peer.SignedEntry {
			e := b.say("pay 10").Signed()
			e.Body = []byte(strings.Replace(string(e.Body), "10", "99", 1))
			return e
		}},
		{"no body", func(b, c *author) peer.SignedEntry {
			e := b.say("pay 10").Signed()
			e.Body = nil
			return e
		}},
		{"author", func(b, c *author) peer.SignedEntry {
			h := b.next
			e := c.seal(h, "I am b") // signed by c, and says so
			return e.Signed()
		}},
		{"author in the header", func(b, c *author) peer.SignedEntry {
			e := c.seal(b.next, "I am b")
			id, bid := c.ID(), b.ID()
			raw := strings.Replace(string(e.Raw), string(id[:]), string(bid[:]), 1)
			return peer.SignedEntry{Header: []byte(raw), Signature: e.Signature, Body: e.Body}
		}},
		{"conversation", func(b, c *author) peer.SignedEntry {
			h := b.next
			h.Conversation = other
			return b.seal(h, "said to c").Signed()
		}},
		{"no signature", func(b, c *author) peer.SignedEntry {
			e := b.say("pay 10").Signed()
			e.Signature = nil
			return e
		}},
		{"another signature", func(b, c *author) peer.SignedEntry {
			e := b.say("pay 10").Signed()
			e.Signature = b.say("more").Signature
			return e
		}},
		{"clock before the one before", func(b, c *author) peer.SignedEntry {
			h := b.next
			h.Clock = 5
			return b.seal(h, "earlier").Signed()
		}},
	}
	for _, test := range tests {
		t.Run(test.name+"/O-07", func(t *testing.T) {
			s := newSolo(t, chattest.NewMemory())
			b, c := newAuthor(t, 2), newAuthor(t, 3)
			s.up(b)
			s.add(b, b.say("before"))
			s.tell(b, peer.Entries{Entries: []peer.SignedEntry{test.alter(b, c)}})
			s.wantShown(b, "before")
			refused := events[chat.Refused](s)
			if len(refused) != 1 || refused[0].Count != 1 || refused[0].Peer != b.ID() {
				t.Errorf("refused: %v", refused)
			}
			if len(events[chat.Broken](s)) > 0 {
				t.Error("the session was dropped for it")
			}
		})
	}
}

func TestWrongClocks(t *testing.T) {
	t.Run("three years ahead, then behind/O-13", func(t *testing.T) {
		w := newWorld(t, 2)
		a, b := w.devices[0], w.devices[1]
		w.connect(a, b)
		var want []string
		year := 365 * 24 * time.Hour
		for i, skew := range []time.Duration{0, 3 * year, -3 * year, 3 * year, 0} {
			b.skew = skew
			for j, pair := range [][2]*device{{a, b}, {b, a}, {a, b}} {
				want = append(want, fmt.Sprint(i, j))
				pair[0].write(pair[1], want[len(want)-1])
				w.settle()
			}
		}
		if got := a.texts(b); !slices.Equal(got, want) {
			t.Errorf("a shows %q, want %q: an answer follows what it answers", got, want)
		}
		w.check()
		for _, e := range slices.Concat(a.events, b.events) {
			if r, ok := e.(chat.Refused); ok {
				t.Errorf("refused: %v", r.Err)
			}
		}
	})
}

func TestFarTooFarAheadIsLeftForLater(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2)
	s.up(b)
	h := b.next
	h.Clock += 11 * 365 * 24 * 60 * 60 * 1000
	e := b.adds(b.seal(h, "from the future"))
	s.add(b, e)
	s.wantShown(b)
	s.now = s.now.Add(2 * 365 * 24 * time.Hour)
	s.up(b)
	s.tell(b, b.have(peer.HaveLog{Author: b.ID(), Log: 77, First: 1, Last: 1, Hash: e.Hash()}))
	if wants := got[peer.Want](s, b); len(wants) != 1 {
		t.Fatalf("asked for %v", wants)
	}
	s.add(b, e)
	s.wantShown(b, "from the future")
	if r := events[chat.Refused](s); len(r) > 0 {
		t.Errorf("refused: %v", r)
	}
}

func TestKinds(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2)
	s.up(b)
	for _, kind := range []chat.Kind{chat.KindNewer, 1 << 31} {
		h := b.next
		h.Kind = kind
		s.add(b, b.adds(b.seal(h, "news")))
	}
	h := b.next
	h.Kind = 77 // an older version cannot do without knowing it
	s.add(b, b.seal(h, "later"))
	s.wantShown(b, "kind 128", "kind 2147483648")
	s.tell(b, peer.Want{Ranges: []peer.WantRange{{Conversation: b.next.Conversation, Author: b.ID(), Log: 77, From: 1}}})
	if m := got[peer.Entries](s, b); len(m) != 1 || len(m[0].Entries) != 2 {
		t.Errorf("passed on: %v", m)
	}
}

func TestNotShared(t *testing.T) {
	other, names := chat.Direct(identity(2).ID(), identity(3).ID())
	ours, ourNames := chat.Direct(identity(1).ID(), identity(2).ID())
	stranger := peer.HaveLog{Author: identity(3).ID(), Log: 1, First: 1, Last: 9}
	fine := peer.HaveLog{Author: identity(2).ID(), Log: 1, First: 1, Last: 9}
	backwards := peer.HaveLog{Author: identity(2).ID(), Log: 1, First: 9, Last: 1}
	have := func(id peer.Hash, preimage []byte, logs ...peer.HaveLog) peer.Message {
		return peer.Have{Conversations: []peer.HaveConversation{{ID: ours, Logs: []peer.HaveLog{fine}}, {ID: id, Preimage: preimage, Logs: logs}}}
	}
	for name, m := range map[string]peer.Message{
		"have for a conversation that is not shared": have(other, names),
		"have without what the ID hashes":            have(other, nil),
		"have with what another ID hashes":           have(ours, names),
		"have with our names for another ID":         have(other, ourNames),
		"have of somebody else's log":                have(ours, nil, stranger),
		"have that ends before it begins":            have(ours, nil, backwards),
		"want for a conversation that is not shared": peer.Want{Ranges: []peer.WantRange{{Conversation: other, Author: identity(2).ID(), From: 1}}},
	} {
		t.Run(name+"/F-11", func(t *testing.T) {
			s := newSolo(t, chattest.NewMemory())
			b := newAuthor(t, 2)
			s.up(b)
			s.sent = map[peer.ID][]peer.Message{}
			s.tell(b, m)
			if broken := events[chat.Broken](s); len(broken) != 1 || broken[0].Peer != b.ID() {
				t.Errorf("broken: %v", broken)
			}
			s.add(b, b.say("after it"))
			if len(s.sent) > 0 || len(s.shown(b)) > 0 {
				t.Errorf("sent %v, shown %v", s.sent, s.shown(b))
			}
			s.up(b)
			s.add(b, b.say("not the next"))
			b = newAuthor(t, 2)
			s.add(b, b.say("in another session"))
			s.wantShown(b, "in another session")
		})
	}
}

func TestLiveEntriesNeedNoAsking(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	w.connect(a, b)
	w.settle()
	a.write(b, "now")
	l := w.links[0]
	if n := len(l.wires[1]); n != 1 || peer.Type(l.wires[1][0][4]) != peer.TypeEntries {
		t.Fatalf("%d frames went out", n)
	}
	w.deliver(l, 1)
	if n := len(l.wires[0]); n != 1 || peer.Type(l.wires[0][0][4]) != peer.TypeHave {
		t.Fatalf("%d frames came back", n)
	}
	w.settle()
	w.check()
}

func TestWriteTwice(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2)
	id := uuid.Must(uuid.NewV7())
	var entries []chat.Entry
	write := func(text string) {
		d := chat.Draft{To: b.ID(), ID: id, Kind: chat.KindText, Body: chat.Text{Text: text}}
		s.replica.Write(d, func(e chat.Entry, err error) {
			if err != nil {
				t.Error(err)
			}
			entries = append(entries, e)
		})
	}
	write("one")
	write("two")
	s.step()
	write("three")
	s.step()
	s.wantShown(b, "one")
	if len(entries) != 3 || entries[0].Hash() != entries[1].Hash() || entries[0].Hash() != entries[2].Hash() {
		t.Errorf("%d replies, or of different entries", len(entries))
	}
	if n := len(events[chat.EntryAdded](s)); n != 1 {
		t.Errorf("told %d times", n)
	}
}

func TestBadDrafts(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2).ID()
	bad := 0
	for _, d := range []chat.Draft{
		{To: b, Kind: chat.KindText, Body: chat.Text{Text: strings.Repeat("x", chat.MaxText+1)}},
		{To: b, Kind: chat.KindText, Body: chat.Text{Text: "\xff"}},
		{To: b, Kind: chat.KindText, Body: "text"},
		{To: b, Kind: chat.KindOffer, Body: chat.Text{Text: "x"}},
		{To: b, Kind: chat.KindText, Body: chat.Offer{Name: "x"}},
		{To: b, Kind: chat.KindText, Body: chat.Confirmation{}},
		{To: b, Kind: chat.KindOffer, Body: chat.Offer{Name: strings.Repeat("x", 60_000)}},
		{To: identity(1).ID(), Kind: chat.KindText, Body: chat.Text{Text: "to myself"}},
	} {
		s.replica.Write(d, func(_ chat.Entry, err error) {
			if err != nil {
				bad++
			}
		})
	}
	var good error
	s.replica.Write(chat.Draft{To: b, Kind: chat.KindOffer, Body: chat.Offer{Name: "x", Files: 1}}, func(_ chat.Entry, err error) { good = err })
	s.step()
	if bad != 8 || good != nil {
		t.Errorf("%d of 8 were refused; the good one: %v", bad, good)
	}
}

func TestReadIsTold(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	w.connect(a, b)
	for i := range 4 {
		a.write(b, fmt.Sprint("m", i))
	}
	w.settle()
	shown := b.disk.Shown(with(a, b))
	b.replica.Read(with(a, b), shown[2].Position())
	b.replica.Read(with(a, b), shown[0].Position()) // never goes back
	b.step()
	w.settle()
	seen, _ := a.disk.Seen(with(a, b), b.id())
	if len(seen) != 1 || seen[0].Last != 4 || seen[0].Read != 3 {
		t.Errorf("seen %+v, want 4 held and 3 read", seen)
	}
	var last chat.Progress
	for _, e := range a.events {
		if p, ok := e.(chat.Progress); ok {
			last = p
		}
	}
	if last.Was.Read != 0 || last.Now.Read != 3 || last.Now.Last != 4 || last.Peer != b.id() {
		t.Errorf("progress %+v", last)
	}
}
