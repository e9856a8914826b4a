package ui

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"

	"earshot/peer"
)

// screen stands between tview and the terminal, and is the only door to it.
//
// tview clears the screen before each draw, and tcell then sends every cell
// anew, 2.5 to 10 kB a draw. The screen keeps what the terminal shows and hands
// on what differs: nothing at all when nothing changed. It also starts the
// terminal once and reports why it cannot, puts line ends of pastes right,
// knows whether the window has the focus, and lets no control character
// through, whoever calls.
type screen struct {
	tcell.Screen
	failed  func(error)               // the terminal is gone; called by the reader of events
	changed func()                    // the focus came or went; likewise
	paste   pasteFilter               // belongs to the reader of events
	key     atomic.Pointer[time.Time] // when the last key came that was read
	away    atomic.Bool               // the terminal said that another window has the focus
	resized atomic.Bool               // and since the last frame that it has another size

	once sync.Once
	err  error

	mu            sync.Mutex
	w, h          int
	next, shown   []cell
	cursor, stood [2]int // where the cursor shall be, and where it is; -1: hidden
	title         string
	sent          bool // something was shown since the last Sync
}

// cell is one cell's grapheme cluster and style; the zero cell is like none that
// is drawn.
type cell struct {
	text  string
	style tcell.Style
}

// mostMarks is how many runes may follow the first of a cell: the longest emoji
// has 10.
const mostMarks = 24

func newScreen(s tcell.Screen) *screen {
	return &screen{
		Screen:  s,
		failed:  func(error) {},
		changed: func() {},
		cursor:  [2]int{-1, -1},
		stood:   [2]int{-2, -2},
	}
}

// Init starts the terminal the first time it is called and returns the same
// error each time: tview calls it too and ignores what it says.
func (s *screen) Init() error {
	s.once.Do(func() { s.err = s.Screen.Init() })
	return s.err
}

// focused reports whether the person looks at this window, as far as the
// terminal tells.
func (s *screen) focused() bool { return !s.away.Load() }

// PollEvent waits for the next event. An error of the terminal goes to failed:
// the application would stop behind the pump's back.
func (s *screen) PollEvent() tcell.Event {
	for {
		ev := s.Screen.PollEvent()
		switch ev := ev.(type) {
		case nil:
			return nil
		case *tcell.EventFocus:
			s.away.Store(!ev.Focused)
			s.changed()
			continue
		case *tcell.EventError:
			s.failed(ev)
			continue
		case *tcell.EventResize:
			s.resized.Store(true)
		case *tcell.EventKey:
			when := ev.When()
			s.key.Store(&when)
		}
		if s.paste.takes(ev) {
			return s.paste.event(ev)
		}
	}
}

// keyed is when the last key came that was read from the terminal, whether or not
// the application has seen it.
func (s *screen) keyed() time.Time {
	if when := s.key.Load(); when != nil {
		return *when
	}
	return time.Time{}
}

// EnableMouse asks for clicks, drags and the wheel, not for every movement.
func (s *screen) EnableMouse(...tcell.MouseFlags) {
	s.Screen.EnableMouse(tcell.MouseButtonEvents | tcell.MouseDragEvents)
}

// fit gives the buffers the terminal's size. What is then shown is unknown.
func (s *screen) fit() {
	w, h := s.Screen.Size()
	if w == s.w && h == s.h {
		return
	}
	s.w, s.h = w, h
	s.next = make([]cell, max(0, w*h))
	s.shown = make([]cell, max(0, w*h))
	for i := range s.next {
		s.next[i] = cell{" ", tcell.StyleDefault}
	}
}

// Clear empties the next frame, not the terminal.
func (s *screen) Clear() { s.Fill(' ', tcell.StyleDefault) }

// Fill fills the next frame.
func (s *screen) Fill(r rune, style tcell.Style) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fit()
	text := clusterOf(r, nil)
	for i := range s.next {
		s.next[i] = cell{text, style}
	}
}

// SetContent sets a cell of the next frame.
func (s *screen) SetContent(x, y int, r rune, marks []rune, style tcell.Style) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x >= 0 && y >= 0 && x < s.w && y < s.h {
		s.next[y*s.w+x] = cell{clusterOf(r, marks), style}
	}
}

// SetCell is SetContent.
func (s *screen) SetCell(x, y int, style tcell.Style, runes ...rune) {
	if len(runes) > 0 {
		s.SetContent(x, y, runes[0], runes[1:], style)
	}
}

// Put sets a cell, and the one that a wide cluster covers, to the first cluster
// of text.
func (s *screen) Put(x, y int, text string, style tcell.Style) (rest string, width int) {
	cluster, rest, width, _ := uniseg.FirstGraphemeClusterInString(text, -1)
	if cluster == "" {
		return "", 0
	}
	runes := []rune(cluster)
	for i := 1; i < width; i++ {
		s.SetContent(x+i, y, ' ', nil, style)
	}
	s.SetContent(x, y, runes[0], runes[1:], style)
	return rest, max(1, width)
}

// PutStrStyled puts text from x on.
func (s *screen) PutStrStyled(x, y int, text string, style tcell.Style) {
	for text != "" && x < s.w {
		var width int
		text, width = s.Put(x, y, text, style)
		x += width
	}
}

// PutStr puts text in the default style.
func (s *screen) PutStr(x, y int, text string) { s.PutStrStyled(x, y, text, tcell.StyleDefault) }

// Get is what the next frame has in a cell.
func (s *screen) Get(x, y int) (text string, style tcell.Style, width int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x < 0 || y < 0 || x >= s.w || y >= s.h {
		return " ", tcell.StyleDefault, 1
	}
	c := s.next[y*s.w+x]
	return c.text, c.style, max(1, uniseg.StringWidth(c.text))
}

// GetContent is Get in runes.
func (s *screen) GetContent(x, y int) (rune, []rune, tcell.Style, int) {
	text, style, width := s.Get(x, y)
	runes := []rune(text)
	return runes[0], runes[1:], style, width
}

// ShowCursor says where the cursor shall be in the next frame.
func (s *screen) ShowCursor(x, y int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor = [2]int{x, y}
}

// HideCursor hides it.
func (s *screen) HideCursor() { s.ShowCursor(-1, -1) }

// Show brings the terminal to the next frame: not a byte where nothing differs. After
// a change of size all is sent, also where it is the old size again: nobody knows what
// the terminal made of what it showed.
func (s *screen) Show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fit()
	if s.resized.Swap(false) {
		clear(s.shown)
		defer s.Screen.Sync()
	}
	same := s.sent && s.cursor == s.stood
	for i, c := range s.next {
		if c == s.shown[i] {
			continue
		}
		runes := []rune(c.text)
		s.Screen.SetContent(i%s.w, i/s.w, runes[0], runes[1:], c.style)
		s.shown[i] = c
		same = false
	}
	if same {
		return
	}
	s.sent, s.stood = true, s.cursor
	s.Screen.ShowCursor(s.cursor[0], s.cursor[1])
	s.Screen.Show()
}

// Sync sends everything: what the terminal shows is not what it should.
func (s *screen) Sync() {
	s.mu.Lock()
	s.sent = false
	clear(s.shown)
	s.mu.Unlock()
	s.Screen.Sync()
}

// SetTitle sets the window's title: tcell would send its bytes as they are.
func (s *screen) SetTitle(title string) {
	title = peer.Line(title, 0).String()
	s.mu.Lock()
	same := title == s.title
	s.title = title
	s.mu.Unlock()
	if !same {
		s.Screen.SetTitle(title)
	}
}

// asciiClusters are the texts of plain cells, ready made.
var asciiClusters = func() (texts [unicode.MaxASCII + 1]string) {
	for i := range texts {
		texts[i] = string(rune(i))
	}
	return texts
}()

// clusterOf is a cell's text: no control, no change of direction.
func clusterOf(r rune, marks []rune) string {
	if isControl(r) {
		r = unicode.ReplacementChar
	}
	if len(marks) == 0 && r <= unicode.MaxASCII {
		return asciiClusters[r]
	}
	var b strings.Builder
	b.WriteRune(r)
	for _, m := range marks[:min(len(marks), mostMarks)] {
		if !isControl(m) {
			b.WriteRune(m)
		}
	}
	return b.String()
}

// isControl reports what a terminal may act upon instead of showing it.
func isControl(r rune) bool {
	return r < ' ' || r >= 0x7f && r <= 0x9f || unicode.Is(unicode.Bidi_Control, r) || r > unicode.MaxRune
}

// pasteFilter makes of every line end in a paste the Enter that tview
// understands: it loses the LF that most terminals send. It also bounds a paste.
type pasteFilter struct {
	open bool
	cr   bool // the last key was a CR: an LF after it belongs to it
	keys int
}

// mostPasted is more than any message holds, and little enough to be taken at
// once.
const mostPasted = 1 << 20

// takes reports whether an event goes on to the application.
func (p *pasteFilter) takes(ev tcell.Event) bool {
	switch ev := ev.(type) {
	case *tcell.EventPaste:
		*p = pasteFilter{open: ev.Start()}
	case *tcell.EventKey:
		if !p.open {
			return true
		}
		after := p.cr
		p.cr = ev.Key() == tcell.KeyEnter
		p.keys++
		return p.keys <= mostPasted && !(after && isLineFeed(ev))
	}
	return true
}

// event is what the application gets in place of ev.
func (p *pasteFilter) event(ev tcell.Event) tcell.Event {
	if key, ok := ev.(*tcell.EventKey); ok && p.open && isLineFeed(key) {
		return tcell.NewEventKey(tcell.KeyEnter, '\r', tcell.ModNone)
	}
	return ev
}

func isLineFeed(ev *tcell.EventKey) bool {
	return ev.Key() == tcell.KeyCtrlJ || ev.Key() == tcell.KeyLF
}
