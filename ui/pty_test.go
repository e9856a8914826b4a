//go:build unix

package ui

import (
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/gdamore/tcell/v2"
	"golang.org/x/term"

	"earshot/internal/node"
	"earshot/peer"
)

// terminal is a console on a real terminal device, whose other end the test
// holds.
type terminal struct {
	t     *testing.T
	c     *Console
	node  *fakeNode
	ptmx  *os.File
	tty   *os.File
	mode  *term.State
	wrote *countedTty
	quit  context.CancelFunc
	done  chan error

	output strings.Builder
	read   chan struct{} // closed when output is complete
}

// countedTty counts the bytes that the console sends.
type countedTty struct {
	tcell.Tty
	mu    sync.Mutex
	bytes int
}

func (c *countedTty) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.bytes += len(b)
	c.mu.Unlock()
	return c.Tty.Write(b)
}

func (c *countedTty) sent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}

func openPty(t *testing.T, f *fakeNode) *terminal {
	t.Helper()
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("LC_ALL", "C.UTF-8")
	k := &terminal{t: t, node: f, done: make(chan error, 1), read: make(chan struct{})}
	var err error
	if k.ptmx, k.tty, err = pty.Open(); err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(k.ptmx, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	if k.mode, err = term.GetState(int(k.tty.Fd())); err != nil {
		t.Fatal(err)
	}
	dev, err := tcell.NewDevTtyFromDev(k.tty.Name())
	if err != nil {
		t.Fatal(err)
	}
	k.wrote = &countedTty{Tty: dev}
	screen, err := tcell.NewTerminfoScreenFromTty(k.wrote)
	if err != nil {
		t.Fatal(err)
	}
	go k.copyOutput()
	k.c = New(Config{Node: f, Screen: screen, Lang: "en", Now: func() time.Time { return testNow }})
	var ctx context.Context
	ctx, k.quit = context.WithCancel(t.Context())
	go func() { k.done <- k.c.Run(ctx) }()
	return k
}

func (k *terminal) copyOutput() {
	defer close(k.read)
	buffer := make([]byte, 64<<10)
	for !strings.HasSuffix(k.output.String(), endOfOutput) {
		n, err := k.ptmx.Read(buffer)
		k.output.Write(buffer[:n])
		if err != nil {
			return
		}
	}
}

// endOfOutput is what the test writes when the console has ended: tcell keeps
// the device open, so there is no end of file.
const endOfOutput = "-- the end --"

// send types into the terminal.
func (k *terminal) send(text string) {
	k.t.Helper()
	if _, err := io.WriteString(k.ptmx, text); err != nil {
		k.t.Fatal(err)
	}
}

// within asks in the console's loop until it says yes.
func (k *terminal) within(what string, yes func() bool) {
	k.t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		answer := make(chan bool, 1)
		k.c.mail.push(func() { answer <- yes() })
		select {
		case ok := <-answer:
			if ok {
				return
			}
		case <-deadline:
			k.t.Fatalf("never: %s", what)
		}
		select {
		case <-ticker.C:
		case <-deadline:
			k.t.Fatalf("never: %s", what)
		}
	}
}

// close ends the console and returns everything that it sent.
func (k *terminal) close() string {
	k.t.Helper()
	k.quit()
	if err := <-k.done; err != nil {
		k.t.Errorf("Run: %v", err)
	}
	after, err := term.GetState(int(k.tty.Fd()))
	if err != nil {
		k.t.Fatal(err)
	}
	if *after != *k.mode {
		k.t.Errorf("the terminal's mode is %v, it was %v", after, k.mode)
	}
	if _, err := io.WriteString(k.tty, endOfOutput); err != nil {
		k.t.Fatal(err)
	}
	<-k.read
	k.tty.Close()
	k.ptmx.Close()
	return k.output.String()
}

func TestBytesOnATerminal(t *testing.T) {
	k := openPty(t, office())
	k.within("people", func() bool { return len(k.c.people) == 7 && k.c.list.cursor == idOf(2) })
	k.send("\r")
	k.within("the conversation", func() bool { k.c.seen(); return k.c.open != nil && k.c.open.loaded })
	k.within("its draw", func() bool { return true })

	before := k.wrote.sent()
	for range 20 {
		drawn := make(chan struct{})
		k.c.mail.push(func() { close(drawn) })
		<-drawn
	}
	k.within("an idle moment", func() bool { return true })
	if n := k.wrote.sent() - before; n != 0 {
		t.Errorf("idle redraws sent %d bytes, want 0", n)
	}
	for _, text := range []string{"x", "y", "中"} {
		before := k.wrote.sent()
		was := ""
		k.within("the line", func() bool { was = k.c.compose.text(); return true })
		k.send(text)
		k.within("a key", func() bool { return k.c.compose.text() == was+text })
		k.within("its draw", func() bool { return true })
		if n := k.wrote.sent() - before; n == 0 || n >= 300 {
			t.Errorf("a typed %q sent %d bytes, want less than 300", text, n)
		}
	}
	moved := k.node.transfers[1]
	moved.Done += 20_000_000
	before = k.wrote.sent()
	k.node.say(node.Event{Kind: node.TransferMoved, Transfer: &moved})
	k.within("progress", func() bool { return k.c.transfers.byID[moved.ID].Done == moved.Done })
	k.within("its draw", func() bool { return true })
	if n := k.wrote.sent() - before; n >= 400 {
		t.Errorf("progress sent %d bytes, want less than 400", n)
	}
	k.close()
}

func TestTheTerminalIsAsItWas(t *testing.T) {
	k := openPty(t, office())
	k.within("people", func() bool { return len(k.c.people) == 7 })
	output := k.close()
	for _, mode := range []struct{ what, on, off string }{
		{"the other screen", "\x1b[?1049h", "\x1b[?1049l"},
		{"bracketed paste", "\x1b[?2004h", "\x1b[?2004l"},
		{"focus events", "\x1b[?1004h", "\x1b[?1004l"},
		{"the mouse", "\x1b[?1002h", "\x1b[?1002l"},
		{"the cursor", "\x1b[?25l", "\x1b[?25h"},
	} {
		on, off := strings.LastIndex(output, mode.on), strings.LastIndex(output, mode.off)
		if on < 0 || off < on {
			t.Errorf("%s: switched on at %d, off at %d", mode.what, on, off)
		}
	}
}

func TestPastesThroughATerminal(t *testing.T) {
	k := openPty(t, office())
	k.within("people", func() bool { return len(k.c.people) == 7 && k.c.list.cursor == idOf(2) })
	k.send("\r")
	k.within("the conversation", func() bool { return k.c.open != nil })
	for _, end := range []string{"\n", "\r", "\r\n"} {
		k.send("\x1b[200~one" + end + "二" + end + "three\x1b[201~")
		k.within("the paste", func() bool { return strings.HasSuffix(k.c.compose.text(), "three") })
		k.within("its lines", func() bool {
			text := k.c.compose.text()
			k.c.compose.set("")
			if text != "one\n二\nthree" {
				t.Errorf("line ends %q: %q", end, text)
			}
			return true
		})
	}
	big := strings.Repeat("合同的最新版本 ", 3000)
	k.send("\x1b[200~" + big + "\x1b[201~")
	k.within("60 kB", func() bool { return k.c.compose.text() == big })
	for key, want := range map[string]string{"\x1b\r": "\n", "\x1b[13;2u": "\n", "\n": "\n", "\x1b[13;5u": "\n"} {
		k.within("an empty line", func() bool { k.c.compose.set(""); return true })
		k.send("a" + key + "b")
		k.within(key, func() bool { return k.c.compose.text() == "a"+want+"b" })
	}
	k.within("an empty line", func() bool { k.c.compose.set(""); return true })
	k.close()
}

func TestNothingHostileReachesATerminal(t *testing.T) {
	f := office()
	evil := "\x1b]0;owned\x07\x1b]52;c;aGk=\x07\x1b[2J\u009b31m https://x\x1b]8;;http://evil\x07link"
	f.people[0].Name = peer.DisplayName("Li" + evil)
	f.transfers[1].Name = peer.Line("photo"+evil+".zip", 0)
	k := openPty(t, f)
	k.within("people", func() bool { return len(k.c.people) == 7 && k.c.list.cursor == idOf(2) })
	k.send("\r")
	k.within("the conversation", func() bool { return k.c.open != nil && k.c.open.loaded })
	f.receive(f.people[0], evil)
	k.within("the message", func() bool { m, ok := k.c.open.newest(); return ok && strings.Contains(m.Text.String(), "owned") })
	output := k.close()
	for _, sequence := range []string{"\x1b]0;owned", "\x1b]52;", "\u009b", "\x1b]8;;http"} {
		if strings.Contains(output, sequence) {
			t.Errorf("%q reached the terminal", sequence)
		}
	}
}

func TestNoColorWhereNoneIsWanted(t *testing.T) {
	colours := regexp.MustCompile("\x1b\\[[0-9;]*(3[0-7]|4[0-7]|9[0-7]|38;|48;)[0-9;]*m")
	for _, want := range []bool{true, false} {
		if !want {
			t.Setenv("NO_COLOR", "1")
		}
		k := openPty(t, office())
		k.within("people", func() bool { return len(k.c.people) == 7 && k.c.list.cursor == idOf(2) })
		k.send("\r")
		k.within("the conversation", func() bool { return k.c.open != nil && k.c.open.loaded })
		k.within("its draw", func() bool { return true })
		if got := colours.FindString(k.close()); (got != "") != want {
			t.Errorf("colours %v: sent %q", want, got)
		}
	}
}
