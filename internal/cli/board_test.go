package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"earshot/internal/rendezvous"
)

// crowd is so many devices, the last of which came last.
func crowd(n int) (all []rendezvous.OnlineDevice) {
	for i := range n {
		all = append(all, rendezvous.OnlineDevice{
			User: fmt.Sprintf("user%03d", i), Device: seeded(byte(i)), Address: "10.0.0.3", Presence: rendezvous.Online,
			Since: time.Date(2026, 1, 2, 8, 0, i, 0, time.Local),
		})
	}
	return all
}

func testBoard(w *bytes.Buffer, log *tail) *board {
	return &board{
		w: w, log: log, now: func() time.Time { return time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC) },
		head: []string{"Fingerprint: CC84 50F4", "Join link: earshot://chat.office.lan:7421/?k=AMn0J4KySqdSieTRiFWmpsZdcFLEg9fcGKq1v5w7yTs&c=7PZKX2MVQ4RB"},
		size: func() (int, int) { return 80, 24 },
	}
}

// rowsOf is how many rows of a terminal lines take; it fails where one is too wide.
func rowsOf(t *testing.T, lines []string, columns int) (rows int) {
	t.Helper()
	for _, line := range lines {
		w := uniseg.StringWidth(line)
		if w > columns && !strings.HasPrefix(line, "Join link") && !strings.HasPrefix(line, "Fingerprint") {
			t.Errorf("%d columns: %q", columns, line)
		}
		if strings.ContainsAny(line, "\x1b\n\r\u009b\u202e") {
			t.Errorf("a control in %q", line)
		}
		rows += max(1, (w+columns-1)/columns)
	}
	return rows
}

func TestTheBoardFitsEveryTerminal(t *testing.T) {
	log, people := &tail{held: true}, crowd(100)
	for _, columns := range []int{1, 7, 20, 40, 80, 120} {
		for _, rows := range []int{1, 2, 3, 4, 5, 6, 7, 10, 15, 16, 17, 24, 40} {
			for _, n := range []int{0, 1, 5, 100} {
				b := testBoard(nil, log)
				b.online = people[:n]
				if got := rowsOf(t, b.frame(columns, rows), columns); got != rows {
					t.Errorf("%d of them on %dx%d take %d rows:\n%s", n, columns, rows, got, strings.Join(b.frame(columns, rows), "\n"))
				}
			}
		}
		fmt.Fprintf(log, "time=… level=INFO msg=\"line %d\"\n", columns)
	}
}

func TestTheBoardShowsWhoCameLast(t *testing.T) {
	b := testBoard(nil, &tail{})
	b.online = crowd(100)
	screen := strings.Join(b.frame(80, 24), "\n")
	for _, want := range []string{"100 on-line, 100 devices", "Join link: earshot://", "user099", "10.0.0.3", "since 2026-01-02 08:01", "more: \"earshot admin online\" lists all"} {
		if !strings.Contains(screen, want) {
			t.Errorf("%q is not in\n%s", want, screen)
		}
	}
	if strings.Contains(screen, "user000") {
		t.Errorf("the first is before the last:\n%s", screen)
	}
	b.online = crowd(2)
	if screen = strings.Join(b.frame(80, 24), "\n"); !strings.Contains(screen, "user000") || strings.Contains(screen, "more:") {
		t.Errorf("two of them:\n%s", screen)
	}
	b.once, b.came = true, true
	if screen = strings.Join(b.frame(80, 24), "\n"); strings.Contains(screen, "Join link") {
		t.Errorf("a link that was good once:\n%s", screen)
	}
}

// TestWhatOthersWriteDoesNotActOnTheBoard has hostile texts in every place.
func TestWhatOthersWriteDoesNotActOnTheBoard(t *testing.T) {
	log := &tail{held: true}
	log.Write([]byte("a\x1b[2Jb\u202e\u009b\n"))
	b := testBoard(nil, log)
	b.online = []rendezvous.OnlineDevice{{User: "ann\x1b[31m\u202e" + strings.Repeat("\u0301", 500), Address: "10.0.0.3\r\n", Since: time.Now()}}
	lines := b.frame(80, 24)
	if rows := rowsOf(t, lines, 80); rows != 24 {
		t.Errorf("%d rows:\n%q", rows, lines)
	}
}

func TestAnotherFrameIsDrawnOnlyWhereSomethingChanged(t *testing.T) {
	var out bytes.Buffer
	b := testBoard(&out, &tail{})
	b.draw()
	first := out.Len()
	if b.draw(); out.Len() != first || first == 0 {
		t.Errorf("drawn again: %d and %d bytes", first, out.Len())
	}
	b.size = func() (int, int) { return 40, 10 }
	if b.draw(); out.Len() == first {
		t.Error("another size was not seen")
	}
}

func TestNoLineOfTheLogIsLostToTheBoard(t *testing.T) {
	var out bytes.Buffer
	log := &tail{w: &out}
	fmt.Fprintln(log, "before")
	log.hold()
	for i := range maxTail + 10 {
		fmt.Fprintf(log, "line %d\n", i)
	}
	if out.String() != "before\n" {
		t.Errorf("while it is held: %q", out.String())
	}
	if got := log.last(2); len(got) != 2 || got[1] != fmt.Sprintf("line %d", maxTail+9) {
		t.Errorf("the last two: %q", got)
	}
	log.release()
	fmt.Fprintln(log, "after")
	if got := out.String(); !strings.HasPrefix(got, "before\n(10 older lines were not kept)\nline 10\n") || !strings.HasSuffix(got, "\nafter\n") || strings.Count(got, "\n") != maxTail+3 {
		t.Errorf("afterwards: %.200q", got)
	}
}
