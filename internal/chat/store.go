package chat

import (
	"net/netip"

	"github.com/google/uuid"

	"earshot/peer"
)

// Store is what a [Replica] remembers on disk. Package store implements it in
// SQLite; [earshot/internal/chat/chattest] has one in memory and the tests that
// every implementation must pass.
//
// Methods block for the disk; the replica calls them from its own goroutine
// only. Others (the node's history pages) may use the same database at the same
// time. Numbers of type uint64 use all 64 bits where they name a log.
type Store interface {
	// Log is the number of the log that this database adds to: drawn at random
	// when the database is made, never 0, never changed. See
	// [Conversation.Log].
	Log() uint64

	// Conversations returns every conversation, in no order.
	Conversations() ([]Conversation, error)
	// Logs returns the logs that are held of a conversation, in no order.
	Logs(conversation peer.Hash) ([]Log, error)
	// Seen returns what a peer said last it holds of a conversation.
	Seen(conversation peer.Hash, peer peer.ID) ([]Seen, error)
	// Forks returns the forks found in a conversation's logs.
	Forks(conversation peer.Hash) ([]Fork, error)
	// Newest is the highest clock of a conversation's entries, 0 without any.
	Newest(conversation peer.Hash) (uint64, error)

	// Entries returns entries of one log in order, from number from up to and
	// including number to: as many as have headers, signatures and bodies of
	// together at most maxBytes, but always the first. Without any, none.
	Entries(conversation peer.Hash, log LogKey, from, to uint64, maxBytes int) ([]Entry, error)
	// HeaderHash returns the hash of the header of one entry, false where it
	// is not held.
	HeaderHash(conversation peer.Hash, log LogKey, number uint64) (peer.Hash, bool, error)
	// Find returns where an author's entry with this UUID stands in a
	// conversation, the one that came first (which is shown) first. More than
	// one place: after a fork the new log repeats what the old one held.
	Find(conversation peer.Hash, key EntryKey) ([]Place, error)
	// Reached returns the highest number in a log whose entry stands at or
	// before a position in the shown order; 0 where there is none.
	Reached(conversation peer.Hash, log LogKey, upTo Position) (uint64, error)

	// Weight is what the entries of the other side come to, those of logs that are
	// not Ours.
	Weight(conversation peer.Hash) (Weight, error)
	// Contact reports whether this person wrote to the party, verified it or
	// said yes to it. Everybody else is a stranger.
	Contact(who Party) (bool, error)
	// Requests is the number of conversations whose [Conversation.Peer] is a
	// stranger, and of those that have this [Conversation.Origin].
	Requests(origin netip.Prefix) (all, there int, err error)

	// Apply makes all changes of the batch in one transaction and returns when
	// they are durable; with an error none of them is made.
	Apply(batch Batch) error
}

// Batch is a set of changes that are made together or not at all.
type Batch struct {
	Conversations []Conversation // inserted, or replaced by ID
	Entries       []Entry        // new ones, in order within each log
	Logs          []Log          // inserted, or replaced by conversation and key
	Seen          []Seen         // inserted, or replaced by conversation, peer and key; removed where Last is 0
	Forks         []Fork         // inserted, or replaced by conversation, key and peer
	Contacts      []Party        // contacts from now on
}

// IsZero reports whether the batch changes nothing.
func (b Batch) IsZero() bool {
	return len(b.Conversations)+len(b.Entries)+len(b.Logs)+len(b.Seen)+len(b.Forks)+len(b.Contacts) == 0
}

// Conversation is one conversation that this device takes part in.
type Conversation struct {
	ID       peer.Hash
	Preimage []byte // what ID is the SHA-256 of
	Peer     Party  // the other side
	// Log is the number of the log that this device adds to here since it
	// found the one before forked; 0 means [Store.Log].
	Log uint64
	// Origin is where the session came from in which the conversation began: an
	// IPv4 address, or the /64 of an IPv6 one, of which one machine has as many
	// addresses as it likes. The zero Prefix where that is not known.
	Origin netip.Prefix
}

// LogKey names a log within a conversation.
type LogKey struct {
	Author peer.ID
	Log    uint64
}

// EntryKey names an entry within a conversation, whichever log it stands in.
type EntryKey struct {
	Author peer.ID
	ID     uuid.UUID
}

// Place is where an entry stands.
type Place struct {
	Log    uint64
	Number uint64
}

// Log is one log as this device holds it: the entries First to Last without a
// gap.
type Log struct {
	Conversation peer.Hash
	LogKey
	First uint64
	Last  uint64
	Hash  peer.Hash // of the header of entry Last
	Clock uint64    // of entry Last
	// Read is how far this device's person has read. It may lie behind Last where
	// the end of the log was lost here and comes back from others.
	Read uint64
	// Ours: its author is a device of this side, this one or another one of the
	// account.
	Ours bool
}

// Seen is what a device of the other side said it holds of a log, as far as the entries are known
// to be the same that this device holds. An entry is delivered to the peer when
// one of its places lies within First and Last, and read when it lies within
// First and Read.
type Seen struct {
	Conversation peer.Hash
	Peer         peer.ID
	LogKey
	First uint64
	Last  uint64
	Read  uint64 // never above Last
}

// Fork says that a peer holds other entries than this device under the same
// numbers of a log.
type Fork struct {
	Conversation peer.Hash
	LogKey
	Peer peer.ID
	// Point is the last number up to which both are known to hold the same;
	// 0 where nothing is known to be.
	Point uint64
	// Last and Hash say, for a log of this device's own, how far the peer's
	// branch was taken over into the log that is written now; Last is 0 where
	// it was not yet.
	Last uint64
	Hash peer.Hash // of the header of entry Last in the peer's branch
}

// Weight is what an author's entries come to, by which strangers are limited.
type Weight struct {
	Entries int
	Bytes   int // of bodies
	Offers  int // entries of kind [KindOffer]
}
