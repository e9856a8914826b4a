package chattest

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
)

// StoreConformance tests that a store does what [chat.Store] says. open makes an
// empty one each time.
func StoreConformance(t *testing.T, open func(t *testing.T) chat.Store) {
	tests := []struct {
		name string
		test func(*testing.T, *stage)
	}{
		{"empty", testEmpty},
		{"entries come back as they were", testEntries},
		{"pages end by bytes", testPages},
		{"the first of several places comes first", testFind},
		{"positions in a log", testReached},
		{"rows are replaced", testReplace},
		{"strangers and contacts", testStrangers},
		{"where strangers come from", testOrigins},
		{"all or nothing", testAtomic},
		{"conversations apart", testApart},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.test(t, newStage(t, open(t))) })
	}
}

// stage is a store and two devices with a conversation.
type stage struct {
	*testing.T
	chat.Store
	ours, theirs *peer.Identity
	conversation chat.Conversation
}

// high is a log number that does not fit into 63 bits.
const high = math.MaxUint64 - 5

func newStage(t *testing.T, store chat.Store) *stage {
	s := &stage{T: t, Store: store, ours: device(1), theirs: device(2)}
	s.conversation.ID, s.conversation.Preimage = chat.Direct(s.ours.ID(), s.theirs.ID())
	s.conversation.Peer = chat.DeviceParty(s.theirs.ID())
	return s
}

func device(n byte) *peer.Identity {
	return peer.NewIdentity([32]byte(bytes.Repeat([]byte{n}, 32)))
}

// entry makes an entry that is next after l.
func (s *stage) entry(author *peer.Identity, l chat.Log, id int, body string) chat.Entry {
	s.Helper()
	h := chat.Header{
		Conversation: s.conversation.ID, Log: l.LogKey.Log, Number: l.Last + 1,
		ID: uuid.UUID{15: byte(id), 14: byte(id >> 8)}, Clock: l.Clock + 10, Kind: chat.KindText,
	}
	if l.Last > 0 {
		h.Before = &l.Hash
	}
	e, err := chat.Seal(author, h, []byte(body))
	if err != nil {
		s.Fatal(err)
	}
	return e
}

// fill makes n entries in a log, from the UUID first on, with the batch that
// adds them.
func (s *stage) fill(author *peer.Identity, log uint64, first, n int) ([]chat.Entry, chat.Batch) {
	l := chat.Log{Conversation: s.conversation.ID, LogKey: chat.LogKey{Author: author.ID(), Log: log}, First: 1}
	b := chat.Batch{Conversations: []chat.Conversation{s.conversation}}
	for i := range n {
		e := s.entry(author, l, first+i, fmt.Sprintf("body %d", i+1))
		b.Entries = append(b.Entries, e)
		l.Last, l.Hash, l.Clock = e.Number, e.Hash(), e.Clock
	}
	l.Ours = author == s.ours
	b.Logs = []chat.Log{l}
	return b.Entries, b
}

func (s *stage) apply(b chat.Batch) {
	s.Helper()
	if err := s.Apply(b); err != nil {
		s.Fatal(err)
	}
}

// same compares what a store's method returned with what it should: the results
// of the call stand between the two.
func same[T any](s *stage, what string) func(got T, err error) func(want T) {
	return func(got T, err error) func(T) {
		return func(want T) {
			s.Helper()
			if err != nil {
				s.Errorf("%s: %v", what, err)
			} else if !reflect.DeepEqual(got, want) {
				s.Errorf("%s:\n got %v\nwant %v", what, got, want)
			}
		}
	}
}

func testEmpty(t *testing.T, s *stage) {
	id, k := s.conversation.ID, chat.LogKey{Author: s.theirs.ID(), Log: 7}
	if first := s.Log(); first == 0 || s.Log() != first {
		t.Error("the database's log number is 0 or changes")
	}
	same[int](s, "conversations")(count(s.Conversations()))(0)
	same[int](s, "logs")(count(s.Logs(id)))(0)
	same[int](s, "seen")(count(s.Seen(id, k.Author)))(0)
	same[int](s, "forks")(count(s.Forks(id)))(0)
	same[int](s, "entries")(count(s.Entries(id, k, 1, math.MaxUint64, 1000)))(0)
	same[int](s, "places")(count(s.Find(id, chat.EntryKey{Author: k.Author})))(0)
	same[uint64](s, "newest")(s.Newest(id))(0)
	same[uint64](s, "reached")(s.Reached(id, k, chat.Position{Clock: 9}))(0)
	same[chat.Weight](s, "weight")(s.Weight(id))(chat.Weight{})
	same[bool](s, "contact")(s.Contact(chat.DeviceParty(s.theirs.ID())))(false)
	s.requests(netip.Prefix{}, 0, 0)
	if _, held, err := s.HeaderHash(id, k, 1); held || err != nil {
		t.Error("a header in an empty store, or", err)
	}
	s.apply(chat.Batch{})
}

func count[T any](all []T, err error) (int, error) { return len(all), err }

func testEntries(t *testing.T, s *stage) {
	entries, b := s.fill(s.ours, high, 1, 3)
	kind := chat.Header{Conversation: s.conversation.ID, Log: 1, Number: 1, ID: uuid.New(), Clock: 1 << 50, Kind: 1<<32 - 1}
	strange, err := chat.Seal(s.theirs, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	strange.Body = []byte{} // an empty body and none are the same
	theirs := chat.Log{Conversation: kind.Conversation, LogKey: strange.LogKey(), First: 1, Last: 1, Hash: strange.Hash(), Clock: 1 << 50}
	b.Entries, b.Logs = append(b.Entries, strange), append(b.Logs, theirs)
	s.apply(b)

	k := chat.LogKey{Author: s.ours.ID(), Log: high}
	same[[]chat.Entry](s, "entries")(s.Entries(s.conversation.ID, k, 0, math.MaxUint64, 1<<20))(entries)
	same[[]chat.Entry](s, "a part")(s.Entries(s.conversation.ID, k, 2, 2, 1<<20))(entries[1:2])
	same[[]chat.Conversation](s, "conversations")(s.Conversations())([]chat.Conversation{s.conversation})
	same[uint64](s, "newest")(s.Newest(s.conversation.ID))(1 << 50)
	for _, e := range entries {
		hash, held, err := s.HeaderHash(s.conversation.ID, k, e.Number)
		if err != nil || !held || hash != e.Hash() {
			t.Errorf("header hash of entry %d: %x, %v, %v", e.Number, hash, held, err)
		}
	}
	if _, held, _ := s.HeaderHash(s.conversation.ID, k, 4); held {
		t.Error("the header of an entry that is not there")
	}
	got, err := s.Entries(s.conversation.ID, strange.LogKey(), 1, 1, 1)
	if err != nil || len(got) != 1 || got[0].Kind != 1<<32-1 || len(got[0].Body) != 0 || got[0].Verify() != nil {
		t.Errorf("an entry of an unknown kind without a body: %v, %v", got, err)
	}
	logs, err := s.Logs(s.conversation.ID)
	slices.SortFunc(logs, func(a, b chat.Log) int { return cmp.Compare(b.Log, a.Log) })
	same[[]chat.Log](s, "logs")(logs, err)(b.Logs)
}

func testPages(t *testing.T, s *stage) {
	entries, b := s.fill(s.theirs, 1, 1, 5)
	s.apply(b)
	k := chat.LogKey{Author: s.theirs.ID(), Log: 1}
	two := entries[1].Size() + entries[2].Size()
	for _, c := range []struct{ bytes, want int }{{0, 1}, {1, 1}, {two - 1, 1}, {two, 2}, {two + 1, 2}, {1 << 20, 4}} {
		got, err := s.Entries(s.conversation.ID, k, 2, 9, c.bytes)
		if err != nil || len(got) != c.want || got[0].Number != 2 {
			t.Errorf("a page of %d bytes: %d entries, want %d; %v", c.bytes, len(got), c.want, err)
		}
	}
	same[int](s, "nothing in the range")(count(s.Entries(s.conversation.ID, k, 6, 9, 1000)))(0)
	same[int](s, "an empty range")(count(s.Entries(s.conversation.ID, k, 3, 2, 1000)))(0)
}

func testFind(_ *testing.T, s *stage) {
	_, late := s.fill(s.ours, high, 1, 3)
	_, early := s.fill(s.ours, 3, 3, 1) // the same UUID as the third of the other log
	_, foreign := s.fill(s.theirs, 3, 3, 1)
	s.apply(late)
	s.apply(early)
	s.apply(foreign)
	key := chat.EntryKey{Author: s.ours.ID(), ID: uuid.UUID{15: 3}}
	same[[]chat.Place](s, "two places")(s.Find(s.conversation.ID, key))([]chat.Place{{Log: high, Number: 3}, {Log: 3, Number: 1}})
	key.Author = s.theirs.ID()
	same[[]chat.Place](s, "another author's")(s.Find(s.conversation.ID, key))([]chat.Place{{Log: 3, Number: 1}})
	key.ID = uuid.UUID{}
	same[int](s, "nobody's")(count(s.Find(s.conversation.ID, key)))(0)
}

func testReached(_ *testing.T, s *stage) {
	entries, b := s.fill(s.theirs, high, 1, 3) // clocks 10, 20, 30
	s.apply(b)
	k, id := entries[0].LogKey(), s.conversation.ID
	low, top := peer.ID{}, peer.ID(bytes.Repeat([]byte{0xff}, 32))
	after := uuid.UUID{0: 0xff}
	for _, c := range []struct {
		at   chat.Position
		want uint64
	}{
		{chat.Position{Clock: 9, Author: top, ID: after}, 0},
		{entries[0].Position(), 1},
		{chat.Position{Clock: 20, Author: low, ID: after}, 1},
		{chat.Position{Clock: 20, Author: top}, 2},
		{chat.Position{Clock: 20, Author: k.Author}, 1},
		{chat.Position{Clock: 20, Author: k.Author, ID: after}, 2},
		{chat.Position{Clock: 1 << 60}, 3},
	} {
		same[uint64](s, fmt.Sprint("reached ", c.at))(s.Reached(id, k, c.at))(c.want)
	}
}

func testReplace(_ *testing.T, s *stage) {
	entries, b := s.fill(s.ours, high, 1, 2)
	k, id := entries[0].LogKey(), s.conversation.ID
	seen := chat.Seen{Conversation: id, Peer: s.theirs.ID(), LogKey: k, First: 1, Last: 2, Read: 1}
	fork := chat.Fork{Conversation: id, LogKey: k, Peer: s.theirs.ID(), Point: 1, Last: 9, Hash: peer.Hash{3}}
	b.Seen, b.Forks = []chat.Seen{seen}, []chat.Fork{fork}
	s.apply(b)
	same[[]chat.Seen](s, "seen")(s.Seen(id, s.theirs.ID()))(b.Seen)
	same[[]chat.Fork](s, "forks")(s.Forks(id))(b.Forks)

	log := b.Logs[0]
	log.Read, seen.Last, fork.Last, s.conversation.Log = 2, 1, 10, high-1
	s.apply(chat.Batch{
		Conversations: []chat.Conversation{s.conversation},
		Logs:          []chat.Log{log}, Seen: []chat.Seen{seen}, Forks: []chat.Fork{fork},
	})
	same[[]chat.Conversation](s, "conversations")(s.Conversations())([]chat.Conversation{s.conversation})
	same[[]chat.Log](s, "logs")(s.Logs(id))([]chat.Log{log})
	same[[]chat.Seen](s, "seen")(s.Seen(id, s.theirs.ID()))([]chat.Seen{seen})
	same[[]chat.Fork](s, "forks")(s.Forks(id))([]chat.Fork{fork})

	s.apply(chat.Batch{Seen: []chat.Seen{{Conversation: id, Peer: s.theirs.ID(), LogKey: k}}})
	same[int](s, "seen that was removed")(count(s.Seen(id, s.theirs.ID())))(0)
	same[int](s, "another peer's")(count(s.Seen(id, s.ours.ID())))(0)
}

func testStrangers(t *testing.T, s *stage) {
	l := chat.Log{Conversation: s.conversation.ID, LogKey: chat.LogKey{Author: s.theirs.ID(), Log: 1}, First: 1}
	text := s.entry(s.theirs, l, 1, "four")
	l.Last, l.Hash, l.Clock = 1, text.Hash(), text.Clock
	h := chat.Header{Conversation: l.Conversation, Log: 1, Number: 2, Before: &l.Hash, ID: uuid.New(), Clock: 99, Kind: chat.KindOffer}
	offer, err := chat.Seal(s.theirs, h, []byte("seven b"))
	if err != nil {
		t.Fatal(err)
	}
	l.Last, l.Hash, l.Clock = 2, offer.Hash(), offer.Clock
	s.apply(chat.Batch{Conversations: []chat.Conversation{s.conversation}, Entries: []chat.Entry{text, offer}, Logs: []chat.Log{l}})
	same[chat.Weight](s, "weight")(s.Weight(l.Conversation))(chat.Weight{Entries: 2, Bytes: 11, Offers: 1})
	_, ours := s.fill(s.ours, 5, 1, 3)
	s.apply(ours)
	same[chat.Weight](s, "weight without ours")(s.Weight(l.Conversation))(chat.Weight{Entries: 2, Bytes: 11, Offers: 1})
	s.requests(netip.Prefix{}, 1, 1)
	s.apply(chat.Batch{Contacts: []chat.Party{chat.DeviceParty(s.theirs.ID())}})
	same[bool](s, "contact")(s.Contact(chat.DeviceParty(s.theirs.ID())))(true)
	same[bool](s, "no contact")(s.Contact(chat.DeviceParty(s.ours.ID())))(false)
	s.requests(netip.Prefix{}, 0, 0)
}

// requests compares how many there are, in all and from one place.
func (s *stage) requests(origin netip.Prefix, all, there int) {
	s.Helper()
	gotAll, gotThere, err := s.Requests(origin)
	if err != nil || gotAll != all || gotThere != there {
		s.Errorf("requests: %d, %d from %v, %v; want %d, %d", gotAll, gotThere, origin, err, all, there)
	}
}

// testOrigins has strangers come from several places, and one of them become a
// contact.
func testOrigins(t *testing.T, s *stage) {
	one, other, wide := netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32"), netip.MustParsePrefix("fd77::/64")
	var b chat.Batch
	for i, from := range []netip.Prefix{one, one, other, wide, wide, wide, {}} {
		c := chat.Conversation{Peer: chat.DeviceParty(device(byte(10 + i)).ID()), Origin: from}
		c.ID, c.Preimage = chat.Between(chat.DeviceParty(s.ours.ID()), c.Peer)
		b.Conversations = append(b.Conversations, c)
	}
	s.apply(b)
	stored, err := s.Conversations()
	if err != nil {
		t.Fatal(err)
	}
	byID := func(a, b chat.Conversation) int { return bytes.Compare(a.ID[:], b.ID[:]) }
	slices.SortFunc(stored, byID)
	slices.SortFunc(b.Conversations, byID)
	same[[]chat.Conversation](s, "conversations")(stored, nil)(b.Conversations)
	for from, there := range map[netip.Prefix]int{one: 2, other: 1, wide: 3, netip.MustParsePrefix("10.0.0.0/24"): 0, {}: 1} {
		s.requests(from, 7, there)
	}
	s.apply(chat.Batch{Contacts: []chat.Party{chat.DeviceParty(device(10).ID()), chat.DeviceParty(device(13).ID())}})
	s.requests(one, 5, 1)
	s.requests(wide, 5, 2)
}

func testAtomic(t *testing.T, s *stage) {
	_, b := s.fill(s.theirs, 1, 1, 2)
	s.apply(b)
	_, again := s.fill(s.ours, 2, 5, 1)
	again.Entries = append(again.Entries, b.Entries[1]) // is there already
	again.Contacts = []chat.Party{chat.DeviceParty(s.theirs.ID())}
	if err := s.Apply(again); err == nil {
		t.Error("the same number of a log twice was taken")
	}
	same[bool](s, "contact")(s.Contact(chat.DeviceParty(s.theirs.ID())))(false)
	same[int](s, "entries of the batch")(count(s.Entries(s.conversation.ID, again.Entries[0].LogKey(), 1, 9, 1000)))(0)
	same[int](s, "logs")(count(s.Logs(s.conversation.ID)))(1)
}

func testApart(_ *testing.T, s *stage) {
	entries, b := s.fill(s.ours, high, 1, 2)
	s.apply(b)
	other := *s
	other.theirs = device(3)
	other.conversation.ID, other.conversation.Preimage = chat.Direct(s.ours.ID(), other.theirs.ID())
	other.conversation.Peer = chat.DeviceParty(other.theirs.ID())
	_, b = other.fill(s.ours, high, 1, 1) // the same log number, the same UUID
	s.apply(b)
	same[int](s, "entries")(count(s.Entries(s.conversation.ID, entries[0].LogKey(), 1, 9, 10_000)))(2)
	same[int](s, "entries of the other")(count(s.Entries(other.conversation.ID, entries[0].LogKey(), 1, 9, 10_000)))(1)
	same[int](s, "places")(count(s.Find(other.conversation.ID, entries[0].Key())))(1)
	same[int](s, "logs")(count(s.Logs(other.conversation.ID)))(1)
	same[uint64](s, "newest of the other")(s.Newest(other.conversation.ID))(10)
	same[int](s, "conversations")(count(s.Conversations()))(2)
}
