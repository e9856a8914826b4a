package ui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gdamore/tcell/v2"

	"earshot/internal/node"
	"earshot/peer"
)

var update = flag.Bool("update", false, "write the golden screens and the pictures anew")

// golden compares the screen with testdata/NAME.txt.
func (k *console) golden(name string) {
	k.t.Helper()
	got := k.screen()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			k.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			k.t.Fatal(err)
		}
	}
	if want := mustRead(k.t, path); got != want {
		k.t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
	k.sound()
}

// allowedInks are readable on light and on dark terminals, with the terminal's
// own background.
var allowedInks = []tcell.Color{tcell.ColorDefault, tcell.ColorMaroon, tcell.ColorOlive, tcell.ColorGreen, tcell.ColorTeal}

// sound checks what is true of every screen: rows of its width, the cursor
// inside, the terminal's own colours.
func (k *console) sound() {
	k.t.Helper()
	k.look(func(cells []tcell.SimCell, w, h int) {
		for row := range strings.Lines(textOf(cells, w, h)) {
			if width(strings.TrimSuffix(row, "\n")) > w {
				k.t.Errorf("row %q is wider than %d", row, w)
			}
		}
		x, y, visible := k.sim.GetCursor()
		if visible && (x < 0 || x >= w || y < 0 || y >= h) {
			k.t.Errorf("the cursor is at %d, %d of %d x %d", x, y, w, h)
		}
		for i, c := range cells {
			if len(c.Runes) > mostMarks+1 {
				k.t.Errorf("cell %d: %d runes", i, len(c.Runes))
			}
			ink, paper, _ := c.Style.Decompose()
			if paper != tcell.ColorDefault || !slices.Contains(allowedInks, ink) {
				k.t.Errorf("cell %d: %v on %v", i, ink, paper)
			}
		}
	})
}

var sizes = [][2]int{{80, 24}, {120, 35}, {40, 15}, {20, 6}}

func TestScreensLookAsDesigned(t *testing.T) {
	for _, size := range sizes {
		for _, lang := range []string{"en", "zh"} {
			for _, ascii := range []bool{false, true} {
				name := fmt.Sprintf("%dx%d-%s", size[0], size[1], lang)
				if ascii {
					name += "-ascii"
				}
				t.Run(name, func(t *testing.T) {
					run(t, size[0], size[1], office(), Config{Lang: lang, ASCII: ascii}, func(k *console) {
						k.golden(name + "-start")
						k.keys("Enter", "Esc")
						k.golden(name)
						k.picture(name)
					})
				})
			}
		}
	}
}

func TestTooSmallScreensSaySo(t *testing.T) {
	run(t, 19, 5, office(), Config{}, func(k *console) {
		k.shows("19x5 < 20x6")
		for _, size := range [][2]int{{1, 1}, {500, 200}, {0, 0}, {1, 200}, {500, 1}} {
			k.node.receive(k.node.people[0], "meanwhile")
			k.resize(size[0], size[1])
			k.sound()
		}
		k.resize(80, 24)
		k.shows("Li Wei")
	})
}

// dialogs opens each dialog in the office.
var dialogs = []struct {
	name string
	open func(k *console)
}{
	{"find", func(k *console) { k.keys("Ctrl+K", "z") }},
	{"find-nobody", func(k *console) { k.keys("Ctrl+K", "qqqq") }},
	{"help", func(k *console) { k.keys("F1") }},
	{"help-word", func(k *console) { k.keys("/help transfer", "Enter") }},
	{"offer", func(k *console) { k.keys("Ctrl+R") }},
	{"program", func(k *console) {
		t := k.node.transfers[4]
		t.Program, t.Renamed, t.Files, t.Skipped = true, peer.Line("contract:v7.exe", 0), 3, peer.Line("2 links were left out", 0)
		k.say(node.Event{Kind: node.TransferMoved, Transfer: &t})
		k.keys("Ctrl+R")
	}},
	{"taken-bar", func(k *console) { k.takes("photos", "/home/wang/Downloads/earshot/photos") }},
	{"taken", func(k *console) {
		k.takes("photos", "/home/wang/Downloads/earshot/photos")
		k.keys("Ctrl+R")
	}},
	{"taken-some", func(k *console) {
		k.takes("a.txt and 3 more", "/home/wang/Downloads/earshot")
		k.keys("Ctrl+T", "Down", "Enter")
	}},
	{"taken-detail", func(k *console) {
		k.takes("photos", "/home/wang/Downloads/earshot/photos")
		k.keys("Ctrl+T", "Down")
	}},
	{"files", func(k *console) { k.keys("/files", "Enter") }},
	{"verify", func(k *console) { k.keys("/verify", "Enter") }},
	{"search", func(k *console) { k.keys("Ctrl+F", "contract") }},
	{"quit", func(k *console) { k.keys("not sent", "Ctrl+Q") }},
	{"cancel", func(k *console) { k.keys("Ctrl+T", "x") }},
	{"transfers", func(k *console) { k.keys("Ctrl+T", "Down") }},
	{"transfers-over", func(k *console) {
		k.final()
		k.keys("Ctrl+T", "End", "Up")
	}},
	{"limits", func(k *console) {
		k.limits()
		k.keys("Ctrl+T", "Home", "l", "fast", "Enter")
	}},
	{"limited", func(k *console) {
		k.limits()
		k.keys("Ctrl+T", "Home")
	}},
	{"key", func(k *console) { k.keys("/key", "Enter") }},
	{"lines", func(k *console) { k.keys("First line", "Ctrl+J", "second line 第二行", "Ctrl+J", "third") }},
	{"imitator", func(k *console) {
		p := person(9, "Li Wei", "10.3.2.99")
		p.Imitates, p.Contact = true, false
		k.say(node.Event{Kind: node.PeerUp, Person: &p})
		k.keys("Ctrl+R")
	}},
	{"imitator-bar", func(k *console) {
		p := person(9, "Li Wei", "10.3.2.99")
		p.Imitates, p.Contact = true, false
		k.say(node.Event{Kind: node.PeerUp, Person: &p})
	}},
	{"stranger", func(k *console) {
		p := person(9, "Olga", "10.3.2.99")
		p.Waiting, p.Contact, p.Unread, p.Written = true, false, 1, at(0, 9, 0)
		k.say(node.Event{Kind: node.PeerUp, Person: &p})
		k.keys("/decline", "Enter", "Ctrl+R", "Esc", "Ctrl+R")
	}},
	{"alarm", func(k *console) {
		p := k.node.people[3]
		p.Alarm = peer.Line("This identity runs on two computers at the same time.", 0)
		k.say(node.Event{Kind: node.PeerChanged, Person: &p})
		k.keys("Ctrl+R")
	}},
	{"error", func(k *console) {
		k.say(node.Event{Kind: node.Failed, Error: peer.Line("Cannot save here: the disk is full. Choose another folder with /folder.", 200)})
	}},
}

func TestDialogsLookAsDesigned(t *testing.T) {
	for _, size := range sizes {
		for _, d := range dialogs {
			name := fmt.Sprintf("%s-%dx%d", d.name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				run(t, size[0], size[1], owned(office()), Config{}, func(k *console) {
					k.keys("Enter", "Esc")
					d.open(k)
					k.golden(name)
				})
			})
		}
	}
	for _, d := range dialogs {
		name := d.name + "-80x24-zh"
		t.Run(name, func(t *testing.T) {
			run(t, 80, 24, owned(office()), Config{Lang: "zh"}, func(k *console) {
				k.keys("Enter", "Esc")
				d.open(k)
				k.golden(name)
			})
		})
	}
}

func TestFirstStart(t *testing.T) {
	for _, size := range sizes {
		name := fmt.Sprintf("welcome-%dx%d", size[0], size[1])
		t.Run(name, func(t *testing.T) {
			f := newFakeNode()
			f.self.Named = false
			f.self.Started = testNow
			run(t, size[0], size[1], f, Config{}, func(k *console) {
				k.golden(name)
				k.keys("Ctrl+A", "My ", "Enter", "Enter")
				k.asked("SetName", "My Wang Fang")
				k.asked("SetDir")
				k.hides("Welcome")
			})
		})
	}
}

// newcomer is a node whose person has not chosen a name yet.
func newcomer() *fakeNode {
	f := newFakeNode()
	f.self.Named, f.self.Hidden = false, true
	return f
}

// TestTheFirstFormStaysUntilTheNodeTookIt writes what cannot be kept.
func TestTheFirstFormStaysUntilTheNodeTookIt(t *testing.T) {
	f := newcomer()
	f.fail["SetDir"] = fmt.Errorf("save received files: %w", syscall.ENOTDIR)
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.keys("Bob", "Tab", "/x", "Enter", "Enter")
		k.shows("Welcome", "[Bob ", "Files cannot be saved in /home/wang/Downloads/earshot/x:", "there is a file in place of a folder.", "Choose another")
		k.asked("SetName")
		f.fail["SetDir"], f.fail["SetName"] = nil, fmt.Errorf("save name: %w", syscall.ENOSPC)
		k.keys("Enter")
		k.shows("Welcome", "[Bob ", "That did not work: the disk is full")
		for _, key := range []string{"Ctrl+C", "Esc"} {
			k.keys(key)
			k.shows("Welcome")
		}
		f.fail["SetName"] = nil
		k.keys("Enter")
		k.hides("Welcome")
	})
	f = newcomer()
	run(t, 80, 24, f, Config{Lang: "zh"}, func(k *console) {
		k.keys("Tab", "Ctrl+A", "x", "Enter", "Enter")
		k.shows("欢迎", "请写出文件夹的完整路径")
	})
}

// TestAnEmptyNameIsShownBeforeItIsUsed takes the name away.
func TestAnEmptyNameIsShownBeforeItIsUsed(t *testing.T) {
	f := newcomer()
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.sim.InjectKey(tcell.KeyBackspace2, 0, tcell.ModNone)
		k.keys("Enter", "Enter")
		k.asked("SetName")
		k.shows("[Wang Fang ", "Others need a name to see you by.")
		k.keys("Bo", "Enter", "Enter")
		k.asked("SetName", "Bo")
		k.hides("Welcome")
	})
}

// TestTheFirstFormClosesWhereAnotherScreenWasFaster has the name chosen elsewhere.
func TestTheFirstFormClosesWhereAnotherScreenWasFaster(t *testing.T) {
	f := newcomer()
	run(t, 80, 24, f, Config{}, func(k *console) {
		self := f.self
		self.Named = true
		k.say(node.Event{Kind: node.SelfChanged, Self: &self})
		k.hides("Welcome")
	})
}

func TestTheFirstFormIsTwoKeys(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want string
	}{
		{nil, "Wang Fang"},
		{[]string{"王芳"}, "王芳"},
		{[]string{"Tab", "Up", "Ann"}, "Ann"},
		{[]string{"Right", "!"}, "Wang Fang!"},
		{[]string{"Ann", "Left", "n"}, "Annn"},
	} {
		f := newFakeNode()
		f.self.Named = false
		run(t, 80, 24, f, Config{}, func(k *console) {
			k.keys(c.keys...)
			k.keys("Enter", "Enter")
			k.asked("SetName", c.want)
			k.hides("Welcome")
		})
	}
	f := newFakeNode()
	f.self.Named = false
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.paste("Bo")
		k.keys("Enter", "Enter")
		k.asked("SetName", "Bo")
	})
	run(t, 80, 24, f, Config{}, func(k *console) {
		k.sim.InjectKey(tcell.KeyBackspace2, 0, tcell.ModNone)
		k.keys("Li", "Enter", "Enter")
		k.asked("SetName", "Bo", "Li")
	})
}
