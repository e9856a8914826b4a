package main

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

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
	for what, want := range map[string]string{
		"ID":            one.ID().String(),
		"label":         one.ID().Label().String(),
		"safety number": peer.SafetyNumber(one.ID(), two.ID()),
		"conversation":  hex.EncodeToString(hello.Conversation[:]),
		"header":        hex.EncodeToString(hello.Raw),
		"body":          hex.EncodeToString(hello.Body),
		"signature":     hex.EncodeToString(hello.Signature),
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
