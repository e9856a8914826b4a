package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

const (
	// statusCells is the room of a transfer's state, always the same so that the
	// bars line up.
	statusCells = 18
	// barCells is how long a progress bar is, and longBarCells in wide panes.
	barCells, longBarCells = 8, 12
)

// gauge says in the status bar how much moves, and after a plus how much waits its
// turn, and how far all that is.
func (c *Console) gauge() string {
	var moving, queued int
	var done, total int64
	up, down := false, false
	for _, t := range c.transfers.going() {
		if t.State != "active" {
			continue
		}
		if t.Reason == "queued" {
			queued++
		} else {
			moving++
		}
		done, total = done+t.Done, total+t.Bytes
		up, down = up || t.Direction == node.Sending, down || t.Direction == node.Receiving
	}
	count := strconv.Itoa(moving)
	switch {
	case moving+queued == 0:
		return ""
	case queued > 0:
		count += "+" + strconv.Itoa(queued)
	}
	arrow := c.glyphs.both
	switch {
	case !down:
		arrow = c.glyphs.up
	case !up:
		arrow = c.glyphs.down
	}
	return fmt.Sprintf("%s %s %d%%", arrow, count, percent(done, total))
}

// drawStrip draws the transfers that go on, above the line one writes in, from
// the bottom of the area, and returns how many rows it took.
func (c *Console) drawStrip(a area, most int) int {
	var going []*node.Transfer
	for _, t := range c.transfers.going() {
		if !offeredHere(*t) {
			going = append(going, t)
		}
	}
	if len(going) == 0 {
		return 0
	}
	caption := c.words.Transfers
	if more := len(going) - most; more > 0 {
		caption += fmt.Sprintf(" (+%d)", more)
		going = going[:most]
	}
	c.strip = a.part(0, a.h-len(going)-1, a.w, len(going)+1)
	c.strip.line(0, dim, c.glyphs.horizontal)
	c.strip.caption(2, 0, dim, caption)
	for i, t := range going {
		c.drawTransfer(c.strip.row(i+1), *t, plain)
	}
	return len(going) + 1
}

// drawTransfer draws one transfer in a row.
func (c *Console) drawTransfer(a area, t node.Transfer, style tcell.Style) {
	if style == plain {
		style = transferStyle(t)
	}
	end := a.w - 1
	status := fit(c.status(t), statusCells, c.glyphs.more)
	if a.w < narrow {
		end = a.right(end, 0, style, status)
	} else {
		a.right(end, 0, style, status)
		end -= statusCells
	}
	if !finished(t) {
		end = a.right(end-1, 0, style, fmt.Sprintf("%3d%%", percent(t.Done, t.Bytes)))
		if a.w >= narrow {
			end = c.drawBarOf(a, end-1, t, style)
		}
	}
	arrow := c.glyphs.up
	if t.Direction == node.Receiving {
		arrow = c.glyphs.down
	}
	x := a.text(1, 0, style, arrow) + 1
	a.text(x, 0, style, fit(c.caption(t, a.w), end-x-2, c.glyphs.more))
}

// drawBarOf draws a progress bar that ends before column end, and returns where
// it begins.
func (c *Console) drawBarOf(a area, end int, t node.Transfer, style tcell.Style) int {
	cells := barCells
	if a.w >= 75 {
		cells = longBarCells
	}
	full := cells * percent(t.Done, t.Bytes) / 100
	bar := strings.Repeat(c.glyphs.full, full) + strings.Repeat(c.glyphs.empty, cells-full)
	return a.right(end, 0, style, bar)
}

// caption is a transfer's name, with whom it is where there is room.
func (c *Console) caption(t node.Transfer, cells int) string {
	name := c.nameOfTransfer(t)
	if cells < 75 {
		return name
	}
	if t.Direction == node.Sending {
		return name + " -> " + t.Peer.Name.String()
	}
	return name + " <- " + t.Peer.Name.String()
}

// status is what a transfer does, short.
func (c *Console) status(t node.Transfer) string {
	switch {
	case t.State == "active" && t.Reason == "" && t.Rate > 0 && t.Left > 0:
		return bytesOf(t.Rate) + "/s  " + leftOf(t.Left)
	case t.State == "active" && t.Reason == "" && t.Rate > 0:
		return bytesOf(t.Rate) + "/s"
	case t.State == "done":
		return c.savedRow(t)
	}
	return c.words.transfer(t)
}

// savedRow is what a row has room for of what is done.
func (c *Console) savedRow(t node.Transfer) string {
	g, w := c.glyphs, c.words
	switch saved(t) {
	case "done invalid":
		return g.warn + " " + w.BadReceipt
	case "done skipped":
		return g.verified + " " + w.Skipped
	case "done some":
		return g.verified + " " + w.SavedSome
	}
	return g.verified + " " + w.States["done"] + " " + bytesOf(t.Bytes)
}

func transferStyle(t node.Transfer) tcell.Style {
	switch {
	case t.State == "active" && t.Reason != "queued":
		return active
	case t.State == "failed", t.State == "done" && saved(t) == "done invalid":
		return alarm
	case t.State == "interrupted", t.State == "paused":
		return caution
	case finished(t):
		return dim
	}
	return plain
}

// transferPage is all transfers, with keys to steer them. It covers the people
// and the conversation while it is open.
type transferPage struct {
	c      *Console
	cursor uuid.UUID
	row    int // where the cursor was last
	top    int
	room   int // how many transfers are in view
	drawn  area
	rows   []*node.Transfer
}

func (p *transferPage) show() {
	p.c.page = p
	p.c.seen()
}

// at is the cursor's row; where its transfer is gone, the one in its place.
func (p *transferPage) at() int {
	i := slices.IndexFunc(p.rows, func(t *node.Transfer) bool { return t.ID == p.cursor })
	if i < 0 {
		i = max(0, min(p.row, len(p.rows)-1))
	}
	p.row = i
	return i
}

// chosen is the transfer under the cursor; nil: there are none.
func (p *transferPage) chosen() *node.Transfer {
	if p.rows = p.c.transfers.all(); len(p.rows) == 0 {
		return nil
	}
	return p.rows[p.at()]
}

func (p *transferPage) move(n int) {
	p.rows = p.c.transfers.all()
	if len(p.rows) > 0 {
		p.cursor = p.rows[max(0, min(len(p.rows)-1, p.at()+n))].ID
	}
}

// key handles a key; false: it is none of the page's.
func (p *transferPage) key(ev *tcell.EventKey) bool {
	p.rows = p.c.transfers.all()
	key := keyName(ev)
	if n, ok := rowsMoved(key, p.room, len(p.rows)); ok {
		p.move(n)
		return true
	}
	switch key {
	case "Enter":
		p.enter()
	case "Ctrl+T", "F7":
		p.c.page = nil
	case "Tab", "F6", "Shift+Tab":
	default:
		if ev.Key() != tcell.KeyRune {
			return false
		}
		p.rune(ev.Rune())
	}
	return true
}

func (p *transferPage) rune(r rune) {
	if r == '?' {
		p.c.help("")
		return
	}
	t := p.chosen()
	if t == nil {
		return
	}
	switch r {
	case 'p':
		p.c.toggle(*t)
	case 'x':
		p.c.askCancel(*t)
	case 'r':
		p.c.again(*t)
	case 'c':
		p.c.clear(*t)
	case 'C':
		p.c.clearAll()
	case 'l':
		person, known := p.c.people[t.Peer.ID]
		p.c.askLimits(t, person, known)
	}
}

// hints are the keys that make sense for the chosen transfer.
func (p *transferPage) hints() []string {
	t, texts := p.chosen(), strings.Split(p.c.words.PageHints, "|")
	if t == nil {
		return texts[len(texts)-2 : len(texts)-1] // how to leave
	}
	over := finished(*t)
	waits := offeredHere(*t) || taken(*t)
	stopped := t.State == "paused"
	shown := []bool{
		waits,
		!over && !stopped && t.State != "offered",
		stopped && t.Reason == "by me",
		!over,
		t.State == "interrupted",
		over && t.Direction == node.Sending,
		!over,
		over,
		len(p.c.transfers.over()) > 0,
		!waits,
		true,
		true,
	}
	var hints []string
	for i, text := range texts {
		if shown[i] {
			hints = append(hints, text)
		}
	}
	return hints
}

// enter answers what waits for the person, and else opens the conversation.
func (p *transferPage) enter() {
	t := p.chosen()
	switch {
	case t == nil:
		return
	case offeredHere(*t):
		p.c.askOffer(*t)
		return
	case taken(*t):
		p.c.askTaken(*t)
		return
	}
	p.c.page = nil
	p.c.show(t.Peer.ID)
	p.c.focus(inCompose)
}

func (p *transferPage) click(y int) {
	if i := p.top + y - p.drawn.y - 2; i >= 0 && i < len(p.rows) {
		p.cursor = p.rows[i].ID
	}
}

// detailRows is what the chosen transfer takes at the bottom of the page.
const detailRows = 5

func (p *transferPage) draw(a area) {
	c := p.c
	p.drawn = a
	p.rows = c.transfers.all()
	a.text(1, 0, bold, fit(c.words.Transfers+"   "+p.summary(), a.w-2, c.glyphs.more))
	a.line(1, dim, c.glyphs.horizontal)
	if len(p.rows) == 0 {
		a.text(1, 2, dim, fit(c.words.NoTransfers, a.w-2, c.glyphs.more))
		return
	}
	room, at := a.h-2, p.at()
	if a.h >= detailRows+5 {
		room -= detailRows
		p.drawDetail(a.part(0, a.h-detailRows, a.w, detailRows), *p.rows[at])
	}
	p.top, p.room = max(min(p.top, at), at-room+1), max(1, room)
	for y := 0; y < room && p.top+y < len(p.rows); y++ {
		row, style := a.row(y+2), plain
		if p.top+y == at {
			style = reverse
			row.fill(style)
		}
		c.drawTransfer(row, *p.rows[p.top+y], style)
	}
}

// summary counts the transfers by what they do.
func (p *transferPage) summary() string {
	var counts [ranks]int
	for _, t := range p.rows {
		counts[rank(t)]++
	}
	w := p.c.words
	return strings.Join([]string{w.Running.with(counts[rankMoves]), w.Waiting.with(counts[rankWaits]), w.Finished.with(counts[rankOver])}, w.Comma)
}

func (p *transferPage) drawDetail(a area, t node.Transfer) {
	c, w := p.c, p.c.words
	a.line(0, dim, c.glyphs.horizontal)
	a.caption(2, 0, dim, fit(c.nameOfTransfer(t), a.w-6, c.glyphs.more))
	who := w.ToPerson
	if t.Direction == node.Receiving {
		who = w.FromPerson
	}
	state, trouble := w.transfer(t), t.Error.String()
	if state == trouble {
		state = w.States[t.State] // the trouble has lines of its own
	}
	done := bytesOf(t.Done)
	if t.Files > 1 {
		done = w.Files.of(t.Files) + w.Comma + done
	}
	lines := []string{state + w.Comma + who.with(t.Peer.Name.String(), c.clock(t.Offered), done, bytesOf(t.Bytes))}
	if t.Path != "" {
		lines = append(lines, short(peer.Line(t.Path, a.w).String()))
	}
	if limits := c.limitsOf(t); limits != "" {
		lines = append(lines, limits)
	}
	switch {
	case trouble != "":
		lines = append(lines, wrap(trouble, a.w-2)...)
	case taken(t):
		lines = append(lines, w.TakenHere)
	case t.State == "paused" && t.Reason == "name taken":
		lines = append(lines, wrap(w.TakenThere.with(t.Peer.Name.String()), a.w-2)...)
	case t.Content != "":
		lines = append(lines, w.CheckedAll.with(t.Content))
	case !finished(t):
		lines = append(lines, w.Checked)
	}
	if !t.Skipped.IsZero() {
		lines = append(lines, w.NotSent.with(t.Skipped.String()))
	}
	if room := a.h - 1; len(lines) > room {
		lines = append(lines[:room-1], lines[room-1]+c.glyphs.more)
	}
	for i, line := range lines {
		a.text(1, i+1, plain, fit(line, a.w-2, c.glyphs.more))
	}
}
