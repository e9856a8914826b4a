package ui

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/gdamore/tcell/v2"

	"earshot/peer"
)

// picker is the dialog that chooses files.
type picker struct {
	c      *Console
	d      *dialog
	take   func(paths []string) // what becomes of them
	one    bool                 // only one file: nothing is marked
	path   *field
	list   *choices
	dir    string // whose files are listed, or asked for
	files  []file // in dir
	shown  []file // in the list
	marked []string
	moved  bool // the last key moved in the list: a space marks
	asked  int
}

// homeFolder stands for the person's folder.
const homeFolder = "~" + string(filepath.Separator)

// sendFiles offers the paths that were given, or opens the picker.
func (c *Console) sendFiles(args string) {
	ch := c.open
	if ch == nil {
		c.complain(c.words.NobodyChosen)
		return
	}
	if args != "" {
		c.sendPaths(ch, args)
		return
	}
	p := &picker{c: c, take: func(paths []string) { c.offer(ch, paths) }}
	p.open(c.words.PickTitle.with(nameOf(c.people[ch.person])), c.words.PickHint)
}

// open opens the dialog.
func (p *picker) open(title, hint string) {
	w, d := p.c.words, p.c.newDialog(title)
	p.d = d
	p.path = d.ask(w.File, homeFolder)
	d.gap()
	p.list = d.list(10)
	p.list.empty = w.NothingHere
	d.gap()
	d.say(dim, hint)
	d.before = p.key
	p.path.changed = func(string) {
		p.moved = false
		p.uproot()
		p.refresh()
	}
	p.refresh()
}

// sendPaths offers what stands behind /send: paths, quoted as in a shell.
func (c *Console) sendPaths(ch *chat, args string) {
	words, ok := paths{windows: filepath.Separator == '\\'}.words(args)
	if !ok {
		c.complain(c.words.NoSuchFile.with(args))
		return
	}
	for i, word := range words {
		words[i] = home(word)
	}
	c.offer(ch, words)
}

// key handles what the list and marks need; the rest is for the field.
func (p *picker) key(ev *tcell.EventKey) bool {
	switch ev.Key() {
	case tcell.KeyUp, tcell.KeyDown, tcell.KeyPgUp, tcell.KeyPgDn:
		p.moved = true
		return p.list.takes(ev)
	case tcell.KeyTab:
		p.complete()
	case tcell.KeyEnter:
		p.enter()
	case tcell.KeyRune:
		if ev.Rune() != ' ' || !p.moved || p.one {
			return false
		}
		p.mark()
	default:
		return false
	}
	return true
}

// typed is the folder and the beginning of a name that stand in the field.
func (p *picker) typed() (dir, begin string) {
	return filepath.Split(home(p.path.input.GetText()))
}

// uproot takes away what stands before a whole path: the field begins with the
// person's folder, and a path from elsewhere is typed, pasted or dropped behind it.
func (p *picker) uproot() {
	text := p.path.input.GetText()
	rest := strings.TrimPrefix(text, homeFolder)
	reader := paths{windows: runtime.GOOS == "windows"}
	switch {
	case rest != text && strings.HasPrefix(rest, homeFolder):
	case rest == text && !strings.HasPrefix(text, "file://") && strings.TrimLeft(text, `'"`) == text:
		return // nothing before it, and nothing around it
	case !reader.plausible(rest):
		return
	default:
		if words, ok := reader.words(rest); ok && len(words) == 1 {
			if path, ok := reader.local(words[0]); ok {
				rest = path
				if name := words[0]; len(path) > 1 && os.IsPathSeparator(name[len(name)-1]) {
					rest += string(filepath.Separator)
				}
			}
		}
	}
	p.path.input.SetText(rest)
}

// refresh lists what fits, reading the folder first where it is another one.
func (p *picker) refresh() {
	dir, _ := p.typed()
	if p.asked > 0 && dir == p.dir {
		p.fill()
		return
	}
	p.asked++
	p.dir, p.files = dir, nil
	p.fill()
	mine := p.asked
	p.c.listFolder(dir, func(files []file) {
		if p.c.dialog == p.d && p.asked == mine {
			p.files = files
			p.fill()
		}
	})
}

func (p *picker) fill() {
	_, begin := p.typed()
	folded := peer.FoldName(begin)
	var all []choice
	at := p.list.at
	p.shown = p.shown[:0]
	for _, f := range p.files {
		name := filepath.Base(f.path)
		hidden := strings.HasPrefix(name, ".") && !strings.HasPrefix(begin, ".")
		if hidden || !strings.HasPrefix(peer.FoldName(name), folded) {
			continue
		}
		all = append(all, p.choice(f))
		p.shown = append(p.shown, f)
	}
	p.list.set(all)
	if p.moved {
		p.list.move(at)
	}
}

func (p *picker) choice(f file) choice {
	row := choice{left: f.name.String(), right: bytesOf(f.size), marked: p.isMarked(f.path)}
	row.pick = func() { p.chose([]string{f.path}) }
	if f.folder {
		row.left += string(filepath.Separator)
		row.right = p.c.words.Folder
		row.pick = func() { p.enterFolder(f.path) }
	}
	return row
}

func (p *picker) isMarked(path string) bool { return slices.Contains(p.marked, path) }

// chosen is the file at the cursor.
func (p *picker) chosen() (file, bool) {
	if p.list.at >= len(p.shown) {
		return file{}, false
	}
	return p.shown[p.list.at], true
}

func (p *picker) mark() {
	f, ok := p.chosen()
	if !ok {
		return
	}
	if p.isMarked(f.path) {
		p.marked = slices.DeleteFunc(p.marked, func(m string) bool { return m == f.path })
	} else {
		p.marked = append(p.marked, f.path)
	}
	p.fill()
	p.list.move(1)
}

// complete writes the chosen name into the field.
func (p *picker) complete() {
	if f, ok := p.chosen(); ok {
		path := f.path
		if f.folder {
			path += string(filepath.Separator)
		}
		p.path.input.SetText(short(path))
		p.moved = false
		p.refresh()
	}
}

func (p *picker) enterFolder(path string) {
	p.path.input.SetText(short(path) + string(filepath.Separator))
	p.moved = false
	p.refresh()
}

// enter takes what is marked, else what is chosen.
func (p *picker) enter() {
	if len(p.marked) > 0 {
		p.chose(p.marked)
		return
	}
	p.list.pick()
}

func (p *picker) chose(paths []string) {
	p.d.close()
	p.take(paths)
}
