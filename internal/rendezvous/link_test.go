package rendezvous

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"earshot/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seeded is the identity whose seed is 32 times b.
func seeded(b byte) *peer.Identity {
	return peer.NewIdentity([32]byte([]byte(strings.Repeat(string(rune(b)), 32))))
}

const goldenLink = "earshot://chat.office.lan:7421/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w&c=K7QF-9XYZ"

func TestALinkSaysServerKeyAndCode(t *testing.T) {
	realm := seeded(1).ID()
	for _, c := range []struct {
		text string
		want Link
	}{
		{goldenLink, Link{"chat.office.lan:7421", realm, "K7QF-9XYZ"}},
		{"earshot://10.0.0.3:9000?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w", Link{"10.0.0.3:9000", realm, ""}},
		{"earshot://[fd00::1]/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w", Link{"[fd00::1]:7421", realm, ""}},
		{"chat.office.lan", Link{Address: "chat.office.lan:7421"}},
		{"Chat:8000", Link{Address: "chat:8000"}},
		{"fd00::1", Link{Address: "[fd00::1]:7421"}},
		{"[fd00::1]:80", Link{Address: "[fd00::1]:80"}},
	} {
		got, err := ParseLink(c.text)
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v, want %v", c.text, got, err, c.want)
		}
		if again, err := ParseLink(got.String()); err != nil || again != got {
			t.Errorf("%s printed as %s, which is %v, %v", c.text, got, again, err)
		}
	}
	if got := (Link{"chat.office.lan:7421", realm, "K7QF-9XYZ"}).String(); got != goldenLink {
		t.Errorf("printed %s, want %s", got, goldenLink)
	}
}

// badLinks are no links: somebody who followed one might trust another key.
var badLinks = []string{
	"", " ", "a b", "chat:0", "chat:65536", "chat:x", "chat:", ":7421", "[::1", "fe80::1%eth0", "chat/..", "a:b:c",
	"http://chat/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
	"earshot://chat/",
	"earshot:///?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
	"earshot://chat/?k=",
	"earshot://chat/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1",
	"earshot://chat/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=",
	"earshot://chat/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1x", // bits left over
	"earshot://chat/?k=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	"earshot://chat/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w&k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
	"earshot://me@chat/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
	"earshot://chat/path?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
	"earshot://chat/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w&c=",
	"earshot://chat/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w&c=a%20b",
	"earshot://chat/?k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w#x",
	goldenLink + strings.Repeat("x", maxLink),
}

func TestALinkThatIsNotWholeIsRefused(t *testing.T) {
	for _, text := range badLinks {
		if got, err := ParseLink(text); !errors.Is(err, ErrLink) {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestAFingerprintIsComparedWhole(t *testing.T) {
	realm := seeded(1).ID()
	const want = "CC84 50F4 EC2E 42BB 3A2C CA08 7A91 A51D"
	if got := Fingerprint(realm); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for typed, same := range map[string]bool{
		want: true, strings.ToLower(want): true, strings.ReplaceAll(want, " ", ":"): true,
		want[:20]: false, "": false, want + " 00": false, Fingerprint(seeded(2).ID()): false,
	} {
		if SameFingerprint(realm, typed) != same {
			t.Errorf("%q: want %v", typed, same)
		}
	}
}

func FuzzParseLink(f *testing.F) {
	f.Add(goldenLink)
	f.Add("chat.office.lan:7421")
	f.Add("[fd00::1]")
	for _, text := range badLinks {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		link, err := ParseLink(text)
		if err != nil {
			return
		}
		if again, err := ParseLink(link.String()); err != nil || again != link {
			t.Errorf("%q is %v, printed %q, which is %v, %v", text, link, link, again, err)
		}
	})
}
