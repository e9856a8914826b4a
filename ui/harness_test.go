package ui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gdamore/tcell/v2"
	"go.uber.org/goleak"

	"earshot/internal/node"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// errPanic is what a test's console ended with when it panicked, and what makes
// the fake node panic.
var errPanic = errors.New("panicked")

// console is a console on a simulated screen, in a bubble where time passes only
// when everything waits.
type console struct {
	t    *testing.T
	c    *Console
	node *fakeNode
	sim  tcell.SimulationScreen
	ctx  context.CancelFunc
	done chan error
	over bool
}

// run calls f with a console that was started and has come to rest.
func run(t *testing.T, w, h int, f *fakeNode, cfg Config, test func(*console)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := start(t, w, h, f, cfg)
		defer h.stop()
		test(h)
	})
}

func start(t *testing.T, w, h int, f *fakeNode, cfg Config) *console {
	f.events = make(chan []node.Event, 1000) // belongs to the bubble
	began := time.Now()
	cfg.Node, cfg.Now = f, func() time.Time { return testNow.Add(time.Since(began)) }
	if cfg.Lang == "" {
		cfg.Lang = "en"
	}
	sim := tcell.NewSimulationScreen("UTF-8")
	cfg.Screen = sized{sim, w, h}
	k := &console{t: t, c: New(cfg), node: f, sim: sim, done: make(chan error, 1)}
	var ctx context.Context
	ctx, k.ctx = context.WithCancel(context.Background())
	go func() {
		defer func() {
			if p := recover(); p != nil {
				k.done <- fmt.Errorf("%w: %v", errPanic, p)
			}
		}()
		k.done <- k.c.Run(ctx)
	}()
	k.rest()
	return k
}

func (k *console) stop() {
	k.ctx()
	if !k.over {
		if err := <-k.done; err != nil {
			k.t.Errorf("Run: %v", err)
		}
	}
}

// sized is a simulated screen that has its size from the beginning.
type sized struct {
	tcell.SimulationScreen
	w, h int
}

func (s sized) Init() error {
	err := s.SimulationScreen.Init()
	s.SetSize(s.w, s.h)
	return err
}

// rest waits until the console has nothing to do, and the pump's pause is over.
func (k *console) rest() {
	synctest.Wait()
	<-time.After(2 * drawPause)
	synctest.Wait()
}

// keys presses keys: names as in the help, or text to type.
func (k *console) keys(names ...string) {
	for _, name := range names {
		<-time.After(2 * burstGap) // as fingers do
		if ev := eventOf(name); ev != nil {
			k.post(ev)
			continue
		}
		for _, r := range name {
			k.post(tcell.NewEventKey(tcell.KeyRune, r, tcell.ModNone))
		}
	}
	k.rest()
}

func (k *console) post(ev tcell.Event) {
	k.t.Helper()
	if err := k.sim.PostEvent(ev); err != nil {
		k.t.Fatal(err)
	}
	synctest.Wait()
}

// eventOf is the event of a key by its name.
func eventOf(name string) *tcell.EventKey {
	mod := tcell.ModNone
	for _, m := range []struct {
		prefix string
		mask   tcell.ModMask
	}{{"Shift+", tcell.ModShift}, {"Alt+", tcell.ModAlt}} {
		if rest, ok := strings.CutPrefix(name, m.prefix); ok {
			name, mod = rest, mod|m.mask
		}
	}
	if mod == tcell.ModAlt && len(name) == 1 {
		return tcell.NewEventKey(tcell.KeyRune, rune(name[0]|0x20), mod)
	}
	if letter, ok := strings.CutPrefix(name, "Ctrl+"); ok {
		if len(letter) == 1 {
			return tcell.NewEventKey(tcell.KeyCtrlA+tcell.Key(letter[0]-'A'), 0, tcell.ModCtrl)
		}
		name, mod = letter, mod|tcell.ModCtrl
	}
	for key, known := range keyNames {
		if known == name && key != tcell.KeyLF {
			return tcell.NewEventKey(key, 0, mod)
		}
	}
	return nil
}

// paste pastes as a terminal does that brackets it.
func (k *console) paste(text string) {
	k.post(tcell.NewEventPaste(true))
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
	k.post(tcell.NewEventPaste(false))
	k.rest()
}

// resize gives the screen another size.
func (k *console) resize(w, h int) {
	k.sim.SetSize(w, h)
	k.post(tcell.NewEventResize(w, h))
	k.rest()
}

// click clicks with the left button.
func (k *console) click(x, y int) {
	k.post(tcell.NewEventMouse(x, y, tcell.ButtonPrimary, tcell.ModNone))
	k.post(tcell.NewEventMouse(x, y, tcell.ButtonNone, tcell.ModNone))
	k.rest()
}

// say has the node tell something.
func (k *console) say(events ...node.Event) {
	k.node.say(events...)
	k.rest()
}

// screen is what is on the screen, as rows of text.
func (k *console) screen() (text string) {
	k.look(func(cells []tcell.SimCell, w, h int) { text = textOf(cells, w, h) })
	return text
}

// look calls f with what is on the screen, in the console's loop: a simulated
// screen hands out its own cells.
func (k *console) look(f func(cells []tcell.SimCell, w, h int)) {
	k.c.app.QueueUpdate(func() { f(k.sim.GetContents()) })
}

// textOf skips the cell that a wide cluster covers.
func textOf(cells []tcell.SimCell, w, h int) string {
	var b strings.Builder
	for y := range h {
		var row strings.Builder
		for x := 0; x < w; x++ {
			text := string(cells[y*w+x].Runes)
			if text == "" {
				text = " "
			}
			row.WriteString(text)
			if width(text) > 1 {
				x++
			}
		}
		b.WriteString(strings.TrimRight(row.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// shows fails the test unless all texts are on the screen.
func (k *console) shows(texts ...string) {
	k.t.Helper()
	screen := k.screen()
	for _, text := range texts {
		if !strings.Contains(screen, text) {
			k.t.Errorf("%q is not on the screen:\n%s", text, screen)
		}
	}
}

// hides fails the test if one of the texts is on the screen.
func (k *console) hides(texts ...string) {
	k.t.Helper()
	screen := k.screen()
	for _, text := range texts {
		if strings.Contains(screen, text) {
			k.t.Errorf("%q is on the screen:\n%s", text, screen)
		}
	}
}

// asked fails the test unless the node got exactly these calls of a method.
func (k *console) asked(method string, want ...string) {
	k.t.Helper()
	for i, args := range want {
		want[i] = strings.TrimSpace(method + " " + args)
	}
	if got := k.node.did(method); !slices.Equal(got, want) {
		k.t.Errorf("the node got %q, want %q", got, want)
	}
}

// ended waits for Run to return.
func (k *console) ended() error {
	k.t.Helper()
	select {
	case err := <-k.done:
		k.over = true
		return err
	default:
		k.t.Fatalf("still running:\n%s", k.screen())
		return errors.ErrUnsupported
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
