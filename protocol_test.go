package main

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"

	"earshot/internal/chat"
	"earshot/peer"
)

// TestPROTOCOLTellsTheTruth compares the examples in the protocol's description
// with what the code makes.
func TestPROTOCOLTellsTheTruth(t *testing.T) {
	b, err := os.ReadFile("docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(b)), " ")
	one, two := peer.NewIdentity([32]byte([]byte(strings.Repeat("\x01", 32)))), peer.NewIdentity([32]byte([]byte(strings.Repeat("\x02", 32))))
	ping, err := peer.Append(nil, peer.Ping{N: 7})
	if err != nil {
		t.Fatal(err)
	}
	frame := hex.EncodeToString(ping)
	hello := golden(t, one, two.ID())
	receipt := goldenReceipt(t, one.ID())
	for what, want := range map[string]string{
		"ID":            one.ID().String(),
		"label":         one.ID().Label().String(),
		"safety number": peer.SafetyNumber(one.ID(), two.ID()),
		"conversation":  hex.EncodeToString(hello.Conversation[:]),
		"header":        hex.EncodeToString(hello.Raw),
		"body":          hex.EncodeToString(hello.Body),
		"signature":     hex.EncodeToString(hello.Signature),
		"receipt UUID":  receipt.ID.String(),
		"manifest":      hex.EncodeToString(receipt.confirmation.Files.Manifest[:]),
		"content":       hex.EncodeToString(receipt.confirmation.Files.Content[:]),
		"receipt":       hex.EncodeToString(receipt.body),
		"ticket":        hex.EncodeToString(goldenTicket(t, one.ID(), two)),
		"list":          hex.EncodeToString(goldenList(t, one.ID(), two)),
		"ping":          frame[:8] + " " + frame[8:10] + " " + frame[10:],
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s: docs/PROTOCOL.md does not have %s", what, want)
		}
	}
}

// golden is the entry of the example.
func golden(t *testing.T, author *peer.Identity, to peer.ID) chat.Entry {
	t.Helper()
	const wall = 1767225600000
	conversation, _ := chat.Direct(author.ID(), to)
	body, err := peer.Marshal(chat.Text{Text: "hello", Wall: wall})
	if err != nil {
		t.Fatal(err)
	}
	entry, err := chat.Seal(author, chat.Header{Conversation: conversation, Log: 0xaaaaaaaaaaaaaaaa, Number: 1,
		ID: uuid.MustParse("019b76da-a800-7000-8000-000000000001"), Clock: wall, Kind: chat.KindText}, body)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

// receipt is the confirmation of the example.
type receipt struct {
	ID           uuid.UUID
	confirmation chat.Confirmation
	body         []byte
}

// goldenReceipt confirms an offer of a file with five bytes.
func goldenReceipt(t *testing.T, from peer.ID) (r receipt) {
	t.Helper()
	const wall = 1767225600000
	entry, err := peer.Marshal(peer.ManifestEntry{Path: []string{"hello.txt"}, Size: 5, Time: wall * 1e6})
	if err != nil {
		t.Fatal(err)
	}
	chunk := blake3.Sum256([]byte("hello"))
	of := chat.Answers{Author: from, ID: uuid.MustParse("019b76da-a800-7000-8000-000000000002")}
	r.ID = chat.ConfirmationID(of)
	r.confirmation = chat.Confirmation{Of: of, Wall: wall, Files: &chat.Saved{
		Name: "hello.txt", Files: 1, Bytes: 5, Manifest: blake3.Sum256(entry), Content: blake3.Sum256(chunk[:]),
	}}
	if r.body, err = peer.Marshal(r.confirmation); err != nil {
		t.Fatal(err)
	}
	return r
}

// goldenTicket is the ticket of the example.
func goldenTicket(t *testing.T, device peer.ID, realm *peer.Identity) []byte {
	t.Helper()
	issued := time.Unix(1767225600, 0)
	raw, err := peer.Ticket{
		Account: uuid.MustParse("019b76da-a800-7000-8000-000000000003"), Device: device, Serial: 7,
		User: "ada", Name: "Ада Лавлейс", Team: "Engines", Admin: true, Issued: issued, Expires: issued.Add(72 * time.Hour),
	}.Sign(realm)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// goldenList is the revocation list of the example.
func goldenList(t *testing.T, device peer.ID, realm *peer.Identity) []byte {
	t.Helper()
	third := peer.NewIdentity([32]byte([]byte(strings.Repeat("\x03", 32))))
	raw, err := peer.Revocations{Epoch: 5}.Add(device, 7).Add(third.ID(), 1).Sign(realm)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
