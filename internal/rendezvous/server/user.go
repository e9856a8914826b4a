package server

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"earshot/internal/rendezvous"
)

const (
	// maxUser is the longest user name in characters.
	maxUser = 32
	// minPassword is in characters: what is tried over the network is tried slowly,
	// but a stolen database is not. maxPassword is in bytes, for who pastes a file.
	minPassword = 8
	maxPassword = 256
)

// reserved are user names that would be taken for the server's own word.
var reserved = []string{
	"admin", "administrator", "anonymous", "earshot", "everyone", "all", "here", "guest", "me", "nobody", "notices",
	"moderator", "operator", "root", "security", "server", "support", "system",
}

// foldUser brings a user name to the one form that is kept and compared (RFC 8265,
// UsernameCaseMapped), and refuses those that could be taken for another one, or
// for a path: PRECIS alone passes the empty name, ../bob, and a Cyrillic letter
// among Latin ones.
func foldUser(name string) (string, error) {
	if len(name) > maxUser*utf8.UTFMax {
		return "", refuse(rendezvous.CodeUserName)
	}
	folded, err := precis.UsernameCaseMapped.String(name)
	n := utf8.RuneCountInString(folded)
	if err != nil || n < 1 || n > maxUser || !isUser(folded) || mixes(folded) || slices.Contains(reserved, folded) {
		return "", refuse(rendezvous.CodeUserName)
	}
	return folded, nil
}

// isUser reports whether a name has only letters and digits, and inside of it also
// single dots, hyphens and underscores.
func isUser(name string) bool {
	last := '.'
	for _, r := range name {
		joins := strings.ContainsRune("._-", r)
		if joins && strings.ContainsRune("._-", last) || !joins && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			return false
		}
		last = r
	}
	return !strings.ContainsRune("._-", last)
}

// mixes reports whether a name has letters of more than one of the scripts whose
// letters look alike.
func mixes(name string) bool {
	scripts := 0
	for _, script := range []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee} {
		if strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(script, r) }) {
			scripts++
		}
	}
	return scripts > 1
}

// foldPassword brings a password to the form that is hashed: the same whichever
// keyboard composed it.
func foldPassword(password string) (string, error) {
	folded := norm.NFC.String(password)
	if len(password) > maxPassword || len(folded) > maxPassword || utf8.RuneCountInString(folded) < minPassword || !utf8.ValidString(folded) {
		return "", refuse(rendezvous.CodePassword)
	}
	return folded, nil
}
