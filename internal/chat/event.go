package chat

import "earshot/peer"

// Event is what a [Replica] tells its owner, in the order in which it happened.
// Config.Notify is called from the replica's goroutine and returns at once.
type Event interface{ event() }

// EntryAdded says that an entry was committed which was not here before: ours or
// a peer's. The copies that a forked log is repeated with are not told again.
type EntryAdded struct {
	Peer     Party // who the conversation is with
	Ours     bool  // of this device, or another one of this account
	Entry    Entry // hostile where the author is not this device
	Stranger bool  // Peer is a stranger: this is a request
}

// Progress says that a device of the other side holds or has read more of a log of
// this side than before, or less: the last it said counts. What it means for each
// message is read off the store: [Seen] has Now by then. After a lost database it
// is told for the logs of earlier databases too.
type Progress struct {
	Peer         peer.ID
	Conversation peer.Hash
	Log          LogKey
	Was, Now     Extent
}

// ReadElsewhere says that this person has read more of a conversation, on another
// device of the account.
type ReadElsewhere struct{ Conversation peer.Hash }

// Extent is how far a peer has one log.
type Extent struct {
	First uint64
	Last  uint64 // 0: nothing
	Read  uint64
}

// Forked says that Peer holds other entries than this device under the same
// numbers of Author's log. Either may be this device's own: a restored backup, a
// cloned disk, or a liar. It is told once for each fork.
type Forked struct {
	Peer         peer.ID
	Author       peer.ID
	Conversation peer.Hash
	Log          uint64
}

// Held says that a stranger's entries are held back until [Replica.Accept],
// because its caps are used up; Full says instead that there are too many
// requests from strangers already, in all or from where it is. It is told once a
// session.
type Held struct {
	Peer peer.ID
	Full bool
}

// Waiting says that a peer which is connected holds our entries back until its
// person answers (On), or that it does not any more.
type Waiting struct {
	Peer peer.ID
	On   bool
}

// Refused says that an entry was dropped: a wrong signature, body, author,
// conversation or order. The log it claims to belong to is not asked for again
// in this session. Count is how many were dropped since the start.
type Refused struct {
	Peer  peer.ID
	Err   error
	Count uint64
}

// Broken says that a peer broke the protocol: the session must be dropped with
// [peer.ByeProtocol]. Nothing was changed by what it sent.
type Broken struct {
	Peer peer.ID
	Err  error
}

// Failed says that the store failed: the disk is full, or damaged. What was
// being taken from peers is not acknowledged and asked for again.
type Failed struct{ Err error }

func (EntryAdded) event()    {}
func (Progress) event()      {}
func (ReadElsewhere) event() {}
func (Forked) event()        {}
func (Held) event()          {}
func (Waiting) event()       {}
func (Refused) event()       {}
func (Broken) event()        {}
func (Failed) event()        {}
