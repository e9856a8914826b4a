package node

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// What a rendezvous server brings, as the console, the commands and the control
// socket see it.

// Errors of calls that need a server.
var (
	ErrNoServer    = errors.New("no server was chosen")
	ErrSignedOut   = errors.New("not signed in")
	ErrServerAway  = errors.New("the server does not answer")
	ErrOtherKey    = errors.New("the server shows another key than the one that was confirmed")
	ErrUnconfirmed = errors.New("the server's key was not confirmed")
	ErrOtherServer = errors.New("another server is in use")
	ErrBadServer   = errors.New("the server's answer makes no sense")

	ErrUserName    = errors.New("this cannot be a user name")
	ErrTaken       = errors.New("this user name belongs to somebody")
	ErrPassword    = errors.New("the password is too short or too long")
	ErrCredentials = errors.New("wrong user name or password")
	ErrInvite      = errors.New("the invitation is unknown, used up or expired")
	ErrClosed      = errors.New("the server takes no new accounts")
	ErrNotAdmin    = errors.New("only an administrator may do that")
	ErrNoAccount   = errors.New("there is no such account or device")
	ErrTooMany     = errors.New("the server has heard too much of this; later again")
	ErrChoose      = errors.New("the password was reset: a new one has to be chosen")
	ErrUnavailable = errors.New("the server cannot reach its database")
	ErrDirectory   = errors.New("the password is the company directory's")
)

// ServerKey is what a server proves to be: a person compares its fingerprint.
type ServerKey struct {
	Address     string `json:"address"` // host:port
	Fingerprint string `json:"fingerprint"`
	// Pinned: this device knows the key already, or the link said it.
	Pinned bool `json:"pinned,omitempty"`
}

// SignIn says with which account of which server this device is to be one.
type SignIn struct {
	Server      string `json:"server"`                // a join link, or host or host:port
	Fingerprint string `json:"fingerprint,omitempty"` // of the server's key, compared by a person; not needed with a link
	User        string `json:"user"`
	Password    string `json:"password"`
	// Next is a password that is chosen in place of one that an administrator made;
	// without it the answer is [ErrChoose].
	Next string `json:"next,omitempty"`
	// New: the account is to be made.
	New  bool   `json:"new,omitempty"`
	Name string `json:"name,omitempty"` // of a new account; empty: this device's
	Team string `json:"team,omitempty"` // the same; empty: as set
}

// Account is this person's account, as far as it is known here.
type Account struct {
	ID       uuid.UUID           `json:"account"`
	User     peer.Text           `json:"user"`
	Name     peer.Text           `json:"name"`
	Team     peer.Text           `json:"team"`
	Status   peer.Text           `json:"status"`
	Presence rendezvous.Presence `json:"presence"`
	Admin    bool                `json:"admin"`
	SignedIn bool                `json:"signed_in"`
	// Server is where it was signed in, empty where no server was chosen.
	Server      string `json:"server"`
	Fingerprint string `json:"fingerprint"`
	Reached     bool   `json:"reached"` // the server answers
	// Elsewhere: this identity is signed in from another place, too, which came later;
	// friends hear of that one. See [Node.TakeBack].
	Elsewhere bool `json:"elsewhere,omitzero"`
	// Problem says why it does not, in words.
	Problem peer.Text `json:"problem,omitzero"`
}

// Why a device is signed out, as [Event.Reason] of [SignedOut] says it.
const (
	OutByServer  = "the server signed this device out"
	OutElsewhere = "signed in from another place"
)

// AccountChange is what others are to see from now on; what is nil stays.
type AccountChange struct {
	Name     *string              `json:"name,omitempty"`
	Team     *string              `json:"team,omitempty"`
	Status   *string              `json:"status,omitempty"`
	Presence *rendezvous.Presence `json:"presence,omitempty"`
}

// SetPresence sets the presence: online, away or busy.
func (c *AccountChange) SetPresence(p string) {
	presence := rendezvous.Presence(p)
	c.Presence = &presence
}

// AccountDevice is one of the own account's devices.
type AccountDevice struct {
	ID    peer.ID   `json:"id"`
	Self  bool      `json:"self,omitempty"`
	Asks  bool      `json:"asks,omitempty"` // see [Person]
	Since time.Time `json:"since,omitzero"`
	Seen  time.Time `json:"seen,omitzero"`
	// Addresses are those of its last heartbeat, while it is on-line.
	Addresses []string `json:"addresses"`
}

// Friend is somebody at the server.
type Friend struct {
	Account  uuid.UUID           `json:"account"`
	User     peer.Text           `json:"user"`
	Name     peer.Text           `json:"name"`
	Team     peer.Text           `json:"team"`
	State    rendezvous.Relation `json:"state"` // friend, incoming, outgoing, colleague; empty: a stranger
	Presence rendezvous.Presence `json:"presence"`
	Status   peer.Text           `json:"status"`
	Devices  []FriendDevice      `json:"devices"`
}

// FriendDevice is one of a friend's devices.
type FriendDevice struct {
	ID        peer.ID  `json:"id"`
	Addresses []string `json:"addresses"`
}

// FriendStep is what a person does about somebody at the server.
type FriendStep string

// The steps.
const (
	AddFriend    FriendStep = "add"
	AcceptFriend FriendStep = "accept"
	RemoveFriend FriendStep = "remove"
)

// AdminStep is what an administrator does about an account.
type AdminStep string

// The steps.
const (
	KickAccount    AdminStep = "kick"
	DisableAccount AdminStep = "disable"
	EnableAccount  AdminStep = "enable"
	ResetAccount   AdminStep = "reset"
)

// Invitation asks for a join link for so many new people.
type Invitation struct {
	Uses  int       `json:"uses"`
	Until time.Time `json:"until"`
}

// NewAccount is one of those that an administrator makes.
type NewAccount struct {
	User string `json:"user"`
	Name string `json:"name,omitempty"`
	Team string `json:"team,omitempty"`
}

// MadeAccount is what became of a [NewAccount]: its first password, or why it was
// left out.
type MadeAccount struct {
	User     peer.Text `json:"user"`
	Password string    `json:"password,omitempty"`
	Problem  peer.Text `json:"problem,omitzero"`
}

// OnlineDevice is a device that is signed in and there, for an administrator.
type OnlineDevice struct {
	User     peer.Text           `json:"user"`
	Account  uuid.UUID           `json:"account"`
	Device   peer.ID             `json:"device"`
	Address  peer.Text           `json:"address"`
	Since    time.Time           `json:"since"`
	Presence rendezvous.Presence `json:"presence"`
}

// ListedAccount is an account, for an administrator.
type ListedAccount struct {
	Account  uuid.UUID `json:"account"`
	User     peer.Text `json:"user"`
	Name     peer.Text `json:"name"`
	Team     peer.Text `json:"team"`
	Admin    bool      `json:"admin"`
	Disabled bool      `json:"disabled"`
	Devices  int       `json:"devices"`
	LastSeen time.Time `json:"last_seen,omitzero"`
}
