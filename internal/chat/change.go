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
	ch.logs[e.LogKey()] = ch.at(e.LogKey()).extended(e)
	ch.newest = max(ch.newest, e.Clock)
	if e.Author == ch.v.Peer {
		ch.weight = ch.weight.plus(e)
	}
	return nil
}

// addOwn signs a new entry of this device and appends it to the log that it
// writes.
func (ch *change) addOwn(h Header, body []byte) (Entry, error) {
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
		ch.batch.Contacts = append(ch.batch.Contacts, v.Peer)
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
	if len(ch.batch.Conversations) > 0 {
		v.Conversation, v.stored = ch.batch.Conversations[0], true
		ch.c.stored[v.ID] = v.Conversation
	}
	maps.Copy(v.logs, ch.logs)
	for _, f := range ch.batch.Forks {
		v.forks[forkKey{f.LogKey, f.Peer}] = f
	}
	v.newest, v.weight = ch.newest, ch.weight
	if ch.accept && !v.contact {
		ch.c.befriend(v.Peer)
	}
}

// tell reports the entries that were nowhere before, in order.
func (ch *change) tell() {
	for i, e := range ch.batch.Entries {
		if n, ok := ch.fresh[e.Key()]; ok && n == i {
			ch.c.cfg.Notify(EntryAdded{Peer: ch.v.Peer, Entry: e, Stranger: !ch.v.contact})
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
