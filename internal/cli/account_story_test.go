package cli

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot/internal/rendezvous"
	"earshot/internal/rendezvous/server"
)

// company is a real server on 127.0.0.1.
type company struct {
	t    *testing.T
	data string
	addr string
	link rendezvous.Link // the first one, with the administrator's code
	stop func()
}

func openCompany(t *testing.T) *company {
	c := &company{t: t, data: filepath.Join(t.TempDir(), "server"), addr: "127.0.0.1:0"}
	c.start()
	t.Cleanup(func() { c.stop() })
	return c
}

func (c *company) start() {
	c.t.Helper()
	s, err := server.Open(c.t.Context(), server.Config{Data: c.data, Listen: c.addr})
	if err != nil {
		c.t.Fatal(err)
	}
	links, _, err := s.JoinLinks(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	c.link, c.addr = links[0], s.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			c.t.Errorf("server: %v", err)
		}
	})
	c.stop = func() { cancel(); wg.Wait() }
}

// worker is somebody with an Earshot of their own, and the password of all.
func worker(t *testing.T) *call {
	c := newCall(t, newFake())
	c.real = true
	c.env = map[string]string{passwordVariable: "correct horse", "EARSHOT_INTERFACE": "none", "EARSHOT_PORT": "0", "EARSHOT_NAME": "Somebody"}
	return c
}

// json runs a command and reads what it printed.
func (c *call) json(into any, args ...string) *call {
	c.t.Helper()
	c.run(codeDone, append(args, "--json")...)
	if err := json.Unmarshal(c.stdout.Bytes(), into); err != nil {
		c.t.Fatalf("%v printed %q: %v", args, c.stdout.String(), err)
	}
	return c
}

// configure writes the settings of the person's profile.
func (c *call) configure(text string) {
	c.t.Helper()
	path := filepath.Join(c.home, "default", "config.toml")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		c.t.Fatal(err)
	}
}

// listens runs a listen until stop; printed waits for what it printed.
func (c *call) listens() (printed func(part string), stop func()) {
	c.t.Helper()
	var out, errs served
	env := maps.Clone(c.env)
	ctx, cancel := context.WithCancel(c.t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, Program{
			Args: []string{"--home", c.home, "listen", "--json"}, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
			Environment: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		})
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	c.t.Cleanup(stop)
	return func(part string) {
		c.t.Helper()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(30 * time.Second); !strings.Contains(out.String(), part); <-tick.C {
			if time.Now().After(end) {
				c.t.Fatalf("never printed %s, but\n%s%s", part, out.String(), errs.String())
			}
		}
	}, stop
}

// shownFriend is a line of `friends --json`.
type shownFriend struct {
	User, Name, State, Presence, Status string
	Devices                             []struct{ ID string }
}

func TestPeopleOfACompany(t *testing.T) {
	co, ann, bob := openCompany(t), worker(t), worker(t)
	ann.env["EARSHOT_NAME"] = "Ann"
	ann.run(codeDone, "account", "register", co.link.String(), "ann")
	if !strings.Contains(ann.stdout.String(), "Ann (ann)") || !strings.Contains(ann.stdout.String(), "as administrator") {
		t.Errorf("registered: %s", ann.stdout.String())
	}
	bob.run(codeFailed, "account", "register", co.link.String(), "bob").complains("The invitation is unknown")
	ann.run(codeDone, "admin", "invite", "--uses", "2")
	invitation := strings.TrimSpace(ann.stdout.String())
	bob.run(codeFailed, "account", "register", invitation, "ann").complains("Somebody has this user name already.")
	bob.run(codeFailed, "account", "register", invitation, "../bob").complains("This cannot be a user name.")
	bob.run(codeDone, "account", "register", invitation, "bob")
	bob.run(codeFailed, "admin", "online").complains("Only an administrator")

	bob.run(codeDone, "friends", "add", "ann")
	heard, _ := ann.listens()
	heard(`"event":"ready"`)
	ann.run(codeDone, "friends").prints("bob  Somebody    asks you: earshot friends accept bob\n")
	ann.run(codeDone, "friends", "accept", "bob").prints("Somebody (bob) is on your friend list.\n")

	heardBob, stop := bob.listens()
	heard(`"event":"presence"`)
	ann.run(codeLater, "admin", "announce", "down at six", "--wait", "100ms").complains("Nobody is in reach yet.")
	heard(`"event":"announcement"`)
	bob.run(codeFailed, "admin", "announce", "free beer").complains("Only an administrator")
	var notices []struct{ Text, State string }
	ann.json(&notices, "history", "#notices")
	if len(notices) != 1 || notices[0].Text != "down at six" || notices[0].State != "queued" {
		t.Errorf("ann's notices: %+v", notices)
	}
	bob.run(codeDone, "account", "set", "--status", "in a call", "--presence", "busy")
	heard(`"user":"bob","presence":"busy","status":"in a call"`)
	var friends []shownFriend
	ann.json(&friends, "friends")
	if len(friends) != 1 || friends[0].State != "friend" || friends[0].Presence != "busy" || len(friends[0].Devices) != 1 {
		t.Errorf("ann's friends: %+v", friends)
	}
	var online []struct{ User, Device, Presence string }
	ann.json(&online, "admin", "online")
	if len(online) != 2 {
		t.Errorf("on-line: %+v", online)
	}

	ann.run(codeDone, "admin", "kick", "bob")
	heardBob(`"event":"signed_out"`)
	bob.run(codeFailed, "friends").complains("This device is not signed in.")
	bob.run(codeDone, "account", "login", co.addr, "bob") // the key is known
	bob.run(codeDone, "account", "logout")
	stop()
	heard(`"user":"bob","presence":"offline"`)
}

// TestANewAccountIsCalledAsTheNodeThatRuns registers from a shell in which another
// name would be used than the listen's.
func TestANewAccountIsCalledAsTheNodeThatRuns(t *testing.T) {
	co, kim := openCompany(t), worker(t)
	kim.env["EARSHOT_NAME"] = "Kim"
	kim.configure("team = 'Sales'\n")
	heard, _ := kim.listens()
	heard(`"event":"ready"`)
	kim.env = map[string]string{passwordVariable: "correct horse", "EARSHOT_NAME": "vm"}
	kim.run(codeDone, "account", "register", co.link.String(), "kim").prints("Signed in as Kim (kim) on " + co.addr + ", as administrator.\n")
	var account struct{ Name, Team string }
	kim.json(&account, "account", "show")
	if account.Name != "Kim" || account.Team != "Sales" {
		t.Errorf("the account is %+v", account)
	}
}

func TestAnAccountWithoutItsServer(t *testing.T) {
	co, ann := openCompany(t), worker(t)
	ann.run(codeDone, "account", "register", co.link.String(), "ann")
	co.stop()
	var account struct {
		User, Server string
		SignedIn     bool `json:"signed_in"`
		Reached      bool
	}
	ann.json(&account, "account", "show")
	if account.User != "ann" || !account.SignedIn || account.Reached || account.Server != co.addr {
		t.Errorf("without the server: %+v", account)
	}
	ann.run(codeDone, "friends").prints("Nobody is on your friend list yet. \"earshot friends add USER\" asks somebody.\n")
	ann.run(codeFailed, "friends", "add", "bob").complains("The server does not answer.")
	co.start()
	ann.run(codeFailed, "friends", "add", "bob").complains("nobody of that user name")
	ann.run(codeDone, "server", "forget")
	ann.run(codeFailed, "friends").complains("No server is in use.")
	ann.run(codeFailed, "account", "login", co.addr, "ann").complains("was not confirmed", rendezvous.Fingerprint(co.link.Realm))
	ann.run(codeFailed, "account", "login", co.addr, "ann", "--fingerprint", "CC84 50F4").complains("another key")
	ann.run(codeDone, "account", "login", co.addr, "ann", "--fingerprint", rendezvous.Fingerprint(co.link.Realm))
}

func TestPasswordsOfACompany(t *testing.T) {
	co, ann, bob := openCompany(t), worker(t), worker(t)
	ann.run(codeDone, "account", "register", co.link.String(), "ann")
	ann.stdin = strings.NewReader("user,name,team\nbob,Bob Li,Sales\nann,Again,\n")
	ann.run(codeFailed, "admin", "import", "-").complains("ann was left out: this user name belongs to somebody")
	user, first, _ := strings.Cut(strings.TrimSpace(ann.stdout.String()), ",")
	if user != "bob" || first == "" {
		t.Fatalf("imported: %q", ann.stdout.String())
	}
	link := rendezvous.Link{Address: co.addr, Realm: co.link.Realm}.String()
	bob.stdin = strings.NewReader(first + "\nmy own words\n")
	bob.run(codeDone, "account", "login", link, "bob", "--password-stdin").complains("Choose your own")
	bob.env[passwordVariable], bob.env[newVariable] = "my own words", "other words"
	bob.run(codeDone, "account", "password")
	bob.env[passwordVariable] = "my own words"
	bob.run(codeFailed, "account", "login", link, "bob").complains("Wrong user name or password.")
	bob.env[passwordVariable] = "other words"
	bob.run(codeDone, "account", "login", link, "bob")

	ann.run(codeDone, "admin", "disable", "bob")
	bob.run(codeFailed, "account", "login", link, "bob").complains("Wrong user name or password.")
	ann.run(codeDone, "admin", "enable", "bob")
	ann.run(codeDone, "admin", "reset", "bob")
	bob.stdin = strings.NewReader(strings.Fields(ann.stdout.String())[len(strings.Fields(ann.stdout.String()))-1] + "\nthird words\n")
	bob.run(codeDone, "account", "login", link, "bob", "--password-stdin")
	bob.run(codeDone, "account", "devices")
}
