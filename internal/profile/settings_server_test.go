package profile

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// serverFolder makes a data folder whose settings file holds text.
func serverFolder(t *testing.T, text string) string {
	t.Helper()
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, ServerFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestServerSettingsComeFromTheStrongestSource(t *testing.T) {
	data := serverFolder(t, "registration = 'open'\nroster = 'open'\naddresses = ['chat.example', '10.0.0.2:7500']\ndatabase = 'postgres://file/x'\nlog = 'error'\n")
	s, err := ReadServer(data, Sources{
		Flags: map[string][]string{"roster": {"ask"}, "ldap_bind": {"%s@corp"}},
		Environment: func(name string) (string, bool) {
			return map[string]string{"EARSHOT_DATABASE": "postgresql://environment/x"}[name], name == "EARSHOT_DATABASE"
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Registration != "open" || s.Roster != "ask" || s.Database != "postgresql://environment/x" || s.Log != slog.LevelError || s.Listen != ":7421" || s.LDAPBind != "%s@corp" {
		t.Errorf("got %+v", s)
	}
	if want := []string{"chat.example", "10.0.0.2:7500"}; !slices.Equal(s.Addresses, want) {
		t.Errorf("addresses: got %q, want %q", s.Addresses, want)
	}
	for name, want := range map[string]Origin{"registration": FromFile, "roster": FromFlag, "database": FromEnvironment, "listen": FromDefault} {
		if got := s.Origin(name); got != want {
			t.Errorf("%s is from %s, want %s", name, got, want)
		}
	}
	if err := s.Wrong("addresses"); err == nil || !strings.HasPrefix(err.Error(), filepath.Join(data, ServerFile)+":3: addresses is [") {
		t.Errorf("got %v", err)
	}
}

func TestServerSettingsWithoutAFile(t *testing.T) {
	for _, data := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none", "yet")} {
		s, err := ReadServer(data, Sources{})
		if err != nil || s.Registration != "invite" || s.Roster != "ask" || s.Log != slog.LevelInfo || len(s.All()) != len(serverKeys) {
			t.Errorf("got %+v, %v", s, err)
		}
	}
}

func TestTheManualHasEverySettingOfAServer(t *testing.T) {
	manual, err := os.ReadFile("../../docs/ADMINISTRATOR.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(manual), "```toml\n")
	example, _, _ = strings.Cut(example, "```")
	s, err := ReadServer(serverFolder(t, example), Sources{})
	if err != nil {
		t.Fatal(err)
	}
	for i, setting := range s.All() {
		if got, want := fmt.Sprint(setting.Value), fmt.Sprint(serverKeys[i].value); setting.Origin != FromFile || got != want {
			t.Errorf("%s: the manual says %s (%s), want %s", setting.Key, got, setting.Origin, want)
		}
	}
}

func TestWrongServerSettingsSayWhere(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "listen = ':1'\nlissen = ':2'\n", `:2: unknown setting "lissen"; want one of listen, database, registration`},
		{"of a profile", "port = 7421\n", `:1: unknown setting "port"`},
		{"wrong type", "listen = 7421\n", `:1: listen is 7421; want a text in quotes: [HOST]:PORT, like :7421`},
		{"no port", "listen = 'chat.example'\n", `:1: listen is "chat.example"; want [HOST]:PORT`},
		{"no such port", "listen = ':70000'\n", `:1: listen is ":70000"; want`},
		{"wrong word", "\nroster = 'all'\n", `:2: roster is "all"; want ask or open`},
		{"empty word", "registration = ''\n", `:1: registration is ""; want open, invite or closed`},
		{"one address", "addresses = 'a'\n", `:1: addresses is "a"; want texts in quotes, in brackets`},
		{"wrong address", "addresses = ['a b']\n", `:1: addresses is [a b]; want a list of HOST or HOST:PORT`},
		{"no user", "ldap_bind = 'uid=ann'\n", `:1: ldap_bind is "uid=ann"; want one %s`},
		{"a web server", "ldap = 'https://dc'\n", `:1: ldap is "https://dc"; want ldaps://HOST`},
		{"another database", "# c\ndatabase = 'mysql://ann:hunter2@db'\n", `:2: database is something else; want an address like postgres://`},
		{"no text", "database = ['hunter2']\n", `:1: database is something else; want a text in quotes`},
		{"ESC", "announce = \"a\\u001b[2J\"\n", `:1: announce is "a\x1b[2J"; want`},
		{"a table", "[ldap]\nbind = 'x'\n", `:1: ldap is map[bind:x]; want a text in quotes`},
		{"not closed", "database = 'hunter2\n", `:1: `},
		{"10 MB", strings.Repeat("# comment\n", 1<<20), `:1: this file is too large for settings; want at most 1 MiB`},
	} {
		t.Run(c.name+"/S-03", func(t *testing.T) {
			data := serverFolder(t, c.text)
			_, err := ReadServer(data, Sources{})
			var wrong *SettingError
			if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), filepath.Join(data, ServerFile)+c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if strings.ContainsFunc(err.Error(), unicode.IsControl) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q is not fit to be shown", err)
			}
		})
	}
}
