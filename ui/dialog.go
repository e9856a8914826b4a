package ui

import (
	"slices"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// dialog is a frame over the screen with texts, fields, a list and buttons, one
// below the other. It closes when a button is pressed or with Esc.
type dialog struct {
	c      *Console
	title  string
	pieces []piece
	stops  []int                         // the pieces that take keys
	at     int                           // the stop that has them
	top    int                           // first row in view, where the screen is too low
	before func(ev *tcell.EventKey) bool // sees keys first; true: it took it
	escape func()
	firm   bool       // it closes only when it says so itself
	under  *dialog    // a firm one, which comes back when this one closes
	wrong  *textPiece // what is wrong with what was written; nil where that cannot be
	frozen time.Time  // keys do nothing before: it opened by itself under somebody's fingers

	drawn   area // the inside
	heights []int
}

// piece is one part of a dialog.
type piece interface {
	height(cells int) int
	// drawRow draws the n-th row of the piece into an area one row high.
	drawRow(a area, n int, focused bool)
	// key handles a key while the piece has the focus; false: it is not for it.
	key(ev *tcell.EventKey) bool
	// click is a click into row n, column x.
	click(x, n int) bool
}

// dialogCells is as wide as a dialog gets.
const dialogCells = 62

// newDialog opens an empty dialog in place of the one that is open.
func (c *Console) newDialog(title string) *dialog {
	d := &dialog{c: c, title: title, escape: func() {}}
	if before := c.dialog; before != nil && before.firm {
		d.under = before
	}
	c.dialog = d
	return d
}

func (d *dialog) close() {
	if d.c.dialog == d {
		d.c.dialog = d.under
	}
}

// leave closes a dialog that a key or a button ends, unless it is firm.
func (d *dialog) leave() {
	if !d.firm {
		d.close()
	}
}

// complains makes room for what is wrong with what was written.
func (d *dialog) complains() {
	d.wrong = &textPiece{style: alarm.Bold(true)}
	d.pieces = append(d.pieces, d.wrong)
}

// complain says what is wrong, and leaves the dialog open.
func (d *dialog) complain(text string) { d.wrong.text = text }

// trouble says what a call failed with: here, or where everybody sees it if the
// dialog was closed meanwhile.
func (d *dialog) trouble(err error) {
	if d.c.dialog != d {
		d.c.failure(err)
		return
	}
	d.complain(d.c.why(err))
}

// say adds a text.
func (d *dialog) say(style tcell.Style, text string) {
	d.pieces = append(d.pieces, &textPiece{text: text, style: style})
}

// number adds a safety number: four groups a row.
func (d *dialog) number(number string) {
	groups := strings.Fields(number)
	for four := range slices.Chunk(groups, 4) {
		d.pieces = append(d.pieces, &textPiece{text: strings.Join(four, " "), style: bold, indent: 6})
	}
}

// gap adds an empty row.
func (d *dialog) gap() { d.say(plain, "") }

// ask adds a field with a label.
func (d *dialog) ask(label, text string) *field {
	f := newField(label, text)
	d.stop(f)
	return f
}

// secret adds a field whose text nobody sees.
func (d *dialog) secret(label string) *field {
	f := d.ask(label, "")
	f.input.SetMaskCharacter('*')
	return f
}

// choose adds buttons.
func (d *dialog) choose(buttons ...button) {
	d.stop(&buttonPiece{d: d, buttons: buttons})
}

func (d *dialog) stop(p piece) {
	d.stops = append(d.stops, len(d.pieces))
	d.pieces = append(d.pieces, p)
}

// start gives the focus to the n-th field or button.
func (d *dialog) start(n int) {
	for i, stop := range d.stops {
		b, ok := d.pieces[stop].(*buttonPiece)
		switch {
		case !ok && n == 0:
			d.at = i
			return
		case !ok:
			n--
		case n < len(b.buttons):
			d.at, b.at = i, n
			return
		}
	}
}

// goTo gives the focus to a field.
func (d *dialog) goTo(f *field) {
	d.at = slices.IndexFunc(d.stops, func(stop int) bool { return d.pieces[stop] == f })
	d.top = -1
}

func (d *dialog) focused() piece {
	if len(d.stops) == 0 {
		return nil
	}
	return d.pieces[d.stops[d.at]]
}

// key handles a key.
func (d *dialog) key(ev *tcell.EventKey) {
	if time.Now().Before(d.frozen) {
		return
	}
	if ev.Key() == tcell.KeyEsc {
		d.leave()
		d.escape()
		return
	}
	if d.before != nil && d.before(ev) {
		return
	}
	if p := d.focused(); p != nil && p.key(ev) {
		return
	}
	switch ev.Key() {
	case tcell.KeyTab, tcell.KeyDown, tcell.KeyEnter:
		d.next(1)
	case tcell.KeyBacktab, tcell.KeyUp:
		d.next(-1)
	case tcell.KeyPgDn:
		d.scroll(max(1, d.drawn.h-1))
	case tcell.KeyPgUp:
		d.scroll(-max(1, d.drawn.h-1))
	}
}

// next moves the focus to the next field or to the buttons.
func (d *dialog) next(n int) {
	if len(d.stops) == 0 {
		d.scroll(n)
		return
	}
	d.at = (d.at + n + len(d.stops)) % len(d.stops)
	if b, ok := d.focused().(*buttonPiece); ok {
		b.at = 0
		if n < 0 {
			b.at = len(b.buttons) - 1
		}
	}
	d.top = -1 // brings it into view
}

// canScroll reports whether there is more in a direction than is in view.
func (d *dialog) canScroll(n int) bool {
	total := 0
	for _, h := range d.heights {
		total += h
	}
	return n < 0 && d.top > 0 || n > 0 && d.top < total-d.drawn.h
}

func (d *dialog) scroll(n int) { d.top = max(0, d.top+n) }

func (d *dialog) paste(text string) {
	if f, ok := d.focused().(*field); ok {
		f.replace()
		f.input.PasteHandler()(strings.TrimRight(text, "\r\n "), func(tview.Primitive) {})
		f.edited()
	}
}

// draw draws the dialog in the middle of the screen.
func (d *dialog) draw(screen area) {
	g := d.c.glyphs
	w := min(dialogCells, max(leastWidth-2, screen.w-2))
	total := d.measure(w - 4)
	h := min(total+2, screen.h)
	a := screen.part((screen.w-w)/2, (screen.h-h)/2, w, h)
	a.fill(plain)
	a.line(0, plain, g.horizontal)
	a.line(h-1, plain, g.horizontal)
	a.caption(2, 0, bold, fit(d.title, w-6, g.more))
	for y := 1; y < h-1; y++ {
		a.text(0, y, plain, g.vertical)
		a.text(w-1, y, plain, g.vertical)
	}
	for i, corner := range g.corners {
		a.text(i%2*(w-1), i/2*(h-1), plain, corner)
	}
	d.drawn = a.part(2, 1, w-4, h-2)
	d.reveal(total)
	d.drawPieces()
	if total > d.drawn.h {
		more := " " + d.c.words.More + " "
		a.right(w-2, h-1, dim, more)
	}
}

func (d *dialog) measure(cells int) (total int) {
	d.heights = d.heights[:0]
	for _, p := range d.pieces {
		h := p.height(cells)
		d.heights = append(d.heights, h)
		total += h
	}
	return total
}

// reveal keeps what has the focus in view.
func (d *dialog) reveal(total int) {
	last := max(0, total-d.drawn.h)
	if d.top < 0 {
		begin := 0
		for _, h := range d.heights[:d.stops[d.at]] {
			begin += h
		}
		d.top = max(0, begin+d.heights[d.stops[d.at]]-d.drawn.h)
	}
	d.top = min(d.top, last)
}

func (d *dialog) drawPieces() {
	y := -d.top
	for i, p := range d.pieces {
		focused := len(d.stops) > 0 && i == d.stops[d.at]
		for n := range d.heights[i] {
			if y >= 0 && y < d.drawn.h {
				p.drawRow(d.drawn.row(y), n, focused)
			}
			y++
		}
	}
}

// click gives a click to the piece under it.
func (d *dialog) click(x, y int) {
	if !d.drawn.has(x, y) {
		return
	}
	row := y - d.drawn.y + d.top
	for i, h := range d.heights {
		if row >= h {
			row -= h
			continue
		}
		if stop := slices.Index(d.stops, i); stop >= 0 {
			d.at = stop
		}
		d.pieces[i].click(x-d.drawn.x, row)
		return
	}
}

// textPiece is a text, wrapped.
type textPiece struct {
	text   string
	style  tcell.Style
	indent int
	rows   []string
}

func (p *textPiece) height(cells int) int {
	p.rows = wrap(p.text, cells-p.indent)
	return len(p.rows)
}

func (p *textPiece) drawRow(a area, n int, _ bool) { a.text(p.indent, 0, p.style, p.rows[n]) }
func (*textPiece) key(*tcell.EventKey) bool        { return false }
func (*textPiece) click(int, int) bool             { return false }

// field is a line to write in, with a label before it.
type field struct {
	label   string
	input   *tview.InputField
	changed func(text string)
	chosen  bool // the text is selected whole: what is written takes its place
}

func newField(label, text string) *field {
	input := tview.NewInputField().SetText(text).SetFieldStyle(plain)
	return &field{label: label, input: input, changed: func(string) {}}
}

func (f *field) text() string { return strings.TrimSpace(f.input.GetText()) }

func (f *field) edited() { f.changed(f.input.GetText()) }

func (f *field) height(int) int { return 1 }

func (f *field) drawRow(a area, _ int, focused bool) {
	x := a.text(0, 0, plain, fit(f.label, a.w/2, ""))
	x = a.text(x+1, 0, plain, "[")
	in := a.part(x, 0, a.w-x-1, 1)
	f.input.SetRect(in.x, in.y, in.w, 1)
	f.input.Blur()
	f.input.SetFieldStyle(plain)
	if focused && f.chosen {
		f.input.SetFieldStyle(reverse)
	}
	if focused {
		f.input.Focus(nil)
	}
	f.input.Draw(a.screen)
	a.text(a.w-1, 0, plain, "]")
}

func (f *field) key(ev *tcell.EventKey) bool {
	switch ev.Key() {
	case tcell.KeyEnter, tcell.KeyTab, tcell.KeyBacktab, tcell.KeyUp, tcell.KeyDown, tcell.KeyPgUp, tcell.KeyPgDn:
		return false
	}
	before := f.input.GetText()
	switch {
	case !f.chosen:
	case ev.Key() == tcell.KeyBackspace, ev.Key() == tcell.KeyBackspace2, ev.Key() == tcell.KeyDelete:
		f.replace()
		f.edited()
		return true
	case ev.Key() == tcell.KeyRune && ev.Modifiers()&(tcell.ModAlt|tcell.ModCtrl) == 0:
		f.replace()
	}
	f.chosen = false
	f.input.InputHandler()(ev, func(tview.Primitive) {})
	if f.input.GetText() != before {
		f.edited()
	}
	return true
}

// replace empties a field whose text is selected.
func (f *field) replace() {
	if f.chosen {
		f.input.SetText("")
	}
	f.chosen = false
}

func (f *field) click(int, int) bool { return true }

// button is a label and what happens when it is pressed; the dialog is closed
// before, unless it is firm.
type button struct {
	label string
	press func()
}

// buttonPiece is a row of buttons, or several where they do not fit in one.
type buttonPiece struct {
	d       *dialog
	buttons []button
	at      int
	rows    [][]int // the buttons in each row
}

// buttonGap stands between two buttons.
const buttonGap = 4

func (b button) text() string { return "[ " + b.label + " ]" }

func (p *buttonPiece) height(cells int) int {
	p.rows = [][]int{nil}
	used := 0
	for i, button := range p.buttons {
		w := width(button.text())
		if used > 0 && used+w > cells {
			p.rows, used = append(p.rows, nil), 0
		}
		p.rows[len(p.rows)-1] = append(p.rows[len(p.rows)-1], i)
		used += w + buttonGap
	}
	return len(p.rows)
}

func (p *buttonPiece) drawRow(a area, n int, focused bool) {
	x := 0
	for _, i := range p.rows[n] {
		style := plain
		if focused && i == p.at {
			style = reverse
		}
		x = a.text(x, 0, style, fit(p.buttons[i].text(), a.w, p.d.c.glyphs.more)) + buttonGap
	}
}

func (p *buttonPiece) key(ev *tcell.EventKey) bool {
	switch ev.Key() {
	case tcell.KeyEnter:
		p.press()
	case tcell.KeyLeft, tcell.KeyUp, tcell.KeyBacktab:
		if p.at == 0 {
			return false
		}
		p.at--
	case tcell.KeyRight, tcell.KeyDown, tcell.KeyTab:
		if p.at == len(p.buttons)-1 {
			return false
		}
		p.at++
	case tcell.KeyRune:
		if ev.Rune() == ' ' {
			p.press()
		}
	default:
		return false
	}
	return true
}

func (p *buttonPiece) press() {
	pressed := p.buttons[p.at]
	p.d.leave()
	pressed.press()
}

func (p *buttonPiece) click(x, n int) bool {
	for _, i := range p.rows[n] {
		w := width(p.buttons[i].text())
		if x >= 0 && x < w {
			p.at = i
			p.press()
			return true
		}
		x -= w + buttonGap
	}
	return false
}
