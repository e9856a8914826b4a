//go:build linux

package nettest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"earshot/internal/lab"
)

// company is a server's people on two subnets: Ann, the administrator, and Bob's desk
// on one, Bob's laptop and Eve on the other.
type company struct {
	server                 *office
	join                   string // a link for who signs in
	ann, desk, laptop, eve *person
}

// opens starts the server and makes the accounts; Bob has none on the laptop yet. Ann
// and Bob are friends, so each learns where the other's devices are.
func opens(t *testing.T) (c company, ann, desk *listener) {
	t.Helper()
	here, there := lab.NewRouted(t, 3, 2)
	c.server = someone(t, here.Hosts[0], "Office").serves()
	c.ann, c.desk = someone(t, here.Hosts[1], "Ann"), someone(t, here.Hosts[2], "Bob")
	c.laptop, c.eve = someone(t, there.Hosts[0], "Bob"), someone(t, there.Hosts[1], "Eve")
	ann, desk = c.ann.listen(), c.desk.listen()
	c.ann.signUp(c.server.link, "ann")
	c.join = strings.TrimSpace(c.ann.run(0, "admin", "invite", "--uses", "2"))
	c.desk.signUp(c.join, "bob")
	c.ann.run(0, "friends", "add", "bob")
	desk.wait("the request", func(e event) bool { return e.Event == "friend_request" && e.User == "ann" })
	c.desk.run(0, "friends", "accept", "ann")
	return c, ann, desk
}

// login makes the person's device one of an account's.
func (p *person) login(link, user string) {
	p.t.Helper()
	p.env = []string{"EARSHOT_PASSWORD=" + password}
	p.run(0, "account", "login", link, user)
}

// brings starts the laptop, signs in there, and says yes to it at the desk.
func (c company) brings(desk *listener) (laptop *listener) {
	desk.t.Helper()
	laptop = c.laptop.listen()
	c.laptop.login(c.join, "bob")
	desk.asked(laptop)
	c.desk.run(0, "account", "admit", laptop.id())
	return laptop
}

// asked waits until the person is asked whether another device is theirs.
func (l *listener) asked(other *listener) {
	l.t.Helper()
	l.wait("the question", func(e event) bool {
		return e.Event == "error" && strings.Contains(e.Error, "earshot account admit "+other.id()[:8])
	})
}

// texts are what was written in a conversation, the oldest first.
func (p *person) texts(with string) (all []string) {
	p.t.Helper()
	for _, m := range read[[]message](p, "history", with) {
		all = append(all, m.Text)
	}
	return all
}

// shows waits until the person has exactly these messages in a conversation.
func (p *person) shows(with string, want ...string) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%s shows %q of %s", p.host.Space, want, with), func() bool { return slices.Equal(p.texts(with), want) })
}

// TestASecondDeviceGetsWhatIsForItsPerson, but nothing before its person said yes on
// the first one, neither from there nor from Ann; then either gets what was written
// while the other was there alone.
func TestASecondDeviceGetsWhatIsForItsPerson(t *testing.T) {
	t.Parallel() // it waits, most of the time
	c, ann, desk := opens(t)
	c.ann.run(0, "msg", "bob", "before the laptop")
	laptop := c.laptop.listen()
	c.laptop.login(c.join, "bob")
	desk.asked(laptop)
	laptop.sees("Ann")
	laptop.wait("the desk", func(e event) bool { return e.Event == "peer_up" && e.Peer.ID == desk.id() })
	if got := c.laptop.texts("ann"); len(got) != 0 {
		t.Errorf("before the yes the laptop shows %q", got)
	}
	c.desk.run(0, "msg", laptop.id(), "is it me?")
	c.laptop.run(0, "msg", "ann", "from a new laptop")
	c.laptop.run(0, "msg", "ann", "is it me?")
	if got := c.laptop.texts("ann"); len(got) != 2 {
		t.Errorf("what comes before the yes has come, and the laptop shows %q", got)
	}
	said := []string{"before the laptop", "from a new laptop", "is it me?"}
	c.server.stop(syscall.SIGTERM) // it has no part in the rest
	c.desk.run(0, "account", "admit", laptop.id()[:8])
	c.laptop.shows("ann", said...)
	c.desk.shows("ann", said...)
	c.laptop.run(0, "msg", desk.id(), "it is")

	ann.wait("the laptop", func(e event) bool { return e.Event == "peer_up" && e.Peer.ID == laptop.id() })
	var bobs []string
	for _, p := range read[[]struct{ ID, Account string }](c.ann, "peers") {
		if p.Account == "bob" {
			bobs = append(bobs, p.ID)
		}
	}
	if want := []string{desk.id(), laptop.id()}; len(bobs) != 2 || !slices.Contains(bobs, want[0]) || !slices.Contains(bobs, want[1]) {
		t.Errorf("Bob's devices are %v to Ann, want %v", bobs, want)
	}
	c.ann.run(0, "msg", "bob", "to both")
	said = append(said, "to both")
	c.desk.shows("ann", said...)
	c.laptop.shows("ann", said...)

	desk.leave()
	c.ann.run(0, "msg", "bob", "without the desk")
	said = append(said, "without the desk")
	c.laptop.shows("ann", said...)
	ann.leave() // what the desk has missed comes from the laptop
	c.desk.listen()
	c.desk.shows("ann", said...)
}

// TestAnAnnouncementIsHeardByAll: on both subnets, and by who was away, when neither
// the server nor the administrator is there any more.
func TestAnAnnouncementIsHeardByAll(t *testing.T) {
	t.Parallel() // it waits, most of the time
	const text = "the network is down at six"
	announced := func(e event) bool { return e.Event == "announcement" && e.Text == text }
	c, ann, desk := opens(t)
	laptop, eve := c.brings(desk), c.eve.listen()
	c.eve.signUp(c.join, "eve")
	eve.leave()
	ann.wait("the laptop", func(e event) bool { return e.Event == "peer_up" && e.Peer.ID == laptop.id() })

	c.ann.run(0, "admin", "announce", text)
	for _, l := range []*listener{ann, desk, laptop} {
		l.wait("the announcement", announced)
	}
	c.desk.run(1, "admin", "announce", "free beer")

	c.server.stop(syscall.SIGTERM)
	ann.leave()
	desk.leave()
	c.eve.listen().wait("the announcement", announced)
	c.eve.shows("#notices", text)
}

// writes writes n numbered messages, each stored on a device of the receiver.
func (p *person) writes(to string, from, n int) error {
	for i := from; i < from+n; i++ {
		if out, err := p.command(p.t.Context(), "msg", to, fmt.Sprintf("message %d", i)).CombinedOutput(); err != nil {
			return fmt.Errorf("message %d: %w: %s", i, err, out)
		}
	}
	return nil
}

// TestAKilledDeviceHasAllOnce: whenever the laptop is killed, nothing is lost on either
// of Bob's devices, nothing comes twice.
func TestAKilledDeviceHasAllOnce(t *testing.T) {
	t.Parallel() // it waits, most of the time
	const n = 30
	c, _, desk := opens(t)
	laptop := c.brings(desk)
	moments := laptop.sees("Ann").seen.Sub(laptop.started) // how long it takes to start
	for i := 0; i < n; i += 3 {
		if rand.N(2) == 0 {
			laptop.sees("Ann") // else it is killed while it starts, or takes what it missed
		}
		began, written := time.Now(), make(chan error, 1)
		go func() { written <- c.ann.writes("bob", i, 3) }()
		<-time.After(rand.N(moments))
		laptop.kill()
		t.Logf("killed after %d messages", len(slices.DeleteFunc(laptop.told(), func(e event) bool { return e.Event != "message" })))
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		moments = time.Since(began) // now in the middle of what is written
		laptop = c.laptop.start()
	}
	c.laptop.wantMessages("Ann", n)
	c.desk.wantMessages("Ann", n)
}
