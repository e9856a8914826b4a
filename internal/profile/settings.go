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

	origins
}

// origins is where each of the settings came from.
type origins struct{ all []Setting }

// Setting is one setting with its origin, for people to see.
type Setting struct {
	Key    string `json:"key"`
	Value  any    `json:"value"` // string, int64, bool, []string or map[string]string
	Origin Origin `json:"origin"`
	// Where is the flag, the variable, or the file and its line.
	Where string `json:"where,omitempty"`
	// Flag is what stands for it on the command line; empty: none does.
	Flag string `json:"-"`
	// Later: this version reads the setting, but does nothing with it yet.
	Later bool `json:"later,omitempty"`
}

// All is every setting, in the order of the manual.
func (o origins) All() []Setting { return slices.Clone(o.all) }

// Origin says what kind of place the value of a key came from, Where which one.
func (o origins) Origin(key string) Origin { return o.setting(key).Origin }

// Where is the flag, the variable, or the file and its line.
func (o origins) Where(key string) string { return o.setting(key).Where }

func (o origins) setting(key string) Setting {
	for _, setting := range o.all {
		if setting.Key == key {
			return setting
		}
	}
	return Setting{}
}

// Sources are where settings come from beside the file: flags by the key of the setting, as they were typed, and the environment. Either may be nil.
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
func (p Profile) Settings(from Sources) (s Settings, err error) {
	file, err := keys.open(p.Path(SettingsFile))
	if err == nil {
		s.all, err = keys.settle(&s, from, file)
	}
	if err != nil {
		return Settings{}, err
	}
	return s, nil
}

// settle sets every setting from the strongest source that has one.
func (ks schema[S]) settle(s *S, from Sources, file document) ([]Setting, error) {
	var all []Setting
	for _, k := range ks {
		setting, err := k.find(from, file)
		if err != nil {
			return nil, err
		}
		if err := k.set(s, setting.Value); err != nil {
			return nil, k.wrong(setting, setting.Value)
		}
		all = append(all, setting)
	}
	return all, nil
}

// wrong says that a value is not allowed.
func (k key[S]) wrong(at Setting, value any) error {
	problem := k.name + " is " + quote(value)
	if k.secret {
		problem = k.name + " is something else"
	}
	return &SettingError{at.Where, at.Origin, problem, k.allowed}
}

// find is the value of a key from the strongest source that has one.
func (k key[S]) find(from Sources, file document) (Setting, error) {
	found := Setting{Key: k.name, Flag: k.flag, Later: k.later}
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
func (k key[S]) typed(found Setting, texts []string) (Setting, error) {
	value, err := k.parse(texts)
	if err != nil {
		return Setting{}, k.wrong(found, strings.Join(texts, ","))
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

// open reads and parses a settings file; no file is an empty one.
func (ks schema[S]) open(path string) (document, error) {
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
	return ks.parse(path, b)
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
	k, ok := keys.of(name)
	if !ok {
		return &SettingError{name, FromFile, "no such setting", keys.known()}
	}
	parsed, err := k.parse(k.split(value))
	if err == nil {
		err = k.set(&Settings{}, parsed)
	}
	if err != nil {
		return &SettingError{name, FromFile, fmt.Sprintf("%s is %s", name, quote(value)), k.allowed}
	}
	file, err := keys.open(p.Path(SettingsFile))
	if err != nil {
		return err
	}
	b, err := keys.with(file, name, parsed)
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	if err := os.MkdirAll(p.Dir(), 0o700); err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return replaceFile(p.Path(SettingsFile), b)
}
