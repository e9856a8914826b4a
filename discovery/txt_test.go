package discovery

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/miekg/dns"

	"earshot/peer"
)

// throughWire packs a TXT record and unpacks it again, as the network does.
func throughWire(t testing.TB, txt []string) []string {
	t.Helper()
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: "x.local.", Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: recordTTL}, Txt: txt}
	message, err := packResponse([]dns.RR{rr})
	if err != nil {
		t.Fatalf("pack %q: %v", txt, err)
	}
	var m dns.Msg
	if err := m.Unpack(message); err != nil {
		t.Fatalf("unpack: %v", err)
	}
	return m.Answer[0].(*dns.TXT).Txt
}

func TestTextComesThroughTheWire(t *testing.T) {
	for _, name := range []string{
		"", "Ann", "Ann's desk, 2nd floor", "a.b.c", "with=equals", "王芳的电脑", "👩‍👩‍👧 home", `back\slash`, `\065`, `\`, `"quoted"`,
		" leading and trailing ", "tab\there", "\x1b[2J", "\xff\xfe", strings.Repeat("张", 64),
	} {
		want := text{id: seedID(1), instance: instance(1), name: name, addrs: []netip.Addr{netip.MustParseAddr("10.77.0.2"), netip.MustParseAddr("fd77::2")}}
		got, ok := parseText(throughWire(t, want.strings()))
		if !ok || got.id != want.id || got.instance != want.instance || got.name != want.name || !slices.Equal(got.addrs, want.addrs) {
			t.Errorf("name %q: got %+v, %v", name, got, ok)
		}
	}
}

func TestTextHasItsGoldenStrings(t *testing.T) {
	got := text{id: seedID(1), instance: instance(1), name: `王 \ A.`, addrs: []netip.Addr{netip.MustParseAddr("10.77.0.2")}}.strings()
	want := []string{
		"txtvers=1",
		"p=1",
		"k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
		"i=00000000-0000-4000-8000-000000000001",
		`n=王 \\ A.`,
		"a=10.77.0.2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	long := text{id: seedID(1), name: strings.Repeat("张", 100)}
	for range 20 {
		long.addrs = append(long.addrs, netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666"))
	}
	got, ok := parseText(throughWire(t, long.strings()))
	if !ok || got.name != strings.Repeat("张", 64) || len(got.addrs) != maxNamed {
		t.Errorf("got name of %d bytes, %d addresses, %v", len(got.name), len(got.addrs), ok)
	}
}

func TestHostileTexts(t *testing.T) {
	key := "k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"
	t.Run("an escape sequence in a name/D-09", func(t *testing.T) {
		got, ok := parseText([]string{key, `n=\027[2J\229\188\160`})
		if !ok || got.name != "\x1b[2J张" {
			t.Fatalf("got %q, %v", got.name, ok)
		}
		shown := peer.DisplayName(got.name).String()
		if strings.Contains(shown, "\x1b") || !strings.HasSuffix(shown, "张") {
			t.Errorf("shown as %q", shown)
		}
	})
	t.Run("a name of 255 bytes/D-09", func(t *testing.T) {
		got, ok := parseText(throughWire(t, []string{key, "n=" + strings.Repeat("x", 253)}))
		if !ok || len(got.name) != maxNameBytes {
			t.Errorf("got %d bytes, %v", len(got.name), ok)
		}
	})
	t.Run("1,000 strings/D-09", func(t *testing.T) {
		many := slices.Repeat([]string{"x"}, 999)
		if _, ok := parseText(append(many, key)); ok {
			t.Error("looked at the last of 1,000 strings")
		}
		if _, ok := parseText(append([]string{key}, many...)); !ok {
			t.Error("refused for what follows")
		}
	})
	t.Run("a key that is there twice/D-09", func(t *testing.T) {
		got, ok := parseText([]string{"N=first", key, "n=second", "K=AAAA"})
		if !ok || got.name != "first" || got.id != seedID(1) {
			t.Errorf("got %q of %v, %v", got.name, got.id, ok)
		}
	})
	for _, txt := range [][]string{nil, {""}, {"k"}, {"k="}, {"k=AAAA"}, {key + "AA"}, {"k=" + strings.Repeat("A", 43)}, {key + "="}} {
		if _, ok := parseText(txt); ok {
			t.Errorf("took %q for a device's", txt)
		}
	}
}

func FuzzTXT(f *testing.F) {
	f.Add("k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w", `n=\229\188\160`)
	f.Add("i=00000000-0000-4000-8000-000000000001", "a=10.77.0.2,fe80::1%eth0,::ffff:1.2.3.4,x")
	f.Add(`n=\`, `n=\25`)
	f.Add(`n=\999`, "K=")
	f.Fuzz(func(t *testing.T, one, two string) {
		got, ok := parseText([]string{one, two, "k=iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"})
		if len(got.name) > maxNameBytes || len(got.addrs) > maxNamed {
			t.Fatalf("name of %d bytes, %d addresses", len(got.name), len(got.addrs))
		}
		for _, a := range got.addrs {
			if a.Zone() != "" || a.Is4In6() {
				t.Fatalf("address %v", a)
			}
		}
		if !ok {
			return // the first string was another key
		}
		again, ok := parseText(throughWire(t, got.strings()))
		if !ok || again.id != got.id || again.name != got.name || !slices.Equal(again.addrs, got.addrs) {
			t.Fatalf("%+v came back as %+v", got, again)
		}
	})
}

func TestFirstBytesCutsBetweenCharacters(t *testing.T) {
	for n := range 12 {
		got := firstBytes("aé张👍", n)
		if len(got) > n || !utf8.ValidString(got) {
			t.Errorf("firstBytes(…, %d) = %q", n, got)
		}
	}
	if got := firstBytes("\x80\x80\x80\x80\x80\x80", 5); len(got) != 5 {
		t.Errorf("cut %q from what has no characters", got)
	}
}
