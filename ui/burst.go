package ui

import (
	"time"

	"github.com/gdamore/tcell/v2"
)

// A terminal that does not bracket pastes sends them as if they were typed, and
// each line end would send a message. Nobody types an Enter within burstGap of
// a character and something else within burstGap after it: that is a new line.

// burstGap is how soon after another a key is none that a person pressed.
const burstGap = 5 * time.Millisecond

// burst is what the composer knows of keys that came too fast for fingers.
type burst struct {
	typed time.Time // when the last character came
	held  time.Time // an Enter that came with it, until it is known what it means; zero: none
}

func soon(a, b time.Time) bool { return b.Sub(a) < burstGap }

// hold keeps an Enter back that came with a character, and reports whether it did.
func (m *composer) hold(ev *tcell.EventKey) bool {
	if !soon(m.burst.typed, ev.When()) {
		return false
	}
	m.burst.held = ev.When()
	m.await(m.burst.held)
	return true
}

// await sends the message when nothing came after the Enter. Keys that were read
// from the terminal since and did not come here yet decide themselves.
func (m *composer) await(held time.Time) {
	m.c.after(burstGap, func() {
		switch {
		case m.burst.held != held:
		case m.c.screen.keyed().After(held):
			m.await(held)
		default:
			m.burst.held = time.Time{}
			m.send()
		}
	})
}

// settle says what an Enter was that was held, now that the next key is here,
// and reports whether that key was part of it.
func (m *composer) settle(ev *tcell.EventKey) bool {
	held := m.burst.held
	if held.IsZero() {
		return false
	}
	m.burst.held = time.Time{}
	text := ev.Key() == tcell.KeyRune || ev.Key() == tcell.KeyEnter || isLineFeed(ev)
	if !soon(held, ev.When()) || !text {
		m.send()
		return false
	}
	m.newLine()
	m.burst.typed = ev.When()
	return isLineFeed(ev) // CR LF is one line end
}
