package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/internal/rendezvous"
	"earshot/peer"
)

// accountCall is a call with a fake that has an account.
func accountCall(t *testing.T) *call {
	f := newFake()
	f.server.account = node.Account{
		ID: uuid.UUID{1}, User: peer.Line("ann", 0), Name: peer.DisplayName("Ann"), Server: "chat:7421", SignedIn: true,
		Presence: rendezvous.Busy, Fingerprint: "CC84 50F4", Reached: true,
	}
	f.server.key = node.ServerKey{Address: "chat:7421", Fingerprint: "CC84 50F4", Pinned: true}
	f.server.friends = []node.Friend{
		{Account: uuid.UUID{2}, User: peer.Line("bob", 0), Name: peer.DisplayName("Bob"), State: rendezvous.Friends, Presence: rendezvous.Away,
			Status: peer.DisplayName("lunch"), Devices: []node.FriendDevice{{ID: seeded(2), Addresses: []string{"10.0.0.2:7420"}}}},
		{Account: uuid.UUID{3}, User: peer.Line("cleo", 0), Name: peer.DisplayName("cleo"), State: rendezvous.Incoming, Presence: rendezvous.Offline, Devices: []node.FriendDevice{}},
	}
	f.server.devices = []node.AccountDevice{{ID: seeded(1), Self: true}, {ID: seeded(2)}}
	return newCall(t, f)
}

func TestSigningInTakesPasswordsFromWhereNobodySeesThem(t *testing.T) {
	c := accountCall(t)
	c.env[passwordVariable] = "secret words"
	c.run(codeDone, "account", "login", "chat", "ann").prints("Signed in as Ann (ann) on chat:7421.\n")
	c.stdin = strings.NewReader("from stdin\n")
	c.run(codeDone, "account", "register", "chat", "ann", "--password-stdin", "--team", "Sales")
	c.stdin = strings.NewReader("from stdin\n")
	c.run(codeDone, "account", "register", "chat", "ann", "--password-stdin", "--name", "Annie")
	c.does("key chat", "sign in chat  ann secret words", "key chat", "register chat  ann from stdin  Sales", "key chat", "register chat  ann from stdin Annie ")

	delete(c.env, passwordVariable)
	c.stdin = strings.NewReader("")
	c.run(codeUsage, "account", "login", "chat", "ann").complains("no terminal to ask", "--password-stdin")
	c.run(codeUsage, "account", "login", "chat", "ann", "--password-stdin").complains("no password on the standard input")
	c.stdin = strings.NewReader(strings.Repeat("x", 5000))
	c.run(codeUsage, "account", "login", "chat", "ann", "--password-stdin").complains("longer than")
	c.run(codeUsage, "account", "login", "chat", "ann", "secret").complains("too much")
}

func TestNothingIsSentToAServerThatNobodyConfirmed(t *testing.T) {
	c := accountCall(t)
	c.fake.server.key.Pinned = false
	c.env[passwordVariable] = "secret words"
	c.run(codeFailed, "account", "login", "chat", "ann").complains("was not confirmed", "CC84 50F4", "--fingerprint").does("key chat")
	c.run(codeDone, "account", "login", "chat", "ann", "--fingerprint", "cc84 50f4").does("key chat", "sign in chat cc84 50f4 ann secret words")
}

func TestAPasswordThatWasResetIsChosenAnew(t *testing.T) {
	c := accountCall(t)
	c.fake.server.refuses = map[string]error{"sign in": fmt.Errorf("log in: %w", node.ErrChoose)}
	c.stdin = strings.NewReader("one-time\nmy own words\n")
	c.run(codeDone, "account", "login", "chat", "ann", "--password-stdin").complains("Choose your own")
	c.does("key chat", "sign in chat  ann one-time", "sign in chat  ann one-time my own words")
}

func TestTheAccountIsShownAndChanged(t *testing.T) {
	c := accountCall(t)
	c.run(codeDone, "account", "show", "--json").prints(`{"user":"ann","name":"Ann","account":"01000000-0000-0000-0000-000000000000","server":"chat:7421","admin":false,"signed_in":true,"team":"","presence":"busy","status":"","fingerprint":"CC84 50F4","reached":true}` + "\n")
	c.run(codeDone, "account").prints("Ann (ann)\nbusy\nOn chat:7421\nKey CC84 50F4\n")
	c.run(codeDone, "account", "set", "--name", "Ann Li", "--status", "")
	c.run(codeDone, "account", "set", "--presence", "away")
	c.env[passwordVariable], c.env[newVariable] = "old words", "new words"
	c.run(codeDone, "account", "password")
	c.fake.people = []node.Person{{ID: seeded(2)}}
	c.run(codeWho, "account", "admit", seeded(2).String()[:6]).complains("no other device of your account")
	c.fake.people[0].Own = true
	c.run(codeDone, "account", "admit", seeded(2).String()[:6]).prints("The device " + shortID(seeded(2)) + " gets your conversations from now on.\n")
	c.run(codeDone, "account", "revoke", seeded(2).String()[:6])
	c.run(codeDone, "account", "logout").prints("Signed out.\n")
	c.run(codeDone, "server", "forget")
	c.does("change Ann Li ", "change away", "password old words new words", "accept "+shortID(seeded(2)), "revoke "+shortID(seeded(2)), "sign out", "forget")
	c.run(codeUsage, "account", "set").complains("wants what is to be set")
	c.run(codeUsage, "account", "set", "--presence", "asleep").complains("online, away or busy")
	c.run(codeWho, "account", "revoke", "zzzz").complains("No device of the account")
	c.run(codeDone, "account", "devices", "--json").prints(fmt.Sprintf(`[{"id":"%s","self":true,"addresses":null},{"id":"%s","addresses":null}]`+"\n", seeded(1), seeded(2)))
	c.fake.server.account = node.Account{}
	c.run(codeDone, "account", "show").prints("No server is in use. \"earshot account login SERVER USER\" signs in.\n")
}

func TestTheFriendList(t *testing.T) {
	c := accountCall(t)
	c.run(codeDone, "friends").prints("bob   Bob     away: lunch\ncleo  cleo    asks you: earshot friends accept cleo\n")
	c.run(codeDone, "friends", "--json").prints(fmt.Sprintf(`[{"account":"02000000-0000-0000-0000-000000000000","user":"bob","name":"Bob","team":"","state":"friend","presence":"away","status":"lunch","devices":[{"id":"%s","addresses":["10.0.0.2:7420"]}]},`+
		`{"account":"03000000-0000-0000-0000-000000000000","user":"cleo","name":"cleo","team":"","state":"incoming","presence":"offline","status":"","devices":[]}]`+"\n", seeded(2)))
	c.run(codeDone, "friends", "search", "bo", "li")
	c.run(codeDone, "friends", "add", "dan").prints("dan is asked.\n")
	c.run(codeDone, "friends", "accept", "cleo").prints("cleo is on your friend list.\n")
	c.run(codeDone, "friends", "remove", "bob").prints("bob is not on your friend list any more.\n")
	c.does("search bo li", "add dan", "accept cleo", "remove bob")
	c.run(codeUsage, "friends", "nonsense")
	c.fake.server.refuses = map[string]error{"friends": node.ErrNoServer}
	c.run(codeFailed, "friends").complains("No server is in use.", "account login")
}

func TestAdministration(t *testing.T) {
	c := accountCall(t)
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c.fake.server.online = []node.OnlineDevice{{User: peer.Line("bob", 0), Account: uuid.UUID{2}, Device: seeded(2), Address: peer.Line("10.0.0.2", 0), Since: since, Presence: rendezvous.Online}}
	c.fake.server.accounts = []node.ListedAccount{{Account: uuid.UUID{2}, User: peer.Line("bob", 0), Name: peer.DisplayName("Bob"), Devices: 1, LastSeen: since, Disabled: true}}
	c.run(codeDone, "admin", "online", "--json").prints(fmt.Sprintf(`[{"user":"bob","account":"02000000-0000-0000-0000-000000000000","device":"%s","address":"10.0.0.2","since":"2026-01-02T03:04:05Z","presence":"online"}]`+"\n", seeded(2)))
	c.run(codeDone, "admin", "accounts", "--json").prints(`[{"user":"bob","name":"Bob","team":"","disabled":true,"devices":1,"last_seen":"2026-01-02T03:04:05Z","account":"02000000-0000-0000-0000-000000000000","admin":false}]` + "\n")
	c.run(codeDone, "admin", "kick", "bob").prints("bob is signed out everywhere.\n")
	c.run(codeDone, "admin", "disable", "bob")
	c.run(codeDone, "admin", "enable", "bob")
	c.run(codeDone, "admin", "reset", "bob").prints("bob signs in with this password, and then chooses another:\nabcd-efgh-ijkl\n")
	c.run(codeDone, "admin", "invite", "--uses", "20", "--until", "2030-12-31").prints("earshot://chat:7421/?k=K&c=C\n")
	c.run(codeDone, "admin", "announce", "down", "at", "six").prints("Announced: whoever is in reach reads it now, others when they are.\n")
	c.does("kick bob", "disable bob", "enable bob", "reset bob", "invite 20 2030-12-31 23:59", "announce down at six")
	c.run(codeUsage, "admin", "announce", " ").complains("nothing to send")
	c.run(codeUsage, "admin", "invite", "--until", "tomorrow").complains("2026-12-31")
	c.run(codeUsage, "admin")
	c.fake.server.refuses = map[string]error{"kick": node.ErrNotAdmin, "online": node.ErrServerAway}
	c.run(codeFailed, "admin", "kick", "bob").complains("Only an administrator")
	c.run(codeFailed, "admin", "online").complains("The server does not answer.")
}

func TestManyPeopleAreImported(t *testing.T) {
	c := accountCall(t)
	file := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(file, []byte("\ufeffuser,name,team\nbob,\"Li, Bob\",Sales\ncleo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.fake.server.made = []node.MadeAccount{{User: peer.Line("bob", 0), Password: "p-1"}, {User: peer.Line("cleo", 0), Problem: peer.Line("taken", 0)}}
	c.run(codeFailed, "admin", "import", file).prints("bob,p-1\n").complains("cleo was left out: taken.")
	c.does("import bob/Li, Bob/Sales cleo//")
	c.stdin = strings.NewReader("a,b,c,d\n")
	c.run(codeUsage, "admin", "import", "-").complains("line 1 is not USER,NAME,TEAM")
	c.run(codeFailed, "admin", "import", file+".not").complains("no file or folder")
}

// TestEveryTroubleWithAServerIsExplained: each has what happened and what to do.
func TestEveryTroubleWithAServerIsExplained(t *testing.T) {
	for _, trouble := range accountTroubles {
		f := explain(fmt.Errorf("log in: %w", trouble.err))
		if f.what != trouble.what || f.do == "" || !strings.HasSuffix(f.what, ".") {
			t.Errorf("%v is explained as %q, %q", trouble.err, f.what, f.do)
		}
	}
}

func TestWhatFriendsDoIsToldByListen(t *testing.T) {
	bob := node.Friend{User: peer.Line("bob", 0), Name: peer.DisplayName("Bob"), Presence: rendezvous.Busy, Status: peer.DisplayName("call")}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		e     node.Event
		want  string
		words string
	}{
		{node.Event{Kind: node.PresenceChanged, At: at, Friend: &bob}, `{"event":"presence","at":"2026-01-02T03:04:05Z","user":"bob","presence":"busy","status":"call"}`, "Bob (bob) is busy: call"},
		{node.Event{Kind: node.FriendRequest, At: at, Friend: &bob}, `{"event":"friend_request","at":"2026-01-02T03:04:05Z","user":"bob"}`, "Bob (bob) asks to be on your friend list: earshot friends accept bob"},
		{node.Event{Kind: node.SignedOut, At: at, Reason: peer.Line("kicked", 0)}, `{"event":"signed_out","at":"2026-01-02T03:04:05Z","reason":"kicked"}`, "! signed out: kicked"},
		{node.Event{Kind: node.SignedOut, At: at, Reason: peer.Line(node.OutElsewhere, 0)}, `{"event":"signed_out","at":"2026-01-02T03:04:05Z","reason":"signed in from another place"}`, "! signed out: " + outWords(node.OutElsewhere)},
	} {
		var b strings.Builder
		if err := writeJSON(&b, eventJSON(c.e)); err != nil || strings.TrimSpace(b.String()) != c.want {
			t.Errorf("got %s, %v, want %s", b.String(), err, c.want)
		}
		if got := (narrator{}).words(c.e); got != c.words {
			t.Errorf("in words %q, want %q", got, c.words)
		}
	}
}
