package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

func TestFirstHaveIsPaged(t *testing.T) {
	disk := chattest.NewMemory()
	b := newAuthor(t, 2)
	batch := chat.Batch{Contacts: []chat.Party{chat.DeviceParty(b.ID())}}
	id, preimage := chat.Direct(identity(1).ID(), b.ID())
	batch.Conversations = []chat.Conversation{{ID: id, Preimage: preimage, Peer: chat.DeviceParty(b.ID())}}
	for i := range 1200 {
		e := b.newLog(uint64(i)<<50 | 5)
		batch.Entries = append(batch.Entries, e)
		batch.Logs = append(batch.Logs, chat.Log{Conversation: id, LogKey: e.LogKey(), First: 1, Last: 1, Hash: e.Hash(), Clock: e.Clock})
	}
	if err := disk.Apply(batch); err != nil {
		t.Fatal(err)
	}
	s := newSolo(t, disk)
	s.replica.Up(b.ID(), b.from)
	s.step()
	pages := got[peer.Have](s, b)
	if len(pages) != 3 {
		t.Fatalf("%d pages, want 3", len(pages))
	}
	logs := map[uint64]bool{}
	for i, page := range pages {
		if page.More != (i < 2) {
			t.Errorf("page %d of 3: more %v", i+1, page.More)
		}
		hc := page.Conversations[0]
		if !slices.Equal(hc.Preimage, preimage) {
			t.Error("a page without what the ID hashes")
		}
		for _, l := range hc.Logs {
			logs[l.Log] = true
		}
	}
	if len(logs) != 1200 {
		t.Errorf("%d logs in all pages", len(logs))
	}
	s.tell(b, b.have())
	s.add(b, b.say("more"))
	if changes := got[peer.Have](s, b); len(changes) != 1 || len(changes[0].Conversations[0].Logs) != 1 || changes[0].Conversations[0].Preimage != nil {
		t.Errorf("afterwards: %+v", changes)
	}
}

func TestTheLastHaveCounts(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2)
	var e chat.Entry
	for i := range 3 {
		s.replica.Write(chat.Draft{To: b.ID(), Kind: chat.KindText, Body: chat.Text{Text: fmt.Sprint(i)}}, func(last chat.Entry, err error) { e = last })
		s.step()
	}
	all, _ := s.disk.Entries(e.Conversation, e.LogKey(), 1, 3, 1<<20)
	claims := func(n uint64) peer.HaveLog {
		return peer.HaveLog{Author: e.Author, Log: e.Log, First: 1, Last: n, Hash: all[n-1].Hash()}
	}
	s.replica.Up(b.ID(), b.from)
	s.tell(b, peer.Have{More: true})
	s.tell(b, b.have(claims(3)))
	if p := events[chat.Progress](s); len(p) != 1 || p[0].Now.Last != 3 {
		t.Fatalf("progress %+v", p)
	}
	s.tell(b, b.have(claims(2)))
	s.up(b) // with an empty database
	var lasts []uint64
	for _, p := range events[chat.Progress](s) {
		lasts = append(lasts, p.Now.Last)
	}
	if !slices.Equal(lasts, []uint64{3, 2, 0}) {
		t.Errorf("delivered up to %v, want 3 2 0", lasts)
	}
	if seen, _ := s.disk.Seen(e.Conversation, b.ID()); len(seen) != 0 {
		t.Errorf("seen %+v", seen)
	}
	lie := claims(3)
	lie.Hash[0]++
	s.tell(b, b.have(lie))
	if p := events[chat.Progress](s); len(p) != 3 {
		t.Errorf("another entry counts as delivered: %+v", p)
	}
	if forks := events[chat.Forked](s); len(forks) != 1 || forks[0].Author != identity(1).ID() || forks[0].Peer != b.ID() {
		t.Errorf("forked: %+v", forks)
	}
}

func TestFullQueueIsTriedAgain(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2)
	for range 5 {
		s.replica.Write(chat.Draft{To: b.ID(), Kind: chat.KindText, Body: chat.Text{Text: strings.Repeat("x", 30_000)}}, func(chat.Entry, error) {})
	}
	s.step()
	logs, _ := s.disk.Logs(b.next.Conversation)
	s.deaf = true
	s.up(b)
	s.tell(b, peer.Want{Ranges: []peer.WantRange{{Conversation: b.next.Conversation, Author: identity(1).ID(), Log: logs[0].Log, From: 1}}})
	s.deaf = false
	if pause := s.step(); pause <= 0 || pause > time.Second {
		t.Fatalf("tries again after %v", pause)
	} else {
		s.now = s.now.Add(pause)
	}
	s.step()
	var entries int
	haves := 0
	for _, m := range s.sent[b.ID()] {
		switch m := m.(type) {
		case peer.Have:
			haves++
		case peer.Entries:
			entries += len(m.Entries)
		}
	}
	if haves != 1 || entries != 5 {
		t.Errorf("%d haves and %d entries, want 1 and 5", haves, entries)
	}
}

// TestLongBranches heals forks that are far from the end of the log, and longer
// than what is asked for at a time.
func TestLongBranches(t *testing.T) {
	for _, c := range []struct{ common, first, second int }{{50, 300, 200}, {0, 100, 100}, {10, 1100, 40}, {40, 1, 1100}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			w := newWorld(t, 2)
			a, b := w.devices[0], w.devices[1]
			b.replica.Accept(a.id())
			n := 0
			write := func(times int) {
				for range times {
					n++
					a.write(b, fmt.Sprint("m", n))
				}
				w.connect(a, b)
				w.settle()
				w.disconnect(a, b)
			}
			write(c.common)
			backup := a.disk.Copy()
			write(c.first)
			a.replace(backup)
			for range c.second {
				n++
				a.write(b, fmt.Sprint("m", n))
			}
			w.connect(a, b)
			w.settle()
			w.check()
			if got := len(b.texts(a)); got != n {
				t.Errorf("%d texts of %d", got, n)
			}
			if a.forks() != 1 || b.forks() != 1 {
				t.Errorf("alarms: %d and %d, want one on both sides", a.forks(), b.forks())
			}
			write(3)
			w.check()
			if a.forks() != 1 || b.forks() != 1 {
				t.Error("alarm again")
			}
		})
	}
}

// TestLargeBranches heals forks with more bytes than one commit takes.
func TestLargeBranches(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 30 MiB")
	}
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	b.replica.Accept(a.id())
	text := strings.Repeat("x", 32_000)
	backup := a.disk.Copy()
	for range 2 {
		for range 600 {
			a.write(b, text)
		}
		w.connect(a, b)
		w.settle()
		if backup != nil {
			w.disconnect(a, b)
			a.replace(backup)
			backup = nil
			a.replica.Accept(b.id())
		}
	}
	w.check()
	if got := len(b.texts(a)); got != 1200 {
		t.Errorf("%d texts of 1200", got)
	}
}

// TestRestoredWithoutWriting takes back what the older copy lacks: no fork.
func TestRestoredWithoutWriting(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	w.connect(a, b)
	a.write(b, "one")
	w.settle()
	backup := a.disk.Copy()
	a.write(b, "two")
	w.settle()
	b.write(a, "three")
	w.settle()
	a.replace(backup)
	w.connect(a, b)
	w.settle()
	a.write(b, "four")
	w.settle()
	if got := a.texts(b); !slices.Equal(got, []string{"one", "two", "three", "four"}) {
		t.Errorf("%q", got)
	}
	w.check()
	if a.forks()+b.forks() != 0 {
		t.Error("called a fork")
	}
}

// TestLostDatabase finds the conversation again, and whom this device wrote to.
func TestLostDatabase(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	w.connect(a, b)
	for i := range 30 {
		a.write(b, fmt.Sprint("a", i))
		b.write(a, fmt.Sprint("b", i))
	}
	w.settle()
	a.replace(chattest.NewMemory())
	w.connect(a, b)
	w.settle()
	if n := len(a.texts(b)); n != 60 {
		t.Errorf("%d texts are back, want 60", n)
	}
	if contact, _ := a.disk.Contact(chat.DeviceParty(b.id())); !contact {
		t.Error("who was written to is a stranger now")
	}
	w.check()
}

// TestAnotherBranchInPlaceOfTheOneTakenOver: after a fork was healed the peer
// loses its database and gets a third branch from a cloned disk.
func TestAnotherBranchInPlaceOfTheOneTakenOver(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	meet := func(x *device) {
		x.replica.Accept(b.id())
		b.replica.Accept(a.id())
		w.connect(x, b)
		w.settle()
		w.disconnect(x, b)
	}
	write := func(x *device, from, to int) {
		for i := from; i <= to; i++ {
			x.write(b, fmt.Sprint(x.name, i))
		}
	}
	write(a, 1, 3)
	meet(a)
	backup := a.disk.Copy()
	clone := w.add("C", a.identity, a.disk.Copy())
	write(a, 4, 5)
	meet(a)
	a.replace(backup)
	write(a, 6, 6)
	meet(a)
	w.checkPair(a, b)
	write(clone, 4, 12)
	b.replace(chattest.NewMemory())
	meet(clone)
	meet(a)
	meet(clone)
	w.check()
	if n := len(a.texts(b)); n != 15 {
		t.Errorf("%d texts, want 15", n)
	}
}

// TestPeerGoesBackWhileAsked asks for what is left.
func TestPeerGoesBackWhileAsked(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2)
	s.up(b)
	var all []chat.Entry
	for range 10 {
		all = append(all, b.say("x"))
	}
	has := func(n uint64) peer.Have {
		return b.have(peer.HaveLog{Author: b.ID(), Log: 77, First: 1, Last: n, Hash: all[n-1].Hash()})
	}
	s.tell(b, has(10))
	s.tell(b, has(5))
	wants := got[peer.Want](s, b)
	if len(wants) != 2 || *wants[0].Ranges[0].To != 10 || *wants[1].Ranges[0].To != 5 {
		t.Fatalf("asked for %+v", wants)
	}
	s.add(b, all[:5]...)
	if n := len(s.shown(b)); n != 5 {
		t.Errorf("%d texts", n)
	}
}

func TestFailingStore(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	b.replica.Accept(a.id())
	w.connect(a, b)
	w.settle()
	b.life.full = true
	for i := range 5 {
		a.write(b, fmt.Sprint(i))
	}
	for range 20 {
		for end := range 2 {
			for w.deliver(w.links[0], end) {
			}
		}
		w.pass(time.Second)
	}
	if n := len(a.delivered(b)); n != 0 {
		t.Errorf("%d count as delivered", n)
	}
	if failed := eventsOf[chat.Failed](b); len(failed) != 1 {
		t.Errorf("told %d times", len(failed))
	}
	b.life.full = false
	w.wait("all is delivered", func() bool { return len(a.delivered(b)) == 5 })
	w.check()
}

func BenchmarkCatchUp(b *testing.B) {
	for range b.N {
		w := newWorld(b, 2)
		from, to := w.devices[0], w.devices[1]
		to.replica.Accept(from.id())
		for i := range 1000 {
			from.write(to, fmt.Sprint("message ", i))
		}
		w.connect(from, to)
		w.settle()
	}
}
