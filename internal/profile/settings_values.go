package profile

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"earshot/peer"
)

// maxLine is the longest text of a setting, in bytes: the longest path of Linux.
const maxLine = 4096

// isLine reports whether text is one line that hides nothing.
func isLine(text string) bool {
	hidden := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
	return utf8.ValidString(text) && !strings.ContainsFunc(text, hidden) && len(text) <= maxLine
}

// isShort reports whether text fits where names do.
func isShort(text string) bool {
	return isLine(text) && utf8.RuneCountInString(strings.TrimSpace(text)) <= 48 && len(text) <= 192
}

// short sets a text that others see.
func short[S any](field func(*S) *string) func(*S, any) error {
	return func(s *S, value any) error {
		text, ok := value.(string)
		if !ok || !isShort(text) {
			return errValue
		}
		*field(s) = peer.DisplayName(text).String()
		return nil
	}
}

// setName sets the name, which nobody can be without.
func setName(s *Settings, value any) error {
	err := short(func(s *Settings) *string { return &s.Name })(s, value)
	if s.Name == "" {
		return errValue
	}
	return err
}

func line[S any](field func(*S) *string) func(*S, any) error { return fit(field, isLine) }

// fit sets a text of one line that is valid.
func fit[S any](field func(*S) *string, valid func(string) bool) func(*S, any) error {
	return func(s *S, value any) error {
		text, ok := value.(string)
		if !ok || !isLine(text) || !valid(text) {
			return errValue
		}
		*field(s) = text
		return nil
	}
}

func flag[S any](field func(*S) *bool) func(*S, any) error {
	return func(s *S, value any) (err error) {
		on, ok := value.(bool)
		if !ok {
			return errValue
		}
		*field(s) = on
		return nil
	}
}

func oneOf[S any](field func(*S) *string, words ...string) func(*S, any) error {
	return func(s *S, value any) error {
		text, ok := value.(string)
		if !ok || !slices.Contains(words, text) {
			return errValue
		}
		*field(s) = text
		return nil
	}
}

func list[S any](field func(*S) *[]string, valid func(string) bool) func(*S, any) error {
	return func(s *S, value any) error {
		texts, ok := value.([]string)
		if !ok || slices.ContainsFunc(texts, func(t string) bool { return t == "" || !isLine(t) || !valid(t) }) {
			return errValue
		}
		*field(s) = texts
		return nil
	}
}

func size[S any](field func(*S) *int64) func(*S, any) error {
	return func(s *S, value any) error {
		text, ok := value.(string)
		if !ok {
			return errValue
		}
		n, err := ParseSize(text)
		*field(s) = n
		return err
	}
}

// MinRate is the lowest speed that files can be limited to, in bytes a second.
const MinRate = 16 << 10

// ParseRate reads "10 MB/s" as bytes a second. Nothing is 0: no limit.
func ParseRate(text string) (int64, error) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "/s"))
	n, err := ParseSize(text)
	if err == nil && n < MinRate && text != "" && text != "0" {
		err = errValue
	}
	return n, err
}

func setRate(s *Settings, value any) (err error) {
	text, ok := value.(string)
	if !ok {
		return errValue
	}
	s.Rate, err = ParseRate(text)
	return err
}

// ParseSize reads "100 MB" as bytes; units are powers of 1000 with B, of 1024
// with iB. Nothing is 0: no limit.
func ParseSize(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	end := strings.LastIndexAny(text, "0123456789.") + 1
	number, err := strconv.ParseFloat(text[:end], 64)
	factor, known := map[string]float64{
		"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
	}[strings.ToUpper(strings.TrimSpace(text[end:]))]
	if err != nil || !known || number < 0 || number*factor >= 1<<62 {
		return 0, errValue
	}
	return int64(number * factor), nil
}

func setPort(s *Settings, value any) error {
	n, ok := value.(int64)
	if !ok || n < 0 || n > 65535 {
		return errValue
	}
	s.Port = uint16(n)
	return nil
}

func level[S any](field func(*S) *slog.Level) func(*S, any) error {
	return func(s *S, value any) error {
		text, _ := value.(string)
		level, ok := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[text]
		if !ok {
			return errValue
		}
		*field(s) = level
		return nil
	}
}

func setSaveTo(s *Settings, value any) error {
	text, ok := value.(string)
	if !ok || !isLine(text) {
		return errValue
	}
	if rest, ok := strings.CutPrefix(filepath.ToSlash(text), "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return errValue
		}
		text = filepath.Join(home, filepath.FromSlash(rest))
	}
	if text != "" && !filepath.IsAbs(text) {
		return errValue
	}
	s.SaveTo = text
	return nil
}

func setKeys(s *Settings, value any) error {
	table, ok := value.(map[string]string)
	if !ok {
		return errValue
	}
	for name, text := range table {
		if !isLine(name) || !isLine(text) {
			return errValue
		}
	}
	s.Keys = table
	return nil
}

// isHost reports whether text names a host, with a port or without.
func isHost(text string) bool {
	_, _, err := HostPort(text)
	return err == nil
}

// isPattern reports whether text is a shell pattern, behind a "!" or without.
func isPattern(text string) bool {
	_, err := filepath.Match(strings.TrimPrefix(text, "!"), "")
	return err == nil
}
