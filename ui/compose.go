package ui

import (
	"context"
	"runtime"
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"earshot/internal/node"
)

// composer is the line that a person writes in. The cursor in it is the
// terminal's own, so that the windows of input methods stand beside it.
type composer struct {
	c     *Console
	field *tview.TextArea
	drawn area
	burst burst
}

// longestMessage in bytes; the protocol carries no longer one.
const longestMessage = 32 << 10

// mostRows of the line; a message may have more, then it scrolls.
const mostRows = 6

func newComposer(c *Console) *composer {
	field := tview.NewTextArea().
		SetPlaceholder(c.words.Placeholder).
		SetPlaceholderStyle(dim).
		SetTextStyle(plain).
		SetSelectedStyle(reverse)
	return &composer{c: c, field: field}
}

func (m *composer) text() string { return m.field.GetText() }

// set replaces what stands there.
func (m *composer) set(text string) {
	m.burst = burst{} // an Enter was meant for the text before
	m.field.SetText(text, true)
}

// insert puts text at the cursor.
func (m *composer) insert(text string) {
	m.c.focus(inCompose)
	m.field.PasteHandler()(text, func(tview.Primitive) {})
}

// rows is how high the line is at a width, at most limit.
func (m *composer) rows(cells, limit int) int {
	text := m.text()
	if len(text) > cells*mostRows*4 { // longer than that is higher than that
		return limit
	}
	lines := wrap(text, cells-2)
	n := len(lines)
	if width(lines[n-1]) >= cells-2 {
		n++ // the cursor stands behind it
	}
	return max(1, min(n, limit))
}

// draw draws the prompt and the field.
func (m *composer) draw(a area) {
	m.drawn = a
	a.text(0, 0, bold, ">")
	if m.rows(a.w, a.h+1) <= a.h {
		m.field.SetOffset(0, 0) // a field that grew keeps its old offset
	}
	in := a.part(2, 0, a.w-2, a.h)
	m.field.SetRect(in.x, in.y, in.w, in.h)
	m.field.Draw(a.screen)
}

// key handles a key while the line has the focus.
func (m *composer) key(ev *tcell.EventKey) {
	switch name := keyName(ev); name {
	case "Enter":
		if !m.hold(ev) {
			m.send()
		}
	case "Ctrl+J", "Shift+Enter", "Ctrl+Enter", "Alt+Enter":
		m.newLine()
	case "PgUp":
		m.c.messages.scroll(max(1, m.c.messages.drawn.h-1))
	case "PgDn":
		m.c.messages.scroll(-max(1, m.c.messages.drawn.h-1))
	case "Up", "Down":
		if m.text() == "" {
			m.c.messages.scroll(map[string]int{"Up": 1, "Down": -1}[name])
			return
		}
		m.give(ev)
	default:
		if ev.Key() == tcell.KeyRune {
			m.burst.typed = ev.When()
		}
		m.give(ev)
	}
}

func (m *composer) newLine() { m.give(tcell.NewEventKey(tcell.KeyEnter, '\r', tcell.ModNone)) }

func (m *composer) give(ev *tcell.EventKey) {
	m.field.InputHandler()(ev, func(tview.Primitive) {})
}

// complete finishes a command that was begun, and reports whether there was one.
func (m *composer) complete() bool {
	begun, ok := strings.CutPrefix(m.text(), "/")
	if !ok || strings.ContainsAny(begun, " /\n") {
		return false
	}
	var fits []string
	for _, cmd := range m.c.offered() {
		if cmd.slash != "" && strings.HasPrefix(cmd.slash, begun) {
			fits = append(fits, cmd.slash)
		}
	}
	switch len(fits) {
	case 0:
		return false
	case 1:
		m.set("/" + fits[0] + " ")
	default:
		m.c.say("/" + strings.Join(fits, "  /"))
	}
	return true
}

// send writes the message, or does what a command says.
func (m *composer) send() {
	text := strings.TrimRight(m.text(), " \t\n")
	command, isCommand := strings.CutPrefix(text, "/")
	if isCommand && !strings.HasPrefix(command, "/") {
		m.set("") // before the command, which may open another conversation
		if !m.c.command(command) {
			m.set(text)
		}
		return
	}
	if isCommand {
		text = command // "//text" begins with one slash
	}
	ch := m.c.open
	switch {
	case strings.TrimSpace(text) == "":
		return
	case ch == nil:
		m.c.complain(m.c.words.NobodyChosen)
		return
	case len(text) > longestMessage:
		m.c.complain(m.c.words.TooLong)
		return
	}
	m.set("")
	ch.back = ""
	m.c.seen()
	m.c.messages.newest() // one sees what one says
	m.c.write(ch, text)
}

// write sends a message. Where that fails the text comes back.
func (c *Console) write(ch *chat, text string) {
	c.writes.push(func(ctx context.Context) func() {
		m, err := c.node.Write(ctx, ch.id, text)
		return func() {
			if err == nil {
				c.applyWritten(ch, m)
				return
			}
			c.failure(err)
			if c.open == ch {
				c.compose.set(ch.giveBack(c.compose.text(), text))
			} else {
				ch.draft = ch.giveBack(ch.draft, text)
			}
		}
	})
}

// applyWritten shows a message of ours, unless its event was faster: that may
// carry a newer state.
func (c *Console) applyWritten(ch *chat, m node.Message) {
	if ch.index(idOfMessage(m)) < 0 {
		ch.add(m, true)
	}
}

// paste takes a text that was pasted: dropped files become an offer, everything
// else is written.
func (c *Console) paste(text string) {
	reader := paths{windows: runtime.GOOS == "windows"}
	if c.open == nil || !reader.plausible(text) {
		c.compose.insert(text)
		return
	}
	ch := c.open
	c.lookForFiles(reader, text, func(found []file) {
		switch {
		case len(found) == 0 && c.open == ch:
			c.compose.insert(text)
		case len(found) == 0:
			ch.draft += text
		default:
			c.askDrop(ch, found, text)
		}
	})
}
