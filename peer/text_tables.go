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
