package chat

import (
	"errors"
	"fmt"

	"earshot/peer"
)

// A conversation's ID is the SHA-256 of its preimage: what it is called by and
// between whom it is, so nobody can name a conversation that is another one.

// errNotShared says that a peer named a conversation that it has no part in, or
// this device has none in.
var errNotShared = errors.New("a conversation that is not shared")

// conversation is a conversation in memory: what the store holds of it but the
// entries.
type conversation struct {
	Conversation
	own     Party // on whose behalf this device holds it
	stored  bool  // there is one in the store
	contact bool  // its Peer is a contact
	logs    map[LogKey]Log
	forks   map[forkKey]Fork
	holders map[peer.ID]*holder // those who were met since the start
	shares  map[peer.ID]*share  // its part of each session with somebody who belongs to it
	newest  uint64              // the highest clock
	weight  Weight              // of Peer's entries, while it is a stranger
}

// forkKey names a fork within a conversation: a log may be forked with several
// peers.
type forkKey struct {
	LogKey
	peer peer.ID
}

// holder is how far a peer has our own logs of a conversation. It outlives the
// peer's session: what was noted may still have to be committed.
type holder struct {
	seen  map[LogKey]Seen
	noted map[LogKey]Seen // what seen becomes with the next commit
}

// direct returns the direct conversation with a party, on behalf of another one;
// one that was never written to is made in memory only.
func (c *core) direct(own, with Party) (*conversation, error) {
	name, preimage := Between(own, with)
	if stored, ok := c.stored[name]; ok {
		return c.open(stored)
	}
	return c.open(Conversation{ID: name, Preimage: preimage, Peer: with})
}

// open returns a conversation as it is in memory.
func (c *core) open(row Conversation) (*conversation, error) {
	if v, ok := c.conversations[row.ID]; ok {
		return v, nil
	}
	v := &conversation{
		Conversation: row,
		own:          c.ownIn(row),
		logs:         make(map[LogKey]Log),
		forks:        make(map[forkKey]Fork),
		holders:      make(map[peer.ID]*holder),
		shares:       make(map[peer.ID]*share),
	}
	_, v.stored = c.stored[row.ID]
	if err := c.load(v); err != nil {
		return nil, fmt.Errorf("load conversation %x: %w", v.ID[:4], err)
	}
	c.conversations[v.ID] = v
	return v, nil
}

func (c *core) load(v *conversation) (err error) {
	store := c.cfg.Store
	if v.Peer.IsRealm() {
		v.contact = true
	} else if v.contact, err = store.Contact(v.Peer); err != nil || !v.stored {
		return err
	}
	logs, err := store.Logs(v.ID)
	if err != nil {
		return err
	}
	for _, l := range logs {
		v.logs[l.LogKey] = l
	}
	forks, err := store.Forks(v.ID)
	if err != nil {
		return err
	}
	for _, f := range forks {
		v.forks[forkKey{f.LogKey, f.Peer}] = f
	}
	if v.newest, err = store.Newest(v.ID); err != nil {
		return err
	}
	if !v.contact { // only strangers are weighed, and theirs is little to read
		v.weight, err = store.Weight(v.ID)
	}
	return err
}

// meet makes sure that it is known how far a peer has our own logs.
func (c *core) meet(v *conversation, id peer.ID) error {
	if v.holders[id] != nil {
		return nil
	}
	h := &holder{seen: make(map[LogKey]Seen), noted: make(map[LogKey]Seen)}
	if v.stored {
		seen, err := c.cfg.Store.Seen(v.ID, id)
		if err != nil {
			return fmt.Errorf("load what %s has: %w", id, err)
		}
		for _, s := range seen {
			h.seen[s.LogKey] = s
		}
	}
	v.holders[id] = h
	return nil
}

// release forgets a conversation that nobody wrote to, once nobody is there for it.
func (c *core) release(v *conversation) {
	if !v.stored && len(v.shares) == 0 {
		delete(c.conversations, v.ID)
	}
}

// writes names the log that this device adds to in a conversation.
func (c *core) writes(v *conversation) LogKey {
	if v.Log != 0 {
		return LogKey{c.self, v.Log}
	}
	return LogKey{c.self, c.cfg.Store.Log()}
}

// befriend makes a contact of a party in memory, as it is in the store, and asks
// for what was held back.
func (c *core) befriend(who Party) {
	for _, v := range c.conversations {
		if v.Peer == who {
			v.contact = true
			c.resume(v)
		}
	}
}

// changed has everybody told what became of logs of the conversation.
func (v *conversation) changed(logs map[LogKey]Log) {
	for _, s := range v.shares {
		s.owe(logs)
	}
}
