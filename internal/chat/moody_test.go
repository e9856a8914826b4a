package chat_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

// holds is what says that a peer has an entry, and those before it.
func (a *author) holds(e chat.Entry) peer.Have {
	return a.have(peer.HaveLog{Author: e.Author, Log: e.Log, First: 1, Last: e.Number, Hash: e.Hash()})
}

// TestStoreFailsForAStranger: whether one more stranger may write cannot be read
// once; what it wrote is asked for a little later.
func TestStoreFailsForAStranger(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2)
	s.up(b)
	s.fails["Requests"] = 1
	e := b.say("hello")
	s.add(b, e)
	s.wantShown(b)
	s.now = s.now.Add(5 * time.Second)
	s.step()
	if wants := got[peer.Want](s, b); len(wants) != 1 {
		t.Fatalf("asked for %+v", wants)
	}
	s.add(b, e)
	s.wantShown(b, "hello")
}

// TestStoreFailsAtTheBeginning: the conversation cannot be read when the session
// begins; it begins a little later, with what the peer said first.
func TestStoreFailsAtTheBeginning(t *testing.T) {
	for _, method := range []string{"Logs", "Seen"} {
		t.Run(method, func(t *testing.T) {
			disk := chattest.NewMemory()
			b := newAuthor(t, 2)
			s := newSolo(t, disk)
			s.up(b)
			s.add(b, b.say("before"))

			s = newSolo(t, disk)
			s.fails[method] = 2
			s.replica.Up(b.ID(), b.from)
			e := b.say("after")
			done := s.tell(b, b.holds(e))
			if done || len(s.sent) > 0 {
				t.Fatalf("done %v, sent %v", done, s.sent)
			}
			for range 2 {
				s.now = s.now.Add(5 * time.Second)
				s.step()
			}
			if wants := got[peer.Want](s, b); len(wants) != 1 || wants[0].Ranges[0].From != 2 {
				t.Fatalf("asked for %+v", wants)
			}
			s.add(b, e)
			s.wantShown(b, "before", "after")
		})
	}
}

// TestASessionThatBeginsLateKeepsItsAddress: by it strangers are counted.
func TestASessionThatBeginsLateKeepsItsAddress(t *testing.T) {
	disk := chattest.NewMemory()
	s := newSolo(t, disk)
	b := newAuthor(t, 2)
	b.from = netip.MustParseAddr("10.0.0.9")
	s.fails["Contact"] = 1
	s.up(b)
	s.now = s.now.Add(5 * time.Second)
	s.step()
	s.add(b, b.say("hello"))
	if all, there, _ := disk.Requests(netip.MustParsePrefix("10.0.0.9/32")); all != 1 || there != 1 {
		t.Errorf("%d requests, %d from its address", all, there)
	}
}

// TestGoneBeforeTheBeginning: what a session said that never began is done when
// it is over.
func TestGoneBeforeTheBeginning(t *testing.T) {
	disk := chattest.NewMemory()
	b := newAuthor(t, 2)
	s := newSolo(t, disk)
	s.up(b)
	s.add(b, b.say("before"))

	s = newSolo(t, disk)
	s.fails["Logs"] = 1
	done := 0
	s.replica.Up(b.ID(), b.from)
	s.replica.Receive(b.ID(), peer.Have{}, func() { done++ })
	s.replica.Down(b.ID())
	s.now = s.now.Add(time.Minute)
	s.step()
	if done != 1 || len(s.sent) > 0 {
		t.Errorf("done %d times, sent %v", done, s.sent)
	}
}

// TestContactsAreNotWeighed: to weigh is to read all that somebody wrote.
func TestContactsAreNotWeighed(t *testing.T) {
	disk := chattest.NewMemory()
	b := newAuthor(t, 2)
	s := newSolo(t, disk)
	s.up(b)
	s.add(b, b.say("hello"))
	s = newSolo(t, disk)
	s.up(b)
	if s.calls["Weight"] != 1 {
		t.Errorf("a stranger was weighed %d times", s.calls["Weight"])
	}
	s.replica.Accept(b.ID())
	s.step()
	s = newSolo(t, disk)
	s.written(b, 30)
	s.up(b)
	if s.calls["Weight"] != 0 {
		t.Errorf("a contact was weighed %d times", s.calls["Weight"])
	}
	if waiting := events[chat.Waiting](s); slices.ContainsFunc(waiting, func(w chat.Waiting) bool { return w.On }) {
		t.Errorf("who wrote to us holds nothing back: %v", waiting)
	}
}

// TestReadBehindTheEnd: a database that lost the end of a log knows how far it
// was read; the peer is told no more than is held, and asked for the rest.
func TestReadBehindTheEnd(t *testing.T) {
	for held := range 3 {
		disk := chattest.NewMemory()
		b := newAuthor(t, 2)
		s := newSolo(t, disk)
		all := []chat.Entry{b.say("1"), b.say("2"), b.say("3")}
		s.replica.Accept(b.ID())
		l := chat.Log{Conversation: b.next.Conversation, LogKey: all[0].LogKey(), Read: 2}
		if held > 0 {
			l.First, l.Last, l.Hash, l.Clock = 1, uint64(held), all[held-1].Hash(), all[held-1].Clock
		}
		id, preimage := chat.Direct(identity(1).ID(), b.ID())
		err := disk.Apply(chat.Batch{
			Conversations: []chat.Conversation{{ID: id, Preimage: preimage, Peer: chat.DeviceParty(b.ID())}},
			Entries:       all[:held], Logs: []chat.Log{l}, Contacts: []chat.Party{chat.DeviceParty(b.ID())},
		})
		if err != nil {
			t.Fatal(err)
		}
		s = newSolo(t, disk)
		s.replica.Up(b.ID(), b.from)
		s.tell(b, b.holds(all[2]))
		for _, m := range s.sent[b.ID()] {
			if m, ok := m.(peer.Have); ok && m.Conversations[0].Logs[0].Read != uint64(held) {
				t.Errorf("%d held: have %+v", held, m)
			}
		}
		if wants := got[peer.Want](s, b); len(wants) != 1 || wants[0].Ranges[0].From != uint64(held)+1 {
			t.Errorf("%d held: asked for %+v", held, wants)
		}
		s.add(b, all[held:]...)
		s.wantShown(b, "1", "2", "3")
		if logs, _ := disk.Logs(id); len(logs) != 1 || logs[0].Read != 2 || logs[0].Last != 3 {
			t.Errorf("%d held: %+v", held, logs)
		}
	}
}
