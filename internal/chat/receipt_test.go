package chat_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

// someOffer is what the first device offers in these tests.
var someOffer = chat.Offer{Name: "report.pdf", Files: 1, Bytes: 1 << 20, Manifest: peer.Hash{7}, Wall: 1}

// receiptOf is what a device that has everything confirms.
func receiptOf(by peer.ID, offer chat.Entry) chat.Draft {
	of := chat.Answers{Author: offer.Author, ID: offer.ID}
	return chat.Draft{To: offer.Author, ID: chat.ConfirmationID(of), Kind: chat.KindConfirmation, Body: chat.Confirmation{
		Of: of, Files: &chat.Saved{Name: "report.pdf", Files: 1, Bytes: 1 << 20, Manifest: peer.Hash{7}, Content: peer.Hash{8}},
	}}
}

// adds writes a draft and returns its entry.
func (d *device) adds(draft chat.Draft) (e chat.Entry) {
	d.w.t.Helper()
	err := errors.New("no reply")
	d.replica.Write(draft, func(got chat.Entry, failed error) { e, err = got, failed })
	d.step()
	if err != nil {
		d.w.t.Fatal(err)
	}
	return e
}

func TestAReceiptComesOnceAndIsNoLine(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.devices[0], w.devices[1]
	offer := a.adds(chat.Draft{To: b.id(), Kind: chat.KindOffer, Body: someOffer})
	w.connect(a, b)
	w.settle()
	receipt := b.adds(receiptOf(b.id(), offer))
	w.settle()
	b.life.dead = true // killed before it noted that it did
	b.start()
	if again := b.adds(receiptOf(b.id(), offer)); again.Number != receipt.Number {
		t.Errorf("a second receipt, number %d", again.Number)
	}
	w.connect(a, b)
	w.settle()
	var came []chat.Entry
	for _, e := range eventsOf[chat.EntryAdded](a) {
		if e.Entry.Author == b.id() {
			came = append(came, e.Entry)
		}
	}
	if len(came) != 1 || came[0].Kind.HasLine() {
		t.Fatalf("%d entries of the receiver came", len(came))
	}
	c, err := chat.CheckReceipt(offer, came[0], b.id())
	if err != nil || c.Files.Content != (peer.Hash{8}) || c.Wall == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	w.check()
}

func TestAReceiptMakesNobodyAContact(t *testing.T) {
	s := newSolo(t, chattest.NewMemory())
	b := newAuthor(t, 2)
	s.up(b)
	offer := b.say("an offer, let us say")
	s.add(b, offer)
	write := func(d chat.Draft) {
		t.Helper()
		err := errors.New("no reply")
		s.replica.Write(d, func(_ chat.Entry, failed error) { err = failed })
		s.step()
		if err != nil {
			t.Fatal(err)
		}
	}
	write(receiptOf(identity(1).ID(), offer))
	if contact, err := s.disk.Contact(chat.DeviceParty(b.ID())); contact || err != nil {
		t.Errorf("a receipt made a contact of a stranger, %v", err)
	}
	write(chat.Draft{To: b.ID(), Kind: chat.KindText, Body: chat.Text{Text: "hello"}})
	if contact, err := s.disk.Contact(chat.DeviceParty(b.ID())); !contact || err != nil {
		t.Errorf("a text did not, %v", err)
	}
}

func TestAReceiptThatDoesNotFitIsNone(t *testing.T) {
	conversation, _ := chat.Direct(identity(1).ID(), identity(2).ID())
	other, _ := chat.Direct(identity(1).ID(), identity(3).ID())
	body, err := peer.Marshal(someOffer)
	if err != nil {
		t.Fatal(err)
	}
	offer, err := chat.Seal(identity(1), chat.Header{Conversation: conversation, Log: 1, Number: 1, ID: uuid.Must(uuid.NewV7()), Kind: chat.KindOffer}, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		wrong string
		by    byte
		alter func(h *chat.Header, c *chat.Confirmation)
	}{
		{"", 2, func(*chat.Header, *chat.Confirmation) {}},
		{"another device wrote it", 3, func(*chat.Header, *chat.Confirmation) {}},
		{"another device wrote it", 1, func(*chat.Header, *chat.Confirmation) {}},
		{"another conversation", 2, func(h *chat.Header, _ *chat.Confirmation) { h.Conversation = other }},
		{"its UUID", 2, func(h *chat.Header, _ *chat.Confirmation) { h.ID = uuid.New() }},
		{"entry of kind 1", 2, func(h *chat.Header, _ *chat.Confirmation) { h.Kind = chat.KindText }},
		{"something else", 2, func(_ *chat.Header, c *chat.Confirmation) { c.Of.ID[15]++ }},
		{"something else", 2, func(_ *chat.Header, c *chat.Confirmation) { c.Of.Author = identity(2).ID() }},
		{"nothing of files", 2, func(_ *chat.Header, c *chat.Confirmation) { c.Files = nil }},
		{`about "other.pdf"`, 2, func(_ *chat.Header, c *chat.Confirmation) { c.Files.Name = "other.pdf" }},
		{"2 files", 2, func(_ *chat.Header, c *chat.Confirmation) { c.Files.Files++ }},
		{"1048575 bytes", 2, func(_ *chat.Header, c *chat.Confirmation) { c.Files.Bytes-- }},
		{"other names, sizes or times", 2, func(_ *chat.Header, c *chat.Confirmation) { c.Files.Manifest[0]++ }},
	} {
		draft := receiptOf(identity(2).ID(), offer)
		confirmation := draft.Body.(chat.Confirmation)
		h := chat.Header{Conversation: conversation, Log: 2, Number: 1, ID: draft.ID, Kind: chat.KindConfirmation}
		c.alter(&h, &confirmation)
		body, err := peer.Marshal(confirmation)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := chat.Seal(identity(c.by), h, body)
		if err != nil {
			t.Fatal(err)
		}
		_, err = chat.CheckReceipt(offer, receipt, identity(2).ID())
		if c.wrong == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("want %q, got %v", c.wrong, err)
		}
		receipt.Signature = identity(3).Sign([]byte("something"))
		if _, err := chat.CheckReceipt(offer, receipt, identity(2).ID()); err == nil {
			t.Error("a wrong signature was taken")
		}
	}
}

func TestChainsAreChecked(t *testing.T) {
	b := newAuthor(t, 2)
	one, two, three := b.say("one"), b.say("two"), b.say("three")
	if err := chat.CheckChain([]chat.Entry{one, two, three}); err != nil {
		t.Error(err)
	}
	forged := two
	forged.Body = []byte("another body")
	stolen := newAuthor(t, 3).say("one")
	for name, entries := range map[string][]chat.Entry{
		"a gap": {one, three}, "the wrong order": {two, one}, "another body": {one, forged}, "another log": {stolen, two},
	} {
		if chat.CheckChain(entries) == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
