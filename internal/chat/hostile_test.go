package chat_test

import (
	"fmt"
	"testing"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

// written lets the person write n texts to somebody, and returns their entries.
func (s *solo) written(to *author, n int) []chat.Entry {
	var all []chat.Entry
	for i := range n {
		d := chat.Draft{To: to.ID(), Kind: chat.KindText, Body: chat.Text{Text: fmt.Sprint(i)}}
		s.replica.Write(d, func(e chat.Entry, err error) {
			if err != nil {
				s.t.Fatal(err)
			}
			all = append(all, e)
		})
		s.step()
	}
	return all
}

// TestLieAboutOurLog: a peer says that it holds another branch of a log of ours,
// and then serves the very entries that we wrote.
func TestLieAboutOurLog(t *testing.T) {
	for _, n := range []int{1, 40} {
		t.Run(fmt.Sprintf("%d entries/F-11", n), func(t *testing.T) {
			s := newSolo(t, chattest.NewMemory())
			b := newAuthor(t, 2)
			ours := s.written(b, n)
			s.up(b)
			last := ours[n-1]
			lie := peer.HaveLog{Author: last.Author, Log: last.Log, First: 1, Last: last.Number, Hash: last.Hash()}
			lie.Hash[0]++
			s.tell(b, b.have(lie))
			if wants := got[peer.Want](s, b); len(wants) != 1 {
				t.Fatalf("asked for %+v", wants)
			}
			s.add(b, ours...)
			s.add(b, ours...)
			s.tell(b, b.have(lie))
			if wants := got[peer.Want](s, b); len(wants) != 0 {
				t.Errorf("asked for %+v after the lie came out", wants)
			}
			s.add(b, b.say("fine otherwise"))
			if shown := s.shown(b); len(shown) != n+1 {
				t.Errorf("%d shown, want %d", len(shown), n+1)
			}
		})
	}
}

// TestForkBeyondTheClaims: another branch of a log of ours comes from a peer of
// which no more claims are kept.
func TestForkBeyondTheClaims(t *testing.T) {
	t.Run("all claims used up/F-11", func(t *testing.T) {
		s := newSolo(t, chattest.NewMemory())
		b := newAuthor(t, 2)
		first := s.written(b, 1)[0]
		s.up(b)
		var logs []peer.HaveLog
		for i := range 4096 {
			logs = append(logs, peer.HaveLog{Author: b.ID(), Log: uint64(1000 + i)})
		}
		s.tell(b, b.have(logs...))
		self := newAuthor(t, 1)
		h := first.Header
		h.ID[0]++
		s.add(b, self.seal(h, "from a cloned disk"))
		s.add(b, first)
		if forks := events[chat.Forked](s); len(forks) != 1 {
			t.Errorf("forked: %+v", forks)
		}
		s.wantShown(b, "0")
	})
}
