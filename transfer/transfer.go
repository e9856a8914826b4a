// Package transfer carries files from one device to another: what is offered,
// what became of it, and the bytes.
//
// The receiver of an offer pulls. It opens a connection of its own for it, or has
// the sender open one where it cannot, asks for the manifest and then for ranges of
// bytes, hashes what comes in pieces of 1 MiB and keeps it in part files with a
// journal of those hashes beside them, until everything is there and the files get
// their names. Whatever is cut off in between goes on from the journal. The sender
// reads and sends; it notices when a file is not the one any more that was offered.
//
// The package knows of connections, a save folder and a store, and of nobody's
// conversations: that an offer was made is an entry that somebody else writes and
// reads. A node starts and stops the one [Engine] with Run, calls its methods, and
// hears of everything as events.
package transfer

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// Errors of commands that a caller tells apart.
var (
	// ErrUnknown: no transfer has this ID.
	ErrUnknown = errors.New("no such transfer")
	// ErrState: the transfer is not in a state in which this can be done.
	ErrState = errors.New("not possible in this state")
	// ErrClosed: the engine stopped before the command was carried out.
	ErrClosed = errors.New("transfers are stopped")
	// ErrUnlisted: it is not kept any more which files a transfer had.
	ErrUnlisted = errors.New("the list of its files is not kept")
)

// Direction says which way a transfer's files go.
type Direction string

// The directions.
const (
	Sending   Direction = "send"
	Receiving Direction = "receive"
)

// State is what a transfer is at. From Done on it is final.
type State string

// The states. Preparing is known to the sender alone and never reported: the
// manifest is being made, or the offer's entry not yet committed.
const (
	Preparing   State = "preparing"
	Offered     State = "offered"
	Active      State = "active"
	Paused      State = "paused"
	Interrupted State = "interrupted"
	Done        State = "done"
	Declined    State = "declined"
	Cancelled   State = "cancelled"
	Failed      State = "failed"
)

// Final reports whether a transfer in this state never moves again.
func (s State) Final() bool {
	return s == Done || s == Declined || s == Cancelled || s == Failed
}

// Reason says why a transfer is in its state.
type Reason string

// The reasons, with the states they belong to.
const (
	Verifying        Reason = "verifying"         // active: what was on disk is being checked
	ByMe             Reason = "by me"             // paused, declined, cancelled
	ByPeer           Reason = "by peer"           // paused, declined, cancelled
	DiskFull         Reason = "disk full"         // paused, at the receiver
	PeerAway         Reason = "peer away"         // interrupted
	Stalled          Reason = "stalled"           // interrupted: no byte for 15 s
	SourceUnreadable Reason = "source unreadable" // interrupted, at the sender
	Limit            Reason = "limit"             // declined: too many offers wait for an answer
	SourceChanged    Reason = "source changed"    // failed
	NameTaken        Reason = "name taken"        // paused, at the receiver: the person has to say what becomes of it
	Queued           Reason = "queued"            // active: others with the same peer come first
	Damaged          Reason = "damaged"           // failed: the receiver's disk does not keep what is written
	NoRoom           Reason = "no room"           // failed: can never fit there
	Refused          Reason = "refused"           // failed: one side broke the rules, or does not know the offer
)

// Conflict says what becomes of a file whose name is taken in the save folder.
type Conflict string

// What is done about a taken name.
const (
	Keep         Conflict = "keep"          // both: the new one gets another name
	Overwrite    Conflict = "overwrite"     // the new one takes its place
	OverwriteOwn Conflict = "overwrite own" // that, where it came from the same person and was not touched since; else Keep
	Skip         Conflict = "skip"          // the new one is not received
	Ask          Conflict = "ask"           // paused until the person says
)

// merges reports whether what is in a folder goes into one of that name.
func (c Conflict) merges() bool { return c == Overwrite || c == OverwriteOwn || c == Skip }

// Confirmation says what became of the receiver's receipt, an entry that somebody
// else writes and reads.
type Confirmation string

// What a receipt can be.
const (
	Unsigned Confirmation = ""
	Signed   Confirmation = "signed"  // receiving: it is committed; sending: it came and fits
	Invalid  Confirmation = "invalid" // sending: what came does not fit the offer
)

// Offer is what an offer's entry says.
type Offer struct {
	ID       uuid.UUID
	Name     string    // of the one file or folder, or of several in words; hostile where it was received
	Files    int       // without folders
	Bytes    int64     // in all files
	Manifest peer.Hash // over the manifest's entries
	Program  bool      // something in it can be run
}

// Transfer is an offer and what became of it here: what people are shown, and
// (but for the volatile fields) what the store keeps.
type Transfer struct {
	Offer
	Peer      peer.ID // the other side
	Direction Direction
	State     State
	Reason    Reason
	Error     string    // a sentence where the reason alone does not say what to do
	Offered   time.Time // when it was prepared here, or the offer came
	Done      int64     // bytes that the receiver verified

	Dir     string // receiving: the save folder, absolute, once accepted
	Path    string // receiving: where it will be saved, from Done on where it was; sending: the first path offered
	Renamed string // receiving: the name as the sender wrote it, where it is saved under another; hostile
	Skipped string // sending: what was left out, in words
	Entries int64  // of the manifest, folders included, as far as it is known
	Holes   int64  // receiving: bytes that are holes at the sender, by its word

	Limit int64 // bytes a second, 0: none

	Conflict Conflict // receiving: what is done where a name is taken, "" as Keep
	Compared bool     // receiving: the plans for its files are made
	Asking   bool     // receiving: the person has to say what is done

	// Content is the hash of what was received, known once it is done: the BLAKE3
	// of the BLAKE3 of all its chunks in order. It is zero where something was not
	// wanted.
	Content   peer.Hash
	Confirmed Confirmation

	Accepted bool // receiving: the person said yes
	// Listed: the manifest is kept and complete, and its hash is that of the offer.
	// Once it is final that is so for what was sent, see [Engine.Reread], and for what
	// is compared with what comes again.
	Listed    bool
	PausedOwn bool // paused by the person here
	PausedFar bool // paused by the other side
	Parts     bool // receiving: part files may lie in Dir
	Settled   bool // final, and the other side knows it
	Cleared   bool // final, and the person does not want to see it any more

	// Volatile.
	Walled  bool          // interrupted: there is a session, but neither side gets through to the other for a connection
	Checked int64         // of the bytes on disk, verified again since the start
	Rate    int64         // bytes a second over the last 3 s
	Left    time.Duration // until it is done at that rate, 0 when unknown
}

// Event is what the engine tells its owner. Config.Notify is called for one
// event at a time and must return at once.
type Event interface{ event() }

// Changed brings a transfer's whole state: on every change of state, and at most
// four times a second while it is active.
type Changed struct{ Transfer Transfer }

func (Changed) event() {}
