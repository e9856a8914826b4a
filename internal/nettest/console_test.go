//go:build linux

package nettest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/internal/lab"
)

// console is the program's screen in a terminal of its own: tmux.
type console struct {
	*person
	socket string
}

// console opens the person's console in a terminal of that size.
func (p *person) console(columns, rows int, args ...string) *console {
	p.t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		p.t.Skip("needs tmux")
	}
	c := &console{person: p, socket: filepath.Join(p.t.TempDir(), "tmux")}
	cmd := p.command(p.t.Context(), args...)
	line := []string{"-f", "/dev/null", "-u", "new-session", "-d", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows)}
	c.tmux(append(line, cmd.Args...)...)
	p.t.Cleanup(func() { _ = exec.Command("tmux", "-S", c.socket, "kill-server").Run() }) // gone where the program ended
	return c
}

func (c *console) tmux(args ...string) string {
	c.t.Helper()
	cmd := exec.Command("tmux", append([]string{"-S", c.socket}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+c.home, "LC_ALL=C.UTF-8", "TERM=xterm-256color", "GORACE=halt_on_error=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s: tmux %s: %v: %s", c.name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// screen is what the terminal shows.
func (c *console) screen() string {
	c.t.Helper()
	return c.tmux("capture-pane", "-p")
}

// shows waits until the screen has the text.
func (c *console) shows(text string) {
	c.t.Helper()
	var screen string
	defer func() {
		if c.t.Failed() {
			c.t.Logf("%s's screen:\n%s", c.name, screen)
		}
	}()
	eventually(c.t, fmt.Sprintf("%s's screen shows %q", c.name, text), func() bool {
		screen = c.screen()
		return strings.Contains(screen, text)
	})
}

// keys presses keys by tmux's names; types types text as it is.
func (c *console) keys(names ...string) {
	c.t.Helper()
	c.tmux(append([]string{"send-keys"}, names...)...)
}

func (c *console) types(text string) {
	c.t.Helper()
	c.tmux("send-keys", "-l", text)
}

// paste puts the text in as the terminal does when something is pasted or
// dropped.
func (c *console) paste(text string) {
	c.t.Helper()
	c.tmux("set-buffer", text)
	c.tmux("paste-buffer", "-p", "-r")
}

// agree presses Enter in the dialog with the text until it went: a dialog takes
// no keys in its first moments, so that nobody answers it by typing on.
func (c *console) agree(text string) {
	c.t.Helper()
	c.shows(text)
	eventually(c.t, fmt.Sprintf("%q is answered", text), func() bool {
		c.keys("Enter")
		return !strings.Contains(c.screen(), text)
	})
}

// open finds somebody and opens the conversation.
func (c *console) open(name string) {
	c.t.Helper()
	c.shows(name)
	c.keys("C-k")
	c.types(name)
	c.keys("Enter")
	c.shows("> ")
}

func TestTwoConsolesWriteAndSendAFile(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	a, b := ann.console(80, 24), bob.console(80, 24)
	a.open("Bob")
	b.open("Ann")
	a.types("Good morning 王芳 👍")
	a.keys("Enter")
	b.shows("Good morning 王芳 👍")
	b.types("早上好")
	b.keys("Enter")
	a.shows("早上好")
	path, sum := randomFile(t, "photos.zip", 20<<20)
	a.paste(path)
	a.agree("Send 1 file to Bob?")
	b.shows("wants to send")
	b.keys("C-r")
	b.agree("[ Accept ]")
	a.shows("saved")
	var saved string
	eventually(t, "the file is saved", func() bool {
		for _, tr := range read[[]struct{ State, Path string }](bob, "transfers") {
			saved = tr.Path
			return tr.State == "done"
		}
		return false
	})
	if fileSum(t, saved) != sum {
		t.Error("the file that arrived is another")
	}
}

func TestAConsoleOnARunningNodeComesAndGoes(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	a, b := ann.listen(), bob.listen()
	acquaint(t, a, b)
	c := ann.console(80, 24)
	c.open("Bob")
	c.types("from the console")
	c.keys("Enter")
	b.wait("the message", func(e event) bool { return e.Event == "message" && e.Text == "from the console" })
	c.keys("C-q")
	eventually(t, "the console ends", func() bool {
		return exec.Command("tmux", "-S", c.socket, "has-session").Run() != nil
	})
	bob.run(0, "msg", "Ann", "still there?")
	a.wait("the answer", func(e event) bool { return e.Event == "message" && e.Text == "still there?" })
}

// A console is attached to a listen. That is quit in the middle of a message, and
// the console goes on by itself: the others see its person again, and get the
// message. A second console, attached to the first, stays when that one leaves.
func TestAConsoleOutlastsTheNodeItIsAttachedTo(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	a, b := ann.listen(), bob.listen()
	acquaint(t, a, b)
	one := ann.console(80, 24)
	one.open("Bob")
	one.types("half a mess")
	one.shows("half a mess")
	count := b.count()
	a.leave()
	one.shows("Earshot was quit in the background.")
	b.waitFrom(count, "Ann again", func(e event) bool { return e.Event == "peer_up" && e.Peer.Name == "Ann" })
	one.types("age")
	one.keys("Enter")
	b.wait("the message", func(e event) bool { return e.Event == "message" && e.Text == "half a message" })

	two := ann.console(80, 24)
	two.open("Bob")
	two.types("from the sec")
	two.shows("from the sec")
	begin := time.Now()
	one.keys("C-q")
	eventually(t, "the first console ends", func() bool {
		return exec.Command("tmux", "-S", one.socket, "has-session").Run() != nil
	})
	t.Logf("the first console left in %v", time.Since(begin).Round(time.Millisecond))
	two.shows("Earshot was quit in the background.")
	two.types("ond")
	two.keys("Enter")
	b.wait("the message", func(e event) bool { return e.Event == "message" && e.Text == "from the second" })
}

// A command waits for somebody who does not answer. Meanwhile a console is attached
// to its node, and a listen takes its place.
func TestAListenAndAConsoleComeWhileACommandWaits(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	b := bob.listen()
	path, sum := randomFile(t, "plan.pdf", 1<<20)
	sent := make(chan error, 1)
	go func() { sent <- ann.command(t.Context(), "send", "Bob", path).Run() }()
	offer := b.wait("the offer", func(e event) bool { return e.Event == "offer" })
	c := ann.console(80, 24)
	c.open("Bob")
	c.shows("waiting for accept")
	a := ann.listen()
	c.shows("Earshot in the background was started anew.")
	a.sees("Bob")
	bob.run(0, "accept", offer.ID)
	if err := <-sent; err != nil {
		t.Errorf("the command that sent it: %v", err)
	}
	c.shows("saved")
	saved := read[[]struct{ Path string }](bob, "transfers")
	if fileSum(t, saved[0].Path) != sum {
		t.Error("the file that arrived is another")
	}
	a.leave()
}

// Somebody starts for the first time: others hear of this device under the name
// that the form was sent off with, and under no other before.
func TestNobodyIsSeenBeforeTheFirstFormIsAnswered(t *testing.T) {
	link := lab.New(t, 3)
	b := someone(t, link.Hosts[1], "Bob").listen()
	c := someone(t, link.Hosts[0], "").console(80, 24)
	c.shows("Welcome")
	someone(t, link.Hosts[2], "Carl").listen()
	b.sees("Carl") // by then the other one would have been seen too
	c.types("Ann")
	c.keys("Tab", "C-u")
	c.types("/dev/null/x")
	c.keys("Enter", "Enter")
	c.shows("Files cannot be saved in /dev/null/x")
	c.shows("[Ann ")
	c.keys("S-Tab", "C-u")
	c.types("~/in")
	c.keys("Enter", "Enter")
	b.sees("Ann")
	for _, e := range b.told() {
		if e.Event == "peer_up" && e.Peer.Name != "Ann" && e.Peer.Name != "Carl" {
			t.Errorf("%s came", e.Peer.Name)
		}
	}
	c.shows("HERE NOW")
}
