package peer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/unicode/norm"
)

const (
	// maxMarks combining marks on one character are enough for every living
	// script; a cluster with a megabyte of them costs 149 ms a redraw.
	maxMarks = 8
	// maxCluster runes hold the longest emoji in use (10) and any syllable.
	maxCluster = 24
	// maxNewlines in a row: more only push what others wrote off the screen.
	maxNewlines = 20

	// cutMark stands where a directional control was that makes a text read
	// differently than it is.
	cutMark = "·bidi·"
	// carrier bears a combining mark that would else sit on the screen's frame.
	carrier = '◌'
)

const (
	zwnj     = '\u200c'
	zwj      = '\u200d'
	emojiVS  = '\ufe0f'
	keycap   = '\u20e3'
	badRune  = unicode.ReplacementChar
	tagBegin = 0xe0000 // plane 14: tags and what never was assigned, all invisible
	tagEnd   = 0xe0fff
)

// clean makes s safe to show; with lines it keeps newlines and tabs. The order
// of the steps makes it idempotent: what is dropped is dropped before NFC, which
// may join its neighbours, and what is capped is capped after it. (Marks are
// capped before it as well: where there are more than 30, package norm would
// insert U+034F between them.)
func clean(s string, lines bool) string {
	if plain(s) {
		return s
	}
	s = capMarks(string(settle(show(s, lines))))
	s = norm.NFC.String(s)
	return capClusters(capMarks(s))
}

// plain reports whether s is printable ASCII and so clean already.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// show replaces or drops each rune that must not be shown whatever stands
// beside it.
func show(s string, lines bool) []rune {
	out := make([]rune, 0, len(s))
	for s != "" {
		if flag := flagAt(s); flag != "" {
			out, s = append(out, []rune(flag)...), s[len(flag):]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		if r == '\r' && strings.HasPrefix(s, "\n") {
			continue
		}
		out = appendShown(out, r, lines)
	}
	return out
}

// appendShown appends what is shown for r: itself, a placeholder, or nothing.
func appendShown(out []rune, r rune, lines bool) []rune {
	switch {
	case isBreak(r) && lines:
		return append(out, '\n')
	case r == '\t' && lines:
		return append(out, r)
	case isBreak(r) || r == '\t':
		return append(out, ' ')
	case r < ' ':
		return append(out, '␀'+r) // U+2400 on: a picture for each control
	case r == 0x7f:
		return append(out, '␡')
	case isUnshowable(r):
		return append(out, badRune)
	case r == '\u202d' || r == '\u202e', !lines && unicode.Is(directional, r):
		return appendMark(out)
	case isInvisible(r):
		return out
	}
	return append(out, r)
}

// appendMark appends the mark of a directional control, once for several.
func appendMark(out []rune) []rune {
	mark := []rune(cutMark)
	if strings.HasSuffix(string(out[max(0, len(out)-len(mark)):]), cutMark) {
		return out
	}
	return append(out, mark...)
}

// isBreak reports whether r ends a line, in whichever system it was typed.
func isBreak(r rune) bool {
	return r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
}

// isUnshowable reports whether r is no character that all could see alike: C1
// controls, invalid UTF-8, private use, noncharacters, tags.
func isUnshowable(r rune) bool {
	return r == badRune || r >= 0x80 && r < 0xa0 || unicode.Is(unicode.Co, r) ||
		r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef ||
		r >= tagBegin && r <= tagEnd && !isSelector(r)
}

// isInvisible reports whether r is a format control, or a letter or mark that
// shows nothing. Joiners and selectors are judged by what stands beside them.
func isInvisible(r rune) bool {
	if isJoiner(r) || unicode.Is(prepended, r) {
		return false
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(blank, r)
}

func isJoiner(r rune) bool { return r == zwj || r == zwnj }

func isSelector(r rune) bool { return unicode.Is(unicode.Variation_Selector, r) }

// isAttached reports whether r belongs to the character before it: a mark, a
// joiner, a skin tone, a Japanese voice mark, a Korean vowel or final consonant.
func isAttached(r rune) bool {
	return unicode.Is(unicode.M, r) || isJoiner(r) || isSkin(r) || r == 0xff9e || r == 0xff9f ||
		r >= 0x1160 && r <= 0x11ff || r >= 0xd7b0 && r <= 0xd7fb
}

func isSkin(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }

// settle drops the joiners and selectors that do nothing where they stand and
// newlines beyond maxNewlines, and gives each combining mark at the beginning of
// a line something to sit on.
func settle(in []rune) []rune {
	out := make([]rune, 0, len(in)+1)
	newlines := 0
	var before, base rune
	for i, r := range in {
		var after rune
		if i+1 < len(in) {
			after = in[i+1]
		}
		switch {
		case isJoiner(r) && !unicode.In(base, shaped...) && !joinsEmoji(base, r, after):
			continue
		case isSelector(r) && !selects(before, r, after):
			continue
		case unicode.Is(unicode.M, r) && (before == 0 || before == '\n' || before == '\t'):
			out = append(out, carrier)
		}
		if r != '\n' {
			newlines = 0
		} else if newlines++; newlines > maxNewlines {
			continue
		}
		out = append(out, r)
		before = r
		if !isAttached(r) {
			base = r
		}
	}
	return out
}

// joinsEmoji reports whether joiner r makes one emoji of two. What counts is the
// character that carries the skin tone or selector before r: on any other one
// the joiner joins nothing, and a cut behind it would leave it alone.
func joinsEmoji(base, r, after rune) bool {
	return r == zwj && isEmoji(base) && isEmoji(after)
}

// isEmoji reports whether r is Extended_Pictographic (UTS 51), and so what
// joiners and selectors make emoji of. Package uniseg is asked, since what it
// does not join would be cut in the middle.
func isEmoji(r rune) bool {
	joined := string(r) + string(zwj) + "👩"
	cluster, _, _, _ := uniseg.FirstGraphemeClusterInString(joined, -1)
	return len(cluster) == len(joined)
}

// selects reports whether selector r picks a form of the character before it.
func selects(before, r, after rune) bool {
	switch {
	case r == emojiVS || r == '\ufe0e':
		return isEmoji(before) || unicode.Is(keycapBase, before) && after == keycap
	case r >= 0x180b && r <= 0x180f:
		return unicode.Is(unicode.Mongolian, before) && unicode.Is(unicode.L, before)
	}
	return unicode.Is(unicode.Han, before)
}

// capMarks drops what exceeds maxMarks on one character.
func capMarks(s string) string {
	marks := 0
	return strings.Map(func(r rune) rune {
		if !isAttached(r) {
			marks = 0
			return r
		}
		if marks++; marks > maxMarks {
			return -1
		}
		return r
	}, s)
}

// capClusters cuts endless chains of joined characters: emoji, consonants,
// Korean letters. U+FFFD ends a cut one, which keeps the next cluster apart.
func capClusters(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for state := -1; s != ""; {
		var cluster string
		cluster, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
		if len(cluster) > maxCluster && utf8.RuneCountInString(cluster) > maxCluster {
			head := strings.TrimRight(string([]rune(cluster)[:maxCluster-1]), "\u200c\u200d")
			cluster = head + string(badRune)
		}
		b.WriteString(cluster)
	}
	return b.String()
}

// extent bounds a text; a bound of 0 is none.
type extent struct{ bytes, runes, cells int }

func (e extent) holds(o extent) bool {
	return (e.bytes == 0 || o.bytes <= e.bytes) && (e.runes == 0 || o.runes <= e.runes) && (e.cells == 0 || o.cells <= e.cells)
}

func (e extent) plus(s string, cells int) extent {
	return extent{e.bytes + len(s), e.runes + utf8.RuneCountInString(s), e.cells + cells}
}

// cut shortens a clean text to what e holds, between clusters, and lets it end
// in end where something had to go.
func (e extent) cut(s, end string) string {
	if e.holds(extent{len(s), len(s), len(s)}) && plain(s) {
		return s
	}
	var size extent
	fits := 0 // bytes of s that leave room for end
	for rest, state := s, -1; rest != ""; {
		var cluster string
		var cells int
		cluster, rest, cells, state = uniseg.FirstGraphemeClusterInString(rest, state)
		size = size.plus(cluster, cells)
		if !e.holds(size) {
			return s[:fits] + end
		}
		if e.holds(size.plus(end, uniseg.StringWidth(end))) {
			fits = size.bytes
		}
	}
	return s
}
