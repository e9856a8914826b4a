package cli

import (
	"context"
	"strings"
	"testing"

	"earshot/internal/node"
	"earshot/peer"
)

func (f *fake) Servers(context.Context) ([]node.FoundServer, error) { return f.server.found, nil }

func foundOffice(name string) node.FoundServer {
	return node.FoundServer{Name: peer.DisplayName(name), Address: "10.0.0.9:7421", Fingerprint: "AAAA BBBB", Via: node.ViaMDNS}
}

func TestServersAreListedAndNeverTrusted(t *testing.T) {
	f := newFake()
	f.server.found = []node.FoundServer{foundOffice("Office"), foundOffice("Office\x1b[2J"), foundOffice("Three"), foundOffice("Four")}
	f.server.found[0].Verified = true
	c := newCall(t, f).run(codeDone, "server", "list")
	lines := strings.Split(strings.TrimSpace(c.stdout.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[0], "in use") || !strings.Contains(lines[1], "not verified") || strings.Contains(c.stdout.String(), "\x1b") {
		t.Errorf("printed %q", c.stdout.String())
	}
	f.server.found = f.server.found[2:3]
	newCall(t, f).run(codeDone, "server", "list", "--json").prints(
		`[{"name":"Three","address":"10.0.0.9:7421","fingerprint":"AAAA BBBB","via":"mdns","verified":false}]` + "\n")
	newCall(t, newFake()).run(codeDone, "server", "list", "--json").prints("[]\n")
	newCall(t, newFake()).run(codeDone, "server", "list").prints("No server was found on this network.\n")
}

func TestPeersSuggestsAServerToWhoHasNone(t *testing.T) {
	f := newFake()
	for range 10 {
		f.server.found = append(f.server.found, foundOffice("Office"))
	}
	c := newCall(t, f).run(codeDone, "peers").complains("Server Office found, not verified. Sign in with: earshot account login 10.0.0.9:7421 USER")
	if n := strings.Count(c.stderr.String(), "Server Office"); n != maxHints {
		t.Errorf("%d servers are suggested", n)
	}
	f.server.account.Server = "chat:7421"
	if c := newCall(t, f).run(codeDone, "peers"); c.stderr.Len() > 0 {
		t.Errorf("who has one is told %q", c.stderr.String())
	}
}
