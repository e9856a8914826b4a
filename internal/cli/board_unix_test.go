//go:build unix

package cli

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestServeOnATerminalShowsABoard runs a server on a terminal that is resized, and
// ends it.
func TestServeOnATerminalShowsABoard(t *testing.T) {
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer ptmx.Close()
	defer tty.Close()
	resize := func(columns, rows uint16) {
		if err := pty.Setsize(ptmx, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
			t.Fatal(err)
		}
	}
	resize(80, 24)
	var shown served
	go io.Copy(&shown, ptmx) // ends when the terminal is closed
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, serveProgram(t.TempDir(), map[string]string{"TERM": "xterm"}, tty, tty, "--listen", "127.0.0.1:0"))
	}()
	within := func(what string) {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(time.Minute); !strings.Contains(shown.String(), what); <-tick.C {
			if time.Now().After(end) {
				t.Fatalf("%q never came, but\n%q", what, shown.String())
			}
		}
	}
	within("\x1b[?1049h")
	within("0 on-line, 0 devices")
	within(strings.Repeat("-", 80))
	resize(33, 10)
	within("\n" + strings.Repeat("-", 33) + "\r")
	cancel()
	within("\x1b[?1049l")
	if code := <-ended; code != codeDone {
		t.Errorf("ended with %d", code)
	}
	within("msg=serving") // the log is behind it
}
