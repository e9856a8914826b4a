package chat

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"earshot/peer"
)

// Kind says what an entry is.
type Kind uint32

// The kinds of entries. Those from [KindNewer] on come from newer versions:
// they are kept and passed on unread. Others that are not listed here cannot be
// accepted yet, so they are left with whoever has them.
const (
	KindTicket       Kind = 0 // opens a log of an account's device
	KindText         Kind = 1 // [Text]
	KindOffer        Kind = 2 // [Offer]
	KindEdit         Kind = 3
	KindDelete       Kind = 4
	KindConfirmation Kind = 5 // [Confirmation]
	KindMembership   Kind = 6
	KindQuestion     Kind = 7
	KindAnswer       Kind = 8
	KindAnnouncement Kind = 9 // [Announcement]
	KindNewer        Kind = 128
)

// known reports whether entries of the kind can be accepted.
func (k Kind) known() bool { return k <= KindAnnouncement || k >= KindNewer }

// HasLine reports whether an entry of this kind is shown as a line of its own;
// one from a newer version is, though it cannot be read.
func (k Kind) HasLine() bool {
	return k == KindText || k == KindOffer || k == KindAnnouncement || k >= KindNewer
}

// speaks reports whether a person who writes an entry of this kind wants to do
// with its addressee. A confirmation and a ticket are the device's own words.
func (k Kind) speaks() bool { return k != KindConfirmation && k != KindTicket }

// version is that of the header's format.
const version = 1

// signDomain comes before the header in what is signed, so that the signature
// means nothing anywhere else.
const signDomain = "earshot entry v1\x00"

// Header is the signed part of an entry.
type Header struct {
	Version      uint64     `cbor:"1,keyasint"`
	Conversation peer.Hash  `cbor:"2,keyasint"`
	Author       peer.ID    `cbor:"3,keyasint"`
	Log          uint64     `cbor:"4,keyasint"`
	Number       uint64     `cbor:"5,keyasint"`           // from 1
	Before       *peer.Hash `cbor:"6,keyasint,omitempty"` // of the header before; absent at 1
	ID           uuid.UUID  `cbor:"7,keyasint"`
	Clock        uint64     `cbor:"8,keyasint"` // milliseconds, see clock.go
	Kind         Kind       `cbor:"9,keyasint"`
	Length       uint64     `cbor:"10,keyasint"` // of the body, in bytes
	Sum          peer.Hash  `cbor:"11,keyasint"` // SHA-256 of the body
}

// Entry is one signed record that an author added to a conversation. It must
// not be changed.
type Entry struct {
	Header
	Raw       []byte // the exact bytes of the header, which are stored and passed on
	Signature []byte
	Body      []byte
}

// Seal makes an entry of the header and body and signs it. Version, Author,
// Length and Sum of the header are filled in.
func Seal(author *peer.Identity, h Header, body []byte) (Entry, error) {
	h.Version, h.Author = version, author.ID()
	h.Length, h.Sum = uint64(len(body)), sha256.Sum256(body)
	raw, err := peer.Marshal(h)
	if err != nil {
		return Entry{}, fmt.Errorf("encode header: %w", err)
	}
	return Entry{Header: h, Raw: raw, Signature: author.Sign(signed(raw)), Body: body}, nil
}

// ParseHeader reads the exact bytes of a header. It refuses everything but the
// one form in which a header is written.
func ParseHeader(raw []byte) (Header, error) {
	var h Header
	if len(raw) > maxHeader {
		return Header{}, fmt.Errorf("read header: %d bytes, at most %d", len(raw), maxHeader)
	}
	if err := peer.UnmarshalSigned(raw, &h); err != nil {
		return Header{}, fmt.Errorf("read header: %w", err)
	}
	switch {
	case h.Version != version:
		return Header{}, fmt.Errorf("read header: version %d", h.Version)
	case h.Number == 0 || (h.Number == 1) != (h.Before == nil):
		return Header{}, errors.New("read header: number and hash of the header before do not fit")
	case h.Length > maxBody:
		return Header{}, fmt.Errorf("read header: a body of %d bytes, at most %d", h.Length, maxBody)
	}
	return h, nil
}

// ParseEntry reads an entry as it travels or as it was stored, and checks the
// body against the header; [Entry.Verify] checks the signature.
func ParseEntry(s peer.SignedEntry) (Entry, error) {
	h, err := ParseHeader(s.Header)
	if err != nil {
		return Entry{}, err
	}
	if uint64(len(s.Body)) != h.Length || sha256.Sum256(s.Body) != h.Sum {
		return Entry{}, errors.New("read entry: the body is not the one that was signed")
	}
	return Entry{Header: h, Raw: s.Header, Signature: s.Signature, Body: s.Body}, nil
}

// Verify checks that the author signed the entry.
func (e Entry) Verify() error {
	if len(e.Signature) != 64 || !peer.Verify(e.Author, signed(e.Raw), e.Signature) {
		return errors.New("verify entry: the author did not sign it")
	}
	return nil
}

func signed(header []byte) []byte { return append([]byte(signDomain), header...) }

// Hash is the SHA-256 of the header: what the next entry of the log names.
func (e Entry) Hash() peer.Hash { return sha256.Sum256(e.Raw) }

// Signed is the entry as it travels.
func (e Entry) Signed() peer.SignedEntry {
	return peer.SignedEntry{Header: e.Raw, Signature: e.Signature, Body: e.Body}
}

// Size is what the entry takes, in bytes.
func (e Entry) Size() int { return len(e.Raw) + len(e.Signature) + len(e.Body) }

// Key names the entry within its conversation.
func (e Entry) Key() EntryKey { return EntryKey{e.Author, e.ID} }

// LogKey names the log that the entry stands in.
func (e Entry) LogKey() LogKey { return LogKey{e.Author, e.Log} }

// Position is the entry's place in the shown order.
func (e Entry) Position() Position { return Position{e.Clock, e.Author, e.ID} }

// Position orders the entries of a conversation as they are shown, the same on
// every device: by clock, then author, then UUID.
type Position struct {
	Clock  uint64
	Author peer.ID
	ID     uuid.UUID
}

// Compare orders positions: negative where p is shown before q.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Clock, q.Clock), p.Author.Compare(q.Author), bytes.Compare(p.ID[:], q.ID[:]))
}
