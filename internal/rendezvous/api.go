package rendezvous

import (
	"time"

	"earshot/peer"

	"github.com/google/uuid"
)

// DefaultPort is the TCP port of a rendezvous server.
const DefaultPort = 7421

// The JSON that travels between a client and a server. Every request is made by
// a device: the TLS key is who asks. Answers other than 2xx carry a [Problem].
//
//	POST   /v1/accounts                  Registration  SignedIn
//	POST   /v1/login                     Credentials   SignedIn
//	POST   /v1/logout                    -             -
//	GET    /v1/me                        -             SignedIn
//	PATCH  /v1/me                        Change        SignedIn
//	PUT    /v1/me/password               NewPassword   SignedIn
//	GET    /v1/me/devices                -             []Device
//	DELETE /v1/me/devices/{device}       -             -
//	GET    /v1/accounts?q=TEXT           -             []Friend
//	GET    /v1/friends                   -             []Friend
//	POST   /v1/friends                   Request       Friend
//	PUT    /v1/friends/{account}         -             Friend
//	DELETE /v1/friends/{account}         -             -
//	PUT    /v1/blocks/{account}          -             -
//	DELETE /v1/blocks/{account}          -             -
//	POST   /v1/heartbeat                 Heartbeat     News
//	GET    /v1/admin/online              -             []OnlineDevice
//	GET    /v1/admin/accounts            -             []ListedAccount
//	POST   /v1/admin/accounts/{account}/kick, disable, enable
//	POST   /v1/admin/accounts/{account}/reset          Reset
//	POST   /v1/admin/invites             Invite        Invited
//	POST   /v1/admin/import              []Registration  []Imported
//
// {account} is a UUID, {device} an ID. What answers nothing has status 204.

// Code says in one word why a server refused. Clients decide by it; the words
// for a person are theirs.
type Code string

// Why a server refuses.
const (
	CodeInvalid     Code = "invalid"     // the request is not of this protocol
	CodeUserName    Code = "user_name"   // not a user name
	CodeTaken       Code = "taken"       // the user name belongs to somebody
	CodePassword    Code = "password"    // too short, too long
	CodeCredentials Code = "credentials" // unknown user or wrong password, or disabled
	CodeInvite      Code = "invite"      // unknown, used up or expired
	CodeClosed      Code = "closed"      // registration is closed
	CodeSignedOut   Code = "signed_out"  // the device belongs to no account
	CodeForbidden   Code = "forbidden"   // for administrators
	CodeUnknown     Code = "unknown"     // no such account or device
	CodeTooMany     Code = "too_many"    // later: see Problem.Wait
	CodeUnavailable Code = "unavailable" // the server cannot reach its database, or the directory
	CodeDirectory   Code = "directory"   // the password is the company directory's, not this server's
	// CodeChoose: an administrator reset the password, and the person must choose
	// another (PUT /v1/me/password) before anything else.
	CodeChoose Code = "choose_password"
)

// Problem is the body of a refusal.
type Problem struct {
	Code Code `json:"error"`
	Wait int  `json:"wait,omitzero"` // seconds until it is worth another try
}

// Presence is what an account tells its friends.
type Presence string

// What a heartbeat may say. Offline in a heartbeat is a goodbye: it is answered at
// once, and friends are told. Passing is said by a device that is there for a moment
// without its person: it hears news and friends can reach it, but it makes nobody
// on-line.
const (
	Online  Presence = "online"
	Away    Presence = "away"
	Busy    Presence = "busy"
	Offline Presence = "offline"
	Passing Presence = "passing"
)

// Relation is how an account stands to the one that asks.
type Relation string

// How two accounts stand to each other. Colleague is everybody of a realm whose
// roster is open.
const (
	Friends   Relation = "friend"
	Incoming  Relation = "incoming"
	Outgoing  Relation = "outgoing"
	Colleague Relation = "colleague"
	Nobody    Relation = ""
)

// Credentials is the body of POST /v1/login: Password proves the user, and this
// device becomes one of the account.
type Credentials struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// Registration is the body of POST /v1/accounts. Code is an invitation, or the
// administrator's code of a server without accounts.
type Registration struct {
	User     string `json:"user"`
	Password string `json:"password"`
	Name     string `json:"name,omitzero"`
	Team     string `json:"team,omitzero"`
	Code     string `json:"code,omitzero"`
}

// Account is a person's place at a server, as its owner sees it.
type Account struct {
	ID     uuid.UUID `json:"account"`
	User   string    `json:"user"`
	Name   string    `json:"name"`
	Team   string    `json:"team"`
	Status string    `json:"status"`
	Admin  bool      `json:"admin"`
}

// SignedIn answers registration, log-in and GET /v1/me. Ticket is of the device
// that asked ([peer.Ticket]); Servers are all addresses (host:port) of the
// service that clients may use.
type SignedIn struct {
	Account Account  `json:"account"`
	Ticket  []byte   `json:"ticket"`
	Servers []string `json:"servers,omitzero"`
	Choose  bool     `json:"choose,omitzero"` // see CodeChoose; until then there is no ticket
}

// Change is the body of PATCH /v1/me: what is nil stays.
type Change struct {
	Name   *string `json:"name,omitzero"`
	Team   *string `json:"team,omitzero"`
	Status *string `json:"status,omitzero"`
}

// NewPassword is the body of PUT /v1/me/password. All other devices of the
// account are signed out by it.
type NewPassword struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// Device is one of an account's devices, for its owner and its friends.
// Addresses are those of its last heartbeat while it is on-line, and as the
// server saw it.
type Device struct {
	ID        peer.ID   `json:"id"`
	Addresses []string  `json:"addresses,omitzero"`
	Since     time.Time `json:"since,omitzero"` // its first log-in, for the owner
	Seen      time.Time `json:"seen,omitzero"`  // its last heartbeat, for the owner
}

// Friend is another account, as GET /v1/friends, GET /v1/accounts?q= and a
// heartbeat's news show it. Devices, presence and status are shown to friends and
// colleagues alone.
type Friend struct {
	Account  uuid.UUID `json:"account"`
	User     string    `json:"user"`
	Name     string    `json:"name"`
	Team     string    `json:"team,omitzero"`
	State    Relation  `json:"state"`
	Presence Presence  `json:"presence,omitzero"`
	Status   string    `json:"status,omitzero"`
	Devices  []Device  `json:"devices,omitzero"`
}

// Request is the body of POST /v1/friends, which answers with a [Friend].
type Request struct {
	User string `json:"user"`
}

// Heartbeat is the body of POST /v1/heartbeat. The server answers at once when
// it has news, else after Hold (at most 20 s). A newer heartbeat of a device
// ends the held one.
type Heartbeat struct {
	Instance  uuid.UUID `json:"instance"` // of the node, as in its hello
	Addresses []string  `json:"addresses"`
	Presence  Presence  `json:"presence"`
	Received  uint64    `json:"received"` // News.Number of the last answer; 0: tell everything
	Epoch     uint64    `json:"epoch"`    // of the newest revocation list known here
	Hold      int       `json:"hold"`     // milliseconds
	// Revoked is the newest list known here, sent once where News.Behind asks for it.
	Revoked []byte `json:"revoked,omitzero"`
}

// News answers a heartbeat. What it brings is repeated until a heartbeat names
// its number as received. With Received 0, or unknown to this server, Friends is
// everybody and Whole is true.
type News struct {
	Number  uint64      `json:"number"`
	Whole   bool        `json:"whole,omitzero"`
	Friends []Friend    `json:"friends,omitzero"` // who changed, as they are now
	Gone    []uuid.UUID `json:"gone,omitzero"`    // no longer friends, nor requests
	Account *Account    `json:"me,omitzero"`      // where it changed
	Ticket  []byte      `json:"ticket,omitzero"`  // a newer one: the old is under 48 h, or says something else
	Revoked []byte      `json:"revoked,omitzero"` // a newer list ([peer.Revocations])
	Servers []string    `json:"servers,omitzero"` // where they changed, and when Whole
	Twice   bool        `json:"twice,omitzero"`   // this device heartbeats from another instance: that one stays
	Behind  bool        `json:"behind,omitzero"`  // the server's list is older (it came from a backup): say Heartbeat.Revoked
}

// OnlineDevice is one line of GET /v1/admin/online.
type OnlineDevice struct {
	User     string    `json:"user"`
	Account  uuid.UUID `json:"account"`
	Device   peer.ID   `json:"device"`
	Address  string    `json:"address"`
	Since    time.Time `json:"since"`
	Presence Presence  `json:"presence"`
}

// ListedAccount is one line of GET /v1/admin/accounts.
type ListedAccount struct {
	Account  uuid.UUID `json:"account"`
	User     string    `json:"user"`
	Name     string    `json:"name"`
	Team     string    `json:"team"`
	Admin    bool      `json:"admin"`
	Disabled bool      `json:"disabled"`
	Devices  int       `json:"devices"`
	LastSeen time.Time `json:"last_seen"`
}

// Invite is the body of POST /v1/admin/invites, and Invited its answer: a join
// link with a code for that many registrations.
type Invite struct {
	Uses  int       `json:"uses"`
	Until time.Time `json:"until"`
}

// Invited answers an [Invite].
type Invited struct {
	Link string `json:"link"`
}

// Reset answers POST /v1/admin/accounts/{account}/reset: a password for one
// log-in, after which the person must choose another.
type Reset struct {
	Password string `json:"password"`
}

// Imported is one line of POST /v1/admin/import, in the order of the request
// (an array of [Registration] without passwords): the account's first password,
// or why it was left out.
type Imported struct {
	User     string `json:"user"`
	Password string `json:"password,omitzero"`
	Error    Code   `json:"error,omitzero"`
}
