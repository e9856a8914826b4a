// Package chat keeps conversations as replicated logs. Every device numbers,
// chains and signs what it adds; when two devices meet, each says how far it has
// every log of the conversation they share and asks for what it lacks. That is
// delivery, retry, acknowledgement, de-duplication and order at once: there is no
// outbox, and "delivered" is read off what the other side says it has.
//
// A [Replica] is one device's end of this. It commits before it sends or
// acknowledges anything, and judges entries by themselves: what a person wants to
// see, or mute, is decided elsewhere. It opens no connection and shows nothing.
// A session syncs every conversation that both devices belong to, by themselves or
// by their accounts; devices of one account share all that any of them has.
//
// The node makes a Replica, starts [Replica.Run], and stops it by the context.
// No other goroutine is started here.
package chat

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// Network carries messages to peers with a live session. [peer.Host] is one.
type Network interface {
	// Send queues a message; false where there is no session or no room. It
	// returns at once.
	Send(to peer.ID, m peer.Message) bool
}

// Config is what a [Replica] works with.
type Config struct {
	Identity *peer.Identity
	Store    Store
	Network  Network
	Notify   func(Event)      // called from the replica's goroutine; returns at once
	Now      func() time.Time // the wall clock; nil means time.Now
	Log      *slog.Logger     // nil means none
}

// ErrStopped is what [Replica.Write] replies once the replica has stopped.
var ErrStopped = errors.New("the replica has stopped")

// Draft is an entry that a person wants to add to the conversation with a device.
// A text goes to the account that the device is known to belong to, where this one
// belongs to another; a file offer and what confirms it stay between two devices,
// as the transfer does. An announcement to nobody in particular goes to the notices of
// this device's realm, with the newest ticket.
type Draft struct {
	To peer.ID
	// ID is a UUIDv7, of a confirmation [ConfirmationID]; the zero UUID means that
	// one is drawn. A draft whose ID this device used in this conversation already
	// adds nothing: the reply is the entry that is there. So a draft may be
	// repeated after a crash.
	ID   uuid.UUID
	Kind Kind
	// Body is a [Text], an [Offer], a [Confirmation] or an [Announcement] as Kind says; a
	// zero Wall means now.
	Body any
}

// Replica is one device's copy of its conversations. Its methods return at once
// and may be called from any goroutine; [Replica.Run] does the work in the order
// of the calls.
type Replica struct {
	queue *queue
	core  *core
}

// New makes a replica over what its store holds. It fails when the store does.
func New(cfg Config) (*Replica, error) {
	c, err := newCore(cfg)
	if err != nil {
		return nil, err
	}
	return &Replica{queue: newQueue(), core: c}, nil
}

// Up says that a session with the peer is kept from now on, and which address it
// comes from; the zero Addr where that is not known. The peer is told how far
// this device has the conversations that both belong to.
func (r *Replica) Up(id peer.ID, from netip.Addr) {
	r.queue.put(func(c *core) { c.up(id, origin(from)) })
}

// Down says that the session with the peer ended.
func (r *Replica) Down(id peer.ID) { r.queue.put(func(c *core) { c.down(id) }) }

// Receive takes a message of a peer whose session is up: [peer.Have],
// [peer.Want] or [peer.Entries]; others are ignored. done is called exactly once,
// later where the peer is faster than it may be.
func (r *Replica) Receive(from peer.ID, m peer.Message, done func()) {
	if !r.queue.put(func(c *core) { c.receive(from, m, done) }) {
		done()
	}
}

// Write adds an entry to the conversation with a device, which is a contact from
// then on, unless it is a confirmation. reply is called once, from Run's goroutine, after the entry is
// durable, or with the error that kept it from being added.
func (r *Replica) Write(d Draft, reply func(Entry, error)) {
	if !r.queue.put(func(c *core) { c.write(d, reply) }) {
		reply(Entry{}, ErrStopped)
	}
}

// SignIn says which account this device belongs to from now on, and the newest
// ticket that says so, with which its logs are opened; the zero Party is none.
func (r *Replica) SignIn(account Party, ticket []byte) {
	r.queue.put(func(c *core) { c.signIn(account, ticket) })
}

// Certify says which account another device belongs to from now on, the zero Party
// for none. One that belongs to this device's account shares all conversations with
// it: that is said only once a person said yes to it. A guest is a device of somebody
// else's account that nobody said yes to yet: what it writes is taken, and it gets
// nothing that others wrote.
func (r *Replica) Certify(id peer.ID, account Party, guest bool) {
	r.queue.put(func(c *core) { c.certify(id, account, guest) })
}

// Accept says that this person answered a stranger: it, and its account, is a
// contact, and what was held back is asked for.
func (r *Replica) Accept(id peer.ID) { r.queue.put(func(c *core) { c.keep(c.accept(id)) }) }

// Read says that this person has seen a conversation up to a position in the shown
// order. What comes in before that position later counts as unread all the same. It
// never goes back.
func (r *Replica) Read(conversation peer.Hash, upTo Position) {
	r.queue.put(func(c *core) { c.keep(c.read(conversation, upTo)) })
}

// Sync calls reply once, when everything that was asked for before is done and
// what it changed is durable; [Replica.Accept] and [Replica.Read] give no word of
// their own, so an error of theirs since the last Sync comes here. It is called
// from Run's goroutine, with [ErrStopped] where the replica stopped first.
func (r *Replica) Sync(reply func(error)) {
	done := func(c *core) {
		if c.stopped {
			reply(ErrStopped)
			return
		}
		c.writeDrafts()
		err := c.unsaid
		c.unsaid = nil
		reply(err)
	}
	if !r.queue.put(done) {
		reply(ErrStopped)
	}
}
