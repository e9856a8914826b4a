package node

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"earshot/internal/store"
	"earshot/peer"
	"earshot/transfer"
)

// This file is what the console, the commands and the control socket see of a
// node: plain values, ready to be shown. Every text in them went through
// package peer's text functions.

// Errors that a command's exit code depends on. The control client gives back
// the same values.
var (
	ErrNoSuchPeer     = errors.New("no such peer")
	ErrNoSuchOffer    = errors.New("no such offer or transfer")
	ErrNoSuchMessage  = errors.New("no such message")
	ErrKeyChanged     = errors.New("another key under the name of a verified contact")
	ErrWrongState     = errors.New("not possible in this state")
	ErrProfileRunning = errors.New("a node of this profile runs already")
	ErrUnsendable     = errors.New("these files cannot be sent")
)

// Conversation names a conversation as people and commands do: a device's ID
// for a direct one, or [Notices].
type Conversation string

// Direct is the conversation with one device.
func Direct(id peer.ID) Conversation { return Conversation(id.String()) }

// Self is this node.
type Self struct {
	ID      peer.ID   `json:"id"`
	Name    peer.Text `json:"name"`
	Port    uint16    `json:"port"`
	Profile string    `json:"profile"`
	Dir     string    `json:"dir"` // where received files go
	// FolderPerPerson: there, each person's in a folder of their own.
	FolderPerPerson bool `json:"folder_per_person,omitempty"`
	// Accept is the rule by which offers of up to AcceptUpTo bytes (0: of any size)
	// are accepted without asking.
	Accept     Rule  `json:"accept"`
	AcceptUpTo int64 `json:"accept_up_to,omitempty"`
	// Conflict is what becomes of a received file whose name is taken.
	Conflict Conflict `json:"conflict"`
	// Limit bounds what is sent, and what is received, to so many bytes a second; 0:
	// no limit.
	Limit int64 `json:"limit,omitempty"`

	PID     int       `json:"pid"`     // of the process that the node runs in
	Started time.Time `json:"started"` // the node looks for people since
	Passing bool      `json:"passing"` // the node of a command: it ends with the command
	// Named is false until a person chose a name: the console then shows the
	// first-run form.
	Named bool `json:"named"`
	// Hidden is true until then where that form is shown: the network does not hear
	// of this node before it has a name.
	Hidden bool `json:"hidden"`
	// Network says what keeps this node from finding others, empty when all is
	// well.
	Network peer.Text `json:"network"`
}

// Ref names a device in a message, an offer or a transfer.
type Ref struct {
	ID   peer.ID   `json:"id"`
	Name peer.Text `json:"name"`
	// Imitates: shows the name of a verified contact, but is another device.
	Imitates bool `json:"imitates,omitempty"`
}

// Person is another device as people see it.
type Person struct {
	ID        peer.ID   `json:"id"`
	Name      peer.Text `json:"name"`
	Addresses []string  `json:"addresses"` // host:port, best first
	Via       []string  `json:"via"`       // mdns, manual, known, local, gossip, server
	Account   string    `json:"account"`   // user name on the server; empty: none is known
	Verified  bool      `json:"verified"`
	Online    bool      `json:"online"` // present: proved its key lately
	Connected bool      `json:"connected"`

	// Team is what the account says; CertifiedBy is the server that says so. Lapsed is
	// since when it has not said so again, zero where it did.
	Team        peer.Text `json:"team,omitzero"`
	CertifiedBy peer.Text `json:"certified_by,omitzero"`
	Lapsed      time.Time `json:"lapsed,omitzero"`

	// Face is the device under which all devices of one account are shown and written
	// to, where it is another one.
	Face peer.ID `json:"face,omitzero"`
	// Elsewhere: another one of the devices that are shown under this one is present.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Own: another device of this person's account. Asks: it gets none of the account's
	// conversations until this person says yes ([Node.Accept]).
	Own  bool `json:"own,omitempty"`
	Asks bool `json:"asks,omitempty"`
	// Guest: a new device of an account that was known with another one, by the server's
	// word. It gets nothing before that one's person said yes to it there, or this one
	// here ([Node.Accept], [Node.Verify]).
	Guest bool `json:"guest,omitempty"`

	// Contact: this person wrote to the device, said yes to it, or verified it.
	Contact bool `json:"contact"`
	// Imitates: shows the name of a verified contact, but is another device.
	Imitates bool `json:"imitates"`
	// NewDevice: that is because it belongs to a verified contact's account, by the
	// server's word alone.
	NewDevice bool `json:"new_device,omitempty"`
	// Older: a verified contact speaks an older version of the protocol than before,
	// and gets nothing until this person says that it is right ([Node.Accept]).
	Older     bool      `json:"older,omitempty"`
	FirstSeen time.Time `json:"first_seen,omitzero"` // "not verified since"
	LastSeen  time.Time `json:"last_seen,omitzero"`
	Unread    int       `json:"unread"` // up to [MaxUnread]: then that many or more
	// Written is when the newest entry was added, zero when there is none.
	Written time.Time `json:"written,omitzero"`
	// Waiting: a stranger's messages wait for the person to answer.
	Waiting bool `json:"waiting"`
	// AcceptUpTo: offers of up to so many bytes are accepted without asking, or of
	// [AnySize]; 0: by the general rule alone.
	AcceptUpTo int64 `json:"accept_up_to,omitempty"`
	// Limit bounds what is sent to the device, and received from it, to so many bytes a
	// second; 0: no limit.
	Limit int64 `json:"limit,omitempty"`
	// Alarm is a sentence the person must see: identity runs twice, a fork.
	Alarm peer.Text `json:"alarm"`
}

// Here reports whether the person is present with any of the devices shown as one.
func (p Person) Here() bool { return p.Online || p.Elsewhere }

// MaxUnread is as far as unread messages are counted.
const MaxUnread = store.MaxUnread

// MessageState is how far a message of ours got.
type MessageState string

// The states of a message; one from somebody else is Delivered until it was
// shown, then Read.
const (
	Queued    MessageState = "queued"
	Delivered MessageState = "delivered"
	Read      MessageState = "read"
)

// Position orders the messages of a conversation, the same on every device.
type Position struct {
	Clock  uint64    `json:"clock"`
	Author peer.ID   `json:"author"`
	ID     uuid.UUID `json:"id"`
}

// Message is one line of a conversation: a text or a file offer.
type Message struct {
	ID           uuid.UUID    `json:"id"`
	Conversation Conversation `json:"conversation"`
	From         Ref          `json:"from"`
	Mine         bool         `json:"mine"`
	At           time.Time    `json:"at"`     // by the author's clock
	Skewed       bool         `json:"skewed"` // that clock is more than two minutes off
	Text         peer.Text    `json:"text"`
	Offer        *Offer       `json:"offer,omitempty"`
	State        MessageState `json:"state"`
	// Why says in words why a queued message waits, empty when it need not.
	Why      peer.Text `json:"why,omitzero"`
	Request  bool      `json:"request,omitempty"` // from a stranger, not answered yet
	Position Position  `json:"position"`
}

// Offer is what a file offer says.
type Offer struct {
	ID    uuid.UUID `json:"id"`
	Name  peer.Text `json:"name"`
	Files int       `json:"files"`
	Bytes int64     `json:"bytes"`
	// Program: something in it can be run, by its sender's word or its name; once it
	// is known what is in it, by that.
	Program bool `json:"program,omitempty"`
	// Skipped is what was left out of an offer of ours, in words.
	Skipped peer.Text `json:"skipped,omitzero"`
	// Accepted: the rule said yes to it, so nobody is asked.
	Accepted bool `json:"accepted,omitempty"`
}

// History asks for a part of a conversation, oldest first in the answer.
type History struct {
	Conversation Conversation `json:"conversation"`
	// Before and After bound the part; with neither it is the newest one.
	Before *Position `json:"before,omitempty"`
	After  *Position `json:"after,omitempty"`
	Limit  int       `json:"limit"` // at most 500; 0: 50
	Search string    `json:"search,omitempty"`
}

// Direction says which way a transfer's files go.
type Direction string

// The directions of a transfer.
const (
	Sending   Direction = "send"
	Receiving Direction = "receive"
)

// Conflict says what becomes of a received file whose name is taken where it goes.
type Conflict string

// What is done about a taken name.
const (
	ConflictKeep      Conflict = "keep"      // both are kept: the new one gets another name
	ConflictOverwrite Conflict = "overwrite" // the new one takes its place
	ConflictSkip      Conflict = "skip"      // the new one is not received
	ConflictAsk       Conflict = "ask"       // the transfer pauses until the person says
)

// Conflicts are all of them, the usual one first.
var Conflicts = []Conflict{ConflictKeep, ConflictOverwrite, ConflictSkip, ConflictAsk}

// Answer is what a person says to an offer of files.
type Answer struct {
	Accept bool `json:"accept"`
	// Dir is where they are saved, absolute; empty: where received files go, see
	// [Node.Folder] too.
	Dir      string   `json:"dir,omitempty"`
	Conflict Conflict `json:"conflict,omitempty"` // empty: what is set
}

// Limit bounds how fast files go: those of a transfer, else all with a device, else,
// where both are zero, all together.
type Limit struct {
	Transfer uuid.UUID `json:"transfer,omitzero"`
	Peer     peer.ID   `json:"peer,omitzero"`
	// Bytes a second in either direction, at least [MinLimit]; 0: no limit.
	Bytes int64 `json:"bytes"`
}

// MinLimit is the lowest limit, in bytes a second.
const MinLimit = transfer.MinRate

// Transfer is an offer and what became of it here.
type Transfer struct {
	ID        uuid.UUID `json:"id"`
	Direction Direction `json:"direction"`
	Peer      Ref       `json:"peer"`
	Name      peer.Text `json:"name"`
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"`
	Done      int64     `json:"done"` // bytes verified by the receiver
	State     string    `json:"state"`
	Reason    string    `json:"reason"`
	Rate      int64     `json:"rate"`              // bytes per second over 3 s
	Limit     int64     `json:"limit,omitempty"`   // of this transfer alone, in bytes per second; 0: none
	Cleared   bool      `json:"cleared,omitempty"` // over, and not to be shown any more

	Left    time.Duration `json:"left,omitempty"`    // time left, 0 when unknown
	Offered time.Time     `json:"offered,omitzero"`  // when the offer was made or came
	Path    string        `json:"path,omitempty"`    // where it was, or will be, saved
	Renamed peer.Text     `json:"renamed,omitzero"`  // the name as the sender wrote it, where ours differs
	Skipped peer.Text     `json:"skipped,omitzero"`  // what was left out, in words
	Program bool          `json:"program,omitempty"` // contains something that can be run
	Error   peer.Text     `json:"error,omitzero"`    // what happened and what to do, in words
	Checked int64         `json:"checked,omitempty"` // of the bytes on disk, verified again since the start
	// Receipt is "signed" where the receiver's receipt is there, "invalid" where
	// what came does not fit; see [Node.Receipts].
	Receipt string `json:"receipt,omitempty"`
	// Content is the hash of what was received, in hexadecimal digits.
	Content string `json:"content,omitempty"`
}

// Receipt is how far one receiver of a message, or of files, is.
type Receipt struct {
	Peer Ref `json:"peer"`
	// State is that of the message, or of the transfer of files; Saved or Invalid
	// where there is a receipt.
	State   string    `json:"state"`
	At      time.Time `json:"at,omitzero"`      // when the receipt was signed, by the receiver's clock
	Content string    `json:"content"`          // hash of what was saved, in hexadecimal digits
	Problem peer.Text `json:"problem,omitzero"` // why it waits, or what is wrong with an Invalid one
}

// The states that a receipt makes.
const (
	Saved   = "saved"   // the receiver signed that it has everything: this was checked just now
	Invalid = "invalid" // something was signed, but it is no receipt for this
)

// FilesState says how files that were sent compare with the receipt.
type FilesState string

// What files can be now.
const (
	FilesSame     FilesState = "same"     // they give the content hash of the receipt
	FilesChanged  FilesState = "changed"  // they were changed since they were offered
	FilesGone     FilesState = "gone"     // not all of them are there
	FilesOther    FilesState = "other"    // not changed since, but the receipt is about other content
	FilesUnlisted FilesState = "unlisted" // it is not kept any more which they were
)

// FilesCheck is what came of reading files that were sent again.
type FilesCheck struct {
	State FilesState `json:"state"`
	File  peer.Text  `json:"file,omitzero"` // the first that changed or is gone
}

// Reading says how far files were read again that were sent.
type Reading struct {
	ID    uuid.UUID `json:"id"`
	Done  int64     `json:"done"`
	Bytes int64     `json:"bytes"`
}

// EventKind says what happened.
type EventKind string

// What a node tells its subscribers.
const (
	Ready         EventKind = "ready"     // Self
	PeerUp        EventKind = "peer_up"   // Person
	PeerDown      EventKind = "peer_down" // Person
	PeerChanged   EventKind = "peer"      // Person: name, unread, verified, …
	MessageAdded  EventKind = "message"   // Message: a text, ours or theirs, or an offer of ours
	StateChanged  EventKind = "state"     // Message, whose State changed, and Peer
	OfferReceived EventKind = "offer"     // Message with Offer: theirs
	TransferMoved EventKind = "transfer"  // Transfer
	ReceiptNoted  EventKind = "receipt"   // Transfer, nothing but whose Receipt is new
	SelfChanged   EventKind = "self"      // Self
	FilesRead     EventKind = "reading"   // Reading: at most four times a second

	AnnouncementAdded EventKind = "announcement" // Message, in [Notices]

	PresenceChanged EventKind = "presence"       // Friend: came, went, is busy, has another status
	FriendRequest   EventKind = "friend_request" // Friend, who asks to be one
	FriendsChanged  EventKind = "friend"         // Friend: anything else about one; of State empty: is none any more
	AccountChanged  EventKind = "account"        // Account
	SignedOut       EventKind = "signed_out"     // Reason
	ServersFound    EventKind = "servers"        // Servers, all that are found now

	Failed EventKind = "error" // Error
	// Resync: events are missing, the subscriber reads everything anew. It was too
	// slow for them, or, where Self is set, the node that it listened to has ended
	// and this one goes on.
	Resync EventKind = "resync"
)

// Event is one thing that happened; which field is set depends on Kind.
type Event struct {
	Kind     EventKind     `json:"event"`
	At       time.Time     `json:"at"`
	Self     *Self         `json:"self,omitempty"`
	Person   *Person       `json:"person,omitempty"`
	Message  *Message      `json:"message,omitempty"`
	Peer     *Ref          `json:"peer,omitempty"`
	Transfer *Transfer     `json:"transfer,omitempty"`
	Reading  *Reading      `json:"reading,omitempty"`
	Friend   *Friend       `json:"friend,omitempty"`
	Account  *Account      `json:"account,omitempty"`
	Servers  []FoundServer `json:"servers,omitempty"`
	Reason   peer.Text     `json:"reason,omitzero"`
	Error    peer.Text     `json:"error,omitzero"`
}
