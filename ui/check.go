package ui

import "github.com/gdamore/tcell/v2"

// check is a box to tick, with a text behind it. Space ticks it; Enter goes on.
type check struct {
	text string
	on   bool
	rows []string
}

// tick adds a box to tick.
func (d *dialog) tick(text string, on bool) *check {
	p := &check{text: text, on: on}
	d.stop(p)
	return p
}

// checkCells is what the box takes before its text.
const checkCells = 4

func (p *check) height(cells int) int {
	p.rows = wrap(p.text, cells-checkCells)
	return len(p.rows)
}

func (p *check) drawRow(a area, n int, focused bool) {
	style := plain
	if focused {
		style = reverse
	}
	if n == 0 {
		a.text(0, 0, style, "["+map[bool]string{true: "x", false: " "}[p.on]+"]")
	}
	a.text(checkCells, 0, plain, p.rows[n])
}

func (p *check) key(ev *tcell.EventKey) bool {
	if ev.Key() != tcell.KeyRune || ev.Rune() != ' ' {
		return false
	}
	p.on = !p.on
	return true
}

func (p *check) click(int, int) bool {
	p.on = !p.on
	return true
}
