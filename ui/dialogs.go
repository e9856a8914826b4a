package ui

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"

	"earshot/internal/node"
	"earshot/peer"
)

// askName is the form of the first start. The name stands there already; nobody
// has to know anything. It stays until the node took what it says: others hear of
// this device only then.
func (c *Console) askName() {
	w := c.words
	d := c.newDialog(w.WelcomeTitle)
	d.firm, c.welcome = true, d
	label := max(width(w.Name), width(w.SaveFiles))
	name := d.ask(pad(w.Name, label, ""), c.self.Name.String())
	dir := d.ask(pad(w.SaveFiles, label, ""), short(c.self.Dir))
	d.complains()
	d.say(plain, w.WelcomeText)
	d.say(plain, w.WelcomeServer)
	d.gap()
	save := func() { c.saveName(d, name, dir) }
	d.choose(button{w.Start, save}, button{w.Quit, c.leave})
	d.escape = save
	d.before = func(ev *tcell.EventKey) bool {
		_, writing := d.focused().(*field)
		if writing && ev.Key() == tcell.KeyEnter {
			d.start(2) // the first button: what stands there already will do
			d.top = -1
			return true
		}
		return false
	}
	name.chosen = true
	d.start(0)
}

// saveName keeps what the form says. What cannot be kept is said in the form,
// which then stays as it is; a name that was taken away comes back to be seen.
func (c *Console) saveName(d *dialog, name, dir *field) {
	path := home(dir.text())
	switch {
	case name.text() == "":
		name.input.SetText(c.self.Name.String())
		name.chosen = true
		d.start(0)
		d.complain(c.words.NameMissing)
		return
	case path == "":
		dir.input.SetText(short(c.self.Dir))
		d.start(1)
		d.complain(c.words.FolderMissing)
		return
	case !filepath.IsAbs(path):
		d.start(1)
		d.complain(c.words.FolderWhole)
		return
	}
	d.complain("")
	text, changed := name.text(), path != c.self.Dir
	callIn(c.writes, func(ctx context.Context) (struct{}, error) {
		if changed {
			if err := c.node.SetDir(ctx, path); err != nil {
				return struct{}{}, folderError{path, err}
			}
		}
		return struct{}{}, c.node.SetName(ctx, text)
	}, func(_ struct{}, err error) {
		if err != nil {
			d.complain(c.why(err))
			return
		}
		d.close()
		c.focus(inPeople)
	})
}

// askQuit ends the console; it asks only where something would stop or be lost.
func (c *Console) askQuit() {
	w := c.words
	running := 0
	for _, t := range c.transfers.going() {
		if t.State == "active" && c.owner() {
			running++
		}
	}
	draft := strings.TrimSpace(c.compose.text()) != "" && c.open != nil
	for _, ch := range c.chats {
		draft = draft || ch != c.open && strings.TrimSpace(ch.draft) != ""
	}
	if running == 0 && !draft {
		c.leave()
		return
	}
	d := c.newDialog(w.QuitTitle)
	if running > 0 {
		d.say(plain, w.QuitRunning.of(running))
	}
	if draft {
		d.say(plain, w.QuitDraft)
	}
	d.gap()
	d.choose(button{w.Quit, c.leave}, button{w.Stay, func() {}})
	d.start(1)
}

// owner reports whether the node ends with this console.
func (c *Console) owner() bool { return c.self.PID == os.Getpid() }

// unguarded is how long a dialog that opens by itself ignores keys.
const unguarded = 300 * time.Millisecond

// askDrop asks whether dropped files shall be sent.
func (c *Console) askDrop(ch *chat, files []file, text string) {
	w := c.words
	p := c.people[ch.person]
	d := c.newDialog(w.dropTitle(files).of(len(files), nameOf(p)))
	for _, f := range files[:min(len(files), 8)] {
		size := bytesOf(f.size)
		if f.folder {
			size = w.Folder
		}
		d.pieces = append(d.pieces, &pairPiece{f.name.String(), size, c.glyphs.more})
	}
	if more := len(files) - 8; more > 0 {
		d.say(dim, w.AndMore.of(more))
	}
	d.gap()
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.path
	}
	d.choose(
		button{w.Send, func() { c.offer(ch, paths) }},
		button{w.KeepText, func() { c.compose.insert(text) }},
		button{w.Cancel, func() {}},
	)
	d.start(0)
	d.frozen = time.Now().Add(unguarded)
}

// dropTitle asks about files, folders, or both.
func (w *words) dropTitle(files []file) plural {
	folders := 0
	for _, f := range files {
		if f.folder {
			folders++
		}
	}
	switch folders {
	case 0:
		return w.DropTitle
	case len(files):
		return w.DropFolders
	}
	return w.DropBoth
}

// offer has the node offer files. Preparing them may take long: they are read.
// Paths may be relative.
func (c *Console) offer(ch *chat, paths []string) {
	c.say(c.words.Offering)
	said := c.noticed
	callIn(c.sends, func(ctx context.Context) (node.Transfer, error) {
		paths, err := absolute(paths)
		if err != nil {
			return node.Transfer{}, err
		}
		return c.node.Offer(ctx, ch.id, paths)
	}, func(t node.Transfer, err error) {
		switch {
		case err != nil:
			c.failure(err)
		case !t.Skipped.IsZero():
			c.complain(c.words.LeftOut.with(t.Name.String(), t.Skipped.String()))
		case c.noticed == said:
			c.seen()
		}
	})
}

// pairPiece is a row with a text at each end.
type pairPiece struct{ left, right, more string }

func (p *pairPiece) height(int) int { return 1 }

func (p *pairPiece) drawRow(a area, _ int, _ bool) {
	x := a.right(a.w-1, 0, plain, p.right)
	a.text(0, 0, plain, fit(p.left, x-1, p.more))
}

func (*pairPiece) key(*tcell.EventKey) bool { return false }
func (*pairPiece) click(int, int) bool      { return false }

// helpPage is how many keys and commands are shown at once: more would be looked at
// by nobody, and cover the conversation.
const helpPage = 9

// help shows the keys and commands, or those that a word fits, page by page.
func (c *Console) help(word string) {
	d := c.newDialog(c.words.HelpTitle)
	folded := peer.FoldName(strings.TrimPrefix(word, "/"))
	var rows [][2]string
	for _, row := range c.helpRows() {
		if strings.Contains(peer.FoldName(row[0]+" "+row[1]), folded) {
			rows = append(rows, row)
		}
	}
	pages := slices.Collect(slices.Chunk(rows, helpPage))
	at := 0
	c.fillHelp(d, pages, at)
	move := func(n int) {
		switch to := at + min(1, max(-1, n)); {
		case d.canScroll(n):
			d.scroll(n)
		case to >= 0 && to < len(pages):
			at = to
			c.fillHelp(d, pages, at)
		}
	}
	d.before = func(ev *tcell.EventKey) bool {
		switch ev.Key() {
		case tcell.KeyUp:
			move(-1)
		case tcell.KeyDown:
			move(1)
		case tcell.KeyPgUp:
			move(-max(1, d.drawn.h-1))
		case tcell.KeyPgDn:
			move(max(1, d.drawn.h-1))
		case tcell.KeyEnter, tcell.KeyF1:
			d.close()
		default:
			return false
		}
		return true
	}
}

// fillHelp puts one page into the dialog; the marks are explained on the last one.
func (c *Console) fillHelp(d *dialog, pages [][][2]string, at int) {
	d.pieces, d.top = nil, 0
	if at < len(pages) {
		for _, row := range pages[at] {
			d.pieces = append(d.pieces, &helpPiece{keys: row[0], text: row[1]})
		}
	}
	d.gap()
	if at >= len(pages)-1 {
		for _, line := range strings.Split(c.words.HelpMarks, "|") {
			d.say(dim, c.inGlyphs(line))
		}
		d.say(dim, c.words.HelpHint)
		return
	}
	d.say(dim, c.words.HelpHint+"    "+c.words.More)
}

// inGlyphs writes the marks of a text in the glyphs of this screen.
func (c *Console) inGlyphs(text string) string {
	return strings.NewReplacer("✓✓", c.glyphs.read, "✓", c.glyphs.delivered, "●", c.glyphs.online, "○", c.glyphs.away).Replace(text)
}

// firstHelp are the commands that everybody needs: with the keys of the line they
// are the first page of the help.
var firstHelp = []string{"find", "send", "unread", "answer", "transfers", "search", "quit"}

// helpRows is the whole help: keys and slash commands, and what they do.
func (c *Console) helpRows() [][2]string {
	w := c.words
	rows := [][2]string{{"Enter", w.HelpEnter}, {"Ctrl+J", w.HelpNewLine}}
	var rest [][2]string
	for _, cmd := range c.offered() {
		keys := strings.Join(cmd.keys[:min(2, len(cmd.keys))], " ")
		if cmd.slash != "" {
			keys = strings.TrimSpace(keys + " /" + cmd.slash)
			if cmd.args != "" {
				keys += " " + w.Args[cmd.args]
			}
		}
		row := [2]string{keys, w.Help[cmd.id]}
		if slices.Contains(firstHelp, cmd.id) {
			rows = append(rows, row)
		} else {
			rest = append(rest, row)
		}
	}
	rest = append([][2]string{{"PgUp PgDn", w.HelpScroll}, {"Ctrl+C", w.HelpInterrupt}}, rest...)
	return append(rows, rest...)
}

// helpPiece is a key and what it does, in two columns where they fit.
type helpPiece struct {
	keys, text string
	rows       []string
	column     int
}

// helpColumn is where the second column begins.
const helpColumn = 26

func (p *helpPiece) height(cells int) int {
	p.column = helpColumn
	if cells < 2*helpColumn {
		p.column = 2
	}
	p.rows = wrap(p.text, cells-p.column)
	if p.column < helpColumn {
		return len(p.rows) + 1
	}
	return len(p.rows)
}

func (p *helpPiece) drawRow(a area, n int, _ bool) {
	if n == 0 {
		a.text(0, 0, bold, p.keys)
	}
	if p.column < helpColumn {
		n--
	}
	if n >= 0 {
		a.text(p.column, 0, plain, p.rows[n])
	}
}

func (*helpPiece) key(*tcell.EventKey) bool { return false }
func (*helpPiece) click(int, int) bool      { return false }
