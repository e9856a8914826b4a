//go:build linux

package nettest

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"earshot/internal/lab"
)

// password is everybody's.
const password = "correct horse battery staple"

// office is a running `earshot serve`.
type office struct {
	*person
	cmd   *exec.Cmd
	link  string // with which the first account is made
	ended chan struct{}
}

// serves starts a server on the person's host and waits for its join link.
func (p *person) serves(args ...string) *office {
	p.t.Helper()
	o := &office{person: p, ended: make(chan struct{})}
	o.cmd = p.command(context.Background(), append([]string{"serve", "--data", filepath.Join(p.home, "server"), "--address", p.host.Addr}, args...)...)
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	var stderr bytes.Buffer
	o.cmd.Stderr = &stderr
	if err := o.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	links := make(chan string, 1)
	go func() {
		defer close(o.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if link, ok := strings.CutPrefix(lines.Text(), "Join link: "); ok {
				links <- link
				break
			}
		}
		_, _ = io.Copy(io.Discard, out) // until it ends
		_ = o.cmd.Wait()
	}()
	p.t.Cleanup(func() { o.stop(syscall.SIGKILL) })
	select {
	case o.link = <-links:
	case <-o.ended:
		p.t.Fatalf("the server ended: %s", stderr.String())
	}
	return o
}

func (o *office) stop(how syscall.Signal) {
	_ = o.cmd.Process.Signal(how) // it may have ended by itself
	<-o.ended
}

// signUp makes an account with a join link.
func (p *person) signUp(link, user string) {
	p.t.Helper()
	p.env = []string{"EARSHOT_PASSWORD=" + password}
	p.run(0, "account", "register", link, user)
}

func TestAServerBringsTwoSubnetsTogether(t *testing.T) {
	t.Parallel() // it waits, most of the time
	here, there := lab.NewRouted(t, 2, 2)
	server := someone(t, here.Hosts[0], "Office").serves()
	ann, bob, eve := someone(t, here.Hosts[1], "Ann"), someone(t, there.Hosts[0], "Bob"), someone(t, there.Hosts[1], "Eve")
	dir := t.TempDir()
	a, b, e := ann.listen(), bob.listen("--accept", "all", "--dir", dir), eve.listen()

	ann.signUp(server.link, "ann")
	invited := strings.TrimSpace(ann.run(0, "admin", "invite", "--uses", "2"))
	invited = invited[strings.Index(invited, "earshot://"):]
	invited, _, _ = strings.Cut(invited, "\n")
	bob.signUp(invited, "bob")
	eve.signUp(invited, "eve")
	if online := read[[]struct{ User string }](ann, "admin", "online"); len(online) != 3 {
		t.Errorf("%d devices are on-line: %+v", len(online), online)
	}

	ann.run(0, "friends", "add", "bob")
	b.wait("the request", func(e event) bool { return e.Event == "friend_request" && e.User == "ann" })
	bob.run(0, "friends", "accept", "ann")
	a.wait("Bob's presence", func(e event) bool { return e.Event == "presence" && e.User == "bob" && e.Presence == "online" })
	ann.run(0, "msg", "bob", "across the router")
	b.wait("the message", func(e event) bool { return e.Event == "message" && e.Text == "across the router" })
	path, sum := randomFile(t, "plans.zip", 8<<20)
	ann.run(0, "send", "bob", path)
	if fileSum(t, filepath.Join(dir, "plans.zip")) != sum {
		t.Error("the file that arrived is another")
	}

	ann.run(0, "admin", "kick", "eve")
	e.wait("being signed out", func(e event) bool { return e.Event == "signed_out" })
	eventually(t, "the kicked device is out", func() bool {
		online := read[[]struct{ User string }](ann, "admin", "online")
		return !slices.ContainsFunc(online, func(o struct{ User string }) bool { return o.User == "eve" })
	})
	eve.run(1, "friends")

	server.stop(syscall.SIGTERM)
	bob.run(0, "msg", "ann", "the server is gone, we are not")
	a.wait("the message", func(e event) bool { return e.Event == "message" && e.Text == "the server is gone, we are not" })
	again, sum := randomFile(t, "later.zip", 8<<20)
	ann.run(0, "send", "bob", again)
	if fileSum(t, filepath.Join(dir, "later.zip")) != sum {
		t.Error("the file that arrived while the server was down is another")
	}
	if friends := read[[]struct{ User string }](ann, "friends"); len(friends) != 1 || friends[0].User != "bob" {
		t.Errorf("without the server Ann's friends are %+v", friends)
	}
}
