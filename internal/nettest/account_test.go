//go:build linux

package nettest

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"earshot/internal/lab"
)

// serve runs a server on a host, and returns its join link and what stops it.
func serve(t *testing.T, host *lab.Host, args ...string) (link string, stop func()) {
	t.Helper()
	admin := someone(t, host, "")
	cmd := admin.command(context.Background(), append([]string{"serve", "--address", host.Addr}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		for _, word := range strings.Fields(lines.Text()) {
			if strings.HasPrefix(word, "earshot://") {
				return word, stop
			}
		}
	}
	t.Fatal("the server printed no join link")
	return "", stop
}

// TestFriendsFindEachOtherThroughAServer: no multicast reaches anybody, as between
// two subnets. Then the server stops, and everything goes on.
func TestFriendsFindEachOtherThroughAServer(t *testing.T) {
	t.Parallel() // it waits, most of the time
	link := lab.New(t, 3)
	for _, h := range link.Hosts {
		h.DropMulticast()
	}
	join, stop := serve(t, link.Hosts[0])
	ann, bob := someone(t, link.Hosts[1], "Ann"), someone(t, link.Hosts[2], "Bob")
	for _, p := range []*person{ann, bob} {
		p.env = []string{"EARSHOT_PASSWORD=correct horse"}
	}
	ann.run(0, "account", "register", join, "ann")
	bob.run(0, "account", "register", strings.TrimSpace(ann.run(0, "admin", "invite")), "bob")
	bob.run(0, "friends", "add", "ann")
	ann.run(0, "friends", "accept", "bob")
	a, b := ann.listen("--accept", "friends"), bob.listen()
	a.sees("Bob")
	b.sees("Ann")
	for _, p := range read[[]struct {
		Account string
		Via     []string
		Online  bool
	}](ann, "peers") {
		if p.Account != "bob" || !slices.Contains(p.Via, "server") || !p.Online {
			t.Errorf("ann sees %+v", p)
		}
	}
	bob.run(0, "msg", "ann", "through the server I found you")
	a.wait("the message", func(e event) bool { return e.Event == "message" && e.Text == "through the server I found you" })
	file := filepath.Join(t.TempDir(), "plan.txt")
	if err := os.WriteFile(file, []byte("plan"), 0o600); err != nil {
		t.Fatal(err)
	}
	bob.run(0, "send", "ann", file)

	stop()
	bob.run(0, "msg", "ann", "and without it")
	a.wait("the message", func(e event) bool { return e.Event == "message" && e.Text == "and without it" })
	for _, f := range read[[]struct{ User, State string }](ann, "friends") {
		if f.User != "bob" || f.State != "friend" {
			t.Errorf("ann's friends without the server: %+v", f)
		}
	}
}

// TestAKickIsHeardEverywhere: by those who are there from the server, and by who was
// away, when the server is gone, from the others.
func TestAKickIsHeardEverywhere(t *testing.T) {
	t.Parallel() // it waits, most of the time
	link := lab.New(t, 4)
	join, stop := serve(t, link.Hosts[0])
	ann, carl, kim := someone(t, link.Hosts[1], "Ann"), someone(t, link.Hosts[2], "Carl"), someone(t, link.Hosts[3], "Kim")
	for _, p := range []*person{ann, carl, kim} {
		p.env = []string{"EARSHOT_PASSWORD=correct horse"}
	}
	ann.run(0, "account", "register", join, "ann")
	invitation := strings.TrimSpace(ann.run(0, "admin", "invite", "--uses", "2"))
	carl.run(0, "account", "register", invitation, "carl")
	kim.run(0, "account", "register", invitation, "kim")
	a, c, k := ann.listen(), carl.listen(), kim.listen()
	a.sees("Kim")
	c.sees("Kim")
	carl.run(0, "msg", "kim", "see you")
	accountOf := func(p *person) string {
		for _, one := range read[[]struct{ ID, Account string }](p, "peers") {
			if one.ID == k.id() {
				return one.Account
			}
		}
		return "(nobody)"
	}
	if accountOf(ann) != "kim" || accountOf(carl) != "kim" {
		t.Fatalf("Kim is %s to Ann, %s to Carl", accountOf(ann), accountOf(carl))
	}
	c.leave()
	ann.run(0, "admin", "kick", "kim")
	k.wait("that she was signed out", func(e event) bool { return e.Event == "signed_out" })
	eventually(t, "Ann sees Kim under no account", func() bool { return accountOf(ann) == "" })

	t.Run("the server is gone, and Carl comes back/A-13", func(t *testing.T) {
		stop()
		carl.listen()
		eventually(t, "Carl sees Kim under no account", func() bool { return accountOf(carl) == "" })
	})
}
