//go:build linux

package nettest

import (
	"strings"
	"testing"
	"time"

	"earshot/internal/lab"
)

// foundServer is a line of `server list --json`.
type foundServer struct {
	Name, Address, Fingerprint, Via string
	Verified                        bool
}

// findServers waits until the person's node lists so many servers.
func (l *listener) findServers(n int) []foundServer {
	l.t.Helper()
	for end := time.Now().Add(patience); ; {
		found := read[[]foundServer](l.person, "server", "list")
		if len(found) == n {
			return found
		}
		if time.Now().After(end) {
			l.t.Fatalf("%s lists %+v", l.name, found)
		}
	}
}

// TestAServerOnTheNetworkIsFound: it is announced on the links that were chosen,
// suggested and never trusted, and says goodbye.
func TestAServerOnTheNetworkIsFound(t *testing.T) {
	t.Parallel() // it waits, most of the time
	office, yard := lab.New(t, 2), lab.New(t, 1)
	yard.Join(office.Hosts[0], "eth1", "10.78.0.1")
	join, stop := serve(t, office.Hosts[0], "--announce", "Office 张", "--interface", "eth0")
	ann, stranger := someone(t, office.Hosts[1], "Ann"), someone(t, yard.Hosts[0], "Yan")
	a, outside := ann.listen(), stranger.listen()

	found := a.findServers(1)[0]
	if found.Name != "Office 张" || found.Address != office.Hosts[0].Addr+":7421" || found.Via != "mdns" || found.Verified || found.Fingerprint == "" {
		t.Errorf("found %+v", found)
	}
	ann.env = []string{"EARSHOT_PASSWORD=correct horse"}
	ann.run(1, "account", "login", found.Address, "ann") // nobody compared the key
	ann.run(0, "account", "register", join, "ann")
	if found := a.findServers(1)[0]; !found.Verified {
		t.Errorf("after signing in there: %+v", found)
	}
	if out := outside.run(0, "server", "list"); !strings.HasPrefix(out, "No server") {
		t.Errorf("on a link that was left out: %s", out)
	}
	rogueStop := rogue(t, yard, office)
	for _, s := range a.findServers(2) {
		if s.Verified != (s.Fingerprint == found.Fingerprint) || s.Name != "Office 张" {
			t.Errorf("beside a rogue: %+v", s)
		}
	}
	rogueStop()
	a.findServers(1)
	stop()
	a.findServers(0)
}

// rogue is another server of the same name on the office's link.
func rogue(t *testing.T, from, to *lab.Link) (stop func()) {
	t.Helper()
	to.Join(from.Hosts[0], "eth6", "10.77.0.66")
	_, stop = serve(t, from.Hosts[0], "--announce", "Office 张", "--interface", "eth6")
	return stop
}
