package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// board is what "earshot serve" shows on a terminal: how people join, who is there,
// newest first, and the last lines of the log. It is drawn on the terminal's other
// screen, whole each time, so that no size and no resizing spoils it; when it ends
// the first screen is as it was, with the log behind it.
type board struct {
	w    io.Writer
	size func() (columns, rows int)
	now  func() time.Time
	head []string // how people join
	once bool     // with a link that is good for the first one
	log  *tail

	online []rendezvous.OnlineDevice
	came   bool
	drawn  string
}

const (
	// boardTick is how soon another size of the terminal, or a line of the log, is seen.
	boardTick = 500 * time.Millisecond
	// boardLines is how many lines of the log are shown at most.
	boardLines = 6
	// boardTall is from how many rows on there is room for how people join.
	boardTall = 16
)

// canBoard reports whether the terminal can show a board.
func (p *Program) canBoard() bool {
	kind, _ := p.Environment("TERM")
	return isTerminal(p.Stdout) && isTerminal(p.Stderr) && !p.set.Plain && kind != "" && kind != "dumb" && runtime.GOOS != "windows"
}

// boardLog is the log of a server whose terminal shows a board; nil: it shows none.
func (p *Program) boardLog(systemd bool) *tail {
	if systemd || !p.canBoard() {
		return nil
	}
	log := &tail{w: p.Stderr}
	p.Stderr = log
	return log
}

// newBoard makes a board on the terminal of stdout.
func (p *Program) newBoard(head []string, once bool, log *tail) *board {
	f := p.Stdout.(*os.File)
	return &board{w: f, now: p.now, head: head, once: once, log: log, size: func() (int, int) {
		columns, rows, err := term.GetSize(int(f.Fd()))
		if err != nil || columns < 1 || rows < 1 {
			return 80, 24
		}
		return columns, rows
	}}
}

// Run shows the board until ctx ends.
func (b *board) Run(ctx context.Context, online func(context.Context) ([]rendezvous.OnlineDevice, error)) {
	fmt.Fprint(b.w, "\x1b[?1049h\x1b[?25l")
	defer fmt.Fprint(b.w, "\x1b[?25h\x1b[?1049l")
	tick := time.NewTicker(boardTick)
	defer tick.Stop()
	var asked time.Time
	for {
		if time.Since(asked) >= onlineTick {
			if all, err := online(ctx); err == nil { // else it is logged by who needs the database more
				b.online, b.came = all, b.came || len(all) > 0
			}
			asked = time.Now()
		}
		b.draw()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// draw writes the frame where it is another one than before.
func (b *board) draw() {
	columns, rows := b.size()
	var out strings.Builder
	for i, line := range b.frame(columns, rows) {
		out.WriteString([]string{"\x1b[H", "\r\n"}[min(i, 1)] + line)
		if line == "" || uniseg.StringWidth(line)%columns != 0 { // else it would take the last character
			out.WriteString("\x1b[K")
		}
	}
	if frame := out.String(); frame != b.drawn {
		b.drawn = frame
		fmt.Fprint(b.w, frame)
	}
}

// frame is what stands on a terminal of this size: exactly its rows, of which only a
// link takes several. It wraps where the terminal wraps, and so is copied in one piece.
func (b *board) frame(columns, rows int) (lines []string) {
	left := rows
	add := func(line string) {
		if need := max(1, (uniseg.StringWidth(line)+columns-1)/columns); need <= left {
			lines, left = append(lines, line), left-need
		}
	}
	add(cut(b.title(), columns))
	if rows >= boardTall && !(b.once && b.came) {
		for _, line := range b.head {
			add(line)
		}
	}
	rule := strings.Repeat("-", columns)
	add(rule)
	log := b.log.last(min(boardLines, left/3))
	if len(log) > 0 {
		log = append([]string{rule}, log...)
	}
	for _, line := range b.who(columns, left-len(log)) {
		add(line)
	}
	for left > len(log) {
		add("")
	}
	for _, line := range log {
		add(cut(line, columns))
	}
	return lines
}

// title says how many are there.
func (b *board) title() string {
	people := map[string]bool{}
	for _, d := range b.online {
		people[d.User] = true
	}
	devices := "1 device"
	if n := len(b.online); n != 1 {
		devices = fmt.Sprintf("%d devices", n)
	}
	return fmt.Sprintf("%d on-line, %s   %s   Ctrl+C ends the server", len(people), devices, b.now().Format("15:04"))
}

// who is those who are there, newest first, in so many rows.
func (b *board) who(columns, rows int) []string {
	all := slices.Clone(b.online)
	slices.SortFunc(all, func(x, y rendezvous.OnlineDevice) int {
		return cmp.Or(y.Since.Compare(x.Since), cmp.Compare(x.User, y.User), x.Device.Compare(y.Device))
	})
	shown, more := all, 0
	if len(all) > rows {
		shown = all[:max(0, rows-1)]
		more = len(all) - len(shown)
	}
	cells := make([][]string, len(shown))
	for i, d := range shown {
		cells[i] = []string{peer.Line(d.User, 32).String(), string(d.Presence), peer.Line(d.Address, 45).String(), "since " + dayOf(d.Since), shortID(d.Device)}
	}
	lines := columnsOf(cells, columns)
	if more > 0 {
		lines = append(lines, cut(fmt.Sprintf("and %d more: \"earshot admin online\" lists all", more), columns))
	}
	return lines
}

// columnsOf lays rows out, none of them wider than the terminal.
func columnsOf(cells [][]string, width int) []string {
	lines := columns(cells)
	for i, line := range lines {
		lines[i] = cut(line, width)
	}
	return lines
}

// cut is a text in at most so many cells, without a control character.
func cut(text string, cells int) string { return peer.Line(text, cells).String() }

// tail is where a log goes while a board has the terminal: it keeps the lines, shows
// the last ones, and hands all of them on when the board has ended.
type tail struct {
	w io.Writer

	mu    sync.Mutex
	held  bool
	lines []string
	lost  int
}

// maxTail is how many lines are kept; older ones are dropped, and said to be.
const maxTail = 2000

// Write takes lines of a log. It may be called from any goroutine.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.held {
		return t.w.Write(b)
	}
	for line := range strings.Lines(string(b)) {
		t.lines = append(t.lines, strings.TrimSuffix(line, "\n"))
	}
	if more := len(t.lines) - maxTail; more > 0 {
		t.lines, t.lost = slices.Delete(t.lines, 0, more), t.lost+more
	}
	return len(b), nil
}

// hold keeps what is written from now on.
func (t *tail) hold() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = true
}

// last is the newest lines that are kept.
func (t *tail) last(n int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.lines[max(0, len(t.lines)-max(0, n)):])
}

// release hands on what was kept, and then everything as it comes.
func (t *tail) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = false
	if t.lost > 0 {
		fmt.Fprintf(t.w, "(%d older lines were not kept)\n", t.lost)
	}
	for _, line := range t.lines {
		fmt.Fprintln(t.w, line)
	}
	t.lines, t.lost = nil, 0
}
