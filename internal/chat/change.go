package chat

import (
	"crypto/rand"
	"encoding/binary"
	"maps"

	"github.com/google/uuid"

	"earshot/peer"
)

// change collects what becomes of a conversation with one commit. Memory
// follows the disk: the conversation stays as it is until the commit is durable.
type change struct {
	c      *core
	v      *conversation
	batch  Batch
	log    uint64 // what v.Log becomes
	logs   map[LogKey]Log
	fresh  map[EntryKey]int // entries that were nowhere before: their index in the batch
	newest uint64
	weight Weight
	accept bool // Peer becomes a contact
}

func (c *core) change(v *conversation) *change {
	return &change{
		c: c, v: v, log: v.Log, newest: v.newest, weight: v.weight,
		logs:  make(map[LogKey]Log),
		fresh: make(map[EntryKey]int),
	}
}

// at is the log as it will be.
func (ch *change) at(k LogKey) Log {
	if l, ok := ch.logs[k]; ok {
		return l
	}
	return ch.v.logs[k]
}

// heads knows the headers of a log as it will be.
func (ch *change) heads(k LogKey) hashAt {
	stored := ch.c.hashes(ch.v, k)
	return func(number uint64) (peer.Hash, bool, error) {
		if number > ch.v.logs[k].Last {
			l := ch.at(k)
			if number == l.Last {
				return l.Hash, true, nil
			}
			for _, e := range ch.batch.Entries {
				if e.LogKey() == k && e.Number == number {
					return e.Hash(), true, nil
				}
			}
		}
		return stored(number)
	}
}

// add appends an entry that is next in its log.
func (ch *change) add(e Entry) error {
	ours, err := ch.whose(e)
	if err != nil {
		return err
	}
	if _, ok := ch.fresh[e.Key()]; !ok {
		places, err := ch.c.cfg.Store.Find(ch.v.ID, e.Key())
		if err != nil {
			return err
		}
		if len(places) == 0 {
			ch.fresh[e.Key()] = len(ch.batch.Entries)
		}
	}
	ch.batch.Entries = append(ch.batch.Entries, e)
	l := ch.at(e.LogKey()).extended(e)
	l.Ours = ours
	ch.logs[e.LogKey()] = l
	ch.newest = max(ch.newest, e.Clock)
	if !ours {
		ch.weight = ch.weight.plus(e)
	}
	return nil
}

// whose says whether an entry that is next in its log is of this side.
func (ch *change) whose(e Entry) (ours bool, err error) {
	if ch.v.Peer.IsRealm() {
		t, err := announced(e, ch.v.Peer.Realm)
		if err != nil {
			return false, unwelcome{err}
		}
		return AccountParty(t.Realm, t.Account) == ch.c.account, nil
	}
	if l := ch.at(e.LogKey()); l.Last > 0 {
		return l.Ours, nil
	}
	return ch.v.opens(e)
}

// addOwn signs a new entry of this device and appends it to the log that it
// writes. On behalf of an account the log opens with its ticket.
func (ch *change) addOwn(h Header, body []byte) (Entry, error) {
	if ch.v.own.IsAccount() && !ch.v.Peer.IsRealm() && ch.at(ch.writes()).Last == 0 {
		if err := ch.open(h.Clock); err != nil {
			return Entry{}, err
		}
	}
	return ch.append(h, body)
}

// open begins the log that this device writes on behalf of its account.
func (ch *change) open(clock uint64) error {
	if ch.v.own != ch.c.account {
		return errNoAccount
	}
	id, err := newID()
	if err == nil {
		_, err = ch.append(Header{ID: id, Clock: clock, Kind: KindTicket}, ch.c.ticket)
	}
	return err
}

// append signs an entry and appends it to the log that this device writes.
func (ch *change) append(h Header, body []byte) (Entry, error) {
	h.Conversation = ch.v.ID
	mine := ch.at(ch.writes())
	h.Log, h.Number = ch.writes().Log, mine.Last+1
	if mine.Last > 0 {
		h.Before = &mine.Hash
	} else {
		h.Before = nil
	}
	e, err := Seal(ch.c.cfg.Identity, h, body)
	if err != nil {
		return Entry{}, err
	}
	return e, ch.add(e)
}

// writes names the log that this device will add to.
func (ch *change) writes() LogKey {
	if ch.log != 0 {
		return LogKey{ch.c.self, ch.log}
	}
	return ch.c.writes(ch.v)
}

// newLog makes this device go on in a new log.
func (ch *change) newLog() {
	var b [8]byte
	for ch.log = 0; ch.log == 0 || ch.at(ch.writes()).Last > 0; {
		rand.Read(b[:]) // never fails
		ch.log = binary.BigEndian.Uint64(b[:])
	}
}

// unwelcome is what is wrong with an entry that nobody would take.
type unwelcome struct{ error }

// commit makes the change durable, then true in memory, then known.
func (ch *change) commit() error {
	v := ch.v
	if len(ch.batch.Entries) > 0 && !v.stored || ch.log != v.Log {
		row := v.Conversation
		row.Log = ch.log
		ch.batch.Conversations = append(ch.batch.Conversations, row)
	}
	for _, l := range ch.logs {
		ch.batch.Logs = append(ch.batch.Logs, l)
	}
	if ch.accept && !v.contact {
		ch.batch.Contacts = ch.c.person(v)
	}
	if err := ch.c.apply(ch.batch); err != nil {
		return err
	}
	ch.settle()
	return nil
}

// settle makes memory what the disk is.
func (ch *change) settle() {
	v := ch.v
	fresh := !v.stored
	if len(ch.batch.Conversations) > 0 {
		v.Conversation, v.stored = ch.batch.Conversations[0], true
		ch.c.stored[v.ID] = v.Conversation
	}
	maps.Copy(v.logs, ch.logs)
	if fresh && v.stored {
		ch.c.shareNew(v)
	}
	for _, f := range ch.batch.Forks {
		v.forks[forkKey{f.LogKey, f.Peer}] = f
	}
	v.newest, v.weight = ch.newest, ch.weight
	for _, p := range ch.batch.Contacts {
		ch.c.befriend(p)
	}
}

// tell reports the entries that were nowhere before, in order.
func (ch *change) tell() {
	for i, e := range ch.batch.Entries {
		if n, ok := ch.fresh[e.Key()]; ok && n == i {
			ours := ch.v.ours(e.LogKey())
			ch.c.cfg.Notify(EntryAdded{Peer: ch.v.Peer, Ours: ours, Entry: e, Stranger: !ch.v.contact})
		}
	}
}

// plus is the weight with one more entry.
func (w Weight) plus(e Entry) Weight {
	w.Entries++
	w.Bytes += len(e.Body)
	if e.Kind == KindOffer {
		w.Offers++
	}
	return w
}

// newID draws the UUID of an entry.
func newID() (uuid.UUID, error) { return uuid.NewV7() }
