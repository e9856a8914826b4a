package chat

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/google/uuid"

	"earshot/peer"
)

// Text is the body of a message.
type Text struct {
	Text    string   `cbor:"1,keyasint"`           // at most [MaxText] bytes; hostile
	Wall    uint64   `cbor:"2,keyasint"`           // milliseconds since 1970 by the author's clock, for display
	Answers *Answers `cbor:"3,keyasint,omitempty"` // what it answers
}

// Answers names the entry that another one is about.
type Answers struct {
	_      struct{} `cbor:",toarray"`
	Author peer.ID
	ID     uuid.UUID
}

// Key names the same entry within a conversation.
func (a Answers) Key() EntryKey { return EntryKey{a.Author, a.ID} }

// Offer is the body of a file offer. The UUID of its entry names the transfer.
type Offer struct {
	Name     string    `cbor:"1,keyasint"` // of the file or folder; hostile
	Files    uint64    `cbor:"2,keyasint"`
	Bytes    uint64    `cbor:"3,keyasint"`
	Manifest peer.Hash `cbor:"4,keyasint"`           // BLAKE3 of the manifest
	Wall     uint64    `cbor:"5,keyasint"`           // milliseconds since 1970 by the author's clock
	Program  bool      `cbor:"6,keyasint,omitempty"` // something in it can be run
}

// Confirmation is the body of an entry with which a device confirms another one.
// What confirms a file offer is its receipt: the device has everything.
type Confirmation struct {
	Of    Answers `cbor:"1,keyasint"`           // what is confirmed
	Wall  uint64  `cbor:"2,keyasint"`           // milliseconds since 1970 by the author's clock
	Files *Saved  `cbor:"3,keyasint,omitempty"` // in a receipt
}

// Saved is what a receipt says of the files.
type Saved struct {
	Name     string    `cbor:"1,keyasint"` // as the offer has it, like the next three; hostile
	Files    uint64    `cbor:"2,keyasint"`
	Bytes    uint64    `cbor:"3,keyasint"`
	Manifest peer.Hash `cbor:"4,keyasint"`
	Content  peer.Hash `cbor:"5,keyasint"` // BLAKE3 of the BLAKE3 of each chunk, in order
}

// Announcement is the body of what an administrator tells everybody of a realm.
type Announcement struct {
	Text   string `cbor:"1,keyasint"` // at most [MaxText] bytes; hostile
	Wall   uint64 `cbor:"2,keyasint"` // milliseconds since 1970 by the author's clock, for display
	Ticket []byte `cbor:"3,keyasint"` // of the author, as it was then
}

// Announcement decodes the body of an entry of kind [KindAnnouncement].
func (e Entry) Announcement() (Announcement, error) {
	var a Announcement
	if err := e.decode(KindAnnouncement, &a); err != nil {
		return Announcement{}, fmt.Errorf("read announcement: %w", err)
	}
	if len(a.Text) > MaxText {
		return Announcement{}, fmt.Errorf("read announcement: %d bytes, at most %d", len(a.Text), MaxText)
	}
	return a, nil
}

// Text decodes the body of an entry of kind [KindText].
func (e Entry) Text() (Text, error) {
	var t Text
	if err := e.decode(KindText, &t); err != nil {
		return Text{}, fmt.Errorf("read text: %w", err)
	}
	if len(t.Text) > MaxText {
		return Text{}, fmt.Errorf("read text: %d bytes, at most %d", len(t.Text), MaxText)
	}
	return t, nil
}

// Offer decodes the body of an entry of kind [KindOffer].
func (e Entry) Offer() (Offer, error) {
	var o Offer
	if err := e.decode(KindOffer, &o); err != nil {
		return Offer{}, fmt.Errorf("read offer: %w", err)
	}
	return o, nil
}

// Confirmation decodes the body of an entry of kind [KindConfirmation].
func (e Entry) Confirmation() (Confirmation, error) {
	var c Confirmation
	if err := e.decode(KindConfirmation, &c); err != nil {
		return Confirmation{}, fmt.Errorf("read confirmation: %w", err)
	}
	return c, nil
}

// Ticket reads the body of an entry of kind [KindTicket]: that it is its author's,
// and that its realm signed it. When it holds is not looked at: it says whose device
// wrote a log, not who may have a session.
func (e Entry) Ticket() (peer.Ticket, error) {
	if e.Kind != KindTicket {
		return peer.Ticket{}, fmt.Errorf("read ticket: entry of kind %d", e.Kind)
	}
	t, err := peer.ParseTicket(e.Body)
	if err == nil && t.Device != e.Author {
		err = errors.New("read ticket: it is another device's")
	}
	return t, err
}

func (e Entry) decode(kind Kind, body any) error {
	if e.Kind != kind {
		return fmt.Errorf("entry of kind %d", e.Kind)
	}
	return peer.Unmarshal(e.Body, body)
}

func checkText(text string) error {
	if len(text) > MaxText || !utf8.ValidString(text) {
		return fmt.Errorf("text of %d bytes: want UTF-8 of at most %d", len(text), MaxText)
	}
	return nil
}

// encodeBody makes the bytes of a draft's body; wall is the time that it gets
// where it has none.
func encodeBody(d Draft, wall uint64) ([]byte, error) {
	switch body := d.Body.(type) {
	case Text:
		if d.Kind != KindText {
			break
		}
		if err := checkText(body.Text); err != nil {
			return nil, err
		}
		if body.Wall == 0 {
			body.Wall = wall
		}
		return peer.Marshal(body)
	case Offer:
		if d.Kind != KindOffer {
			break
		}
		if body.Wall == 0 {
			body.Wall = wall
		}
		return peer.Marshal(body)
	case Announcement:
		if d.Kind != KindAnnouncement {
			break
		}
		if err := checkText(body.Text); err != nil {
			return nil, err
		}
		if body.Wall == 0 {
			body.Wall = wall
		}
		return peer.Marshal(body)
	case Confirmation:
		if d.Kind != KindConfirmation {
			break
		}
		if body.Wall == 0 {
			body.Wall = wall
		}
		return peer.Marshal(body)
	}
	return nil, fmt.Errorf("a body of type %T is none of kind %d", d.Body, d.Kind)
}
