package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"earshot/internal/node"
	"earshot/peer"
)

// bar is a line of progress on a terminal, drawn over and over. A nil bar draws
// nothing.
type bar struct {
	w     io.Writer
	width func() int
	now   func() time.Time
	full  string
	empty string
	drawn time.Time
	state string
}

// newBar makes a bar on a terminal.
func newBar(p *Program) *bar {
	b := &bar{w: p.Stderr, now: p.now, full: "█", empty: "░", width: func() int { return 80 }}
	if p.set.ASCII || !isUTF8(p.Environment) {
		b.full, b.empty = "#", "."
	}
	if f, ok := p.Stderr.(*os.File); ok {
		b.width = func() int {
			if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
				return columns
			}
			return 80
		}
	}
	return b
}

// isUTF8 reports whether the locale of the environment shows more than ASCII; one
// that says nothing does.
func isUTF8(environment func(string) (string, bool)) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value, ok := environment(name); ok && value != "" {
			return value != "C" && value != "POSIX"
		}
	}
	return true
}

// draw shows how transfers stand; progress alone at most four times a second.
func (b *bar) draw(transfers []node.Transfer) {
	if b == nil {
		return
	}
	var state strings.Builder
	for _, t := range transfers {
		state.WriteString(t.State + t.Reason)
	}
	if now := b.now(); state.String() == b.state && now.Sub(b.drawn) < waitShort {
		return
	} else {
		b.drawn, b.state = now, state.String()
	}
	fmt.Fprintf(b.w, "\r%s\x1b[K", b.line(transfers))
}

// clear takes the bar away.
func (b *bar) clear() {
	if b != nil {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.state = "" // whatever comes is drawn at once
	}
}

// line is the bar's text, short enough for one line of the terminal.
func (b *bar) line(transfers []node.Transfer) string {
	sum := transfers[0]
	words := transferWords(sum)
	for _, t := range transfers[1:] {
		sum.Bytes, sum.Done, sum.Rate, sum.Left = sum.Bytes+t.Bytes, sum.Done+t.Done, sum.Rate+t.Rate, max(sum.Left, t.Left)
		if t.State == stateActive {
			sum.State = stateActive
		}
		words = fmt.Sprintf("to %d", len(transfers))
	}
	done := percent(sum.Done, sum.Bytes)
	if sum.Bytes == 0 {
		done = 0
	}
	parts := []string{fmt.Sprintf("%s%s %3d%%", strings.Repeat(b.full, done/10), strings.Repeat(b.empty, 10-done/10), done)}
	if sum.State == stateActive && sum.Rate > 0 {
		parts = append(parts, bytesOf(sum.Rate)+"/s")
		if sum.Left > 0 {
			parts = append(parts, leftOf(sum.Left))
		}
	} else {
		parts = append(parts, words)
	}
	right := strings.Join(parts, "  ")
	width := max(b.width()-1, 20)
	name := peer.Line(sum.Name.String(), max(8, width-len(right)-4))
	return peer.Line(fmt.Sprintf("%s  %s", name, right), width).String()
}
