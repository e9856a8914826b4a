// Package control lets other processes of the same person use a running node:
// the same calls and the same events, over the profile's local socket.
//
// [Serve] answers for a node; [Dial] gives a [Client] with the node's own
// methods, so a console or a command need not know which of the two it holds.
// The socket is private to the person (mode 0600 in a folder of mode 0700);
// whoever can open it is that person, and nobody proves anything more. A client
// that comes, goes, hangs or talks nonsense changes nothing for the others, nor
// for the node. A [Follower] goes on with the next node where one ends.
//
// Each line is one JSON object, read strictly. The first line in both
// directions is the greeting {"earshot":1}. Then the client asks
//
//	{"id":1,"call":"write","with":{"to":"K7QF…","text":"hello"}}
//
// and gets, in any order, as calls run side by side,
//
//	{"id":1,"result":{…}}   or   {"id":1,"error":{"code":"no such peer","text":"…"}}
//
// "subscribe" is answered with an empty result, then with any number of
// {"id":1,"events":[…]}. {"id":1,"call":"cancel"} ends the call or subscription
// of that number; a call is still answered. {"id":1,"call":"yield"} asks the node
// of a passing command to make room for one that stays.
package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// Version is what both sides greet with. A node of another version has to be
// started again; nothing is translated between versions.
const Version = 1

// Limits of the socket, for a client of the same person that went wrong.
const (
	maxRequest  = 1 << 20  // a text is 32 KiB, a hundred paths of 4 KiB are 400
	maxResponse = 64 << 20 // a page of 500 messages of 32 KiB is 16 MiB before escapes
	maxClients  = 64       // consoles and commands at once
	maxCalls    = 64       // of one client at once
	greetTime   = 5 * time.Second
	writeTime   = 10 * time.Second // a reader that stands still for so long is cut off
)

// Node is what a console or a command can ask of a node: *node.Node is one, and
// [Client] is one at a distance. The methods are described at *node.Node.
type Node interface {
	Self(ctx context.Context) (node.Self, error)
	People(ctx context.Context) ([]node.Person, error)
	Write(ctx context.Context, to node.Conversation, text string) (node.Message, error)
	Offer(ctx context.Context, to node.Conversation, paths []string) (node.Transfer, error)
	Answer(ctx context.Context, id uuid.UUID, a node.Answer) error
	Transfers(ctx context.Context) ([]node.Transfer, error)
	Pause(ctx context.Context, id uuid.UUID) error
	Resume(ctx context.Context, id uuid.UUID) error
	Cancel(ctx context.Context, id uuid.UUID) error
	Clear(ctx context.Context, id uuid.UUID) error
	Retry(ctx context.Context, id uuid.UUID) (node.Transfer, error)
	Limit(ctx context.Context, to node.Limit) error
	History(ctx context.Context, h node.History) ([]node.Message, error)
	Message(ctx context.Context, id uuid.UUID) (node.Message, error)
	Named(ctx context.Context, digits string) ([]node.Message, error)
	Receipts(ctx context.Context, id uuid.UUID) ([]node.Receipt, error)
	CheckFiles(ctx context.Context, id uuid.UUID) (node.FilesCheck, error)
	MarkRead(ctx context.Context, c node.Conversation, upTo node.Position) error
	Accept(ctx context.Context, id peer.ID) error
	AcceptFrom(ctx context.Context, id peer.ID, upTo int64) error
	Folder(ctx context.Context, of peer.ID, dir string) (string, error)
	Verify(ctx context.Context, id peer.ID, verified bool) error
	SetName(ctx context.Context, name string) error
	SetDir(ctx context.Context, dir string) error
	SetRule(ctx context.Context, rule string) error
	Look(ctx context.Context) error
	Connect(ctx context.Context, hostport string) error
	Watch(ctx context.Context, c node.Conversation) error
	Subscribe(ctx context.Context) (node.Subscription, error)
	AccountNode
}

// encoding holds the JSON options of both sides: nothing ambiguous is read, and
// a field that the other side does not know is an error, because the version is
// the same.
var encoding = json.JoinOptions(
	json.RejectUnknownMembers(true),
	jsonv1.FormatDurationAsNano(true),
)

// greeting is the first line.
type greeting struct {
	Earshot int `json:"earshot"`
}

// A failure is an error on its way to the client.
type failure struct {
	Code string `json:"code,omitempty"` // of a sentinel error, see codes
	Text string `json:"text"`
}

// codes names the errors that a client branches on.
var codes = []struct {
	code string
	err  error
}{
	{"no such peer", node.ErrNoSuchPeer},
	{"no such offer", node.ErrNoSuchOffer},
	{"no such message", node.ErrNoSuchMessage},
	{"key changed", node.ErrKeyChanged},
	{"wrong state", node.ErrWrongState},
	{"profile running", node.ErrProfileRunning},
	{"unsendable", node.ErrUnsendable},
	{"left", errLeft}, // before the one that it is too
	{"stopped", node.ErrStopped},
	{"canceled", context.Canceled},
	{"deadline", context.DeadlineExceeded},
	{"disk full", node.ErrDiskFull},
	{"read only", node.ErrReadOnly},
	{"forbidden", node.ErrForbidden},
	{"missing", node.ErrMissing},
	{"no folder", node.ErrNoFolder},
	{"damaged", node.ErrDamaged},
	{"busy", node.ErrBusy},
	{"no host", node.ErrNoHost},
	{"no address", node.ErrAddress},
	{"other path", node.ErrPath},
	{"unlisted", node.ErrUnlisted},
	{"no server", node.ErrNoServer},
	{"signed out", node.ErrSignedOut},
	{"server away", node.ErrServerAway},
	{"other key", node.ErrOtherKey},
	{"unconfirmed", node.ErrUnconfirmed},
	{"other server", node.ErrOtherServer},
	{"bad server", node.ErrBadServer},
	{"user name", node.ErrUserName},
	{"taken", node.ErrTaken},
	{"password", node.ErrPassword},
	{"credentials", node.ErrCredentials},
	{"invite", node.ErrInvite},
	{"closed", node.ErrClosed},
	{"not admin", node.ErrNotAdmin},
	{"no account", node.ErrNoAccount},
	{"too many", node.ErrTooMany},
	{"choose", node.ErrChoose},
	{"unavailable", node.ErrUnavailable},
	{"directory", node.ErrDirectory},
}

// errLeft says that the node ended before it was asked: nothing was done, so the
// next one can be asked the same.
var errLeft = fmt.Errorf("%w: nothing was done", node.ErrStopped)

// failureOf makes an error ready to be sent.
func failureOf(err error) *failure {
	f := &failure{Text: peer.Line(err.Error(), maxErrorText).String()}
	cause := node.Cause(err)
	for _, c := range codes {
		if errors.Is(err, c.err) || cause == c.err {
			f.Code = c.code
			break
		}
	}
	return f
}

// maxErrorText is in cells; the longest error names two paths.
const maxErrorText = 1000

// err makes of a failure what the node returned: the same words, and the same
// sentinel for errors.Is.
func (f *failure) err() error {
	for _, c := range codes {
		if f.Code == c.code {
			return &remoteError{text: f.Text, is: c.err}
		}
	}
	return errors.New(f.Text)
}

// A remoteError is an error of the node with one of its sentinels.
type remoteError struct {
	text string
	is   error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.is }

// A VersionError says that the running node is of another version.
type VersionError struct{ Node, Client int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("the running Earshot speaks version %d of the local protocol, this one %d: quit it and start it again", e.Node, e.Client)
}
