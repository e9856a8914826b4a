package ui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"earshot/internal/node"
	"earshot/peer"
)

// view is the parts of the screen.
type view struct {
	root     *root
	list     *peopleList
	messages *messageList
	compose  *composer
	page     page // covers the people and the conversation; nil: none
	moves    *transferPage
	admin    *adminPage
	dialog   *dialog // nil: none is open
	welcome  *dialog // the form of the first start; nil: there was none
	focused  place

	waiting    []request // what the bar and the status bar say, counted once a draw
	news       int
	newsMore   bool // the news are that many or more
	bar, strip area // where they were drawn last
	unmouse    bool // the mouse belongs to the terminal
}

// place is the part of the screen that gets the keys.
type place int

const (
	inPeople place = iota
	inCompose
)

func newView(c *Console) view {
	return view{
		root:     &root{Box: tview.NewBox(), c: c},
		list:     &peopleList{c: c, stale: true, folded: map[peer.ID]foldedName{}},
		messages: &messageList{c: c, laid: map[messageID]laid{}},
		compose:  newComposer(c),
		moves:    &transferPage{c: c},
		admin:    &adminPage{c: c},
	}
}

// A page covers the people and the conversation while it is open, and has keys of
// its own.
type page interface {
	draw(a area)
	key(ev *tcell.EventKey) bool // false: it is none of the page's
	hints() []string             // the keys that make sense now
	click(y int)
	move(n int)
}

// rowsMoved is how far a key moves the cursor of a page on which so many rows are in
// view; ok is false for a key that does not.
func rowsMoved(key string, room, rows int) (n int, ok bool) {
	switch key {
	case "Up":
		return -1, true
	case "Down":
		return 1, true
	case "PgUp":
		return -room, true
	case "PgDn":
		return room, true
	case "Home", "Ctrl+Home":
		return -rows, true
	case "End", "Ctrl+End":
		return rows, true
	}
	return 0, false
}

// Sizes below which something has no room.
const (
	leastWidth, leastHeight = 20, 6
	onePane                 = 60  // narrower: the list or the conversation
	wideList                = 100 // from here on the list has 28 cells, else 22
	hintHeight              = 12  // lower: no hint line
	barHeight               = 10  // lower: no request bar
	stripHeight             = 18  // lower: no transfers
	tallHeight              = 28  // from here on 5 transfers, else 2
)

// root is the one widget that the application knows. It gives each part its
// place and its keys.
type root struct {
	*tview.Box
	c *Console
}

// Draw draws everything anew; the screen sends what changed.
func (r *root) Draw(s tcell.Screen) {
	x, y, w, h := r.GetRect()
	a := area{s, x, y, w, h}
	s.HideCursor()
	if w < leastWidth || h < leastHeight {
		text := fmt.Sprintf("%dx%d < %dx%d", w, h, leastWidth, leastHeight)
		a.text(max(0, (w-width(text))/2), h/2, plain, text)
		return
	}
	r.c.waiting = r.c.requests()
	r.c.news, r.c.newsMore = r.c.unread()
	foot := 1
	if h >= hintHeight {
		foot = 2
		r.c.drawHints(a.row(h - 1))
	}
	r.c.drawMain(a.part(0, 0, w, h-foot))
	r.c.drawStatus(a.part(0, h-foot, w, foot))
	if r.c.dialog != nil {
		r.c.dialog.draw(a)
	}
}

// drawMain draws what is above the status bar.
func (c *Console) drawMain(a area) {
	c.bar, c.strip, c.compose.drawn, c.list.drawn = area{}, area{}, area{}, area{}
	c.showFocus()
	if c.page != nil {
		c.page.draw(a)
		return
	}
	if a.w < onePane {
		if c.focused == inPeople || c.open == nil {
			c.list.draw(a)
		} else {
			c.drawChat(a)
		}
		return
	}
	cells := 22
	if a.w >= wideList {
		cells = 28
	}
	c.list.draw(a.part(0, 0, cells, a.h))
	for y := range a.h {
		a.text(cells, y, dim, c.glyphs.vertical)
	}
	c.drawChat(a.part(cells+1, 0, a.w-cells-1, a.h))
}

// showFocus puts the cursor where keys go.
func (c *Console) showFocus() {
	if c.focused == inCompose && c.dialog == nil && c.page == nil {
		c.compose.field.Focus(nil)
	} else {
		c.compose.field.Blur()
	}
}

// drawChat draws the open conversation: head, messages, transfers, requests and
// the line to write in.
func (c *Console) drawChat(a area) {
	_, screenHeight := c.screen.Size()
	rows := c.compose.rows(a.w, max(1, min(mostRows, a.h/4)))
	y := a.h - rows
	c.compose.draw(a.part(0, y, a.w, rows))
	y--
	a.line(y, dim, c.glyphs.horizontal)
	if len(c.waiting) > 0 && !c.put[c.waiting[0].key] && screenHeight >= barHeight {
		y--
		c.bar = a.row(y)
		c.drawBar(c.bar, c.waiting[0].bar())
	}
	if screenHeight >= stripHeight {
		most := 2
		if screenHeight >= tallHeight {
			most = 5
		}
		y -= c.drawStrip(a.part(0, 0, a.w, y), most)
	}
	c.drawHead(a.row(0))
	a.line(1, dim, c.glyphs.horizontal)
	c.messages.draw(a.part(0, 2, a.w, y-2))
	if c.open == nil {
		c.drawWelcome(a.part(0, 2, a.w, y-2))
	}
}

// drawWelcome says what to do while nobody is chosen.
func (c *Console) drawWelcome(a area) {
	for y, row := range wrap(c.words.ChooseSomebody, a.w-3) {
		a.text(1, y, dim, row)
	}
}

// drawHead says whom one writes with, and how sure that is.
func (c *Console) drawHead(a area) {
	if c.open == nil {
		return
	}
	p, ok := c.people[c.open.person]
	if !ok {
		return
	}
	x := 1
	if screenWidth, _ := c.screen.Size(); screenWidth < onePane {
		x = a.text(x, 0, plain, c.glyphs.back) + 1
	}
	presence := fit(c.presence(p), a.w/3, c.glyphs.more)
	name := fit(nameOf(p), max(4, a.w-x-width(presence)-4), c.glyphs.more)
	x = a.text(x, 0, bold, name) + 2
	x = a.text(x, 0, plain, presence)
	style, trust := c.trust(p)
	right := trust
	if len(p.Addresses) > 0 {
		right += "  " + hostOf(p.Addresses[0])
	}
	if x+2+width(right) >= a.w {
		right = trust
	}
	if x+2+width(right) < a.w {
		a.right(a.w-1, 0, style, right)
	}
}

// presence is whether somebody is there, in words.
func (c *Console) presence(p node.Person) string {
	switch {
	case p.Online && p.Connected, p.Elsewhere:
		if f, ok := c.account.friends[p.Account]; ok && p.Account != "" && f.Presence != "offline" {
			return c.standingOf(string(f.Presence), f.Status.String())
		}
		return c.words.OnlineNow
	case p.Here():
		return c.words.NotConnected
	case p.LastSeen.IsZero():
		return c.words.Away
	}
	seen := p.LastSeen.In(c.now().Location())
	if sameDay(seen, c.now()) {
		return c.words.AwaySince.with(seen.Format("15:04"))
	}
	return c.words.AwaySince.with(c.words.shortDay(seen, c.now()))
}

// trust is how sure it is who a person is.
func (c *Console) trust(p node.Person) (tcell.Style, string) {
	switch {
	case p.Imitates:
		return alarm.Bold(true), c.glyphs.warn + " " + c.words.NotTheOne
	case !p.Alarm.IsZero() || p.Older:
		return alarm.Bold(true), c.glyphs.warn + " " + c.words.Careful
	case p.Verified:
		return good, c.glyphs.verified + " " + c.words.Verified
	case !p.Lapsed.IsZero():
		return dim, c.words.CertifiedUntil.with(c.words.day(p.Lapsed.In(c.now().Location()), c.now()))
	case !p.CertifiedBy.IsZero():
		return dim, c.words.CertifiedBy.with(hostOf(p.CertifiedBy.String()))
	}
	return dim, c.words.NotVerified
}

// hostOf is an address without its port.
func hostOf(address string) string {
	if i := strings.LastIndexByte(address, ':'); i > 0 {
		return strings.Trim(address[:i], "[]")
	}
	return address
}

// drawBar draws the request that waits longest.
func (c *Console) drawBar(a area, text string) {
	a.fill(reverse)
	hint := "   ^R " + c.words.AnswerHint
	room := a.w - 2
	if room < leastWidth+width(hint) {
		hint = ""
	}
	a.text(1, 0, reverse, fit(text, room-width(hint), c.glyphs.more)+hint)
}

// drawStatus draws the status bar: who one is and what went wrong, what moves
// and what is unread.
func (c *Console) drawStatus(a area) {
	left := c.statusText()
	c.cut = false
	if rows := wrap(left, a.w-2); c.fault && len(rows) > 1 {
		c.drawFault(a, rows)
		return
	}
	a = a.row(0)
	a.fill(reverse)
	end := a.w - 1
	rights := c.statusRight()
	if limit := c.limitShort(); limit != "" && width(left)+width(limit)+width(rights[0])+6 <= a.w {
		rights = slices.Insert(rights, 0, strings.TrimSpace(limit+"  "+rights[0]))
	}
	for _, right := range rights {
		if width(right) > a.w-2 || c.notice != "" && width(left)+width(right)+4 > a.w {
			continue // what was just said comes first
		}
		end = a.right(a.w-1, 0, reverse, right) - 2
		break
	}
	a.text(1, 0, reverse, fit(left, end-1, c.glyphs.more))
}

// drawFault draws what went wrong, to the end where it fits over the hints.
func (c *Console) drawFault(a area, rows []string) {
	a.fill(reverse)
	c.cut = len(rows) > a.h
	for y := range min(a.h, len(rows)) {
		row := rows[y]
		if y == a.h-1 && c.cut {
			hint := "   ^R " + c.words.ReadOn
			if a.w-2 < leastWidth+width(hint) {
				hint = ""
			}
			row = fit(strings.Join(rows[y:], " "), a.w-2-width(hint), c.glyphs.more) + hint
		}
		a.text(1, y, reverse, row)
	}
}

// showFault shows what went wrong where there is room for it.
func (c *Console) showFault() {
	d := c.newDialog(c.words.FaultTitle)
	d.say(plain, c.notice)
	d.gap()
	d.choose(button{c.words.Close, func() { c.seen() }})
	d.start(0)
}

// statusRight is what moves, waits and is unread, in ever fewer words.
func (c *Console) statusRight() []string {
	var requests, unread string
	if n := c.unanswered(); n > 0 && c.bar.h == 0 {
		requests = c.words.Requests.of(n)
	}
	if n := c.news; n > 0 {
		unread = c.words.Unread.of(n, atLeast(n, c.newsMore))
	}
	join := func(texts ...string) string {
		return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "  ")
	}
	return []string{join(c.gauge(), requests, unread), join(c.gauge(), unread), unread}
}

func (c *Console) statusText() string {
	switch {
	case c.fault:
		return c.glyphs.warn + " " + c.notice
	case c.notice != "":
		return c.notice
	case !c.known || c.self.Hidden:
		return c.words.Starting
	case !c.self.Network.IsZero():
		return c.glyphs.away + " " + c.self.Name.String() + "  " + c.self.Network.String()
	}
	mark, own := c.glyphs.online, c.ownPresence()
	if own != "" {
		mark, own = c.glyphs.idle, "  "+own
	}
	return mark + " " + c.self.Name.String() + own + "  " + c.serverWords()
}

// drawHints draws the keys that make sense where one is.
func (c *Console) drawHints(a area) {
	x := 1
	for _, hint := range c.hints() {
		if x+width(hint) > a.w {
			return
		}
		x = a.text(x, 0, dim, hint) + 2
	}
}

func (c *Console) hints() []string {
	switch {
	case c.page != nil:
		return c.page.hints()
	case c.focused == inPeople:
		return append(strings.Split(c.words.ListHints, "|"), c.commandHints()...)
	}
	return c.commandHints()
}

// focus moves the keys to a part of the screen.
func (c *Console) focus(p place) {
	c.focused = p
	if p == inPeople && c.list.at(c.list.cursor) < 0 {
		c.list.move(1)
	}
}

// afterDraw tells the node and the terminal what the person now sees.
func (c *Console) afterDraw() {
	c.setTitle()
	m, ok := c.messages.lastSeen()
	if !ok || !c.screen.focused() || c.page != nil || !c.chatVisible() || before(m.Position, c.open.read) <= 0 {
		return
	}
	c.open.read = m.Position
	id := c.open.id
	c.tell(c.writes, func(ctx context.Context) error { return c.node.MarkRead(ctx, id, m.Position) })
}

// chatVisible reports whether the conversation has room on the screen.
func (c *Console) chatVisible() bool {
	w, h := c.screen.Size()
	return h >= leastHeight && (w >= onePane || w >= leastWidth && c.focused == inCompose)
}

func (c *Console) setTitle() {
	title := "Earshot"
	if c.open != nil {
		if p, ok := c.people[c.open.person]; ok {
			title += " - " + nameOf(p)
		}
	}
	if n := c.news; n > 0 {
		title = fmt.Sprintf("(%s) %s", atLeast(n, c.newsMore), title)
	}
	c.screen.SetTitle(title)
}
