package chat

import (
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

// Offer is the body of a file offer. The UUID of its entry names the transfer.
type Offer struct {
	Name     string    `cbor:"1,keyasint"` // of the file or folder; hostile
	Files    uint64    `cbor:"2,keyasint"`
	Bytes    uint64    `cbor:"3,keyasint"`
	Manifest peer.Hash `cbor:"4,keyasint"`           // BLAKE3 of the manifest
	Wall     uint64    `cbor:"5,keyasint"`           // milliseconds since 1970 by the author's clock
	Program  bool      `cbor:"6,keyasint,omitempty"` // something in it can be run
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

func (e Entry) decode(kind Kind, body any) error {
	if e.Kind != kind {
		return fmt.Errorf("entry of kind %d", e.Kind)
	}
	return peer.Unmarshal(e.Body, body)
}

// encodeBody makes the bytes of a draft's body; wall is the time that it gets
// where it has none.
func encodeBody(d Draft, wall uint64) ([]byte, error) {
	switch body := d.Body.(type) {
	case Text:
		if d.Kind != KindText {
			break
		}
		if len(body.Text) > MaxText || !utf8.ValidString(body.Text) {
			return nil, fmt.Errorf("text of %d bytes: want UTF-8 of at most %d", len(body.Text), MaxText)
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
	}
	return nil, fmt.Errorf("a body of type %T is none of kind %d", d.Body, d.Kind)
}
