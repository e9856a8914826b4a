package server

import (
	"strings"
	"testing"

	"earshot/internal/rendezvous"
)

func TestUserNames(t *testing.T) {
	t.Run("names that are none, or another's/A-03", func(t *testing.T) {
		for _, name := range []string{
			"", " ", " bob", "bob ", "bo b", "bob\u200b", "b\u043eb", "\u0430nn", "../bob", "bob/x", ".bob", "bob.", "b..b", "b--b", "_", "a._b",
			"bob\x00", "bob\n", "\u202ebob", "bob\u0301\u200d", "admin", "Admin", "ROOT", "server", strings.Repeat("a", 33), strings.Repeat("a", 300), "\xff", "bob:7421", "bob@x",
		} {
			if folded, err := foldUser(name); err == nil {
				t.Errorf("%q is taken as %q", name, folded)
			} else {
				wantCode(t, err, rendezvous.CodeUserName)
			}
		}
	})
	t.Run("one person, one name/A-03", func(t *testing.T) {
		for name, want := range map[string]string{
			"Bob": "bob", "bob": "bob", "\uff22ob": "bob", "ann-b.c_d": "ann-b.c_d", "Zoe\u0308": "zo\u00eb", "\u674e\u96f7": "\u674e\u96f7", "\u041e\u043b\u0435\u0433": "\u043e\u043b\u0435\u0433", "a1": "a1",
			strings.Repeat("x", 32): strings.Repeat("x", 32),
		} {
			if got, err := foldUser(name); err != nil || got != want {
				t.Errorf("%q is %q, %v; want %q", name, got, err, want)
			}
		}
	})
}

func FuzzUserName(f *testing.F) {
	for _, name := range []string{"bob", "Zoe\u0308", "\u674e\u96f7", "../bob", "b\u043eb", "", "\uff22ob", "a.b-c_d", "\u0627\u0628"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		folded, err := foldUser(name)
		if err != nil {
			return
		}
		if again, err := foldUser(folded); err != nil || again != folded {
			t.Errorf("%q folds to %q, and that to %q, %v", name, folded, again, err)
		}
		if strings.ContainsAny(folded, "/\\ \x00%,") {
			t.Errorf("%q folds to %q", name, folded)
		}
	})
}
