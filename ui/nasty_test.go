package ui

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gdamore/tcell/v2"

	"earshot/internal/node"
	"earshot/peer"
)

// nasties are texts that made other messengers slow or wrong.
var nasties = map[string]string{
	"200 marks":        "a" + strings.Repeat("\u0301", 200),
	"1 MiB marks":      "a" + strings.Repeat("\u0301", 1<<19),
	"1 MiB newlines":   strings.Repeat("\n", 1<<20),
	"1 MiB tags":       strings.Repeat("[red", 1<<18),
	"1 MiB wide":       strings.Repeat("合", 1<<20/3),
	"1 MiB emoji":      strings.Repeat("👨‍👩‍👧‍👦", 1<<20/25),
	"1 MiB one word":   strings.Repeat("x", 1<<20),
	"1 MiB spaces":     strings.Repeat(" ", 1<<20),
	"1 MiB tabs":       strings.Repeat("\t", 1<<20),
	"escapes and bidi": "\x1b[2J\x1b]0;x\x07\x1b]52;c;aGk=\x07\u202egnp.exe",
}

func TestNastyTextsStaySmall(t *testing.T) {
	for name, text := range nasties {
		t.Run(name+"/T-05", func(t *testing.T) {
			f := office()
			run(t, 80, 24, f, Config{}, func(k *console) {
				k.keys("Enter")
				k.node.receive(f.people[0], text)
				k.node.receive(f.people[0], "after it")
				k.rest()
				k.shows("after it")
				k.sound()
				k.look(func([]tcell.SimCell, int, int) {
					for i := range k.c.open.items {
						if n := len(k.c.messages.lines(k.c.open, i, 57)); n > 1000 {
							t.Errorf("%d rows", n)
						}
					}
				})
				for range 5 {
					k.keys("PgUp")
					k.sound()
				}
			})
		})
	}
}

func TestMessagesCannotImitateOthers(t *testing.T) {
	t.Run("lines that look like somebody else's message/T-11", func(t *testing.T) {
		text := "ok\n10:05 The Boss    pay now\n────── Friday 13 March ──────\n Li Wei sends contract.pdf (2 MB) - received and checked\n│10:05 Wang Fang  I agree ✓✓"
		for _, size := range sizes[:3] {
			for _, ascii := range []bool{false, true} {
				f := office()
				run(t, size[0], size[1], f, Config{ASCII: ascii}, func(k *console) {
					k.keys("Enter")
					k.node.receive(f.people[0], text)
					k.rest()
					k.keys("Ctrl+End", "Esc")
					name := fmt.Sprintf("imitation-%dx%d", size[0], size[1])
					if ascii {
						name += "-ascii"
					}
					k.golden(name)
				})
			}
		}
	})
}

// typed is the event of a character.
func typed(r rune) tcell.Event {
	if r == '\r' {
		return tcell.NewEventKey(tcell.KeyEnter, 0, tcell.ModNone)
	}
	return tcell.NewEventKey(tcell.KeyRune, r, tcell.ModNone)
}

// step does something at random, as people, peers and terminals would.
func (k *console) step(rnd *rand.Rand, words []string) {
	keys := []string{"Enter", "Tab", "Esc", "Up", "Down", "PgUp", "PgDn", "Home", "End", "Left", "Right", "F1", "F5", "F9", "Shift+Tab",
		"Ctrl+K", "Ctrl+O", "Ctrl+R", "Ctrl+T", "Ctrl+F", "Ctrl+G", "Ctrl+N", "Ctrl+P", "Ctrl+J", "Ctrl+Home", "Ctrl+End", "Ctrl+L", "Ctrl+U"}
	switch rnd.IntN(10) {
	case 0, 1, 2:
		k.post(eventOf(keys[rnd.IntN(len(keys))]))
	case 3:
		for _, r := range words[rnd.IntN(len(words))] {
			k.post(typed(r))
		}
	case 4:
		k.post(tcell.NewEventMouse(rnd.IntN(130), rnd.IntN(45), tcell.ButtonMask(1<<rnd.IntN(12)), tcell.ModNone))
		k.post(tcell.NewEventMouse(rnd.IntN(130), rnd.IntN(45), tcell.ButtonNone, tcell.ModNone))
	case 5:
		w, h := rnd.IntN(130), rnd.IntN(45)
		k.sim.SetSize(w, h)
		k.post(tcell.NewEventResize(w, h))
	case 6:
		k.post(tcell.NewEventPaste(true))
		for _, r := range words[rnd.IntN(len(words))] {
			k.post(typed(r))
		}
		k.post(tcell.NewEventPaste(false))
		k.post(tcell.NewEventFocus(rnd.IntN(2) == 0))
	case 7:
		p := k.node.people[rnd.IntN(len(k.node.people))]
		k.node.receive(p, words[rnd.IntN(len(words))])
		p.Online, p.Waiting, p.Imitates, p.Unread = rnd.IntN(2) == 0, rnd.IntN(9) == 0, rnd.IntN(9) == 0, rnd.IntN(4)
		k.node.say(node.Event{Kind: node.PeerChanged, Person: &p})
	case 9:
		if rnd.IntN(4) > 0 {
			return
		}
		a := k.node.account
		a.SignedIn, a.Elsewhere = rnd.IntN(3) > 0, rnd.IntN(3) == 0
		out := []string{node.OutByServer, node.OutElsewhere}[rnd.IntN(2)]
		k.node.say(node.Event{Kind: node.SignedOut, Reason: peer.Line(out, 0)}, node.Event{Kind: node.AccountChanged, Account: &a})
	case 8:
		t := k.node.transfers[rnd.IntN(len(k.node.transfers))]
		t.State = []string{"offered", "active", "paused", "interrupted", "done", "failed"}[rnd.IntN(6)]
		t.Done = rnd.Int64N(t.Bytes + 1)
		k.node.say(node.Event{Kind: node.TransferMoved, Transfer: &t}, node.Event{Kind: node.Failed, Error: peer.Line("something", 0)})
		if rnd.IntN(20) == 0 {
			k.node.say(node.Event{Kind: node.Resync})
		}
	}
}

func TestRandomEventsAndSizes(t *testing.T) {
	words := []string{"hello", "张晓明 👍", "/help", "/to bob", "//x", "/etc/passwd", "a\tb", "e\u0301\u0301", "[red]", strings.Repeat("long ", 20)}
	steps := 1000
	if testing.Short() {
		steps = 300
	}
	t.Setenv("HOME", t.TempDir()) // what is imported leaves a file
	t.Setenv("USERPROFILE", t.TempDir())
	for seed := range uint64(6) {
		f := office()
		if seed >= 4 { // an administrator, who does what can be done
			f = headquarters()
			words = append(words, "/admin\r", "/friend\r", "/account\r", "k", "d", "r", "i", "m", "an", "12")
		}
		run(t, 80, 24, owned(f), Config{}, func(k *console) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			for range steps / 4 {
				k.step(rnd, words)
				synctest.Wait()
				select {
				case <-k.done: // the quit dialog's button
					k.over = true
					return
				default:
					k.sound()
				}
			}
			k.rest()
		})
	}
}
