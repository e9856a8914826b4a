package peer

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

// hostileTexts are what others may write to disturb a terminal. They seed the
// fuzz tests of the text and the name functions.
var hostileTexts = []string{
	"", " ", "Ann", "two words", "\x1b[2J", "\x1b]0;x\a", "\x1b]52;c;aGk=\a", "\x1bPq\x1b\\", "\u009b31m", "a\x9bb",
	"photo\u202egnp.exe", "\u2066iso\u2069", "\u200fשלום", "\u061cسلام", "e" + strings.Repeat("\u0301", 200),
	"\u0301", "\n\u0301", "\t\u0301", " \u0301 ", strings.Repeat("\n", 40), "a\r\nb\rc\u0085d\u2028e", "\x00\x7f\x0b",
	"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufffe\ufdd0\U0001ffff", "\U000e0001\U000e0041", "\ue000\U000f0000",
	"[red]x[-] [::u]y [\"r\"]", strings.Repeat("[red", 100), "👨‍👩‍👧‍👦", "👨🏽‍👩🏽‍👧🏽‍👦🏽", "❤️", "1️⃣", "1\ufe0f", "a\ufe0f", "🏳️‍🌈",
	"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🇩🇪🇨🇳", "🇩", "a\u200db", "\u200d\u200d", "क्‍ष", "می‌خواهم", "ส้ม", "नमस्ते",
	strings.Repeat("👩\u200d", 40), strings.Repeat("ᄀ", 60) + "각각", strings.Repeat("\u0600", 60) + "1", strings.Repeat("क्", 60) + "क",
	"한글", "葛\U000e0100城", "ᠠ\u180b", "\u3164", "\u115f\u1160", "\u00ad\u034f\u2060\ufeff", "k\u0323\u0307", "Å", "é", "Ǆ", "ﬁ", "<\u0338", "\u2329",
	"क" + strings.Repeat("\u093e", 20) + "क्क", "▶\u200d▶", "000\U0001f3fd\u200d😀😀", "👩\u200d👩\u200d👩\u200d🀍👩\u200d🟀0", "·bidi·", "\u202e\u202e·bidi·\u202e",
}

func TestTextsShowNoControl(t *testing.T) {
	inputs := []string{"\x1b[2J", "\x1b]0;x\a", "\x1b]52;c;aGk=\a", "\x1bPpayload\x1b\\", "\u009b31m", "a\x9b31m"}
	for place, clean := range map[string]func(string) Text{
		"message": Body, "name": DisplayName, "file": func(s string) Text { return Line(s, 0) },
	} {
		t.Run(place+"/T-01", func(t *testing.T) {
			for _, input := range inputs {
				got := clean(input).String()
				if i := strings.IndexFunc(got, unicode.IsControl); i >= 0 {
					t.Errorf("%q became %q with a control", input, got)
				}
				if !strings.ContainsAny(got, "␛\ufffd") {
					t.Errorf("%q became %q without a placeholder", input, got)
				}
			}
		})
	}
}

func TestTextsKeepTheirOrder(t *testing.T) {
	t.Run("file name/T-03", func(t *testing.T) {
		if got, want := Line("photo\u202egnp.exe", 0).String(), "photo·bidi·gnp.exe"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("nick/T-03", func(t *testing.T) {
		if got, want := DisplayName("\u2067Ann\u202e\u202e").String(), "·bidi·Ann·bidi·"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("message/T-03", func(t *testing.T) {
		if got, want := Body("pay \u202e001\u202c now \u2068Ann\u2069").String(), "pay ·bidi·001 now Ann"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestTextsAreCapped(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name, in string
		bytes    int // at most this many are left of a message
	}{
		{"200 marks", "e" + strings.Repeat("\u0301", 200), 20},
		{"1 MiB of marks", "e" + strings.Repeat("\u0301", mib/2), 20},
		{"1 MiB of newlines", strings.Repeat("\n", mib), maxNewlines},
		{"1 MiB of tags", strings.Repeat("[red", mib/4), maxBody},
		{"1 MiB of joined emoji", strings.Repeat("👩\u200d", mib/7), 4 * maxCluster},
		{"1 MiB of invisible", strings.Repeat("\u200b", mib/3), 0},
	} {
		t.Run(c.name+"/T-05", func(t *testing.T) {
			start := time.Now()
			body, line := Body(c.in).String(), Line(c.in, 40).String()
			if took := time.Since(start); took > time.Second {
				t.Errorf("took %v", took)
			}
			if len(body) > c.bytes {
				t.Errorf("%d bytes are left, want at most %d", len(body), c.bytes)
			}
			if w := uniseg.StringWidth(line); w > 40 {
				t.Errorf("a line of 40 cells is %d wide", w)
			}
		})
	}
}

func TestTextsAreRepaired(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"invalid", "a\xffb", "a\ufffdb"},
		{"overlong", "a\xc0\xafb", "a\ufffd\ufffdb"},
		{"surrogate", "a\xed\xa0\x80b", "a\ufffd\ufffd\ufffdb"},
		{"noncharacters", "a\ufffe\ufdd0\U0010ffffb", "a\ufffd\ufffd\ufffdb"},
		{"tags", "a\U000e0001\U000e0041b", "a\ufffd\ufffdb"},
		{"private use", "a\ue000\U00100000b", "a\ufffd\ufffdb"},
		{"mark without a base", "\u0301a", "◌\u0301a"},
	} {
		t.Run(c.name+"/T-09", func(t *testing.T) {
			got := Line(c.in, 0).String()
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if whole, cells := uniseg.StringWidth(got+"|")-1, uniseg.StringWidth(got); whole != cells {
				t.Errorf("the column after %q is at %d, want %d", got, whole, cells)
			}
		})
	}
}

func TestTextsOfAllLanguagesStayAsTheyAre(t *testing.T) {
	for _, s := range []string{
		"Grüße, Ångström", "合同的最新版本", "こんにちは", "한국어", "مرحبا بالعالم", "می‌خواهم", "שלום", "สวัสดีครับ", "नमस्ते क्‍ष", "Việt Nam",
		"👍🏽", "👨‍👩‍👧‍👦", "👨🏽‍👩🏽‍👧🏽‍👦🏽", "🏳️‍🌈", "❤️", "1️⃣", "🇩🇪🇨🇳", flags[0], "葛\U000e0100城", "a [red] b", "x ≠ y", "“…”",
	} {
		if got := Body(s).String(); got != s {
			t.Errorf("Body(%q) = %q", s, got)
		}
		if got := DisplayName(s).String(); got != s {
			t.Errorf("DisplayName(%q) = %q", s, got)
		}
	}
}

func TestBodyKeepsLines(t *testing.T) {
	if got, want := Body("a\r\nb\rc\u2028\td\x0b").String(), "a\nb\nc\n\td␋"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Line("a\r\nb\tc", 0).String(), "a b c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLineEndsWhereItsCellsEnd(t *testing.T) {
	for _, c := range []struct {
		in    string
		cells int
		want  string
	}{
		{"budget.xlsx", 11, "budget.xlsx"},
		{"budget.xlsx", 10, "budget.xl…"},
		{"合同的最新版本", 8, "合同的…"},
		{"👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 3, "👨‍👩‍👧‍👦…"},
		{"合", 1, "…"},
		{strings.Repeat("a", 70), 0, strings.Repeat("a", 63) + "…"},
	} {
		if got := Line(c.in, c.cells).String(); got != c.want {
			t.Errorf("Line(%q, %d) = %q, want %q", c.in, c.cells, got, c.want)
		}
	}
}

func TestDisplayNameIsShort(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"  Ann \n  Lee ", "Ann Lee"},
		{strings.Repeat("x", 60), strings.Repeat("x", 48)},
		{strings.Repeat("x ", 60), strings.TrimSpace(strings.Repeat("x ", 24))},
		{strings.Repeat("🦊", 60), strings.Repeat("🦊", 48)},
		{"\u200b \u00a0", ""},
	} {
		if got := DisplayName(c.in).String(); got != c.want {
			t.Errorf("DisplayName(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestTaggedTextHasNoTags(t *testing.T) {
	if got, want := Body("[red]x[[]").Tagged(), "[\u200bred]x[\u200b[\u200b]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTextInJSONIsCleanedAgain(t *testing.T) {
	var v struct {
		Text  Text `json:"text"`
		Empty Text `json:"empty,omitzero"`
	}
	if err := json.Unmarshal([]byte(`{"text":"a\u001b[2Jb\u202e","empty":""}`), &v); err != nil {
		t.Fatal(err)
	}
	if got, want := v.Text.String(), "a␛[2Jb·bidi·"; got != want {
		t.Errorf("read %q, want %q", got, want)
	}
	if got, err := json.Marshal(v); err != nil || string(got) != `{"text":"a␛[2Jb·bidi·"}` {
		t.Errorf("wrote %s, %v", got, err)
	}
}

// checkText fails where s is not what every Text is.
func checkText(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) {
		t.Fatalf("%q is not UTF-8 in NFC", s)
	}
	marks := 0
	for _, r := range s {
		switch {
		case unicode.IsControl(r) && r != '\n' && r != '\t':
			t.Fatalf("%q has the control %U", s, r)
		case unicode.Is(unicode.Bidi_Control, r):
			t.Fatalf("%q has the directional control %U", s, r)
		case r == '\u200b' || r == '\ufeff' || r == '\u2060' || r == '\ue000':
			t.Fatalf("%q has %U", s, r)
		}
		if !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			t.Fatalf("%q has more than %d marks on a character", s, maxMarks)
		}
	}
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if n := len(g.Runes()); n > maxCluster {
			t.Fatalf("%q has a cluster of %d", s, n)
		}
	}
}

func FuzzBody(f *testing.F) {
	for _, s := range hostileTexts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Body(s)
		checkText(t, got.String())
		if len(got.String()) > maxBody {
			t.Fatalf("%d bytes", len(got.String()))
		}
		if again := Body(got.String()); again != got {
			t.Fatalf("%+q, again %+q", got, again)
		}
		var back Text
		if b, err := got.MarshalText(); err != nil || back.UnmarshalText(bytes.Clone(b)) != nil || back != got {
			t.Fatalf("%+q came back as %+q", got, back)
		}
	})
}

func FuzzLine(f *testing.F) {
	for _, s := range hostileTexts {
		f.Add(s, 0)
		f.Add(s, 5)
	}
	f.Fuzz(func(t *testing.T, s string, cells int) {
		cells = min(max(cells, 0), 500)
		got := Line(s, cells)
		checkText(t, got.String())
		if cells == 0 {
			cells = lineCells
		}
		if w := uniseg.StringWidth(got.String()); w > cells || strings.ContainsAny(got.String(), "\n\t") {
			t.Fatalf("%+q is no line of %d cells", got, cells)
		}
		if again := Line(got.String(), cells); again != got {
			t.Fatalf("%+q, again %+q", got, again)
		}
		if body := Body(got.String()); body != got {
			t.Fatalf("%+q, as a body %+q", got, body)
		}
		name := DisplayName(s)
		checkText(t, name.String())
		if again := DisplayName(name.String()); again != name {
			t.Fatalf("name %+q, again %+q", name, again)
		}
		if n := name.String(); len(n) > maxNameBytes || utf8.RuneCountInString(n) > maxNameRunes {
			t.Fatalf("name %+q is too long", name)
		}
	})
}
