package profile

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// key is everything that is known about one setting.
type key struct {
	name    string
	flag    string // empty: no flag
	env     string // empty: no variable
	value   any    // the default; its type is the type of the setting
	allowed string // in words, behind "want"
	later   bool   // nothing is done with it yet
	number  bool   // a text that in the file may be a number too
	system  func() any
	set     func(s *Settings, value any) error
}

// errValue says that a value is not one that is allowed.
var errValue = errors.New("not allowed")

// keys are all settings, in the order of the manual.
var keys = []key{
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
		allowed: "debug, info, warn or error", set: setLog},
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

func keyOf(name string) (key, bool) {
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return keys[i], true
}

func knownKeys() string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return "one of " + strings.Join(names, ", ")
}

// split makes the texts of a value of one text: only lists have several.
func (k key) split(text string) []string {
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
func (k key) parse(texts []string) (any, error) {
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

// literally is what is allowed in the file, where what stands there is not even of
// the right kind.
func (k key) literally() string {
	switch k.value.(type) {
	case string:
		return "a text in quotes: " + k.allowed
	case []string:
		return `texts in quotes, in brackets, like ["a", "b"]: ` + k.allowed
	case int64, bool:
		return k.allowed + ", without quotes"
	}
	return k.allowed
}
