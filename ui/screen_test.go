package ui

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

func TestChangedCellsMakeTheSameScreen(t *testing.T) {
	direct, behind := tcell.NewSimulationScreen("UTF-8"), tcell.NewSimulationScreen("UTF-8")
	wrapped := newScreen(behind)
	for _, s := range []tcell.Screen{direct, wrapped} {
		if err := s.Init(); err != nil {
			t.Fatal(err)
		}
		defer s.Fini()
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	clusters := []string{"hello", "中文", "👍", "👨‍👩‍👧‍👦", " ", "e\u0301", "[red]x", "🇨🇳", "a", "\n"}
	areas := [2]*tview.TextArea{tview.NewTextArea(), tview.NewTextArea()}
	for step := range 600 {
		if step%50 == 0 {
			w, h := 5+rnd.IntN(60), 2+rnd.IntN(20)
			direct.SetSize(w, h)
			behind.SetSize(w, h)
		}
		w, h := direct.Size()
		var text strings.Builder
		for range rnd.IntN(60) {
			text.WriteString(clusters[rnd.IntN(len(clusters))])
		}
		x, y, style := rnd.IntN(w), rnd.IntN(h), tcell.StyleDefault.Bold(rnd.IntN(2) == 0)
		for i, s := range []tcell.Screen{direct, wrapped} {
			areas[i].SetText(text.String(), true).SetTextStyle(style)
			areas[i].SetRect(0, 0, w, h)
			s.Clear()
			areas[i].Draw(s)
			s.SetContent(x, y, '#', nil, tcell.StyleDefault.Reverse(true)) // also over one half of a wide cell
			s.PutStrStyled(0, h-1, "状态 bar", style)
			s.Show()
		}
		want, w, h := direct.GetContents()
		got, _, _ := behind.GetContents()
		if textOf(got, w, h) != textOf(want, w, h) {
			t.Fatalf("step %d: got\n%s\nwant\n%s", step, textOf(got, w, h), textOf(want, w, h))
		}
	}
}

// counted counts what reaches the terminal.
type counted struct {
	tcell.SimulationScreen
	cells, shows, syncs int
}

func (c *counted) SetContent(x, y int, r rune, marks []rune, style tcell.Style) {
	c.cells++
	c.SimulationScreen.SetContent(x, y, r, marks, style)
}

func (c *counted) Show() { c.shows++; c.SimulationScreen.Show() }
func (c *counted) Sync() { c.syncs++; c.SimulationScreen.Sync() }

// TestAnotherSizeSendsEverything tells the screen that the terminal has another size,
// and then that it has the first one again.
func TestAnotherSizeSendsEverything(t *testing.T) {
	below := &counted{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	s := newScreen(below)
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	defer s.Fini()
	s.Clear()
	s.Show()
	for n, size := range [][2]int{{60, 24}, {80, 24}, {80, 24}} {
		cells := below.cells
		below.SetSize(size[0], size[1])
		if err := below.PostEvent(tcell.NewEventResize(size[0], size[1])); err != nil {
			t.Fatal(err)
		}
		for _, isResize := s.PollEvent().(*tcell.EventResize); !isResize; {
			_, isResize = s.PollEvent().(*tcell.EventResize)
		}
		s.Clear()
		s.Show()
		if below.syncs != n+1 || below.cells-cells != size[0]*size[1] {
			t.Errorf("%v: %d cells sent, everything %d times", size, below.cells-cells, below.syncs)
		}
	}
}

func TestAnIdleRedrawSendsNothing(t *testing.T) {
	below := &counted{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	s := newScreen(below)
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	defer s.Fini()
	draw := func(text string) {
		s.Clear()
		s.PutStr(3, 3, text)
		s.ShowCursor(4, 4)
		s.Show()
	}
	draw("中文 text")
	cells, shows := below.cells, below.shows
	for range 10 {
		draw("中文 text")
	}
	if below.cells != cells || below.shows != shows {
		t.Errorf("%d cells and %d shows for nothing", below.cells-cells, below.shows-shows)
	}
	draw("中文 tent")
	if below.cells != cells+1 || below.shows != shows+1 {
		t.Errorf("%d cells and %d shows for one cell", below.cells-cells, below.shows-shows)
	}
	s.Sync()
	draw("中文 tent")
	if below.cells != cells+1+80*25 {
		t.Errorf("%d cells after Sync, want all", below.cells-cells-1)
	}
}

func TestNoControlReachesTheTerminal(t *testing.T) {
	sim := tcell.NewSimulationScreen("UTF-8")
	s := newScreen(sim)
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	defer s.Fini()
	for i, r := range []rune{0, 7, 0x1b, 0x7f, 0x9b, 0x202e, 0x2066, -1, 0x110000} {
		s.SetContent(i, 0, r, nil, plain)
		s.SetContent(i, 1, 'a', slices.Repeat([]rune{r, 0x301}, 60), plain)
		s.SetCell(i, 2, plain, r)
		s.Put(i, 3, string([]rune{r}), plain)
	}
	s.SetTitle("ok \x07 \x1b]0;other\x07")
	s.Show()
	cells, _, _ := sim.GetContents()
	for i, c := range cells {
		if slices.ContainsFunc(c.Runes, isControl) {
			t.Errorf("cell %d: %q", i, c.Runes)
		}
		if len(c.Runes) > mostMarks+1 {
			t.Errorf("cell %d: %d runes", i, len(c.Runes))
		}
	}
	if title := sim.GetTitle(); strings.ContainsFunc(title, isControl) {
		t.Errorf("title %q", title)
	}
}

type broken struct{ tcell.SimulationScreen }

func (broken) Init() error { return errors.New("no such charset") }

func TestAScreenThatCannotStartSaysWhy(t *testing.T) {
	c := New(Config{Node: newFakeNode(), Screen: broken{tcell.NewSimulationScreen("UTF-8")}})
	if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no such charset") {
		t.Errorf("Run = %v", err)
	}
	for _, term := range []string{"dumb", ""} {
		t.Setenv("TERM", term)
		if err := New(Config{Node: newFakeNode()}).Run(t.Context()); !errors.Is(err, errNoTerminal) {
			t.Errorf("TERM=%q: Run = %v", term, err)
		}
	}
}

// oldTcell is the last version that sends what a message writes into an address
// as it is.
var safeTcell = [3]int{2, 13, 9}

func TestNothingWritesPastTheScreen(t *testing.T) {
	t.Run("a tcell that lets escapes through, a raw call/T-07", func(t *testing.T) {
		if got := versionOf(t, "github.com/gdamore/tcell/v2"); slices.Compare(got[:], safeTcell[:]) < 0 {
			t.Errorf("tcell %v is older than %v", got, safeTcell)
		}
		looked := 0
		err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			looked++
			checkCalls(t, path)
			return nil
		})
		if err != nil || looked < 20 {
			t.Errorf("looked at %d files: %v", looked, err)
		}
	})
}

// versionOf is a module's version in go.mod.
func versionOf(t *testing.T, module string) (version [3]int) {
	for line := range strings.Lines(mustRead(t, filepath.Join("..", "go.mod"))) {
		fields := strings.Fields(line)
		at := slices.Index(fields, module)
		if at < 0 || at+1 >= len(fields) {
			continue
		}
		for i, part := range strings.SplitN(strings.TrimPrefix(fields[at+1], "v"), ".", 3) {
			n, err := strconv.Atoi(part)
			if err != nil {
				t.Fatalf("%s %s: %v", module, fields[at+1], err)
			}
			version[i] = n
		}
	}
	return version
}

// rawCalls write cells, titles or the clipboard.
var rawCalls = []string{"SetContent", "SetCell", "Put", "PutStr", "PutStrStyled", "SetTitle", "SetClipboard", "Tty"}

// doors are the files that may make them, and what they may call.
var doors = map[string][]string{
	"screen.go": rawCalls,
	"canvas.go": {"SetContent"}, // on the screen that screen.go wraps
	"layout.go": {"SetTitle"},
	"input.go":  {"SetClipboard"},
}

func checkCalls(t *testing.T, path string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		return // being written by somebody: the compiler says more
	}
	usesTcell := slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return strings.Contains(i.Path.Value, "gdamore/tcell") })
	inUI := filepath.Dir(path) == filepath.Join("..", "ui")
	if usesTcell && !inUI {
		t.Errorf("%s imports tcell", path)
	}
	if !inUI {
		return
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if ok && slices.Contains(rawCalls, selector.Sel.Name) && !slices.Contains(doors[filepath.Base(path)], selector.Sel.Name) {
			t.Errorf("%s: %s", files.Position(call.Pos()), selector.Sel.Name)
		}
		return true
	})
}

func TestPasteFilterBoundsAPaste(t *testing.T) {
	var p pasteFilter
	p.takes(tcell.NewEventPaste(true))
	taken := 0
	for range mostPasted + 100 {
		if p.takes(tcell.NewEventKey(tcell.KeyRune, 'x', tcell.ModNone)) {
			taken++
		}
	}
	if taken != mostPasted || !p.takes(tcell.NewEventPaste(false)) {
		t.Errorf("took %d keys of a paste", taken)
	}
	if ev := tcell.NewEventKey(tcell.KeyCtrlJ, 0, tcell.ModCtrl); !p.takes(ev) || p.event(ev) != tcell.Event(ev) {
		t.Error("Ctrl+J outside a paste is not itself")
	}
}
