package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot/internal/profile"
	"earshot/internal/rendezvous"
	"earshot/peer"
)

// served is what a command printed so far.
type served struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *served) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *served) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// serveCalls runs "earshot serve …" to its end.
func serveCalls(t *testing.T, home string, environment map[string]string, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr served
	code = Run(t.Context(), serveProgram(home, environment, &stdout, &stderr, args...))
	return code, stdout.String(), stderr.String()
}

func serveProgram(home string, environment map[string]string, stdout, stderr io.Writer, args ...string) Program {
	return Program{
		Args: append([]string{"--home", home, "serve"}, args...), Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr,
		Environment: func(name string) (string, bool) { value, ok := environment[name]; return value, ok },
	}
}

func TestServe(t *testing.T) {
	home := t.TempDir()
	var stdout, stderr served
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int, 1)
	go func() { ended <- Run(ctx, serveProgram(home, nil, &stdout, &stderr, "--listen", "127.0.0.1:0")) }()
	link := joinLink(t, &stdout)
	if link.Code == "" || !strings.Contains(stdout.String(), rendezvous.Fingerprint(link.Realm)) {
		t.Errorf("printed %q", stdout.String())
	}
	client, err := rendezvous.NewClient(rendezvous.ClientConfig{Identity: peer.NewIdentity([32]byte{1}), Realm: link.Realm, Addresses: []string{link.Address}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	in, err := client.Register(ctx, rendezvous.Registration{User: "ann", Password: "correct horse", Code: link.Code})
	if err != nil || !in.Account.Admin {
		t.Errorf("ann is %+v, %v", in.Account, err)
	}

	if code, _, said := serveCalls(t, home, nil, "--listen", "127.0.0.1:0"); code != codeFailed || !strings.Contains(said, "uses this data folder") {
		t.Errorf("a second server: %d, %s", code, said)
	}
	copied := filepath.Join(home, "copy.db")
	if code, _, said := serveCalls(t, home, nil, "backup", copied); code != codeDone {
		t.Errorf("a backup: %d, %s", code, said)
	}
	if info, err := os.Stat(copied); err != nil || info.Size() == 0 || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the copy is %v, %v", info, err)
	}
	if code, _, said := serveCalls(t, home, nil, "backup", copied); code != codeFailed || !strings.Contains(said, "replaces nothing") {
		t.Errorf("a backup over another: %d, %s", code, said)
	}
	cancel()
	if code := <-ended; code != codeDone {
		t.Errorf("the server ended with %d: %s", code, stderr.String())
	}
	if strings.Contains(stderr.String(), "correct horse") || strings.Contains(stderr.String(), link.Code) || !strings.Contains(stderr.String(), "user=ann") {
		t.Errorf("logged %s", stderr.String())
	}
	if err := os.Remove(filepath.Join(home, "default", "server", "realm.key")); err != nil {
		t.Fatal(err)
	}
	if code, _, said := serveCalls(t, home, nil); code != codeFailed || !strings.Contains(said, "Copy realm.key") {
		t.Errorf("without the key: %d, %s", code, said)
	}
}

func TestServeTakesItsSettingsFromTheDataFolder(t *testing.T) {
	home, data := t.TempDir(), t.TempDir()
	file := "listen = '127.0.0.1:0'\nregistration = 'open'\naddresses = ['chat.example']\nroster = 'open'\n"
	if err := os.WriteFile(filepath.Join(data, "server.toml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr served
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, serveProgram(home, nil, &stdout, &stderr, "--data", data, "--address", "127.0.0.1:1"))
	}()
	if link := joinLink(t, &stdout); link.Address != "127.0.0.1:1" {
		t.Errorf("the link has the file's address, not the flag's: %s", link)
	}
	at := regexp.MustCompile(`answers at (127\.0\.0\.1:\d+)\.`).FindStringSubmatch(stdout.String())
	if at == nil {
		t.Fatalf("printed %q", stdout.String())
	}
	client, err := rendezvous.NewClient(rendezvous.ClientConfig{Identity: peer.NewIdentity([32]byte{1}), Realm: joinLink(t, &stdout).Realm, Addresses: at[1:]})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Register(ctx, rendezvous.Registration{User: "ann", Password: "correct horse"}); err != nil {
		t.Errorf("registration is open in the file, and ann is refused: %v", err)
	}
	cancel()
	if code := <-ended; code != codeDone {
		t.Errorf("ended with %d: %s", code, stderr.String())
	}
}

var joinLine = regexp.MustCompile(`(?m)^Join link: (\S+)$`)

// joinLink waits for the link that a server prints.
func joinLink(t *testing.T, stdout *served) rendezvous.Link {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-tick.C {
		if found := joinLine.FindStringSubmatch(stdout.String()); found != nil {
			link, err := rendezvous.ParseLink(found[1])
			if err != nil {
				t.Fatal(err)
			}
			return link
		}
	}
	t.Fatal("no join link")
	return rendezvous.Link{}
}

func TestServeIsCalledWrongly(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--registration", "all"}, codeUsage, "open, invite or closed"},
		{[]string{"--roster", "all"}, codeUsage, "ask or open"},
		{[]string{"--listen", "7421"}, codeUsage, "[HOST]:PORT"},
		{[]string{"--address", "a b"}, codeUsage, "HOST or HOST:PORT"},
		{[]string{"--database", "mysql://x"}, codeUsage, "postgres://"},
		{[]string{"--metrics", "0.0.0.0:1"}, codeUsage, "this machine alone"},
		{[]string{"--database", "postgres://ann:secret@127.0.0.1:1/x"}, codeFailed, "cannot be opened"},
		{[]string{"--ldap-bind", "uid=%s"}, codeUsage, "--ldap-bind: ldap_bind goes with ldap"},
		{[]string{"--ldap", "ldaps://dc", "--ldap-bind", "uid=ann"}, codeUsage, "want one %s"},
		{[]string{"--ldap", "http://dc", "--ldap-bind", "uid=%s"}, codeUsage, "ldaps://"},
		{[]string{"--ldap", "ldaps://dc/x?y", "--ldap-bind", "uid=%s"}, codeUsage, "ldaps://"},
		{[]string{"--ldap", "ldaps://dc"}, codeUsage, "--ldap: ldap goes with ldap_bind"},
		{[]string{"--announce", "a\x1bb"}, codeUsage, "at most 48 characters"},
		{[]string{"--listen", ":99999"}, codeUsage, "[HOST]:PORT"},
		{[]string{"--ldap", "ldaps://dc", "--ldap-bind", "uid=%s", "--ldap-ca", "serve_test.go"}, codeUsage, "no certificates in serve_test.go"},
		{[]string{"backup", "there/is/none"}, codeFailed, "no file or folder"},
		{[]string{"backup"}, codeUsage, "FILE"},
	} {
		code, _, said := serveCalls(t, t.TempDir(), nil, c.args...)
		if code != c.code || !strings.Contains(said, c.says) || strings.Contains(said, "secret") {
			t.Errorf("%q: %d, %s", c.args, code, said)
		}
	}
	postgres := map[string]string{"EARSHOT_DATABASE": "postgres://ann:secret@db/x"}
	if code, _, said := serveCalls(t, t.TempDir(), postgres, "backup", "x"); code != codeFailed || !strings.Contains(said, "pg_dump") {
		t.Errorf("a backup of PostgreSQL: %d, %s", code, said)
	}
}

func TestServeSaysWhatHoldsWhereNothingIsSaid(t *testing.T) {
	set, err := profile.ReadServer(t.TempDir(), profile.Sources{})
	if err != nil {
		t.Fatal(err)
	}
	flags := (&Program{}).serveCommand().Flags()
	for _, s := range set.All() {
		f := flags.Lookup(s.Flag)
		if f == nil && s.Key != "interfaces" && s.Key != "log" { // those are of every command
			t.Errorf("%s has no flag", s.Key)
		}
		if f != nil && f.DefValue != fmt.Sprint(s.Value) {
			t.Errorf("--%s says %q, and %q holds", s.Flag, f.DefValue, s.Value)
		}
	}
}

func TestServePrintsAUnit(t *testing.T) {
	_, out, said := serveCalls(t, t.TempDir(), map[string]string{"EARSHOT_DATABASE": "postgres://ann:secret@db/x"}, "--print-systemd", "--address", "chat.example:7421",
		"--announce", "Head office", "--ldap", "ldaps://dc", "--ldap-bind", "uid=%s,dc=x", "--interface", "eth0")
	for _, want := range []string{" serve --data /var/lib/earshot ", " --address chat.example:7421", "EnvironmentFile=", "DynamicUser=yes", ` --announce "Head office" --ldap ldaps://dc --ldap-bind uid=%%s,dc=x --interface eth0`} {
		if !strings.Contains(out, want) {
			t.Errorf("the unit has no %q: %s%s", want, out, said)
		}
	}
	if strings.Contains(out, "secret") {
		t.Error("the unit has the password")
	}
}

func TestServeShowsWhoComesAndGoes(t *testing.T) {
	var out served
	p := Program{Stdout: &out, now: func() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC) }}
	ann := map[string]rendezvous.OnlineDevice{"1": {User: "ann", Address: "10.0.0.3"}}
	p.sayMoves(nil, ann)
	p.sayMoves(ann, ann)
	p.sayMoves(ann, nil)
	if want := "15:04:05  ann came (10.0.0.3), 1 on-line\n15:04:05  ann went (10.0.0.3), 0 on-line\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
