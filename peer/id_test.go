package peer

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"
)

// seedID is the ID of the key whose seed is 32 times b.
func seedID(b byte) ID {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
	return ID(key.Public().(ed25519.PublicKey))
}

func TestIDHasItsGoldenForms(t *testing.T) {
	id := seedID(1)
	for _, c := range []struct{ what, got, want string }{
		{"text", id.String(), "RKEOHXLUBHYZL7KS3MWTZOS5OLFGOCN7DWKBEG7TOSEADNAPN5OA"},
		{"label", id.Label().String(), "9d424ce3-68ec-577c-8ca5-afae0b3e048e"},
		{"namespace", labelSpace.String(), "39899488-f25d-5e41-9bbd-1109531ce523"},
		{"TXT key", base64.RawURLEncoding.EncodeToString(id[:]), "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"},
		{"safety number", SafetyNumber(id, seedID(2)), "01246 82250 51471 85019 99914 18350 62028 92615 50036 59000 11737 70718"},
		{"safety number, other side", SafetyNumber(seedID(2), id), SafetyNumber(id, seedID(2))},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, c.got, c.want)
		}
	}
}

func TestParseIDTakesWhatPeopleType(t *testing.T) {
	id := seedID(1)
	for _, text := range []string{id.String(), id.Grouped(), strings.ToLower(id.String()), strings.ReplaceAll(id.Grouped(), " ", "-")} {
		if got, err := ParseID(text); err != nil || got != id {
			t.Errorf("ParseID(%q) = %v, %v", text, got, err)
		}
	}
	last := id.String()[:51]
	for _, text := range []string{"", "RKEO", id.String() + "A", last + "B", "!" + id.String()[1:], id.String()[:50] + "=="} {
		if _, err := ParseID(text); err == nil {
			t.Errorf("ParseID(%q) took it", text)
		}
	}
}
