package ui

import (
	"net/url"
	"path/filepath"
	"strings"
)

// A file that is dropped on a terminal arrives as a paste of its path, and each
// terminal quotes it differently: 'a b', "a b", a\ b, file:///a%20b, or not at
// all, one a line or one after the other, often with a space at the end.

// mostDropped files at once; more are rather a text about files.
const mostDropped = 100

// longestDrop is the longest paste in bytes that is looked at for paths.
const longestDrop = 64 << 10

// paths reads pastes as a system's terminals write them. It touches no disk but
// through exists.
type paths struct {
	windows bool
	exists  func(path string) bool
}

// read is the local absolute paths that a paste consists of, nil unless the
// whole paste is paths and each of them exists.
func (p paths) read(paste string) []string {
	paste = strings.TrimSpace(strings.ReplaceAll(paste, "\r", "\n"))
	if !p.plausible(paste) {
		return nil
	}
	if found := p.all(strings.Split(paste, "\n")); found != nil {
		return found
	}
	words, ok := p.words(paste)
	if !ok {
		return nil
	}
	return p.all(words)
}

// plausible reports whether a paste can be paths, by how it begins: that is
// known without a look at the disk.
func (p paths) plausible(paste string) bool {
	paste = strings.TrimSpace(paste)
	if paste == "" || len(paste) > longestDrop {
		return false
	}
	bare := strings.TrimLeft(paste, `'"`)
	if strings.HasPrefix(bare, "file://") {
		return true
	}
	if p.windows {
		return len(bare) > 2 && bare[1] == ':'
	}
	return strings.HasPrefix(bare, "/")
}

// all is the paths that the lines or words are, nil unless each is one.
func (p paths) all(texts []string) []string {
	var found []string
	for _, text := range texts {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		path, ok := p.local(text)
		if !ok || len(found) == mostDropped || !p.exists(path) {
			return nil
		}
		found = append(found, path)
	}
	return found
}

// local is the path on this machine that a word means. Those of other machines
// are refused before anybody looks whether they exist: on Windows the look alone
// would send the person's credentials there.
func (p paths) local(text string) (string, bool) {
	if strings.HasPrefix(text, "file://") {
		u, err := url.Parse(text)
		if err != nil || u.Host != "" && u.Host != "localhost" {
			return "", false
		}
		text = u.Path
		if p.windows && len(text) > 2 && text[2] == ':' {
			text = text[1:] // "/C:/…"
		}
	}
	if strings.ContainsRune(text, 0) {
		return "", false
	}
	if p.windows {
		drive := len(text) > 2 && text[1] == ':' && (text[2] == '\\' || text[2] == '/')
		return text, drive && isLetter(text[0])
	}
	return filepath.Clean(text), strings.HasPrefix(text, "/")
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// words splits a paste as a shell would; ok is false where a quote stays open.
func (p paths) words(paste string) (words []string, ok bool) {
	var (
		word   strings.Builder
		begun  bool
		quote  rune // the open one, or 0
		escape bool
	)
	for _, r := range paste {
		switch {
		case escape:
			if quote == '"' && !strings.ContainsRune("\\\"$`", r) {
				word.WriteRune('\\')
			}
			word.WriteRune(r)
			escape = false
		case r == '\\' && !p.windows && quote != '\'':
			escape, begun = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"', r == '\'' && !p.windows:
			quote, begun = r, true
		case r == ' ' || r == '\n' || r == '\t':
			if begun {
				words, begun = append(words, word.String()), false
				word.Reset()
			}
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words, quote == 0 && !escape && len(words) > 0
}
