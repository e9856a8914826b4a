package profile

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// with makes a profile whose settings file holds text.
func with(t *testing.T, text string) Profile {
	t.Helper()
	p := open(t, t.TempDir(), "work")
	if err := os.WriteFile(p.Path(SettingsFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

const sample = `# my settings
name = "Ann" # at work
port = 7500
peers = [
  "10.0.0.5",
  "10.0.0.6:7421", # warehouse
]
log = 'debug'
save_to = "/srv/in"

[keys]
find = "Ctrl+B"
`

func TestSettingsComeFromTheStrongestSource(t *testing.T) {
	p := with(t, sample)
	s, err := p.Settings(Sources{
		Flags: map[string][]string{"port": {"0"}, "interfaces": {"eth*", "!docker0"}},
		Environment: func(name string) (string, bool) {
			value, ok := map[string]string{"EARSHOT_PORT": "7600", "EARSHOT_PEER": "10.0.0.9, 10.0.0.8:1", "EARSHOT_ASCII": "1", "EARSHOT_LOG": ""}[name]
			return value, ok
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "Ann" || s.Port != 0 || s.Log != slog.LevelDebug || !s.ASCII || s.SaveTo != "/srv/in" || s.Accept != "none" || s.Keys["find"] != "Ctrl+B" {
		t.Errorf("got %+v", s)
	}
	if want := []string{"10.0.0.9", "10.0.0.8:1"}; !slices.Equal(s.Peers, want) {
		t.Errorf("peers: got %q, want %q", s.Peers, want)
	}
	for name, want := range map[string]Origin{
		"name": FromFile, "port": FromFlag, "interfaces": FromFlag, "peers": FromEnvironment, "ascii": FromEnvironment,
		"log": FromFile, "plain": FromDefault, "keys": FromFile,
	} {
		if got := s.Origin(name); got != want {
			t.Errorf("%s is from %s, want %s", name, got, want)
		}
	}
	if i := slices.IndexFunc(s.All(), func(s Setting) bool { return s.Key == "log" }); s.All()[i].Where != p.Path(SettingsFile)+":8" {
		t.Errorf("log is at %s", s.All()[i].Where)
	}
}

func TestSettingsWithoutAFile(t *testing.T) {
	s, err := open(t, t.TempDir(), "work").Settings(Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Name == "" || s.Origin("name") != FromSystem || s.Port != 7420 || s.Log != slog.LevelWarn || !s.Visible || len(s.All()) != len(keys) {
		t.Errorf("got %+v", s)
	}
}

func TestWhatIsAcceptedWithoutAsking(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "accept_up_to = ''\n": 0, "accept_up_to = 0\n": 0, "accept_up_to = 5000\n": 5000, "accept_up_to = '1 GiB'\n": 1 << 30,
	} {
		s, err := with(t, text+"accept = 'friends'\nfolder_per_person = true\n").Settings(Sources{})
		if err != nil || s.AcceptUpTo != want || s.Accept != "friends" || !s.FolderPerPerson {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
		for _, one := range s.All() {
			if one.Later && one.Key == "accept_up_to" {
				t.Error("said to have no effect")
			}
		}
	}
}

func TestWrongSettingsSayWhere(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "name = 'Ann'\nnmae = 'Bob'\n", `:2: unknown setting "nmae"; want one of name, team, port`},
		{"unknown table", "name = 'Ann'\n\n[server]\nhost = 'x'\n", `:3: server is`},
		{"wrong type", "# c\nport = \"7420\"\n", `:2: port is "7420"; want a number from 0 (any) to 65535, without quotes`},
		{"no quotes", "name = 5\n", `:1: name is 5; want a text in quotes: one line`},
		{"no brackets", "peers = '10.0.0.1'\n", `:1: peers is "10.0.0.1"; want texts in quotes, in brackets, like ["a", "b"]: a list of HOST`},
		{"no port", "peers = ['10.0.0.1:99999']\n", `:1: peers is [10.0.0.1:99999]; want a list of HOST or HOST:PORT, the port from 1 to 65535`},
		{"out of range", "port = 70000\n", `:1: port is 70000; want a number`},
		{"wrong word", "\n\nlog = 'loud'\n", `:3: log is "loud"; want debug, info, warn or error`},
		{"list of the wrong type", "peers = ['a', 5]\n", `:1: peers is`},
		{"a wrong size", "accept_up_to = 'much'\n", `:1: accept_up_to is "much"; want a size like "100 MB"`},
		{"a negative size", "accept_up_to = -1\n", `:1: accept_up_to is "-1"; want a size`},
		{"a switch that is no word", "folder_per_person = 'yes'\n", `:1: folder_per_person is "yes"; want true or false`},
		{"relative folder", "save_to = 'files'\n", `:1: save_to is "files"; want a folder as an absolute path`},
		{"ESC in name", "port = 1\nname = \"a\\u001b[2J\"\n", `:2: name is "a\x1b[2J"; want one line`},
		{"raw ESC in name", "port = 1\nname = \"a\x1b[2J\"\n", `:2: `},
		{"bidi in name", "name = \"a\\u202eb\"\n", `:1: name is "a\u202eb"; want`},
		{"too long name", "name = '" + strings.Repeat("x", 49) + "'\n", `:1: name is "xxxx`},
		{"empty name", "name = ' '\n", `:1: name is " "; want`},
		{"no TOML", "name = 'Ann'\nport 7420\n", `:2: `},
		{"twice", "port = 1\nport = 2\n", `:2: `},
		{"10 MB", strings.Repeat("# comment\n", 1<<20), `:1: this file is too large for settings; want at most 1 MiB`},
	} {
		t.Run(c.name+"/S-03", func(t *testing.T) {
			p := with(t, c.text)
			_, err := p.Settings(Sources{})
			var wrong *SettingError
			if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), p.Path(SettingsFile)+c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if i := strings.IndexFunc(err.Error(), unicode.IsControl); i >= 0 || len(err.Error()) > 1000 {
				t.Errorf("%q is not fit to be shown", err)
			}
		})
	}
	t.Run("a folder/S-03", func(t *testing.T) {
		p := open(t, t.TempDir(), "work")
		if err := os.Mkdir(p.Path(SettingsFile), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Settings(Sources{}); err == nil {
			t.Error("taken")
		}
	})
}

func TestWrongFlagsAndVariablesSayWhich(t *testing.T) {
	p := with(t, "")
	_, err := p.Settings(Sources{Flags: map[string][]string{"port": {"many"}}})
	if want := `--port: port is "many"; want a number from 0 (any) to 65535`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = p.Settings(Sources{Environment: func(name string) (string, bool) { return "loud", name == "EARSHOT_LOG" }})
	if want := `EARSHOT_LOG: log is "loud"; want debug, info, warn or error`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSaveLeavesTheRestAsItIs(t *testing.T) {
	for _, c := range []struct{ name, before, key, value, after string }{
		{"no file", "", "name", "Ann", "name = 'Ann'\n"},
		{"changed", sample, "name", "Bob", strings.Replace(sample, `"Ann"`, `'Bob'`, 1)},
		{"quotes", sample, "name", `Bob "the 'boss'"`, strings.Replace(sample, `"Ann"`, `"Bob \"the 'boss'\""`, 1)},
		{"added", "# c\nport = 1", "save_to", "/x", "# c\nport = 1\nsave_to = '/x'\n"},
		{"added before tables", "[keys]\nname = 'x'\n", "name", "Ann", "name = 'Ann'\n[keys]\nname = 'x'\n"},
		{"over lines", "name = \"\"\"\nAnn\"\"\" # c\n", "name", "Bob", "name = 'Bob' # c\n"},
		{"a number", "port = 0x1f # c\n", "port", "7421", "port = 7421 # c\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := with(t, c.before)
			if err := p.Save(c.key, c.value); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(p.Path(SettingsFile))
			if err != nil || string(got) != c.after {
				t.Errorf("got %q, %v; want %q", got, err, c.after)
			}
		})
	}
}

func TestSaveRefusesWhatWouldNotBeRead(t *testing.T) {
	for _, c := range []struct{ before, key, value string }{
		{sample, "name", "a\x1bb"}, {sample, "port", "x"}, {sample, "nmae", "x"}, {"broken", "name", "Ann"}, {"peers = ['a']\n", "peers", "b"},
	} {
		p := with(t, c.before)
		if err := p.Save(c.key, c.value); err == nil {
			t.Errorf("%s = %q was saved", c.key, c.value)
		}
		if got, err := os.ReadFile(p.Path(SettingsFile)); string(got) != c.before || err != nil {
			t.Errorf("the file is now %q, %v", got, err)
		}
	}
}

func TestSaveKeepsALinkedFile(t *testing.T) {
	p := open(t, t.TempDir(), "work")
	target := filepath.Join(t.TempDir(), "dotfile.toml")
	if err := os.WriteFile(target, []byte("port = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, p.Path(SettingsFile)); err != nil {
		t.Skip(err)
	}
	if err := p.Save("name", "Ann"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(target); string(got) != "port = 1\nname = 'Ann'\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "5": 5, "100 MB": 100e6, "1.5GiB": 3 << 29, "10 kb": 10e3} {
		if got, err := ParseSize(text); got != want || err != nil {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"MB", "-5", "1 XB", "1e30 TB", "..", "NaN"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d", text, got)
		}
	}
}

func FuzzSettings(f *testing.F) {
	for _, seed := range []string{"", sample, "name = \"a\\u001b\"", "[keys]\na='b'\n", "peers=[1]", "a.b = 1", "'' = 1", "[[name]]", "name.x = 1", "\ufeffport = 1"} {
		f.Add(seed, "Ann")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		d, err := keys.parse("config.toml", []byte(text))
		if err != nil {
			if strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("%q is not fit to be shown", err)
			}
			return
		}
		if !isShort(name) {
			return
		}
		b, err := keys.with(d, "name", name)
		if err != nil {
			return
		}
		if after, err := keys.parse("config.toml", b); err != nil || after.values["name"] != name {
			t.Fatalf("%q became %q: %v", text, b, err)
		}
	})
}
