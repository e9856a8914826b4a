package chat_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
)

// The entry that the protocol's description shows.
const (
	goldenConversation = "44c94ba1035207fd9fadad23d43c8cddf47837496b7c845a56d4dd1b9bd46532"
	goldenBody         = "a2016568656c6c6f021b0000019b76daa800"
	goldenHeader       = "aa010102582044c94ba1035207fd9fadad23d43c8cddf47837496b7c845a56d4dd1b9bd465320358208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c041baaaaaaaaaaaaaaaa05010750019b76daa80070008000000000000001081b0000019b76daa80009010a120b582032c5bcfc792b8ee84971949442c3b858cec2f7cad7d50c4a14a89cfc8bb6fd8b"
	goldenSignature    = "008609a33d44e4d22bd06066331a30be5d81146a8aeb9852d22701699187eae059ba49e4f799e8e8da6180408261cf3076aa28c207e72f6246adfff65b51640f"
	goldenTime         = 1767225600000
)

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func goldenEntry(t testing.TB) chat.Entry {
	body, err := peer.Marshal(chat.Text{Text: "hello", Wall: goldenTime})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := chat.Direct(identity(1).ID(), identity(2).ID())
	e, err := chat.Seal(identity(1), chat.Header{
		Conversation: id, Log: 0xaaaaaaaaaaaaaaaa, Number: 1,
		ID: uuid.MustParse("019b76da-a800-7000-8000-000000000001"), Clock: goldenTime, Kind: chat.KindText,
	}, body)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestGolden(t *testing.T) {
	e := goldenEntry(t)
	page, err := os.ReadFile("../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		got  []byte
		want string
	}{
		{"conversation", e.Conversation[:], goldenConversation},
		{"body", e.Body, goldenBody},
		{"header", e.Raw, goldenHeader},
		{"signature", e.Signature, goldenSignature},
	} {
		if hex.EncodeToString(c.got) != c.want {
			t.Errorf("%s:\n got %x\nwant %s", c.what, c.got, c.want)
		}
		if !strings.Contains(string(page), c.want) {
			t.Errorf("%s: docs/PROTOCOL.md does not have %s", c.what, c.want)
		}
	}
	again, err := chat.ParseEntry(e.Signed())
	if err != nil || again.Verify() != nil {
		t.Fatal(err, again.Verify())
	}
	text, err := again.Text()
	if err != nil || text.Text != "hello" || text.Wall != goldenTime {
		t.Errorf("text %+v, %v", text, err)
	}
}

func TestDirectIsTheSameOnBothSides(t *testing.T) {
	a, b := identity(1).ID(), identity(2).ID()
	ab, names := chat.Direct(a, b)
	ba, same := chat.Direct(b, a)
	if ab != ba || !bytes.Equal(names, same) {
		t.Error("the two sides name their conversation differently")
	}
	if other, _ := chat.Direct(a, identity(3).ID()); other == ab {
		t.Error("two conversations have one ID")
	}
}

func TestSealHasOneForm(t *testing.T) {
	golden := unhex(t, goldenHeader)
	edit := func(old, new string) []byte {
		if !strings.Contains(goldenHeader, old) {
			t.Fatalf("the golden header has no %s", old)
		}
		return unhex(t, strings.Replace(goldenHeader, old, new, 1))
	}
	tests := []struct {
		name   string
		header []byte
	}{
		{"empty", nil},
		{"cut", golden[:len(golden)-1]},
		{"more behind it", append(bytes.Clone(golden), 0)},
		{"number not shortest", edit("0501", "051801")},
		{"keys not sorted", edit("09010a12", "0a120901")},
		{"a key twice", edit("09010a12", "09010901")},
		{"an unknown key", unhex(t, "ab"+goldenHeader[2:]+"0c00")},
		{"another version", edit("aa010102", "aa010202")},
		{"number 0", edit("050107", "050007")},
		{"number 2 without the header before", edit("050107", "050207")},
		{"conversation of 31 bytes", edit("582044c9", "581fc9")},
		{"UUID of 15 bytes", edit("0750019b", "074f9b")},
		{"kind is text", edit("09010a", "09600a")},
		{"a body larger than any", edit("0a12", "0a1a00100000")},
		{"indefinite length", unhex(t, "bf"+goldenHeader[2:]+"ff")},
		{"longer than any", append(bytes.Clone(golden), make([]byte, 1000)...)},
	}
	for _, test := range tests {
		t.Run(test.name+"/F-05", func(t *testing.T) {
			if h, err := chat.ParseHeader(test.header); err == nil {
				t.Errorf("was read: %+v", h)
			}
		})
	}
}

func TestTextBounds(t *testing.T) {
	e := goldenEntry(t)
	long, err := peer.Marshal(chat.Text{Text: strings.Repeat("x", chat.MaxText+1)})
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"too long": long, "none": nil, "a list": {0x80}, "not UTF-8": unhex(t, "a10161ff")} {
		e.Body = body
		if _, err := e.Text(); err == nil {
			t.Errorf("%s: was read", name)
		}
	}
	e.Body = unhex(t, "a4"+goldenBody[2:]+"030218ff00")
	if _, err := e.Text(); err == nil {
		t.Error("an answer to a number was read")
	}
	e.Body = unhex(t, "a3"+goldenBody[2:]+"18ff00")
	if text, err := e.Text(); err != nil || text.Text != "hello" {
		t.Errorf("with a key from a newer version: %+v, %v", text, err)
	}
	if _, err := e.Offer(); err == nil {
		t.Error("a text was read as an offer")
	}
}

func FuzzHeader(f *testing.F) {
	e := goldenEntry(f)
	f.Add(e.Raw)
	before := e.Hash()
	second, err := chat.Seal(identity(1), chat.Header{Conversation: e.Conversation, Log: 1, Number: 2, Before: &before, Kind: 1 << 30}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(second.Raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := chat.ParseHeader(b)
		if err != nil {
			return
		}
		if again, err := peer.Marshal(h); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is read as %x, %v", b, again, err)
		}
	})
}

func FuzzBody(f *testing.F) {
	e := goldenEntry(f)
	f.Add(e.Body)
	answer := chat.Text{Text: "no", Wall: 1, Answers: &chat.Answers{Author: e.Author, ID: e.ID}}
	offer := chat.Offer{Name: "a.zip", Files: 1, Bytes: 7, Manifest: peer.Hash{9}, Wall: 5, Program: true}
	receipt := chat.Confirmation{Of: chat.Answers{Author: e.Author, ID: e.ID}, Wall: 5, Files: &chat.Saved{Name: "a.zip", Files: 1, Bytes: 7, Content: peer.Hash{9}}}
	for _, v := range []any{answer, offer, receipt} {
		b, err := peer.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := chat.Entry{Header: chat.Header{Kind: chat.KindText}, Body: b}
		if text, err := e.Text(); err == nil {
			again(t, text, func(b []byte) (any, error) { e.Body = b; text, err := e.Text(); return text, err })
		}
		e = chat.Entry{Header: chat.Header{Kind: chat.KindOffer}, Body: b}
		if offer, err := e.Offer(); err == nil {
			again(t, offer, func(b []byte) (any, error) { e.Body = b; offer, err := e.Offer(); return offer, err })
		}
		e = chat.Entry{Header: chat.Header{Kind: chat.KindConfirmation}, Body: b}
		if c, err := e.Confirmation(); err == nil {
			again(t, c, func(b []byte) (any, error) { e.Body = b; c, err := e.Confirmation(); return c, err })
		}
	})
}

// again encodes v, reads that, and encodes it once more: nothing may change.
func again(t *testing.T, v any, read func([]byte) (any, error)) {
	b, err := peer.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	w, err := read(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if c, err := peer.Marshal(w); err != nil || !bytes.Equal(b, c) {
		t.Errorf("%x became %x, %v", b, c, err)
	}
}

// TestGoldenHeaderIsPlainCBOR reads the header without this package's types.
func TestGoldenHeaderIsPlainCBOR(t *testing.T) {
	var m map[int]any
	if err := cbor.Unmarshal(unhex(t, goldenHeader), &m); err != nil || len(m) != 10 || m[5] != uint64(1) {
		t.Errorf("%v, %v", m, err)
	}
}
