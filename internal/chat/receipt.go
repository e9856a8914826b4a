package chat

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"earshot/peer"
)

// confirmationDomain comes before the author in what a confirmation's UUID is
// made of.
const confirmationDomain = "earshot confirmation v1\x00"

// ConfirmationID is the UUID that every device gives to its confirmation of an
// entry: the UUIDv5 of a domain string and that entry's author in the namespace of
// its UUID. So a device that does not know whether it confirmed something does it
// again and adds nothing, and who looks for the confirmation knows its name.
func ConfirmationID(of Answers) uuid.UUID {
	return uuid.NewSHA1(of.ID, append([]byte(confirmationDomain), of.Author[:]...))
}

// CheckReceipt checks that an entry is the receipt of an offer by a device: both
// are signed, belong to the same conversation, and what one says fits the other.
// The error says what is wrong, in words; it may hold hostile text. What was
// received is not looked at.
func CheckReceipt(offer, receipt Entry, by peer.ID) (Confirmation, error) {
	switch {
	case receipt.Author != by:
		return Confirmation{}, errors.New("another device wrote it")
	case receipt.Conversation != offer.Conversation:
		return Confirmation{}, errors.New("it belongs to another conversation")
	case receipt.ID != ConfirmationID(offer.named()):
		return Confirmation{}, errors.New("its UUID is not that of a receipt for this offer")
	}
	if err := errors.Join(offer.Verify(), receipt.Verify()); err != nil {
		return Confirmation{}, err
	}
	o, err := offer.Offer()
	if err != nil {
		return Confirmation{}, err
	}
	c, err := receipt.Confirmation()
	if err != nil {
		return Confirmation{}, err
	}
	return c, c.Fits(offer.named(), o)
}

// Fits checks that a confirmation is about an offer, and about what was offered.
// The error is as that of [CheckReceipt].
func (c Confirmation) Fits(of Answers, o Offer) error {
	s := c.Files
	switch {
	case c.Of != of:
		return errors.New("it is about something else")
	case s == nil:
		return errors.New("it says nothing of files")
	case s.Name != o.Name, s.Files != o.Files, s.Bytes != o.Bytes:
		return fmt.Errorf("it is about %q, %d files of %d bytes", s.Name, s.Files, s.Bytes)
	case s.Manifest != o.Manifest:
		return errors.New("it is about files with other names, sizes or times")
	}
	return nil
}

// named names the entry for another one that is about it.
func (e Entry) named() Answers { return Answers{Author: e.Author, ID: e.ID} }

// CheckChain checks that entries stand one behind the other in one log, each
// signed by its author and as its bytes say.
func CheckChain(entries []Entry) error {
	for i, e := range entries {
		again, err := ParseEntry(e.Signed())
		if err == nil {
			err = again.Verify()
		}
		if err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		before := entries[i-1]
		if e.LogKey() != before.LogKey() || e.Number != before.Number+1 || e.Before == nil || *e.Before != before.Hash() {
			return fmt.Errorf("entry %d does not follow the one before it in its log", e.Number)
		}
	}
	return nil
}
