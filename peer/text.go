package peer

import (
	"strings"
	"unicode/utf8"
)

// Text is a text that is safe to show on a terminal, whoever wrote it. Only
// [Line], [Body] and [DisplayName] make one, so a widget or a command that takes
// a Text cannot be handed what came from the wire. The zero Text is empty.
//
// A Text is valid UTF-8 in NFC. It holds no control but newline and tab (a
// [Line] not even those), no bidirectional or invisible control, and no grapheme
// cluster that a terminal would choke on. Cleaning a Text again changes nothing.
type Text struct{ s string }

const (
	// maxBody is the longest message in bytes; the protocol carries no longer one.
	maxBody = 32 << 10
	// lineCells is as wide as a name on a screen of 80 columns can usefully be.
	lineCells = 64
	// maxNameRunes and maxNameBytes bound a display name: a ticket with it stays
	// under 1 KiB, a hello under 4.
	maxNameRunes = 48
	maxNameBytes = 192
	// rawFactor times the longest result is what of a text is looked at at all, so
	// that cleaning a hostile one costs no more than cleaning a long one. A cell
	// holds at most one cluster.
	rawFactor = 4
	rawCell   = rawFactor * maxCluster
	// more stands where the end of a text was cut off.
	more = "…"
)

// Line is a text for one line: a name, a title, the name of a file. Newlines and
// tabs become spaces, and what is wider than so many terminal cells ends in "…".
// No cells (or fewer) means 64.
func Line(s string, cells int) Text {
	if cells <= 0 {
		cells = lineCells
	}
	s = clean(firstBytes(s, rawCell*(cells+1)), false)
	return Text{extent{cells: cells}.cut(s, more)}
}

// Body is a text of several lines: a message. It keeps newlines and tabs; more
// than 32 KiB end in "…".
func Body(s string) Text {
	s = clean(firstBytes(s, rawFactor*maxBody), true)
	return Text{extent{bytes: maxBody}.cut(s, more)}
}

// DisplayName is what a person calls a device: one line of at most 48 characters
// and 192 bytes, single spaces inside and none around it. It may be empty.
func DisplayName(s string) Text {
	s = clean(firstBytes(s, rawFactor*maxNameBytes), false)
	s = strings.Join(strings.Fields(s), " ")
	s = clean(s, false) // a mark may have lost the space that carried it
	s = extent{bytes: maxNameBytes, runes: maxNameRunes}.cut(s, "")
	return Text{strings.TrimSpace(s)}
}

// String is the text itself.
func (t Text) String() string { return t.s }

// Tagged is the text for a widget that parses style tags: an invisible space
// after each "[" keeps every tag from being one. It is not for other widgets,
// which would count that space.
func (t Text) Tagged() string { return strings.ReplaceAll(t.s, "[", "[\u200b") }

// IsZero reports whether the text is empty.
func (t Text) IsZero() bool { return t.s == "" }

// MarshalText writes the text as it is.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.s), nil }

// UnmarshalText reads a text and cleans it as [Body] does, so a Text that came
// over a socket is as safe as one made here.
func (t *Text) UnmarshalText(text []byte) error {
	*t = Body(string(text))
	return nil
}

// firstBytes is the beginning of s, at most n bytes, not ending within a rune.
func firstBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := 0; i < utf8.UTFMax && n > 0 && !utf8.RuneStart(s[n]); i++ {
		n--
	}
	return s[:n]
}
