//go:build linux

package nettest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"earshot/internal/lab"
)

// outageTime is how long the server is away; EARSHOT_OUTAGE=5m makes it longer.
func outageTime(t *testing.T) time.Duration {
	length, err := time.ParseDuration(os.Getenv("EARSHOT_OUTAGE"))
	if err != nil && os.Getenv("EARSHOT_OUTAGE") != "" {
		t.Fatal(err)
	}
	return max(length, 30*time.Second)
}

// TestFriendsGoOnWhileTheServerIsAway: Ann and Bob, whom the server brought together
// across a router, write to each other and send files all the while; meanwhile a cable
// is pulled and Bob starts again. When the server is back all are there.
func TestFriendsGoOnWhileTheServerIsAway(t *testing.T) {
	t.Parallel() // it waits, most of the time
	t.Run("A-23", friendsGoOn)
}

func friendsGoOn(t *testing.T) {
	length := outageTime(t)
	here, there := lab.NewRouted(t, 2, 1)
	office := someone(t, here.Hosts[0], "Office")
	server := office.serves()
	ann, bob := someone(t, here.Hosts[1], "Ann"), someone(t, there.Hosts[0], "Bob")
	ann.signUp(server.link, "ann")
	bob.signUp(invitation(ann), "bob")
	bob.run(0, "friends", "add", "ann")
	ann.run(0, "friends", "accept", "bob")
	dir := t.TempDir()
	a, b := ann.listen(), bob.listen("--accept", "all", "--dir", dir)
	a.sees("Bob")
	b.sees("Ann")

	server.stop(syscall.SIGKILL)
	down := time.Now()
	var wrote int
	talkUntil := func(part time.Duration) {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for ; time.Since(down) < part; <-tick.C {
			wrote++
			talk(a, b, wrote)
		}
	}
	talkUntil(length / 3)
	for _, e := range a.told() {
		if e.Event == "peer_down" {
			t.Errorf("%s went %v after the server", e.Peer.Name, e.seen.Sub(down))
		}
	}
	sends(t, ann, "plans.zip", dir)

	before := a.count()
	b.host.Unplug()
	a.waitFrom(before, "that Bob went", func(e event) bool { return e.Event == "peer_down" })
	b.host.Plug()
	a.waitFrom(before, "that Bob is back", func(e event) bool { return e.Event == "peer_up" })
	talkUntil(length * 2 / 3)

	b.leave()
	b = bob.listen("--accept", "all", "--dir", dir)
	b.sees("Ann")
	talkUntil(length)
	sends(t, ann, "more.zip", dir)
	for _, l := range []*listener{a, b} {
		stillIn(t, l)
	}
	t.Logf("the server was away for %v; %d messages went each way", time.Since(down).Round(time.Second), wrote)

	heard := map[*listener]int{a: a.count(), b: b.count()}
	office.serves()
	for l, before := range heard {
		l.waitFrom(before, "presence", func(e event) bool { return e.Event == "presence" && e.Presence == "online" })
	}
}

// invitation is a link that an administrator gives.
func invitation(admin *person) string {
	admin.t.Helper()
	return strings.TrimSpace(admin.run(0, "admin", "invite"))
}

// talk has both write to each other.
func talk(a, b *listener, n int) {
	a.t.Helper()
	text := fmt.Sprintf("message %d", n)
	a.person.run(0, "msg", "bob", text)
	b.person.run(0, "msg", "ann", text)
	for _, l := range []*listener{a, b} {
		l.wait(text, func(e event) bool { return e.Event == "message" && e.Text == text })
	}
}

// sends sends Bob, who accepts it, a file.
func sends(t *testing.T, from *person, name, dir string) {
	t.Helper()
	path, sum := randomFile(t, name, 4<<20)
	from.run(0, "send", "bob", path)
	if fileSum(t, filepath.Join(dir, name)) != sum {
		t.Errorf("%s arrived as something else", name)
	}
}

// stillIn checks that somebody is signed in without the server, and heard each message
// once and in order.
func stillIn(t *testing.T, l *listener) {
	t.Helper()
	if a := read[struct {
		SignedIn bool `json:"signed_in"`
	}](l.person, "account", "show"); !a.SignedIn {
		t.Errorf("%s is signed out", l.name)
	}
	last := 0
	for _, e := range l.told() {
		if e.Event == "signed_out" {
			t.Errorf("%s was signed out: %s", l.name, e.Reason)
		}
		if n := 0; e.Event == "message" {
			if _, err := fmt.Sscanf(e.Text, "message %d", &n); err != nil || n != last+1 && last != 0 {
				t.Errorf("%s heard %q behind message %d", l.name, e.Text, last)
			}
			last = n
		}
	}
}
