package ui

import (
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"
)

// burst sends text as a terminal does that does not bracket pastes.
func (k *console) burst(text string) {
	for _, r := range text {
		switch r {
		case '\n':
			k.post(tcell.NewEventKey(tcell.KeyCtrlJ, 0, tcell.ModCtrl))
		case '\r':
			k.post(tcell.NewEventKey(tcell.KeyEnter, 0, tcell.ModNone))
		default:
			k.post(tcell.NewEventKey(tcell.KeyRune, r, tcell.ModNone))
		}
	}
}

func TestAPasteWithoutBracketsIsOneMessage(t *testing.T) {
	for _, c := range []struct{ paste, want string }{
		{"one\rtwo\r\rthree", "one\ntwo\n\nthree"},
		{"one\r\ntwo\r\n\r\nthree", "one\ntwo\n\nthree"},
		{"one\ntwo", "one\ntwo"},
	} {
		run(t, 80, 24, office(), Config{}, func(k *console) {
			k.keys("Enter")
			k.burst(c.paste)
			k.rest()
			k.asked("Write")
			k.keys("Enter")
			k.asked("Write", c.want)
		})
	}
}

func TestAnEnterAtTheEndOfABurstSends(t *testing.T) {
	run(t, 80, 24, office(), Config{}, func(k *console) {
		k.keys("Enter")
		k.burst("from a script\r")
		k.rest()
		k.asked("Write", "from a script")
		k.burst("one\r")
		<-time.After(2 * burstGap) // before the pump looks
		k.burst("two")
		k.rest()
		k.asked("Write", "from a script", "one")
		k.shows("> two")
		k.burst("\r")
		k.keys("Ctrl+G")
		k.asked("Write", "from a script", "one", "two")
	})
}
