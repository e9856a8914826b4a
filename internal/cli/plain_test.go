package cli

import (
	"io"
	"strings"
	"testing"

	"earshot/internal/node"
)

func TestLineMode(t *testing.T) {
	bob := person(2, "Bob")
	f := newFake(bob)
	f.transfers = moving().transfers
	c := newCall(t, f)
	path := file(t)
	c.stdin = strings.NewReader(strings.Join([]string{
		"hello?", "/people", "/to Bob", "hello", "//not a command", "/sned x", "", "/send '" + path + "'", "/accept 019b76da-a8", "/files 100 MB", "/files any", "/files ask", "/files", "/pause 019b76da-b9", "/transfers", "/help", "/quit", "never",
	}, "\n"))
	c.run(codeDone, "--plain")
	prefix := bob.ID.String()[:4]
	c.does("write "+prefix+" hello", "write "+prefix+" /not a command", "offer "+prefix+" "+path, "answer 019b yes ",
		"accept from "+id2[:8]+" 100000000", "accept from "+id2[:8]+" -1", "accept from "+id2[:8]+" 0", "pause 019b")
	c.complains("Nobody is chosen", "There is no command /sned.", "/files wants SIZE|any|ask.")
	for _, want := range []string{"To Bob, on-line, not verified.", "report.pdf (1.0 MB): waits for Bob to accept it.", "/send PATH", "plan.pdf"} {
		if !strings.Contains(c.stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, c.stdout.String())
		}
	}
}

func TestLineModeIsForTerminalsWithoutAScreen(t *testing.T) {
	c := newCall(t, newFake())
	c.env["TERM"] = "dumb"
	c.run(codeDone).complains("This terminal has no screen")
	c.env["TERM"] = "xterm"
	c.run(codeDone).complains("This is no terminal")
	c.run(codeDone, "--plain")
	if c.stderr.Len() > 0 {
		t.Errorf("said %q", c.stderr.String())
	}
}

func TestLineModeOutlastsALineThatIsTooLong(t *testing.T) {
	f := newFake(person(2, "Bob"))
	c := newCall(t, f)
	c.stdin = strings.NewReader("/to Bob\n" + strings.Repeat("x", maxText+1) + "\n" + strings.Repeat("y", 9*maxText) + "\r\n-\r\nlast")
	c.run(codeDone, "--plain").does("write "+id2[:4]+" -", "write "+id2[:4]+" last")
	if got := strings.Count(c.stderr.String(), "longer than 32 KiB"); got != 2 {
		t.Errorf("%d lines were refused: %s", got, c.stderr.String())
	}
}

func TestLineModeOutlastsAFailure(t *testing.T) {
	f := newFake(person(2, "Bob"))
	f.unread = node.ErrDiskFull
	c := newCall(t, f)
	in, typing := io.Pipe()
	c.stdin = in
	go func() {
		_, _ = io.WriteString(typing, "/people\n") // taken when the mode runs
		f.publish(happenings()[1])
		for len(f.calls()) < 1 {
			_, _ = io.WriteString(typing, "\n")
		}
		_, _ = io.WriteString(typing, "/to Bob\nstill here\n")
		typing.Close()
	}()
	c.run(codeDone, "--plain").complains("The disk is full: this could not be written.").does("read "+id2[:4], "write "+id2[:4]+" still here")
}

func TestLineModeMarksWhatItShowsAsRead(t *testing.T) {
	f := newFake(person(2, "Bob"))
	c := newCall(t, f)
	in, typing := io.Pipe()
	c.stdin = in
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.WriteString(typing, "/people\n") // taken when the mode runs
		for _, e := range happenings() {
			f.publish(e)
		}
		_, _ = io.WriteString(typing, "/people\n")
		for len(f.calls()) < 2 {
			_, _ = io.WriteString(typing, "\n")
		}
		typing.Close()
	}()
	c.run(codeDone, "--plain")
	<-done
	c.does("read "+id2[:4], "read "+id2[:4])
}
