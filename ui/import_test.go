package ui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

// withPeople is an administrator's console, and a file of people in a folder.
func withPeople(t *testing.T, f *fakeNode, text string, test func(k *console, dir string)) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	if err := os.WriteFile(filepath.Join(dir, "people.csv"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, 120, 35, f, Config{}, func(k *console) {
		k.keys("Enter", "/admin", "Enter", "m")
		k.shows("Import people from a file", "Each line: USER,NAME,TEAM")
		k.keys("Ctrl+U")
		k.paste(filepath.Join(dir, "people.csv"))
		k.keys("Enter")
		test(k, dir)
	})
}

func TestPeopleAreImported(t *testing.T) {
	f := headquarters()
	f.made = []node.MadeAccount{
		{User: peer.Line("dora", 0), Password: "abcd-efgh"},
		{User: peer.Line("ann", 0), Problem: peer.Line(node.ErrTaken.Error(), 0)},
	}
	withPeople(t, f, "user,name,team\ndora,\"Li, Dora\x1b[31m\",Sales\nann\n", func(k *console, dir string) {
		k.shows("Make accounts for 2 people?", "dora  Li, Dora", "Sales", "~"+string(filepath.Separator)+"people-passwords.csv")
		k.hides("\x1b")
		k.keys("Enter") // Cancel is what it begins with
		k.asked("ImportAccounts")
		old := filepath.Join(dir, "people-passwords.csv")
		if err := os.WriteFile(old, []byte("of last time"), 0o600); err != nil {
			t.Fatal(err)
		}
		k.keys("m", "Ctrl+U")
		k.paste(filepath.Join(dir, "people.csv"))
		k.keys("Enter", "Left", "Enter")
		k.asked("ImportAccounts", "dora/Li, Dora\x1b[31m/Sales ann//")
		k.shows("1 account is made", "people-passwords (2).csv", "ann: Somebody has this user name already.")
		k.hides("abcd-efgh")
		if got := mustRead(t, old); got != "of last time" {
			t.Errorf("the file of last time has %q", got)
		}
		made := filepath.Join(dir, "people-passwords (2).csv")
		if got := mustRead(t, made); got != "dora,abcd-efgh\n" {
			t.Errorf("the passwords are %q", got)
		}
		if info, err := os.Stat(made); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%v, %v: others may read the passwords", info.Mode(), err)
		}
		<-time.After(unguarded)
		k.keys("Enter")
		k.hides("account is made")
	})
}

func TestWhatIsNoFileOfPeopleIsSaidBefore(t *testing.T) {
	for text, says := range map[string]string{
		"ann\na,b,c,d\n": "line 2 is not USER,NAME,TEAM",
		"M\xfcller\n":    "line 1 is not in UTF-8",
		"":               "There is nobody in",
	} {
		f := headquarters()
		withPeople(t, f, text, func(k *console, dir string) {
			k.shows(says)
			k.asked("ImportAccounts")
		})
	}
}

// TestPasswordsAreKeptWhereTheServerGoesAway has the server fail after the first.
func TestPasswordsAreKeptWhereTheServerGoesAway(t *testing.T) {
	f := headquarters()
	f.made = []node.MadeAccount{{User: peer.Line("dora", 0), Password: "abcd-efgh"}}
	f.fail["ImportAccounts"] = node.ErrServerAway
	withPeople(t, f, "dora\nemil\n", func(k *console, dir string) {
		k.keys("Left", "Enter")
		k.shows("1 account is made", "The server does not answer.")
		if got := mustRead(t, filepath.Join(dir, "people-passwords.csv")); got != "dora,abcd-efgh\n" {
			t.Errorf("the passwords are %q", got)
		}
		<-time.After(unguarded)
		f.mu.Lock()
		f.made = nil
		f.mu.Unlock()
		k.keys("Enter", "m", "Ctrl+U")
		k.paste(filepath.Join(dir, "people.csv"))
		k.keys("Enter", "Left", "Enter")
		k.shows("The server does not answer.")
		names, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(names) != 2 {
			t.Errorf("an empty file is left behind: %s", strings.Join(names, " "))
		}
	})
}
