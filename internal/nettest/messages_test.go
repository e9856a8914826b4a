//go:build linux

package nettest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"earshot/internal/lab"
)

type message struct {
	ID    string
	Text  string
	State string
	From  struct{ ID, Name string }
}

func TestAMessageArrivesAndIsConfirmed(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	b := bob.listen()
	const text = "Hello 王芳 👍\nsecond line"
	ann.run(0, "msg", "Bob", text) // a node for as long as the command runs
	if e := b.wait("the message", func(e event) bool { return e.Event == "message" }); e.Text != text || e.From.Name != "Ann" {
		t.Errorf("got %+v", e)
	}
	if got := read[[]message](ann, "history", "Bob"); len(got) != 1 || got[0].Text != text || got[0].State != "delivered" {
		t.Errorf("history: %+v", got)
	}
}

// acquaint makes two people write to each other, so that neither is a stranger.
func acquaint(t *testing.T, a, b *listener) {
	t.Helper()
	a.sees(b.name)
	b.sees(a.name)
	a.person.run(0, "msg", b.name, "hello")
	b.person.run(0, "msg", a.name, "hello yourself")
}

// write queues n numbered messages for somebody who is away.
func (p *person) queue(to string, from, n int) {
	p.t.Helper()
	for i := from; i < from+n; i++ {
		p.run(5, "msg", to, fmt.Sprintf("message %d", i), "--wait", "1ms")
	}
}

// wantMessages waits until the person has messages 0 … n-1 of somebody, each
// once and in order.
func (p *person) wantMessages(from string, n int) {
	p.t.Helper()
	var texts []string
	eventually(p.t, fmt.Sprintf("%s has %d messages of %s", p.name, n, from), func() bool {
		texts = texts[:0]
		for _, m := range read[[]message](p, "history", from, "-n", fmt.Sprint(2*n+10)) {
			if m.From.Name == from && bytes.HasPrefix([]byte(m.Text), []byte("message ")) {
				texts = append(texts, m.Text)
			}
		}
		return len(texts) >= n
	})
	for i, text := range texts {
		if want := fmt.Sprintf("message %d", i); text != want || len(texts) != n {
			p.t.Fatalf("%s has %d messages, number %d is %q", p.name, len(texts), i, text)
		}
	}
}

func TestWhatWasWrittenMeanwhileArrivesOnce(t *testing.T) {
	t.Parallel() // it waits, most of the time
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	a, b := ann.listen(), bob.listen()
	acquaint(t, a, b)
	b.leave()
	const n = 60
	ann.queue("Bob", 0, n/3)
	a.kill() // what was queued is on disk
	a = ann.listen()
	ann.queue("Bob", n/3, n/3)
	b = bob.listen()
	b.wait("a first message", func(e event) bool { return e.Event == "message" })
	b.kill()
	ann.queue("Bob", 2*n/3, n/3)
	a.kill()
	a, b = ann.listen(), bob.listen()
	bob.wantMessages("Ann", n)
	eventually(t, "Ann knows that all is delivered", func() bool {
		for _, m := range read[[]message](ann, "history", "Bob", "-n", "200") {
			if m.State == "queued" {
				return false
			}
		}
		return true
	})
	a.leave()
	b.leave()
}

// The receiver's memory is lost, or goes back: nobody believes that what is gone
// was delivered, and both go on.
func TestALostOrOldDatabaseHealsItself(t *testing.T) {
	t.Parallel() // it waits, most of the time
	for _, c := range []struct {
		what string
		lose func(t *testing.T, bob *person, old string)
	}{
		{"deleted", func(t *testing.T, bob *person, _ string) { bob.removeDatabase() }},
		{"an older copy put back", func(t *testing.T, bob *person, old string) {
			bob.removeDatabase()
			copyFile(t, old, bob.database())
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			link := lab.New(t, 2)
			ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
			a, b := ann.listen(), bob.listen()
			acquaint(t, a, b)
			b.leave()
			old := filepath.Join(t.TempDir(), "old.db")
			copyFile(t, bob.database(), old)
			b = bob.listen()
			b.sees("Ann")
			ann.run(0, "msg", "Bob", "message 0")
			ann.run(0, "msg", "Bob", "message 1")
			bob.run(0, "msg", "Ann", "message 0")
			id := b.id()
			b.kill()
			c.lose(t, bob, old)
			b = bob.listen()
			if b.id() != id {
				t.Fatal("the identity went with the database")
			}
			b.sees("Ann")
			bob.wantMessages("Ann", 2) // comes again from Ann
			bob.run(0, "msg", b.idOf("Ann"), "message 1")
			ann.run(0, "msg", "Bob", "message 2")
			ann.wantMessages("Bob", 2)
			bob.wantMessages("Ann", 3)
			a.leave()
			b.leave()
		})
	}
}

// idOf is the ID of somebody whom the listener saw.
func (l *listener) idOf(name string) string { return l.sees(name).Peer.ID }

func (p *person) database() string { return filepath.Join(p.home, "default", "earshot.db") }

func (p *person) removeDatabase() {
	p.t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(p.database() + suffix); err != nil && !os.IsNotExist(err) {
			p.t.Fatal(err)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
