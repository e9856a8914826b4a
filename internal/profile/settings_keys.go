package profile

import (
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
)

// key is everything that is known about one setting of S.
type key[S any] struct {
	name    string
	flag    string // empty: no flag
	env     string // empty: no variable
	value   any    // the default; its type is the type of the setting
	allowed string // in words, behind "want"
	later   bool   // nothing is done with it yet
	number  bool   // a text that in the file may be a number too
	secret  bool   // never shown
	system  func() any
	set     func(s *S, value any) error
}

// schema is all settings of S, in the order of the manual.
type schema[S any] []key[S]

// errValue says that a value is not one that is allowed.
var errValue = errors.New("not allowed")

// keys are the settings of a profile.
var keys = schema[Settings]{
	{name: "name", flag: "name", env: "EARSHOT_NAME", value: "", system: func() any { return PersonName() },
		allowed: "one line of at most 48 characters, without control characters",
		set:     setName},
	{name: "team", value: "",
		allowed: "one line of at most 48 characters, without control characters",
		set:     short(func(s *Settings) *string { return &s.Team })},
	{name: "port", flag: "port", env: "EARSHOT_PORT", value: int64(7420),
		allowed: "a number from 0 (any) to 65535", set: setPort},
	{name: "peers", flag: "peer", env: "EARSHOT_PEER", value: []string(nil),
		allowed: "a list of HOST or HOST:PORT, the port from 1 to 65535", set: list(func(s *Settings) *[]string { return &s.Peers }, isHost)},
	{name: "interfaces", flag: "interface", env: "EARSHOT_INTERFACE", value: []string(nil),
		allowed: `a list of patterns like "eth*" or "!docker0"`, set: list(func(s *Settings) *[]string { return &s.Interfaces }, isPattern)},
	{name: "language", flag: "lang", env: "EARSHOT_LANG", value: "",
		allowed: "en or zh", set: oneOf(func(s *Settings) *string { return &s.Language }, "en", "zh", "")},
	{name: "ascii", flag: "ascii", env: "EARSHOT_ASCII", value: false,
		allowed: "true or false", set: flag(func(s *Settings) *bool { return &s.ASCII })},
	{name: "plain", flag: "plain", env: "EARSHOT_PLAIN", value: false,
		allowed: "true or false", set: flag(func(s *Settings) *bool { return &s.Plain })},
	{name: "log", flag: "log", env: "EARSHOT_LOG", value: "warn",
		allowed: "debug, info, warn or error", set: level(func(s *Settings) *slog.Level { return &s.Log })},
	{name: "save_to", value: "",
		allowed: "a folder as an absolute path, or one that begins with ~/", set: setSaveTo},
	{name: "accept", value: "none",
		allowed: "none, verified, friends or all", set: oneOf(func(s *Settings) *string { return &s.Accept }, "none", "verified", "friends", "all")},
	{name: "accept_up_to", value: "", number: true,
		allowed: `a size like "100 MB"`, set: size(func(s *Settings) *int64 { return &s.AcceptUpTo })},
	{name: "folder_per_person", value: false,
		allowed: "true or false", set: flag(func(s *Settings) *bool { return &s.FolderPerPerson })},
	{name: "conflict", value: "keep",
		allowed: "keep, overwrite, skip or ask", set: oneOf(func(s *Settings) *string { return &s.Conflict }, "keep", "overwrite", "skip", "ask")},
	{name: "rate", value: "", number: true,
		allowed: `a speed of at least 16 KiB/s, like "10 MB/s"`, set: setRate},
	{name: "read_marks", value: true, later: true,
		allowed: "true or false", set: flag(func(s *Settings) *bool { return &s.ReadMarks })},
	{name: "visible", value: true, later: true,
		allowed: "true or false", set: flag(func(s *Settings) *bool { return &s.Visible })},
	{name: "notify_command", value: []string(nil), later: true,
		allowed: "a program and its arguments as a list", set: list(func(s *Settings) *[]string { return &s.NotifyCommand }, isLine)},
	{name: "server", value: "",
		allowed: "a join link or HOST:PORT", set: line(func(s *Settings) *string { return &s.Server })},
	{name: "keys", value: map[string]string(nil), later: true,
		allowed: `a table of keys like keys.find = "Ctrl+K"`, set: setKeys},
}

func (ks schema[S]) of(name string) (key[S], bool) {
	i := slices.IndexFunc(ks, func(k key[S]) bool { return k.name == name })
	if i < 0 {
		return key[S]{}, false
	}
	return ks[i], true
}

func (ks schema[S]) known() string {
	names := make([]string, len(ks))
	for i, k := range ks {
		names[i] = k.name
	}
	return "one of " + strings.Join(names, ", ")
}

// split makes the texts of a value of one text: only lists have several.
func (k key[S]) split(text string) []string {
	if _, ok := k.value.([]string); !ok {
		return []string{text}
	}
	var texts []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			texts = append(texts, part)
		}
	}
	return texts
}

// parse makes a value of the key's type of what a person typed.
func (k key[S]) parse(texts []string) (any, error) {
	switch k.value.(type) {
	case []string:
		return texts, nil
	case string:
		return texts[len(texts)-1], nil
	case int64:
		return strconv.ParseInt(texts[len(texts)-1], 10, 64)
	case bool:
		return strconv.ParseBool(texts[len(texts)-1])
	}
	return nil, errValue
}

// literal is the key as the file has it: what is allowed there, where what stands
// there is not even of the right kind.
func (k key[S]) literal() key[S] {
	switch k.value.(type) {
	case string:
		k.allowed = "a text in quotes: " + k.allowed
	case []string:
		k.allowed = `texts in quotes, in brackets, like ["a", "b"]: ` + k.allowed
	case int64, bool:
		k.allowed += ", without quotes"
	}
	return k
}
