package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"

	"earshot/peer"
)

// Origin says where the value of a setting came from. A flag beats the
// environment, that beats the file.
type Origin string

// The origins of a setting.
const (
	FromFlag        Origin = "flag"
	FromEnvironment Origin = "environment"
	FromFile        Origin = "file"
	FromSystem      Origin = "system" // the person's or the machine's name
	FromDefault     Origin = "default"
)

// Settings are the effective settings of a profile, every one of them valid.
type Settings struct {
	Name            string // display name
	Team            string
	Port            uint16 // 0: any
	Peers           []string
	Interfaces      []string
	Language        string // en, zh; empty: the system's
	ASCII           bool
	Plain           bool
	Log             slog.Level
	SaveTo          string // absolute; empty: [Profile.FilesDir]
	Accept          string // none, verified, friends, all
	AcceptUpTo      int64  // bytes; 0: no limit
	FolderPerPerson bool
	Conflict        string // keep, overwrite, skip, ask
	Rate            int64  // bytes per second; 0: no limit
	ReadMarks       bool
	Visible         bool
	NotifyCommand   []string
	Server          string
	Keys            map[string]string

	all []Setting
}

// Setting is one setting with its origin, for people to see.
type Setting struct {
	Key    string `json:"key"`
	Value  any    `json:"value"` // string, int64, bool, []string or map[string]string
	Origin Origin `json:"origin"`
	// Where is the flag, the variable, or the file and its line.
	Where string `json:"where,omitempty"`
	// Later: this version reads the setting, but does nothing with it yet.
	Later bool `json:"later,omitempty"`
}

// All is every setting, in the order of the manual.
func (s Settings) All() []Setting { return slices.Clone(s.all) }

// Origin says what kind of place the value of a key came from, Where which one.
func (s Settings) Origin(key string) Origin { return s.setting(key).Origin }

// Where is the flag, the variable, or the file and its line.
func (s Settings) Where(key string) string { return s.setting(key).Where }

func (s Settings) setting(key string) Setting {
	for _, setting := range s.all {
		if setting.Key == key {
			return setting
		}
	}
	return Setting{}
}

// Sources are where settings come from beside the profile's file: flags by the
// key of the setting, as they were typed, and the environment. Either may be nil.
type Sources struct {
	Flags       map[string][]string
	Environment func(name string) (string, bool)
}

// SettingError is a setting that makes no sense. Its text names where it was
// found, what is wrong, and what is allowed; it holds no control characters.
type SettingError struct {
	Where   string // a flag, a variable, or file:line
	Origin  Origin
	Problem string
	Allowed string
}

func (e *SettingError) Error() string {
	if e.Allowed == "" {
		return e.Where + ": " + e.Problem
	}
	return e.Where + ": " + e.Problem + "; want " + e.Allowed
}

// maxSettings is the longest settings file that is looked at.
const maxSettings = 1 << 20

// Settings reads the settings of the profile. Every problem with what they say is a
// [*SettingError], the first one only; another error is about the file.
func (p Profile) Settings(from Sources) (Settings, error) {
	file, err := p.readSettings()
	if err != nil {
		return Settings{}, err
	}
	var s Settings
	for _, k := range keys {
		setting, err := k.find(from, file)
		if err != nil {
			return Settings{}, err
		}
		if err := k.set(&s, setting.Value); err != nil {
			return Settings{}, &SettingError{setting.Where, setting.Origin, fmt.Sprintf("%s is %s", k.name, quote(setting.Value)), k.allowed}
		}
		s.all = append(s.all, setting)
	}
	return s, nil
}

// find is the value of a key from the strongest source that has one.
func (k key) find(from Sources, file document) (Setting, error) {
	found := Setting{Key: k.name, Later: k.later}
	if typed, ok := from.Flags[k.name]; ok {
		found.Origin, found.Where = FromFlag, "--"+k.flag
		return k.typed(found, typed)
	}
	if k.env != "" && from.Environment != nil {
		if text, ok := from.Environment(k.env); ok && text != "" {
			found.Origin, found.Where = FromEnvironment, k.env
			return k.typed(found, k.split(text))
		}
	}
	if value, ok := file.values[k.name]; ok {
		found.Origin, found.Where, found.Value = FromFile, file.at(k.name), value
		return found, nil
	}
	found.Origin, found.Value = FromDefault, k.value
	if k.system != nil {
		found.Origin, found.Value = FromSystem, k.system()
	}
	return found, nil
}

// typed makes a value of what was typed on the command line or set in the
// environment.
func (k key) typed(found Setting, texts []string) (Setting, error) {
	value, err := k.parse(texts)
	if err != nil {
		return Setting{}, &SettingError{found.Where, found.Origin, fmt.Sprintf("%s is %s", k.name, quote(strings.Join(texts, ","))), k.allowed}
	}
	found.Value = value
	return found, nil
}

// quote shows a value in a message: short, without controls, and a text in quotes.
func quote(value any) string {
	text, ok := value.(string)
	if !ok {
		return peer.Line(fmt.Sprint(value), 60).String()
	}
	if len(text) > 60 {
		text = text[:60] + "…"
	}
	return fmt.Sprintf("%q", text)
}

// readSettings reads and parses the settings file; no file is an empty one.
func (p Profile) readSettings() (document, error) {
	path := p.Path(SettingsFile)
	b, err := readSmall(path, maxSettings)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR): // no profile, or none to be
		return document{path: path}, nil
	case errors.Is(err, fs.ErrPermission):
		return document{}, fmt.Errorf("read the settings: %w", err)
	case errors.Is(err, errTooLarge):
		return document{}, &SettingError{path + ":1", FromFile, "this file is too large for settings", "at most 1 MiB"}
	case err != nil:
		return document{}, &SettingError{path + ":1", FromFile, "cannot be read: " + plainError(err), "a file that you may read"}
	}
	return parse(path, b)
}

// plainError is the cause at the end of an error about a file.
func plainError(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}

// Save changes one setting in the file, and leaves everything else in it as it
// is, comments too. The file is there as a whole or as it was.
func (p Profile) Save(name, value string) error {
	k, ok := keyOf(name)
	if !ok {
		return &SettingError{name, FromFile, "no such setting", knownKeys()}
	}
	parsed, err := k.parse(k.split(value))
	if err == nil {
		err = k.set(&Settings{}, parsed)
	}
	if err != nil {
		return &SettingError{name, FromFile, fmt.Sprintf("%s is %s", name, quote(value)), k.allowed}
	}
	file, err := p.readSettings()
	if err != nil {
		return err
	}
	b, err := file.with(name, parsed)
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	if err := os.MkdirAll(p.Dir(), 0o700); err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return replaceFile(p.Path(SettingsFile), b)
}
