package ui

import (
	"slices"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"

	"earshot/internal/node"
	"earshot/peer"
)

// peopleList is the list of everybody who is here, and of those one knows.
type peopleList struct {
	c      *Console
	cursor peer.ID
	folded map[peer.ID]foldedName
	stale  bool // the rows must be made anew
	rows   []personRow
	top    int
	drawn  area
}

// personRow is a heading or a person.
type personRow struct {
	heading string
	person  node.Person
}

// foldedName is a name as it is sorted by. Folding is dear, names change rarely.
type foldedName struct{ name, folded string }

// nobodyAfter is how long the list waits before it says what to do about being
// empty.
const nobodyAfter = 10 * time.Second

// refresh sorts everybody into the sections. Those who imitate somebody verified
// stand apart, so that nobody takes one for the other.
func (l *peopleList) refresh() {
	if !l.stale {
		return
	}
	l.stale = false
	var here, away, imitators []node.Person
	for _, p := range l.c.people {
		switch {
		case !p.Face.IsZero(): // the person is listed by another device
		case p.Imitates:
			imitators = append(imitators, p)
		case p.Here():
			here = append(here, p)
		default:
			away = append(away, p)
		}
	}
	w := l.c.words
	l.rows = l.rows[:0]
	l.section(w.HereNow, here)
	l.section(w.AwaySection, away)
	l.section(w.Imitators, imitators)
}

// section adds people under a heading: with unread messages first, then those
// one knows, then by name.
func (l *peopleList) section(heading string, people []node.Person) {
	if len(people) == 0 {
		return
	}
	order := make([]sortedPerson, len(people))
	for i, p := range people {
		order[i] = sortedPerson{l.pressing(p), p.Contact, l.fold(p), &people[i]}
	}
	slices.SortFunc(order, sortedPerson.compare)
	l.rows = append(l.rows, personRow{heading: heading})
	for _, s := range order {
		l.rows = append(l.rows, personRow{person: *s.person})
	}
}

// sortedPerson is what a person is sorted by.
type sortedPerson struct {
	pressing, contact bool
	name              string
	person            *node.Person
}

func (a sortedPerson) compare(b sortedPerson) int {
	if a.pressing != b.pressing {
		return compareBool(b.pressing, a.pressing)
	}
	if a.contact != b.contact {
		return compareBool(b.contact, a.contact)
	}
	if n := strings.Compare(a.name, b.name); n != 0 {
		return n
	}
	return a.person.ID.Compare(b.person.ID)
}

func (l *peopleList) fold(p node.Person) string {
	have, ok := l.folded[p.ID]
	if !ok || have.name != p.Name.String() {
		have = foldedName{p.Name.String(), peer.FoldName(p.Name.String())}
		l.folded[p.ID] = have
	}
	return have.folded
}

// pressing people have unread messages. The one whose messages are just being
// read stays among them until the conversation is left: rows that move under
// somebody's fingers are worse than a wrong order.
func (l *peopleList) pressing(p node.Person) bool {
	open := l.c.open
	return l.c.unreadOf(p) > 0 || open != nil && open.person == p.ID && open.news > 0
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// at is the row of a person, -1 for none.
func (l *peopleList) at(id peer.ID) int {
	return slices.IndexFunc(l.rows, func(r personRow) bool { return r.heading == "" && r.person.ID == id })
}

// move puts the cursor n people further, not past the ends.
func (l *peopleList) move(n int) {
	l.refresh()
	step := 1
	if n < 0 {
		step = -1
	}
	at := l.at(l.cursor)
	if at < 0 && n > 0 {
		n = 1
	}
	for i := at + step; i >= 0 && i < len(l.rows) && n != 0; i += step {
		if l.rows[i].heading == "" {
			l.cursor = l.rows[i].person.ID
			n -= step
		}
	}
}

// neighbour is the person n further than the open conversation's, around the
// ends.
func (l *peopleList) neighbour(n int, suits func(node.Person) bool) (peer.ID, bool) {
	l.refresh()
	at := -1
	if l.c.open != nil {
		at = l.at(l.c.open.person)
	}
	if at < 0 && n < 0 {
		at = 0
	}
	for i := range len(l.rows) {
		row := l.rows[((at+n*(i+1))%len(l.rows)+len(l.rows))%len(l.rows)]
		if row.heading == "" && suits(row.person) {
			return row.person.ID, true
		}
	}
	return peer.ID{}, false
}

// key handles a key while the list has the focus.
func (l *peopleList) key(ev *tcell.EventKey) {
	switch ev.Key() {
	case tcell.KeyUp:
		l.move(-1)
	case tcell.KeyDown:
		l.move(1)
	case tcell.KeyPgUp:
		l.move(-max(1, l.drawn.h-2))
	case tcell.KeyPgDn:
		l.move(max(1, l.drawn.h-2))
	case tcell.KeyHome:
		l.move(-len(l.rows))
	case tcell.KeyEnd:
		l.move(len(l.rows))
	case tcell.KeyEnter:
		l.choose()
	case tcell.KeyRune:
		switch {
		case ev.Modifiers()&tcell.ModAlt != 0 || ev.Rune() == ' ':
		case ev.Rune() == '?':
			l.c.help("")
		default:
			l.c.find(string(ev.Rune()))
		}
	}
}

// choose opens the conversation at the cursor.
func (l *peopleList) choose() {
	if l.at(l.cursor) >= 0 {
		l.c.show(l.cursor)
		l.c.focus(inCompose)
	}
}

// click opens the conversation in a row of the screen.
func (l *peopleList) click(y int) {
	i := l.top + y - l.drawn.y - 1
	if i >= 0 && i < len(l.rows) && l.rows[i].heading == "" {
		l.cursor = l.rows[i].person.ID
		l.choose()
		return
	}
	l.c.focus(inPeople)
}

// draw draws the heading, the rows around the cursor and who came or left last.
func (l *peopleList) draw(a area) {
	l.drawn = a
	l.refresh()
	w := l.c.words
	online := 0
	for _, r := range l.rows {
		if r.heading == "" && r.person.Here() {
			online++
		}
	}
	end := a.text(1, 0, bold, fit(w.People, a.w-2, l.c.glyphs.more))
	if count := w.Online.with(online); end+2+width(count) < a.w {
		a.right(a.w-1, 0, bold, count)
	}
	room := a.h - 1
	if len(l.rows) == 0 {
		l.drawEmpty(a.part(0, 1, a.w, room))
		return
	}
	if l.c.arrival != "" && !l.c.quiet && len(l.rows)+1 < room {
		room--
		a.text(1, a.h-1, dim, fit(l.c.arrival, a.w-2, l.c.glyphs.more))
	}
	if l.c.focused == inPeople && l.at(l.cursor) < 0 {
		l.move(1) // the first one is chosen as soon as there is one
	}
	l.scroll(room)
	for y := 0; y < room && l.top+y < len(l.rows); y++ {
		l.drawRow(a.row(y+1), l.rows[l.top+y])
	}
}

// scroll keeps the cursor in view.
func (l *peopleList) scroll(room int) {
	at := l.at(l.cursor)
	if at < 0 && l.c.open != nil {
		at = l.at(l.c.open.person)
	}
	if at >= 0 {
		l.top = min(l.top, max(0, at-1))
		l.top = max(l.top, at-room+1)
	}
	l.top = max(0, min(l.top, len(l.rows)-room))
}

func (l *peopleList) drawEmpty(a area) {
	w := l.c.words
	text := w.Looking
	if l.c.known && !l.c.self.Hidden && l.c.now().Sub(l.c.self.Started) >= nobodyAfter {
		text = w.Nobody
	}
	for y, row := range wrap(text, a.w-2) {
		a.text(1, y+1, dim, row)
	}
}

func (l *peopleList) drawRow(a area, r personRow) {
	g := l.c.glyphs
	if r.heading != "" {
		a.text(1, 0, dim, fit(r.heading, a.w-2, g.more))
		return
	}
	p := r.person
	style := plain
	unread := l.c.unreadOf(p)
	if unread > 0 {
		style = bold
	}
	isOpen := l.c.open != nil && l.c.open.person == p.ID
	if l.c.focused == inPeople && l.cursor == p.ID || l.c.focused != inPeople && isOpen {
		style = style.Reverse(true)
		a.fill(style)
	}
	if isOpen {
		a.text(0, 0, style, g.open)
	}
	marks := l.marks(p, unread)
	a.text(1, 0, style, l.presence(p))
	room := a.w - 4 - width(marks) - 1
	end := a.text(3, 0, style, fit(nameOf(p), room, g.more))
	about := l.c.presenceOf(p)
	if about == "" {
		about = p.Team.String()
	}
	if about != "" && end+2+width(about) <= 3+room {
		a.text(end+2, 0, style.Bold(false).Dim(true), about)
	}
	a.right(a.w-1, 0, style, marks)
}

// marks says beside a name: a draft, verified, unread messages.
func (l *peopleList) marks(p node.Person, unread int) string {
	g := l.c.glyphs
	var marks []string
	if ch := l.c.chats[node.Direct(p.ID)]; ch != nil && ch != l.c.open && ch.draft != "" {
		marks = append(marks, g.draft)
	}
	if p.Imitates || p.Older || !p.Alarm.IsZero() {
		marks = append(marks, g.warn)
	} else if p.Verified {
		marks = append(marks, g.verified)
	}
	if unread > 0 {
		marks = append(marks, atLeast(unread, unread >= node.MaxUnread))
	}
	return strings.Join(marks, " ")
}

func (l *peopleList) presence(p node.Person) string {
	switch f := l.c.account.friends[p.Account]; {
	case !p.Here():
		return l.c.glyphs.away
	case p.Account != "" && l.c.words.Presences[string(f.Presence)] != "":
		return l.c.glyphs.idle
	}
	return l.c.glyphs.online
}

// nameOf is a person's name, and the beginning of the ID where there is none.
func nameOf(p node.Person) string {
	if p.Name.IsZero() {
		return p.ID.String()[:8]
	}
	return p.Name.String()
}
