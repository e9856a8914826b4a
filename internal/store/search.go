package store

import (
	"encoding/hex"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"earshot/internal/chat"
	"earshot/peer"
)

// How searching works: FTS5 cuts texts into words at what is neither letter nor
// digit and takes accents off. Chinese and Japanese have no spaces between
// words, so every such character becomes a word of its own; a query is looked
// for as a phrase, so the characters must follow each other. That finds single
// characters too, which the trigram tokenizer cannot.

// index makes an entry that is shown findable, if there is something to find.
func (t tx) index(id int64, e chat.Entry) error {
	words := findable(e)
	if words == "" {
		return nil
	}
	// One row of VALUES: anything else makes FTS5 flush after every row.
	_, err := t.exec("INSERT INTO search (rowid, text, conversation) VALUES (?, ?, ?)", id, words, conversationWord(e.Conversation))
	return err
}

// findable is what of an entry can be searched for: the text, or the name of
// the file offered. A body that cannot be read is nobody's business here.
func findable(e chat.Entry) string {
	switch e.Kind {
	case chat.KindText:
		if text, err := e.Text(); err == nil {
			return spaced(text.Text)
		}
	case chat.KindAnnouncement:
		if a, err := e.Announcement(); err == nil {
			return spaced(a.Text)
		}
	case chat.KindOffer:
		if offer, err := e.Offer(); err == nil {
			return spaced(offer.Name)
		}
	}
	return ""
}

// phrase is the FTS5 query for entries that contain text, in one conversation
// or (zero) in all; "" where the text has no word.
func phrase(text string, conversation peer.Hash) string {
	words := strings.FieldsFunc(spaced(text), func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.Co)
	})
	if len(words) == 0 {
		return ""
	}
	query := `text : "` + strings.Join(words, " ") + `"`
	if conversation != (peer.Hash{}) {
		query += ` AND conversation : "` + conversationWord(conversation) + `"`
	}
	return query
}

// conversationWord is a conversation's ID as one word of the index.
func conversationWord(id peer.Hash) string { return hex.EncodeToString(id[:8]) }

// spaced brings characters that look alike together (NFKC: full-width letters,
// ligatures) and puts a space around every character of a script without spaces.
func spaced(text string) string {
	text = norm.NFKC.String(strings.ToValidUTF8(text, " "))
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
			continue
		}
		if r == 0 { // ends a text for FTS5
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}
