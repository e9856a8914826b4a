package ui

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// adminPage is everybody who has an account at the server, and who of them is there,
// with keys for what an administrator may do. It covers the people and the
// conversation while it is open, and is read anew now and then.
type adminPage struct {
	c       *Console
	rows    []accountRow
	there   int    // how many are on-line; they come first
	known   bool   // they were read
	reading bool   // there is one call at a time, however slow the server is
	stale   bool   // something was done meanwhile, which its answer may lack
	round   int    // counts what was read
	trouble string // why they were not; what was read before stays
	cursor  uuid.UUID
	row     int // where the cursor was last
	top     int
	room    int // how many accounts are in view
	drawn   area
}

// accountRow is an account, and its devices that are there.
type accountRow struct {
	node.ListedAccount
	online []node.OnlineDevice
}

// adminPause is how long the page shows what was read before it is read again.
const adminPause = 5 * time.Second

// administer opens the page. Whether somebody is an administrator the server says;
// who is none here would only be refused.
func (c *Console) administer(string) {
	switch {
	case !c.account.SignedIn:
		c.failure(node.ErrSignedOut)
	case !c.account.Admin:
		c.failure(node.ErrNotAdmin)
	case c.page != c.admin:
		c.page = c.admin
		c.seen()
		c.admin.read()
	}
}

// read has the accounts read, now and again after a pause while the page is open.
func (p *adminPage) read() {
	if p.reading {
		p.stale = true
		return
	}
	p.reading, p.stale = true, false
	call(p.c, p.c.readAccounts, func(rows []accountRow, err error) {
		p.reading = false
		p.take(rows, err)
		if p.stale {
			p.read()
			return
		}
		p.round++
		mine := p.round
		p.c.after(adminPause, func() {
			if p.c.page == p && p.round == mine {
				p.read()
			}
		})
	})
}

// take takes over what was read.
func (p *adminPage) take(rows []accountRow, err error) {
	if err != nil {
		p.trouble = p.c.why(err)
		return
	}
	p.rows, p.known, p.trouble, p.there = rows, true, "", 0
	for _, r := range rows {
		if len(r.online) > 0 {
			p.there++
		}
	}
}

// readAccounts asks the node who has an account and who is there. A worker runs it.
func (c *Console) readAccounts(ctx context.Context) ([]accountRow, error) {
	accounts, err := c.node.ListAccounts(ctx)
	if err != nil {
		return nil, err
	}
	devices, err := c.node.OnlineDevices(ctx)
	if err != nil {
		return nil, err
	}
	there := map[uuid.UUID][]node.OnlineDevice{}
	for _, d := range devices {
		there[d.Account] = append(there[d.Account], d)
	}
	rows := make([]accountRow, len(accounts))
	for i, a := range accounts {
		rows[i] = accountRow{a, there[a.Account]}
	}
	slices.SortFunc(rows, func(a, b accountRow) int {
		return cmp.Or(-compareBool(len(a.online) > 0, len(b.online) > 0), compareBool(a.Disabled, b.Disabled), strings.Compare(a.User.String(), b.User.String()))
	})
	return rows, nil
}

// at is the cursor's row; where its account is gone, the one in its place.
func (p *adminPage) at() int {
	i := slices.IndexFunc(p.rows, func(r accountRow) bool { return r.Account == p.cursor })
	if i < 0 {
		i = max(0, min(p.row, len(p.rows)-1))
	}
	p.row = i
	return i
}

func (p *adminPage) move(n int) {
	if len(p.rows) > 0 {
		p.cursor = p.rows[max(0, min(len(p.rows)-1, p.at()+n))].Account
	}
}

func (p *adminPage) click(y int) {
	if i := p.top + y - p.drawn.y - 2; i >= 0 && i < len(p.rows) {
		p.cursor = p.rows[i].Account
	}
}

func (p *adminPage) key(ev *tcell.EventKey) bool {
	key := keyName(ev)
	if n, ok := rowsMoved(key, p.room, len(p.rows)); ok {
		p.move(n)
		return true
	}
	switch key {
	case "F5":
		p.read()
	case "Ctrl+F", "F3":
		p.find()
	case "Enter", "Tab", "F6", "Shift+Tab":
	default:
		if ev.Key() != tcell.KeyRune {
			return false
		}
		p.rune(ev.Rune())
	}
	return true
}

// find moves the cursor to an account by any part of its names.
func (p *adminPage) find() {
	w := p.c.words
	d := p.c.newDialog(w.AdminFind)
	query := d.ask(">", "")
	d.gap()
	list := d.list(10)
	list.empty = w.NothingFound
	d.gap()
	d.say(dim, w.FindHint)
	query.changed = func(text string) { list.set(p.matches(d, peer.FoldName(strings.TrimSpace(text)))) }
	query.edited()
}

// matches are the accounts that a folded query fits, in the page's order.
func (p *adminPage) matches(d *dialog, query string) (all []choice) {
	for _, r := range p.rows {
		names := r.User.String() + " " + r.Name.String() + " " + r.Team.String()
		if !strings.Contains(peer.FoldName(names), query) {
			continue
		}
		all = append(all, choice{left: r.User.String(), middle: r.Name.String(), right: r.Team.String(), pick: func() {
			d.close()
			p.cursor = r.Account
		}})
	}
	return all
}

// adminKey is a key of the page.
type adminKey struct {
	key  rune
	word string                   // its hint is words.AdminKeys[word]
	fits func(a *accountRow) bool // whether it makes sense with the chosen account; nil: there is none
	do   func(c *Console, a *accountRow)
}

// adminKeys are the page's keys, in the order of the hint line.
var adminKeys = []adminKey{
	{'k', "kick", anAccount, func(c *Console, a *accountRow) { c.askStep(a.ListedAccount, node.KickAccount) }},
	{'d', "disable", anEnabled, func(c *Console, a *accountRow) { c.askStep(a.ListedAccount, node.DisableAccount) }},
	{'d', "enable", aDisabled, func(c *Console, a *accountRow) { c.takeStep(a.ListedAccount, node.EnableAccount) }},
	{'r', "reset", anAccount, func(c *Console, a *accountRow) { c.askStep(a.ListedAccount, node.ResetAccount) }},
	{'i', "invite", whoever, func(c *Console, _ *accountRow) { c.askInvite() }},
	{'m', "import", whoever, func(c *Console, _ *accountRow) { c.askImport() }},
	{'a', "announce", whoever, func(c *Console, _ *accountRow) { c.askAnnounce() }},
}

func whoever(*accountRow) bool     { return true }
func anAccount(a *accountRow) bool { return a != nil }
func anEnabled(a *accountRow) bool { return a != nil && !a.Disabled }
func aDisabled(a *accountRow) bool { return a != nil && a.Disabled }

func (p *adminPage) rune(r rune) {
	if r == '?' {
		p.c.help("")
		return
	}
	chosen := p.chosen()
	for _, k := range adminKeys {
		if k.key == r && k.fits(chosen) {
			k.do(p.c, chosen)
			return
		}
	}
}

// chosen is the account under the cursor; nil: there is none.
func (p *adminPage) chosen() *accountRow {
	if len(p.rows) == 0 {
		return nil
	}
	row := p.rows[p.at()]
	p.cursor = row.Account // the next list may have another one in its place
	return &row
}

// hints are the keys that make sense for the chosen account.
func (p *adminPage) hints() []string {
	var hints []string
	w, chosen := p.c.words, p.chosen()
	for _, k := range adminKeys {
		if k.fits(chosen) {
			hints = append(hints, string(k.key)+" "+w.AdminKeys[k.word])
		}
	}
	return append(hints, strings.Split(w.AdminHints, "|")...)
}

func (p *adminPage) draw(a area) {
	c := p.c
	p.drawn = a
	p.drawHead(a)
	a.line(1, dim, c.glyphs.horizontal)
	if len(p.rows) == 0 {
		if !p.known && p.trouble == "" {
			a.text(1, 2, dim, c.words.Loading)
		}
		return
	}
	room, at := a.h-2, p.at()
	if a.h >= detailRows+5 {
		room -= detailRows
		p.drawDetail(a.part(0, a.h-detailRows, a.w, detailRows), p.rows[at])
	}
	p.top, p.room = max(min(p.top, at), at-room+1), max(1, room)
	for y := 0; y < room && p.top+y < len(p.rows); y++ {
		row, style := a.row(y+2), plain
		if p.top+y == at {
			style = reverse
			row.fill(style)
		}
		c.drawAccount(row, p.rows[p.top+y], style)
	}
}

// drawHead says how many are there, or why that is not known.
func (p *adminPage) drawHead(a area) {
	c, style := p.c, bold
	text := c.words.AdminTitle + "   " + serverName(c.account.Server)
	if p.trouble != "" {
		text, style = c.glyphs.warn+" "+p.trouble, alarm.Bold(true)
	}
	count := ""
	if p.known {
		count = c.words.AdminCount.with(p.there, len(p.rows))
	}
	if width(text)+width(count)+4 > a.w && p.trouble != "" {
		count = "" // what went wrong comes first
	}
	end := a.right(a.w-1, 0, dim, count)
	a.text(1, 0, style, fit(text, max(0, end-3), c.glyphs.more))
}

// Cells of a row's columns, where there is room for them.
const (
	userCells     = 14
	teamCells     = 12
	standingCells = 24
)

// drawAccount draws one row: who it is on the left, and how the account stands on
// the right.
func (c *Console) drawAccount(a area, r accountRow, style tcell.Style) {
	mark, standing := c.glyphs.away, c.standing(r)
	right := style
	switch {
	case r.Disabled:
		mark, right = c.glyphs.warn, caution
	case len(r.online) > 0:
		mark, right = c.glyphs.online, good
	}
	if style != plain {
		right = style // of the cursor
	}
	end := a.right(a.w-1, 0, right, fit(standing, a.w*3/5, c.glyphs.more))
	left := mark + " " + r.User.String() + "  " + r.Name.String()
	if a.w >= onePane {
		left = mark + " " + pad(r.User.String(), userCells, c.glyphs.more) + "  "
		room := a.w - standingCells - teamCells - 5 - width(left)
		left += pad(r.Name.String(), max(0, room), c.glyphs.more) + "  " + r.Team.String()
	}
	a.text(1, 0, style, fit(left, max(0, end-3), c.glyphs.more))
}

// standing is where and since when somebody is there, or why not.
func (c *Console) standing(r accountRow) string {
	switch w := c.words; {
	case r.Disabled:
		return w.Disabled
	case len(r.online) > 0:
		return w.OnlineSince.with(r.online[0].Address.String(), c.moment(r.online[0].Since))
	case r.LastSeen.IsZero():
		return w.NeverHere
	default:
		return w.LastSeen.with(c.moment(r.LastSeen))
	}
}

// moment is the time of day, or a day that is not today.
func (c *Console) moment(t time.Time) string {
	t = t.In(c.now().Location())
	if sameDay(t, c.now()) {
		return t.Format("15:04")
	}
	return c.words.shortDay(t, c.now())
}

// drawDetail draws all that is known of the chosen account.
func (p *adminPage) drawDetail(a area, r accountRow) {
	c, w := p.c, p.c.words
	a.line(0, dim, c.glyphs.horizontal)
	a.caption(2, 0, dim, fit(r.User.String(), a.w-6, c.glyphs.more))
	about := []string{r.Name.String(), r.Team.String(), "", w.DevicesOf.of(r.Devices), ""}
	if r.Admin {
		about[2] = w.Administrator
	}
	if r.Disabled {
		about[4] = w.Disabled
	}
	lines := []string{strings.Join(slices.DeleteFunc(about, func(s string) bool { return s == "" }), w.Comma)}
	for _, d := range r.online {
		presence := cmp.Or(w.Presences[string(d.Presence)], w.Presences["be online"])
		lines = append(lines, w.OnlineSince.with(d.Address.String(), c.moment(d.Since))+w.Comma+presence+w.Comma+d.Device.String()[:8])
	}
	if len(r.online) == 0 {
		lines = append(lines, c.standing(accountRow{ListedAccount: node.ListedAccount{LastSeen: r.LastSeen}}))
	}
	if room := a.h - 1; len(lines) > room {
		lines = append(lines[:room-1], lines[room-1]+c.glyphs.more)
	}
	for i, line := range lines {
		a.text(1, i+1, plain, fit(line, a.w-2, c.glyphs.more))
	}
}
