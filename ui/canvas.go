package ui

import (
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"
)

// area is a rectangle of the screen that one part of the console draws in.
// What is drawn through it stays inside, and text is never more than text: no
// tags, no control characters.
type area struct {
	screen     tcell.Screen
	x, y, w, h int
}

// part is a rectangle inside the area, with its own origin.
func (a area) part(x, y, w, h int) area {
	x, y = max(0, x), max(0, y)
	return area{a.screen, a.x + x, a.y + y, max(0, min(w, a.w-x)), max(0, min(h, a.h-y))}
}

// row is one row of the area.
func (a area) row(y int) area { return a.part(0, y, a.w, 1) }

// has reports whether a cell of the screen lies in the area.
func (a area) has(x, y int) bool {
	return x >= a.x && x < a.x+a.w && y >= a.y && y < a.y+a.h
}

// text draws s from (x, y) on and returns the column after it. What does not
// fit is left out; a cell that a wide cluster would only half fit stays as it is.
func (a area) text(x, y int, style tcell.Style, s string) int {
	if y < 0 || y >= a.h {
		return x
	}
	for s != "" {
		var cluster string
		var w int
		cluster, s, w = cutCluster(s)
		if w == 0 {
			continue
		}
		if x+w > a.w {
			break
		}
		if x >= 0 {
			for i := 1; i < w; i++ {
				a.screen.SetContent(a.x+x+i, a.y+y, ' ', nil, style)
			}
			runes := []rune(cluster)
			a.screen.SetContent(a.x+x, a.y+y, runes[0], runes[1:], style)
		}
		x += w
	}
	return x
}

// right draws s so that it ends before column end, and returns where it begins.
func (a area) right(end, y int, style tcell.Style, s string) int {
	x := end - width(s)
	a.text(x, y, style, s)
	return x
}

// fill gives every cell of the area a style and no text.
func (a area) fill(style tcell.Style) {
	for y := range a.h {
		for x := range a.w {
			a.screen.SetContent(a.x+x, a.y+y, ' ', nil, style)
		}
	}
}

// line draws a horizontal line over row y.
func (a area) line(y int, style tcell.Style, glyph string) {
	a.text(0, y, style, strings.Repeat(glyph, a.w))
}

// caption puts a text into a line, from column x on or, with x < 0, in its
// middle.
func (a area) caption(x, y int, style tcell.Style, text string) {
	text = " " + text + " "
	if x < 0 {
		x = (a.w - width(text)) / 2
	}
	a.text(x, y, style, text)
}

// cutCluster cuts the first grapheme cluster off s: what a person takes for one
// character, and what stands in one or two cells.
func cutCluster(s string) (cluster, rest string, cells int) {
	if len(s) > 1 && s[0] >= ' ' && s[0] < 0x7f && s[1] < 0x80 {
		return s[:1], s[1:], 1
	}
	cluster, rest, cells, _ = uniseg.FirstGraphemeClusterInString(s, -1)
	return cluster, rest, cells
}

// width is how many cells s takes.
func width(s string) int {
	n := 0
	for s != "" {
		var w int
		_, s, w = cutCluster(s)
		n += w
	}
	return n
}

// fit cuts s to so many cells, ending in more where something was cut off.
func fit(s string, cells int, more string) string {
	if width(s) <= cells {
		return s
	}
	room := cells - width(more)
	if room < 0 {
		return ""
	}
	n, used := 0, 0
	for rest := s; ; {
		cluster, after, w := cutCluster(rest)
		if used+w > room {
			return s[:n] + more
		}
		n, used, rest = n+len(cluster), used+w, after
	}
}

// pad is fit, filled up with spaces to exactly so many cells.
func pad(s string, cells int, more string) string {
	s = fit(s, cells, more)
	return s + strings.Repeat(" ", max(0, cells-width(s)))
}

// tabCells is what a tab in a message is shown as.
const tabCells = "    "

// wrap breaks s into rows of at most so many cells, at newlines and where the
// Unicode line breaking algorithm (UAX 14) allows it, else between clusters.
func wrap(s string, cells int) []string {
	cells = max(2, cells)
	var rows []string
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(s, "\t", tabCells), "\n") {
		rows = wrapParagraph(rows, squeeze(paragraph, cells), cells)
	}
	return rows
}

// squeeze shortens every run of spaces to at most so many: nobody would see
// more of them, and breaking lines over a hundred thousand takes its time.
func squeeze(s string, most int) string {
	if !strings.Contains(s, strings.Repeat(" ", most+1)) {
		return s
	}
	var b strings.Builder
	run := 0
	for i := range len(s) {
		if run++; s[i] != ' ' {
			run = 0
		}
		if run <= most {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func wrapParagraph(rows []string, s string, cells int) []string {
	var (
		begin, used         int // of the row: its first byte, its cells
		chance, chanceCells int // behind the last break opportunity
		at                  int
		state               = -1
		cluster             string
		bounds              int
	)
	for rest := s; rest != ""; {
		if len(rest) > 1 && isLetter(rest[0]) && isLetter(rest[1]) {
			// No line breaks between two letters, and the algorithm remembers
			// nothing beyond the second.
			cluster, rest, bounds, state = rest[:1], rest[1:], 1<<uniseg.ShiftWidth, -1
		} else {
			cluster, rest, bounds, state = uniseg.StepString(rest, state)
		}
		w := bounds >> uniseg.ShiftWidth
		for used+w > cells && at > begin && strings.TrimSpace(cluster) != "" {
			if chance <= begin {
				chance, chanceCells = at, used
			}
			rows = append(rows, strings.TrimRight(s[begin:chance], " "))
			begin, used = chance, used-chanceCells
		}
		at += len(cluster)
		used += w
		if bounds&uniseg.MaskLine == uniseg.LineCanBreak {
			chance, chanceCells = at, used
		}
	}
	return append(rows, s[begin:])
}
