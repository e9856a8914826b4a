package chat_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

// second is another conversation of this device with somebody.
func second(name string, with peer.ID) chat.Conversation {
	preimage := []byte("a conversation of this test\x00" + name)
	return chat.Conversation{ID: sha256.Sum256(preimage), Preimage: preimage, Peer: chat.DeviceParty(with)}
}

// in is the same author with a log of the same number in another conversation.
func (a *author) in(v chat.Conversation) *author {
	other := newAuthor(a.t, 0)
	other.Identity, other.from, other.next.Conversation = a.Identity, a.from, v.ID
	return other
}

// newPair is a replica with a contact with whom it has two conversations; the
// first is the direct one.
func newPair(t *testing.T) (s *solo, first, other *author) {
	disk := chattest.NewMemory()
	first = newAuthor(t, 2)
	v := second("one more", first.ID())
	if err := disk.Apply(chat.Batch{Conversations: []chat.Conversation{v}, Contacts: []chat.Party{chat.DeviceParty(first.ID())}}); err != nil {
		t.Fatal(err)
	}
	return newSolo(t, disk), first, first.in(v)
}

// held is how many entries of a log are on the disk.
func (s *solo) held(e chat.Entry) uint64 {
	logs, err := s.disk.Logs(e.Conversation)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range logs {
		if l.LogKey == e.LogKey() {
			return l.Last
		}
	}
	return 0
}

// both puts what is said of two conversations into one message.
func both(a, b peer.Have) peer.Have {
	return peer.Have{Conversations: slices.Concat(a.Conversations, b.Conversations)}
}

// TestTwoConversationsInOneSession: the same log of the same author is another one
// in each; what is claimed, asked for, taken and told is of one of them.
func TestTwoConversationsInOneSession(t *testing.T) {
	s, first, other := newPair(t)
	s.up(first)
	var here, there []chat.Entry
	for i := range 3 {
		here = append(here, first.say(fmt.Sprint("here ", i)))
	}
	for i := range 5 {
		there = append(there, other.say(fmt.Sprint("there ", i)))
	}
	s.tell(first, both(first.holds(here[2]), other.holds(there[4])))
	asked := map[peer.Hash]uint64{}
	for _, w := range got[peer.Want](s, first) {
		for _, r := range w.Ranges {
			asked[r.Conversation] = *r.To
		}
	}
	if len(asked) != 2 || asked[here[0].Conversation] != 3 || asked[there[0].Conversation] != 5 {
		t.Errorf("asked for %v", asked)
	}
	s.add(first, there[0], here[0], there[1], here[1], there[2], there[3], there[4], here[2])
	if s.held(here[0]) != 3 || s.held(there[0]) != 5 {
		t.Fatalf("%d and %d entries, want 3 and 5", s.held(here[0]), s.held(there[0]))
	}
	told := map[peer.Hash]uint64{}
	haves := got[peer.Have](s, first)
	for _, hc := range haves[len(haves)-1].Conversations {
		told[hc.ID] = hc.Logs[0].Last
	}
	if len(told) != 2 || told[here[0].Conversation] != 3 || told[there[0].Conversation] != 5 {
		t.Errorf("told %v", told)
	}
	s.tell(first, peer.Want{Ranges: []peer.WantRange{{Conversation: there[0].Conversation, Author: first.ID(), Log: 77, From: 1}}})
	var served int
	for _, m := range got[peer.Entries](s, first) {
		for _, e := range m.Entries {
			if e, err := chat.ParseEntry(e); err != nil || e.Conversation != there[0].Conversation {
				t.Errorf("served %s, %v", e.ID, err)
			}
			served++
		}
	}
	if served != 5 {
		t.Errorf("%d entries served, want 5", served)
	}
}

// TestRefusedInOneConversation: what is wrong with a log in one conversation says
// nothing of the log with that name in another.
func TestRefusedInOneConversation(t *testing.T) {
	s, first, other := newPair(t)
	s.up(first)
	good := []chat.Entry{first.say("1"), first.say("2")}
	bad := other.say("forged")
	bad.Signature = slices.Clone(good[0].Signature)
	s.add(first, bad)
	s.tell(first, both(other.holds(bad), first.holds(good[1])))
	wants := got[peer.Want](s, first)
	if len(wants) != 1 || len(wants[0].Ranges) != 1 || wants[0].Ranges[0].Conversation != good[0].Conversation {
		t.Errorf("asked for %+v", wants)
	}
	s.add(first, good...)
	s.wantShown(first, "1", "2")
	if s.held(bad) != 0 || len(events[chat.Refused](s)) != 1 {
		t.Errorf("%d forged entries held, refused %v", s.held(bad), events[chat.Refused](s))
	}
}

// TestForkInOneConversation: a device writes all its conversations under one log
// number; another branch in one of them is none in the others.
func TestForkInOneConversation(t *testing.T) {
	s, first, other := newPair(t)
	ours := s.written(first, 2)
	s.up(first)
	self := newAuthor(t, 1)
	h := ours[0].Header
	h.Conversation = other.next.Conversation
	branch := self.seal(h, "in the other conversation")
	s.add(first, branch)
	if n := len(events[chat.Forked](s)); n != 0 || s.held(branch) != 1 {
		t.Fatalf("%d forks where there is none, %d entries came home", n, s.held(branch))
	}
	h.ID[0]++
	s.add(first, self.seal(h, "from a cloned disk"))
	forks := events[chat.Forked](s)
	if len(forks) != 1 || forks[0].Conversation != branch.Conversation {
		t.Fatalf("forked: %+v", forks)
	}
	s.tell(first, first.holds(ours[1]))
	p := events[chat.Progress](s)
	if last := p[len(p)-1]; last.Conversation != ours[0].Conversation || last.Now.Last != 2 {
		t.Errorf("progress %+v", p)
	}
}

// TestConversationOfOthers: what two devices have with each other is nobody
// else's, though this device has a conversation with both.
func TestConversationOfOthers(t *testing.T) {
	s, first, other := newPair(t)
	secret := other.say("between the two of us")
	s.up(first)
	s.add(first, secret)
	third := newAuthor(t, 3)
	for name, m := range map[string]peer.Message{
		"have": other.holds(secret),
		"want": peer.Want{Ranges: []peer.WantRange{{Conversation: secret.Conversation, Author: first.ID(), Log: 77, From: 1}}},
	} {
		t.Run(name+"/F-11", func(t *testing.T) {
			s.events = nil
			s.up(third)
			s.tell(third, m)
			if broken := events[chat.Broken](s); len(broken) != 1 || broken[0].Peer != third.ID() {
				t.Errorf("broken: %v", broken)
			}
		})
	}
	t.Run("entries/O-07", func(t *testing.T) {
		s.events = nil
		s.up(third)
		s.add(third, other.say("brought by somebody else"), third.in(second("one more", first.ID())).say("slipped in"))
		if refused := events[chat.Refused](s); len(refused) != 1 {
			t.Errorf("refused: %v", refused)
		}
		if n := len(s.disk.Shown(secret.Conversation)); n != 1 {
			t.Errorf("%d entries, want 1", n)
		}
	})
	for _, m := range s.sent[third.ID()] {
		if _, ok := m.(peer.Entries); ok {
			t.Error("somebody else was served")
		}
	}
}

// TestManyConversationsArePaged: what is held of all conversations fits into
// frames, whatever their sizes are, and everything is told once.
func TestManyConversationsArePaged(t *testing.T) {
	disk := chattest.NewMemory()
	first := newAuthor(t, 2)
	batch := chat.Batch{Contacts: []chat.Party{chat.DeviceParty(first.ID())}}
	want := 0
	for i, size := range slices.Repeat([]int{1, 2, 700, 3, 40, 508, 509, 510}, 4) {
		v := second(fmt.Sprint(i), first.ID())
		batch.Conversations = append(batch.Conversations, v)
		for n := range size {
			e := first.in(v).newLog(uint64(n)<<50 | 5)
			batch.Entries = append(batch.Entries, e)
			batch.Logs = append(batch.Logs, chat.Log{Conversation: v.ID, LogKey: e.LogKey(), First: 1, Last: 1, Hash: e.Hash(), Clock: e.Clock})
		}
		want += size
	}
	if err := disk.Apply(batch); err != nil {
		t.Fatal(err)
	}
	s := newSolo(t, disk)
	s.replica.Up(first.ID(), first.from)
	s.step()
	type log struct {
		conversation peer.Hash
		log          uint64
	}
	told := map[log]int{}
	pages := got[peer.Have](s, first)
	for i, page := range pages {
		if page.More != (i < len(pages)-1) {
			t.Errorf("page %d of %d: more %v", i+1, len(pages), page.More)
		}
		for _, hc := range page.Conversations {
			for _, l := range hc.Logs {
				told[log{hc.ID, l.Log}]++
			}
		}
	}
	if len(told) != want || len(pages) > want/400 {
		t.Errorf("%d logs of %d in %d pages", len(told), want, len(pages))
	}
	for l, n := range told {
		if n != 1 {
			t.Errorf("log %d was told %d times", l.log, n)
		}
	}
}

// TestSecondConversationCatchesUp: two devices that held different parts of two
// conversations hold the same of both when they have met, over several windows.
func TestSecondConversationCatchesUp(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	for i := range 30 {
		a.write(b, fmt.Sprint("direct ", i))
	}
	v := second("one more", b.id())
	writer := &author{Identity: b.identity, t: t}
	writer.next = chat.Header{Conversation: v.ID, Log: b.disk.Log(), Number: 1, Kind: chat.KindText, Clock: 1_796_000_000_000}
	batch := chat.Batch{Conversations: []chat.Conversation{v}}
	if err := a.disk.Apply(batch); err != nil {
		t.Fatal(err)
	}
	for i := range 2500 {
		batch.Entries = append(batch.Entries, writer.say(fmt.Sprint("second ", i)))
	}
	last := batch.Entries[2499]
	batch.Conversations[0].Peer = chat.DeviceParty(a.id())
	batch.Logs = []chat.Log{{Conversation: v.ID, LogKey: last.LogKey(), First: 1, Last: 2500, Hash: last.Hash(), Clock: last.Clock}}
	if err := b.disk.Apply(batch); err != nil {
		t.Fatal(err)
	}
	a.start()
	b.start()
	b.replica.Accept(a.id())
	w.connect(a, b)
	w.settle()
	w.check()
	if n := len(a.disk.Shown(v.ID)); n != 2500 {
		t.Errorf("%d of 2500 entries of the second conversation", n)
	}
	if seen, _ := b.disk.Seen(v.ID, a.id()); len(seen) != 1 || seen[0].Last != 2500 {
		t.Errorf("delivered: %+v", seen)
	}
}
