package chat_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

// solo is one replica; the test plays its peers.
type solo struct {
	t       *testing.T
	now     time.Time
	disk    *chattest.Memory
	fails   map[string]int // how many calls of a method of the store fail
	calls   map[string]int // of those that may fail
	replica *chat.Replica
	sent    map[peer.ID][]peer.Message
	deaf    bool // nothing can be sent
	events  []chat.Event
}

func newSolo(t *testing.T, disk *chattest.Memory) *solo {
	s := &solo{t: t, now: time.UnixMilli(1_796_000_000_000), disk: disk, sent: map[peer.ID][]peer.Message{}, fails: map[string]int{}, calls: map[string]int{}}
	r, err := chat.New(chat.Config{
		Identity: identity(1), Store: moody{disk, s}, Network: s,
		Notify: func(e chat.Event) { s.events = append(s.events, e) },
		Now:    func() time.Time { return s.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.replica = r
	return s
}

// moody is a store some methods of which fail when the test says so.
type moody struct {
	chat.Store
	s *solo
}

func (m moody) mood(method string) error {
	m.s.calls[method]++
	if m.s.fails[method] > 0 {
		m.s.fails[method]--
		return errors.New(method + " failed")
	}
	return nil
}

func (m moody) Logs(id peer.Hash) ([]chat.Log, error) {
	if err := m.mood("Logs"); err != nil {
		return nil, err
	}
	return m.Store.Logs(id)
}

func (m moody) Seen(id peer.Hash, by peer.ID) ([]chat.Seen, error) {
	if err := m.mood("Seen"); err != nil {
		return nil, err
	}
	return m.Store.Seen(id, by)
}

func (m moody) Contact(who chat.Party) (bool, error) {
	if err := m.mood("Contact"); err != nil {
		return false, err
	}
	return m.Store.Contact(who)
}

func (m moody) Requests(origin netip.Prefix) (all, there int, err error) {
	if err := m.mood("Requests"); err != nil {
		return 0, 0, err
	}
	return m.Store.Requests(origin)
}

func (m moody) Weight(id peer.Hash) (chat.Weight, error) {
	if err := m.mood("Weight"); err != nil {
		return chat.Weight{}, err
	}
	return m.Store.Weight(id)
}

func (s *solo) Send(to peer.ID, m peer.Message) bool {
	if s.deaf {
		return false
	}
	if _, err := peer.Append(nil, m); err != nil {
		s.t.Errorf("cannot be sent: %v", err)
	}
	s.sent[to] = append(s.sent[to], m)
	return true
}

func (s *solo) step() time.Duration { return s.replica.Step(s.now) }

// up begins a session with a peer that holds nothing.
func (s *solo) up(who *author) {
	s.replica.Up(who.ID(), who.from)
	s.tell(who, peer.Have{})
}

// tell brings a message of a peer, and returns whether it is done at once.
func (s *solo) tell(from *author, m peer.Message) bool {
	done := 0
	s.replica.Receive(from.ID(), m, func() { done++ })
	s.step()
	if done > 1 {
		s.t.Errorf("done %d times", done)
	}
	return done == 1
}

// add brings entries unasked.
func (s *solo) add(from *author, entries ...chat.Entry) bool {
	var m peer.Entries
	for _, e := range entries {
		m.Entries = append(m.Entries, e.Signed())
	}
	return s.tell(from, m)
}

// got returns the messages of one type that were sent to a peer, and forgets all.
func got[M peer.Message](s *solo, to *author) []M {
	var all []M
	for _, m := range s.sent[to.ID()] {
		if m, ok := m.(M); ok {
			all = append(all, m)
		}
	}
	s.sent[to.ID()] = nil
	return all
}

// events returns the events of one type.
func events[E chat.Event](s *solo) []E {
	var all []E
	for _, e := range s.events {
		if e, ok := e.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

// shown is what is shown of the conversation with somebody.
func (s *solo) shown(with *author) []string {
	id, _ := chat.Direct(identity(1).ID(), with.ID())
	var all []string
	for _, e := range s.disk.Shown(id) {
		t, err := e.Text()
		if err != nil {
			all = append(all, fmt.Sprintf("kind %d", e.Kind))
			continue
		}
		all = append(all, t.Text)
	}
	return all
}

func (s *solo) wantShown(with *author, want ...string) {
	s.t.Helper()
	if got := s.shown(with); !slices.Equal(got, want) {
		s.t.Errorf("shown %q, want %q", got, want)
	}
}

// author makes entries of a log in the conversation with the first device.
type author struct {
	*peer.Identity
	t    *testing.T
	next chat.Header
	from netip.Addr // where its sessions come from
}

func newAuthor(t *testing.T, n byte) *author {
	a := &author{Identity: identity(n), t: t}
	a.next = chat.Header{Log: 77, Number: 1, Kind: chat.KindText, Clock: 1_796_000_000_000}
	a.next.Conversation, _ = chat.Direct(identity(1).ID(), a.ID())
	return a
}

// seal makes an entry of the header without adding it to the log.
func (a *author) seal(h chat.Header, text string) chat.Entry {
	body, err := peer.Marshal(chat.Text{Text: text})
	if err != nil {
		a.t.Fatal(err)
	}
	if h.ID == (uuid.UUID{}) {
		h.ID = uuid.Must(uuid.NewV7())
	}
	e, err := chat.Seal(a.Identity, h, body)
	if err != nil {
		a.t.Fatal(err)
	}
	return e
}

// adds makes e the last entry of the log.
func (a *author) adds(e chat.Entry) chat.Entry {
	hash := e.Hash()
	a.next.Number, a.next.Before, a.next.Clock = e.Number+1, &hash, e.Clock+1
	return e
}

// say adds a text to the log.
func (a *author) say(text string) chat.Entry { return a.adds(a.seal(a.next, text)) }

// have is what says that the peer has its log up to now.
func (a *author) have(logs ...peer.HaveLog) peer.Have {
	return peer.Have{Conversations: []peer.HaveConversation{{ID: a.next.Conversation, Logs: logs}}}
}
