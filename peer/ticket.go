package peer

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// A ticket is a realm's word that a device belongs to an account. Anybody who has
// the realm's key checks it, without asking the server.

// Ticket says that Device belonged to an account of Realm from Issued to Expires.
// User, Name and Team are as the server wrote them: they are cleaned ([DisplayName])
// before they are shown.
type Ticket struct {
	Realm   ID // the key of the realm's servers, which signs
	Account uuid.UUID
	Device  ID
	Serial  uint64 // grows with each ticket of the device; see [Revocations]
	User    string // what the account signs in with
	Name    string
	Team    string
	Admin   bool
	Issued  time.Time // whole seconds
	Expires time.Time
}

// MaxTicket is the longest ticket in bytes: three texts as long as they may be,
// two keys, a signature, and room to spare.
const MaxTicket = 1 << 10

// ticketSkew is how far the clocks of a server and a device may differ.
const ticketSkew = 10 * time.Minute

// ErrTicketExpired says that a ticket was right, and its time is over: it proves
// nothing new.
var ErrTicketExpired = errors.New("the ticket is expired")

// ticketBody is what is signed.
type ticketBody struct {
	Version uint64    `cbor:"1,keyasint"`
	Realm   ID        `cbor:"2,keyasint"`
	Account uuid.UUID `cbor:"3,keyasint"`
	Device  ID        `cbor:"4,keyasint"`
	Serial  uint64    `cbor:"5,keyasint"`
	User    string    `cbor:"6,keyasint"`
	Name    string    `cbor:"7,keyasint"`
	Team    string    `cbor:"8,keyasint"`
	Admin   bool      `cbor:"9,keyasint"`
	Issued  int64     `cbor:"10,keyasint"` // seconds since 1970 UTC
	Expires int64     `cbor:"11,keyasint"`
}

const (
	ticketVersion = 1
	ticketDomain  = "earshot ticket v1\x00"
	// lastSecond is the end of the year 9999: later times have no text form.
	lastSecond = 253_402_300_799
)

// Sign makes the ticket's bytes, signed by the realm, whose ID is filled in. It
// fails for a ticket that nobody would take.
func (t Ticket) Sign(realm *Identity) ([]byte, error) {
	raw, err := seal(realm, ticketDomain, ticketBody{
		Version: ticketVersion, Realm: realm.ID(), Account: t.Account, Device: t.Device, Serial: t.Serial,
		User: t.User, Name: t.Name, Team: t.Team, Admin: t.Admin, Issued: t.Issued.Unix(), Expires: t.Expires.Unix(),
	})
	if err == nil {
		_, err = ParseTicket(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("sign ticket: %w", err)
	}
	return raw, nil
}

// ParseTicket reads a ticket that the realm named in it signed. Whether that is
// the right realm, and for whom and when it holds, is for [Ticket.Check].
func ParseTicket(raw []byte) (Ticket, error) {
	if len(raw) > MaxTicket {
		return Ticket{}, fmt.Errorf("read ticket: %d bytes, at most %d", len(raw), MaxTicket)
	}
	var b ticketBody
	if err := unseal(raw, ticketDomain, &b, &b.Realm); err != nil {
		return Ticket{}, fmt.Errorf("read ticket: %w", err)
	}
	switch {
	case b.Version != ticketVersion:
		return Ticket{}, fmt.Errorf("read ticket: version %d", b.Version)
	case b.Issued < 0 || b.Expires < b.Issued || b.Expires > lastSecond:
		return Ticket{}, errors.New("read ticket: its times are none")
	}
	return Ticket{
		Realm: b.Realm, Account: b.Account, Device: b.Device, Serial: b.Serial,
		User: b.User, Name: b.Name, Team: b.Team, Admin: b.Admin,
		Issued: time.Unix(b.Issued, 0).UTC(), Expires: time.Unix(b.Expires, 0).UTC(),
	}, nil
}

// Check reports whether the ticket is of this realm and for this device, and holds
// now. The error is [ErrTicketExpired] where nothing but its time is wrong.
func (t Ticket) Check(realm, device ID, now time.Time) error {
	switch {
	case t.Realm != realm:
		return errors.New("the ticket is of another realm")
	case t.Device != device:
		return errors.New("the ticket is another device's")
	case t.Issued.After(now.Add(ticketSkew)):
		return errors.New("the ticket is of a time to come")
	case t.Expired(now):
		return ErrTicketExpired
	}
	return nil
}

// Expired reports whether the ticket proves nothing new any more.
func (t Ticket) Expired(now time.Time) bool { return now.After(t.Expires.Add(ticketSkew)) }

// OpenTicket is [ParseTicket] and [Ticket.Check]. A ticket that is expired is
// returned with the error.
func OpenTicket(raw []byte, realm, device ID, now time.Time) (Ticket, error) {
	t, err := ParseTicket(raw)
	if err != nil {
		return Ticket{}, err
	}
	err = t.Check(realm, device, now)
	if err != nil && !errors.Is(err, ErrTicketExpired) {
		return Ticket{}, err
	}
	return t, err
}

const signatureSize = 64

var errSignature = errors.New("the realm did not sign it")

// seal encodes v and puts the signature of the realm behind it.
func seal(realm *Identity, domain string, v any) ([]byte, error) {
	b, err := Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(b, realm.Sign(append([]byte(domain), b...))...), nil
}

// unseal reads into the pointer v what [seal] made. The signer is where v names
// who signs.
func unseal(raw []byte, domain string, v any, signer *ID) error {
	n := len(raw) - signatureSize
	if n < 0 {
		return errors.New("it is too short")
	}
	if err := UnmarshalSigned(raw[:n], v); err != nil {
		return err
	}
	if !Verify(*signer, append([]byte(domain), raw[:n]...), raw[n:]) {
		return errSignature
	}
	return nil
}
