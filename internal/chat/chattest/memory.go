// Package chattest has a [chat.Store] in memory, and the tests that every store
// must pass. It is for tests only.
package chattest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"

	"earshot/internal/chat"
	"earshot/peer"
)

// Memory is a [chat.Store] in memory. It may be used from any goroutine. A
// [Memory.Copy] is what a backup of a database is.
type Memory struct {
	log uint64

	mu            sync.Mutex
	conversations map[peer.Hash]chat.Conversation
	logs          map[logID]chat.Log
	entries       map[logID][]chat.Entry
	places        map[entryID][]chat.Place
	seen          map[seenID]chat.Seen
	forks         map[seenID]chat.Fork
	contacts      map[chat.Party]bool
}

type logID struct {
	conversation peer.Hash
	key          chat.LogKey
}

type entryID struct {
	conversation peer.Hash
	key          chat.EntryKey
}

type seenID struct {
	logID
	peer peer.ID
}

// NewMemory makes an empty store, with a log number of its own.
func NewMemory() *Memory {
	return &Memory{
		log:           rand.Uint64() | 1, // never 0
		conversations: make(map[peer.Hash]chat.Conversation),
		logs:          make(map[logID]chat.Log),
		entries:       make(map[logID][]chat.Entry),
		places:        make(map[entryID][]chat.Place),
		seen:          make(map[seenID]chat.Seen),
		forks:         make(map[seenID]chat.Fork),
		contacts:      make(map[chat.Party]bool),
	}
}

// Copy is the store as it is now; what is changed in one is not in the other.
func (m *Memory) Copy() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{
		log:           m.log,
		conversations: maps.Clone(m.conversations),
		logs:          maps.Clone(m.logs),
		entries:       cloneAll(m.entries),
		places:        cloneAll(m.places),
		seen:          maps.Clone(m.seen),
		forks:         maps.Clone(m.forks),
		contacts:      maps.Clone(m.contacts),
	}
}

func cloneAll[K comparable, V any](from map[K][]V) map[K][]V {
	to := make(map[K][]V, len(from))
	for k, v := range from {
		to[k] = slices.Clip(v)
	}
	return to
}

// Shown returns the entries of a conversation as they are shown: each once, the
// one that came first, in the shown order.
func (m *Memory) Shown(conversation peer.Hash) []chat.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	var shown []chat.Entry
	for id, places := range m.places {
		if id.conversation == conversation {
			p := places[0]
			shown = append(shown, m.entries[logID{conversation, chat.LogKey{Author: id.key.Author, Log: p.Log}}][p.Number-1])
		}
	}
	slices.SortFunc(shown, func(a, b chat.Entry) int { return a.Position().Compare(b.Position()) })
	return shown
}

// Log implements [chat.Store].
func (m *Memory) Log() uint64 { return m.log }

// Conversations implements [chat.Store].
func (m *Memory) Conversations() ([]chat.Conversation, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.conversations)), nil
}

// Logs implements [chat.Store].
func (m *Memory) Logs(conversation peer.Hash) ([]chat.Log, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return chosen(m.logs, func(l chat.Log) bool { return l.Conversation == conversation }), nil
}

// Seen implements [chat.Store].
func (m *Memory) Seen(conversation peer.Hash, by peer.ID) ([]chat.Seen, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return chosen(m.seen, func(s chat.Seen) bool { return s.Conversation == conversation && s.Peer == by }), nil
}

// Forks implements [chat.Store].
func (m *Memory) Forks(conversation peer.Hash) ([]chat.Fork, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return chosen(m.forks, func(f chat.Fork) bool { return f.Conversation == conversation }), nil
}

func chosen[K comparable, V any](from map[K]V, want func(V) bool) []V {
	var all []V
	for _, v := range from {
		if want(v) {
			all = append(all, v)
		}
	}
	return all
}

// Newest implements [chat.Store].
func (m *Memory) Newest(conversation peer.Hash) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var newest uint64
	for id, l := range m.logs {
		if id.conversation == conversation {
			newest = max(newest, l.Clock)
		}
	}
	return newest, nil
}

// Entries implements [chat.Store].
func (m *Memory) Entries(conversation peer.Hash, log chat.LogKey, from, to uint64, maxBytes int) ([]chat.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.entries[logID{conversation, log}]
	from, to = max(1, from), min(to, uint64(len(all)))
	var page []chat.Entry
	for n := from; n <= to; n++ {
		e := all[n-1]
		if maxBytes -= e.Size(); maxBytes < 0 && len(page) > 0 {
			break
		}
		page = append(page, e)
	}
	return page, nil
}

// HeaderHash implements [chat.Store].
func (m *Memory) HeaderHash(conversation peer.Hash, log chat.LogKey, number uint64) (peer.Hash, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.entries[logID{conversation, log}]
	if number == 0 || number > uint64(len(all)) {
		return peer.Hash{}, false, nil
	}
	return all[number-1].Hash(), true, nil
}

// Find implements [chat.Store].
func (m *Memory) Find(conversation peer.Hash, key chat.EntryKey) ([]chat.Place, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.places[entryID{conversation, key}]), nil
}

// Reached implements [chat.Store].
func (m *Memory) Reached(conversation peer.Hash, log chat.LogKey, upTo chat.Position) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range slices.Backward(m.entries[logID{conversation, log}]) {
		if e.Position().Compare(upTo) <= 0 {
			return e.Number, nil
		}
	}
	return 0, nil
}

// Weight implements [chat.Store].
func (m *Memory) Weight(conversation peer.Hash) (chat.Weight, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var w chat.Weight
	for id, all := range m.entries {
		if id.conversation != conversation || m.logs[id].Ours {
			continue
		}
		for _, e := range all {
			w.Entries++
			w.Bytes += len(e.Body)
			if e.Kind == chat.KindOffer {
				w.Offers++
			}
		}
	}
	return w, nil
}

// Contact implements [chat.Store].
func (m *Memory) Contact(who chat.Party) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.contacts[who], nil
}

// Requests implements [chat.Store].
func (m *Memory) Requests(origin netip.Prefix) (all, there int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.conversations {
		if m.contacts[v.Peer] || v.Peer.IsRealm() {
			continue
		}
		all++
		if v.Origin == origin {
			there++
		}
	}
	return all, there, nil
}

// Apply implements [chat.Store].
func (m *Memory) Apply(batch chat.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(batch); err != nil {
		return err
	}
	for _, v := range batch.Conversations {
		m.conversations[v.ID] = v
	}
	for _, e := range batch.Entries {
		id := logID{e.Conversation, e.LogKey()}
		m.entries[id] = append(m.entries[id], e)
		where := entryID{e.Conversation, e.Key()}
		m.places[where] = append(m.places[where], chat.Place{Log: e.Log, Number: e.Number})
	}
	for _, l := range batch.Logs {
		m.logs[logID{l.Conversation, l.LogKey}] = l
	}
	for _, s := range batch.Seen {
		id := seenID{logID{s.Conversation, s.LogKey}, s.Peer}
		if m.seen[id] = s; s.Last == 0 {
			delete(m.seen, id)
		}
	}
	for _, f := range batch.Forks {
		m.forks[seenID{logID{f.Conversation, f.LogKey}, f.Peer}] = f
	}
	for _, who := range batch.Contacts {
		m.contacts[who] = true
	}
	return nil
}

// check refuses what a replica must never want.
func (m *Memory) check(batch chat.Batch) error {
	lengths := make(map[logID]uint64)
	length := func(id logID) uint64 { return max(lengths[id], uint64(len(m.entries[id]))) }
	for _, e := range batch.Entries {
		id := logID{e.Conversation, e.LogKey()}
		if e.Number != length(id)+1 {
			return fmt.Errorf("entry %d of a log that has %d", e.Number, length(id))
		}
		lengths[id] = e.Number
	}
	for _, l := range batch.Logs {
		if n := length(logID{l.Conversation, l.LogKey}); l.Last != n {
			return fmt.Errorf("a log to %d that has %d", l.Last, n)
		}
	}
	return nil
}

var _ chat.Store = (*Memory)(nil)
