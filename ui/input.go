package ui

import (
	"context"
	"time"
	"unicode"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// HasFocus is always true: the root gets every key.
func (r *root) HasFocus() bool { return true }

// InputHandler gives a key to who it belongs to.
func (r *root) InputHandler() func(*tcell.EventKey, func(tview.Primitive)) {
	return func(ev *tcell.EventKey, _ func(tview.Primitive)) { r.c.key(ev) }
}

// key: a dialog first, then the commands, then the part that has the focus.
func (c *Console) key(ev *tcell.EventKey) {
	if c.compose.settle(ev) {
		return
	}
	name := keyName(ev)
	if name == "Ctrl+C" {
		c.interrupt()
		return
	}
	c.disarm()
	if c.dialog != nil {
		if name == "Ctrl+Q" || name == "Ctrl+L" {
			c.byKey[name].run(c, "")
			return
		}
		c.dialog.key(ev)
		return
	}
	if c.page != nil && c.page.key(ev) {
		return
	}
	if cmd := c.byKey[name]; cmd != nil && !(name == "Tab" && c.focused == inCompose && c.compose.complete()) {
		cmd.run(c, "")
		return
	}
	if c.focused == inPeople {
		c.list.key(ev)
		return
	}
	c.compose.key(ev)
}

// back closes what is open, and else leads to the list on a small screen.
func (c *Console) back() {
	w, _ := c.screen.Size()
	switch {
	case c.seen():
	case c.page != nil:
		c.page = nil
	case c.focused == inPeople && c.open != nil:
		c.focus(inCompose)
	case w < onePane:
		c.focus(inPeople)
	}
}

// again is how soon a second Ctrl+C quits.
const again = 2 * time.Second

// interrupt is Ctrl+C: it copies what is selected, else closes the dialog, else
// empties the line, and where there is nothing to empty twice in a row quits.
func (c *Console) interrupt() {
	armed := c.disarm()
	text, from, to := c.compose.field.GetSelection()
	switch writing := c.focused == inCompose && c.page == nil; {
	case c.dialog != nil && !c.dialog.firm:
		c.dialog.close()
	case writing && c.dialog == nil && from != to:
		c.toClipboard(text)
	case writing && c.dialog == nil && c.compose.text() != "":
		c.compose.set("")
	case armed:
		c.askQuit()
	default:
		c.pressed = c.now()
		c.sayFor(again, c.words.Again)
	}
}

// toClipboard gives a text to the terminal's clipboard.
func (c *Console) toClipboard(text string) {
	c.screen.SetClipboard([]byte(text))
	c.say(c.words.Copied)
}

// disarm makes the next Ctrl+C the first one, and reports whether it would have
// been the second.
func (c *Console) disarm() bool {
	armed := !c.pressed.IsZero() && c.now().Sub(c.pressed) <= again
	c.pressed = time.Time{}
	if c.notice == c.words.Again {
		c.seen()
	}
	return armed
}

// leave ends the console once what was written is with the node; asked twice, at
// once.
func (c *Console) leave() {
	if c.leaving {
		c.quit(errQuit)
		return
	}
	c.leaving = true
	c.writes.push(func(context.Context) func() {
		c.quit(errQuit)
		return nil
	})
}

// PasteHandler takes what was pasted or dropped.
func (r *root) PasteHandler() func(string, func(tview.Primitive)) {
	return func(text string, _ func(tview.Primitive)) {
		switch {
		case r.c.dialog != nil:
			r.c.dialog.paste(text)
		case r.c.page == nil:
			r.c.paste(text)
		}
	}
}

// MouseHandler does with clicks and the wheel what keys do.
func (r *root) MouseHandler() func(tview.MouseAction, *tcell.EventMouse, func(tview.Primitive)) (bool, tview.Primitive) {
	return func(action tview.MouseAction, ev *tcell.EventMouse, _ func(tview.Primitive)) (bool, tview.Primitive) {
		x, y := ev.Position()
		switch action {
		case tview.MouseLeftClick, tview.MouseLeftDoubleClick:
			r.c.click(x, y)
		case tview.MouseScrollUp:
			r.c.wheel(x, y, 1)
		case tview.MouseScrollDown:
			r.c.wheel(x, y, -1)
		case tview.MouseLeftDown, tview.MouseLeftUp, tview.MouseMove:
			return r.c.drag(action, ev, x, y), nil
		default:
			return false, nil
		}
		return true, nil
	}
}

// click does what stands where the person clicked.
func (c *Console) click(x, y int) {
	switch {
	case c.dialog != nil:
		c.dialog.click(x, y)
	case c.page != nil:
		c.page.click(y)
	case c.bar.has(x, y):
		c.answer()
	case c.strip.has(x, y):
		c.moves.show()
	case c.list.drawn.has(x, y):
		c.list.click(y)
	case c.compose.drawn.has(x, y):
		c.focus(inCompose)
	case c.open != nil && y == 0 && c.list.drawn.h == 0:
		c.focus(inPeople)
	}
}

// drag lets the line that one writes in place its cursor and select.
func (c *Console) drag(action tview.MouseAction, ev *tcell.EventMouse, x, y int) bool {
	if c.dialog != nil || c.page != nil || !c.compose.drawn.has(x, y) {
		return false
	}
	c.compose.field.MouseHandler()(action, ev, func(tview.Primitive) {})
	return true
}

// wheelRows is how far one turn of the wheel goes.
const wheelRows = 3

func (c *Console) wheel(x, y, n int) {
	switch {
	case c.dialog != nil:
		c.dialog.scroll(-n)
	case c.page != nil:
		c.page.move(-n)
	case c.list.drawn.has(x, y):
		c.list.move(-n)
		c.focus(inPeople)
	default:
		c.messages.scroll(n * wheelRows)
	}
}

// keyNames are the names of keys that are not characters.
var keyNames = map[tcell.Key]string{
	tcell.KeyEnter: "Enter", tcell.KeyTab: "Tab", tcell.KeyBacktab: "Shift+Tab", tcell.KeyEsc: "Esc",
	tcell.KeyUp: "Up", tcell.KeyDown: "Down", tcell.KeyLeft: "Left", tcell.KeyRight: "Right",
	tcell.KeyPgUp: "PgUp", tcell.KeyPgDn: "PgDn", tcell.KeyHome: "Home", tcell.KeyEnd: "End",
	tcell.KeyF1: "F1", tcell.KeyF2: "F2", tcell.KeyF3: "F3", tcell.KeyF4: "F4", tcell.KeyF5: "F5",
	tcell.KeyF6: "F6", tcell.KeyF7: "F7", tcell.KeyF8: "F8", tcell.KeyF9: "F9",
	tcell.KeyLF: "Ctrl+J",
}

// keyName is a key as the help writes it: "Ctrl+K", "Alt+Down", "F1". A
// character without Alt has none.
func keyName(ev *tcell.EventKey) string {
	key, mod := ev.Key(), ev.Modifiers()
	switch {
	case key >= tcell.KeyCtrlA && key <= tcell.KeyCtrlZ:
		return "Ctrl+" + string(rune('A'+key-tcell.KeyCtrlA))
	case key == tcell.KeyRune && mod&tcell.ModAlt != 0:
		if mod&tcell.ModCtrl != 0 && ev.Rune() == 'm' {
			return "Alt+Enter" // ESC CR, as most terminals send it
		}
		return "Alt+" + string(unicode.ToUpper(ev.Rune()))
	}
	name, ok := keyNames[key]
	if !ok || key == tcell.KeyLF || key == tcell.KeyBacktab {
		return name
	}
	for _, m := range []struct {
		mask tcell.ModMask
		name string
	}{{tcell.ModShift, "Shift+"}, {tcell.ModAlt, "Alt+"}, {tcell.ModCtrl, "Ctrl+"}} {
		if mod&m.mask != 0 {
			name = m.name + name
		}
	}
	return name
}
