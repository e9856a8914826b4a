package peer

import "github.com/google/uuid"

// The wire vocabulary. Every message is a CBOR map with small integer keys, in
// one frame (see frame.go). Unknown keys are ignored. What a message proposes
// is a hint; the receiver clamps it to its own limits.

// Type says what a frame carries. A receiver skips an unknown type from 0x80
// on, and refuses any other unknown type.
type Type uint8

// The types of session frames, and (from 0x20) of data connections.
const (
	TypeHello      Type = 0x01
	TypePing       Type = 0x02
	TypePong       Type = 0x03
	TypeBye        Type = 0x04
	TypeHave       Type = 0x05
	TypeWant       Type = 0x06
	TypeEntries    Type = 0x07
	TypeRevoked    Type = 0x08
	TypePresence   Type = 0x09
	TypeTicket     Type = 0x0a
	TypeOfferState Type = 0x10
	TypeDialBack   Type = 0x11
	TypeManifest   Type = 0x20
	TypeRead       Type = 0x21
	TypeChunk      Type = 0x22
	TypeGone       Type = 0x23
	TypeRecipe     Type = 0x24
	TypeVouch      Type = 0x81
)

// Message is the content of one frame.
type Message interface{ Type() Type }

// Hash is a SHA-256 or BLAKE3 sum.
type Hash [32]byte

// Hello is the first frame of a session in both directions.
type Hello struct {
	Lowest   uint64    `cbor:"1,keyasint"` // protocol versions spoken
	Highest  uint64    `cbor:"2,keyasint"`
	Features uint64    `cbor:"3,keyasint"`           // bit set; none is defined yet
	Name     string    `cbor:"4,keyasint"`           // display name, as the peer writes it
	Instance uuid.UUID `cbor:"5,keyasint"`           // new at each start
	Port     uint16    `cbor:"6,keyasint"`           // where the peer listens
	Ticket   []byte    `cbor:"7,keyasint,omitempty"` // see [Ticket]
	Epoch    uint64    `cbor:"8,keyasint,omitempty"` // of the newest revocation list
}

// NewerTicket brings a ticket that the sender was given since its [Hello].
type NewerTicket struct {
	Ticket []byte `cbor:"1,keyasint"`
}

// Revoked says how new a list of a realm the sender has ([Revocations]). Who has a
// newer one answers with the page that is wanted; who has an older one says so in
// turn, and gets the first page.
type Revoked struct {
	Realm ID     `cbor:"1,keyasint"`
	Epoch uint64 `cbor:"2,keyasint,omitempty"` // 0: none
	Want  uint64 `cbor:"3,keyasint,omitempty"` // number of the page that is wanted of a newer list
	Page  []byte `cbor:"4,keyasint,omitempty"` // one page, signed
}

// Presence tells what changed of the sender since its [Hello].
type Presence struct {
	Name string `cbor:"1,keyasint"` // display name, as the peer writes it
	// Twice says that the receiver's identity was met on another machine too.
	Twice bool `cbor:"2,keyasint,omitempty"`
}

// Ping asks for a [Pong] with the same number.
type Ping struct {
	N uint64 `cbor:"1,keyasint"`
}

// Pong answers a [Ping].
type Pong struct {
	N uint64 `cbor:"1,keyasint"`
}

// Bye is the last frame of a session.
type Bye struct {
	Code ByeCode `cbor:"1,keyasint"`
	Text string  `cbor:"2,keyasint,omitempty"` // for a log, never for a screen
}

// ByeCode says why a session ends.
type ByeCode uint64

// The reasons to end a session.
const (
	ByeLeaving     ByeCode = 1 // the node stops
	ByeDuplicate   ByeCode = 2 // another session of the pair survives
	ByeTwice       ByeCode = 3 // this identity runs twice
	ByeProtocol    ByeCode = 4 // the peer broke the protocol
	ByeUnsupported ByeCode = 5 // no common version, or an unknown frame
	ByeIdle        ByeCode = 6
	ByeFull        ByeCode = 7 // no room for another session
)

// Have says how far the sender is in the conversations it shares with the
// receiver: everything in the first ones of a session (paged), later only what
// changed. The last one said counts, also where it goes back.
type Have struct {
	Conversations []HaveConversation `cbor:"1,keyasint"`
	More          bool               `cbor:"2,keyasint,omitempty"` // another page follows
}

// HaveConversation is one conversation of a [Have].
type HaveConversation struct {
	_        struct{} `cbor:",toarray"`
	ID       Hash
	Preimage []byte // what the ID is the SHA-256 of; null once the other side named it too
	Logs     []HaveLog
}

// HaveLog is one log of a [HaveConversation]: held from First to Last without a
// gap. Nothing is held where Last is 0.
type HaveLog struct {
	_      struct{} `cbor:",toarray"`
	Author ID
	Log    uint64
	First  uint64
	Last   uint64
	Hash   Hash   // of the header of entry Last
	Read   uint64 // the person has read so far
}

// Want asks for entries.
type Want struct {
	Ranges []WantRange `cbor:"1,keyasint"`
}

// WantRange is a part of one log, both ends included; To is null for "all".
type WantRange struct {
	_            struct{} `cbor:",toarray"`
	Conversation Hash
	Author       ID
	Log          uint64
	From         uint64
	To           *uint64
}

// Entries brings entries, in order within each log.
type Entries struct {
	Entries []SignedEntry `cbor:"1,keyasint"`
}

// SignedEntry is an entry as it is stored and passed on: the exact bytes of its
// header, the signature over them, and the body (null where it was deleted).
type SignedEntry struct {
	_         struct{} `cbor:",toarray"`
	Header    []byte
	Signature []byte
	Body      []byte
}

// OfferState tells the other side of a transfer what became of it here.
type OfferState struct {
	Offer  uuid.UUID `cbor:"1,keyasint"`
	State  string    `cbor:"2,keyasint"`
	Reason string    `cbor:"3,keyasint,omitempty"`
	Done   uint64    `cbor:"4,keyasint,omitempty"` // bytes verified by the receiver
	Answer bool      `cbor:"5,keyasint,omitempty"` // answers one of the other side: no answer to it
}

// DialBack is about a data connection that the receiver of an offer cannot open,
// because something is in its way or the sender does not listen. On a session the
// receiver asks for it with the offer alone. The sender dials, and says on the new
// connection for which offer it is, in its first frame; or answers on the session,
// with the reason why it does not.
type DialBack struct {
	Offer  uuid.UUID `cbor:"1,keyasint"`
	Reason string    `cbor:"2,keyasint,omitempty"` // no connection comes: as in [OfferState]
}

func (Hello) Type() Type       { return TypeHello }
func (Ping) Type() Type        { return TypePing }
func (Pong) Type() Type        { return TypePong }
func (Bye) Type() Type         { return TypeBye }
func (Have) Type() Type        { return TypeHave }
func (Want) Type() Type        { return TypeWant }
func (Entries) Type() Type     { return TypeEntries }
func (Revoked) Type() Type     { return TypeRevoked }
func (Presence) Type() Type    { return TypePresence }
func (NewerTicket) Type() Type { return TypeTicket }
func (OfferState) Type() Type  { return TypeOfferState }
func (DialBack) Type() Type    { return TypeDialBack }
