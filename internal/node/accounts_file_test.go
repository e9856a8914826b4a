package node

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAFileOfPeople(t *testing.T) {
	got, err := ReadAccounts(strings.NewReader("\ufeffUser,name,team\r\nbob, \"Li, Bob\",Sales\n\ncleo\ndan,Dan\n"))
	want := []NewAccount{{User: "bob", Name: "Li, Bob", Team: "Sales"}, {User: "cleo"}, {User: "dan", Name: "Dan"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for text, says := range map[string]string{
		"user\nann,Ann,Sales,4\n":                  "line 2 is not USER,NAME,TEAM",
		"ann\n,Ann\n":                              "line 2 is not USER,NAME,TEAM",
		"ann\nbob,M\xfcller\n":                     "line 2 is not in UTF-8",
		"ann\n\"bob\n":                             "line 2",
		strings.Repeat("a\n", MaxAccounts+1):       "more than 10000 people",
		"ann,\"" + strings.Repeat("x", 5<<20):      "or 4 MiB",
		"ann," + strings.Repeat("x", 5<<20) + "\n": "or 4 MiB",
	} {
		if people, err := ReadAccounts(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %d people, %v; want %s", text, len(people), err, says)
		}
	}
}

func FuzzAccountsFile(f *testing.F) {
	for _, seed := range []string{"user,name,team\nbob,\"Li, Bob\",Sales\n", "\ufeffann\n", "\"", "a,b,c,d", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		people, err := ReadAccounts(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, one := range people {
			if strings.TrimSpace(one.User) == "" || !utf8.ValidString(one.User+one.Name+one.Team) {
				t.Fatalf("made %+v of %q", one, text)
			}
		}
	})
}
