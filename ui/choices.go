package ui

import (
	"github.com/gdamore/tcell/v2"
)

// choice is one row to choose from.
type choice struct {
	left, middle, right string
	marked              bool
	pick                func()
}

// choices is a list in a dialog. The cursor moves in it while the keys go to the
// field above.
type choices struct {
	d       *dialog
	all     []choice
	at, top int
	rows    int // at most so high
	empty   string
}

// list adds a list below the fields, of at most so many rows.
func (d *dialog) list(rows int) *choices {
	l := &choices{d: d, rows: rows}
	d.pieces = append(d.pieces, l)
	d.before = l.takes
	return l
}

// set replaces the rows and puts the cursor on the first.
func (l *choices) set(all []choice) { l.all, l.at, l.top = all, 0, 0 }

// takes handles the keys that move in the list and choose.
func (l *choices) takes(ev *tcell.EventKey) bool {
	switch ev.Key() {
	case tcell.KeyUp:
		l.move(-1)
	case tcell.KeyDown:
		l.move(1)
	case tcell.KeyPgUp:
		l.move(-l.rows)
	case tcell.KeyPgDn:
		l.move(l.rows)
	case tcell.KeyEnter:
		l.pick()
	default:
		return false
	}
	return true
}

func (l *choices) move(n int) { l.at = max(0, min(len(l.all)-1, l.at+n)) }

func (l *choices) pick() {
	if l.at < len(l.all) {
		l.all[l.at].pick()
	}
}

func (l *choices) height(int) int {
	_, screen := l.d.c.screen.Size()
	return max(1, min(l.rows, screen-8))
}

func (l *choices) drawRow(a area, n int, _ bool) {
	g := l.d.c.glyphs
	rows := l.height(0)
	l.top = max(0, min(l.top, l.at))
	l.top = max(l.top, l.at-rows+1)
	i := l.top + n
	if i >= len(l.all) {
		if i == 0 {
			a.text(2, 0, dim, fit(l.empty, a.w-2, g.more))
		}
		return
	}
	row, style := l.all[i], plain
	if i == l.at {
		style = reverse
		a.fill(style)
		a.text(0, 0, style, g.open)
	}
	if row.marked {
		style = style.Bold(true)
		a.text(1, 0, style, "*")
	}
	end := a.w
	if row.right != "" && width(row.right) < a.w/3 {
		end = a.right(a.w, 0, style, row.right) - 1
	}
	left := end - 2
	if row.middle != "" && a.w >= 44 {
		left = min(left, 26)
		a.text(2+left+1, 0, style, fit(row.middle, end-left-3, g.more))
	}
	a.text(2, 0, style, fit(row.left, left, g.more))
}

func (*choices) key(*tcell.EventKey) bool { return false }

func (l *choices) click(_, n int) bool {
	if i := l.top + n; i < len(l.all) {
		l.at = i
		l.pick()
	}
	return true
}
