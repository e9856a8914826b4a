package peer

import (
	"strings"
	"unicode"
)

// The character classes that the text functions need and package unicode does
// not have.

// directional are the explicit directional controls of UAX 9 that change the
// order in which a line is read. The three marks beside them (U+200E, U+200F,
// U+061C) are ordinary in right-to-left text and dropped without a word.
var directional = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x202a, Hi: 0x202e, Stride: 1},
	{Lo: 0x2066, Hi: 0x2069, Stride: 1},
}}

// prepended are format characters that are seen (Prepended_Concatenation_Mark).
var prepended = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0600, Hi: 0x0605, Stride: 1}, {Lo: 0x06dd, Hi: 0x06dd, Stride: 1},
		{Lo: 0x070f, Hi: 0x070f, Stride: 1}, {Lo: 0x0890, Hi: 0x0891, Stride: 1},
		{Lo: 0x08e2, Hi: 0x08e2, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0x110bd, Hi: 0x110cd, Stride: 0x10}},
}

// blank are letters, marks and unassigned characters that show nothing
// (Default_Ignorable_Code_Point outside of Cf, selectors aside).
var blank = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x034f, Hi: 0x034f, Stride: 1}, {Lo: 0x115f, Hi: 0x1160, Stride: 1},
	{Lo: 0x17b4, Hi: 0x17b5, Stride: 1}, {Lo: 0x2065, Hi: 0x2065, Stride: 1},
	{Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
	{Lo: 0xfff0, Hi: 0xfff8, Stride: 1},
}}

// emoji are the characters that joiners and selectors make emoji of: the part of
// Extended_Pictographic (UTS 51) that is assigned.
var emoji = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00a9, Hi: 0x00ae, Stride: 5}, {Lo: 0x203c, Hi: 0x2049, Stride: 13},
		{Lo: 0x2122, Hi: 0x2139, Stride: 23}, {Lo: 0x2194, Hi: 0x2199, Stride: 1},
		{Lo: 0x21a9, Hi: 0x21aa, Stride: 1}, {Lo: 0x231a, Hi: 0x231b, Stride: 1},
		{Lo: 0x2328, Hi: 0x2328, Stride: 1}, {Lo: 0x23cf, Hi: 0x23cf, Stride: 1},
		{Lo: 0x23e9, Hi: 0x23f3, Stride: 1}, {Lo: 0x23f8, Hi: 0x23fa, Stride: 1},
		{Lo: 0x24c2, Hi: 0x24c2, Stride: 1}, {Lo: 0x25aa, Hi: 0x25ab, Stride: 1},
		{Lo: 0x25b6, Hi: 0x25b6, Stride: 1}, {Lo: 0x25c0, Hi: 0x25c0, Stride: 1},
		{Lo: 0x25fb, Hi: 0x25fe, Stride: 1}, {Lo: 0x2600, Hi: 0x27bf, Stride: 1},
		{Lo: 0x2934, Hi: 0x2935, Stride: 1}, {Lo: 0x2b05, Hi: 0x2b07, Stride: 1},
		{Lo: 0x2b1b, Hi: 0x2b1c, Stride: 1}, {Lo: 0x2b50, Hi: 0x2b55, Stride: 5},
		{Lo: 0x3030, Hi: 0x303d, Stride: 13}, {Lo: 0x3297, Hi: 0x3299, Stride: 2},
	},
	R32: []unicode.Range32{
		{Lo: 0x1f000, Hi: 0x1f1e5, Stride: 1}, // up to the regional indicators
		{Lo: 0x1f200, Hi: 0x1f3fa, Stride: 1}, // up to the skin tones
		{Lo: 0x1f400, Hi: 0x1faff, Stride: 1},
	},
	LatinOffset: 1,
}

// keycapBase are the characters on a key: # * 0 to 9.
var keycapBase = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: '#', Hi: '#', Stride: 1}, {Lo: '*', Hi: '*', Stride: 1}, {Lo: '0', Hi: '9', Stride: 1},
	},
	LatinOffset: 3,
}

// shaped are the scripts whose letters join or stack, so that joiners change
// what is read.
var shaped = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Nko,
	unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati,
	unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada,
	unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar,
	unicode.Tibetan, unicode.Balinese,
}

// flags are the emoji of England, Scotland and Wales: the only ones in use that
// are spelled with tags.
var flags = []string{
	"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
	"🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
	"🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
}

// flagAt is the flag that s begins with, empty where it begins with none.
func flagAt(s string) string {
	for _, flag := range flags {
		if strings.HasPrefix(s, flag) {
			return flag
		}
	}
	return ""
}
