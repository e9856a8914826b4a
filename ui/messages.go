package ui

import (
	"time"

	"github.com/gdamore/tcell/v2"

	"earshot/internal/node"
)

// messageList draws the open conversation from the bottom up: only what is in
// view is laid out, whatever the length of the history.
type messageList struct {
	c     *Console
	drawn area
	laid  map[messageID]laid
}

// laid is a message's lines and what they were made from.
type laid struct {
	from  look
	lines []line
}

// look is everything that a message's lines depend on.
type look struct {
	cells               int
	day, clock, name    string
	text, offer         string
	mark                string
	news                int // the unread line above says so many; 0: no such line
	mine, found, lively bool
}

// line is one row of the list.
type line struct {
	rule  bool // a caption in a horizontal line
	clock string
	name  string
	text  string
	mark  string
	at    int // column of the text
	style tcell.Style
	first tcell.Style // of the clock
	quote bool        // a mark at the left edge says that the text is somebody's
}

const (
	// laidMost bounds the cache of lines.
	laidMost = 4096
	// together is how soon after another a message of the same person shares the
	// name above it.
	together = 5 * time.Minute
	// narrow is the width under which the name has a row of its own.
	narrow = 50
	// lowest is how high a list must be for a place in it to mean something.
	lowest = 5
)

// forget drops the lines that were laid out.
func (l *messageList) forget() { clear(l.laid) }

// textColumn is where the text of messages begins: behind the time and the name
// there is nothing but text, so that no line of a message can pass for another
// message.
func textColumn(cells int) (text, name int) {
	switch {
	case cells < narrow:
		return 2, cells - 6
	case cells < 70:
		return 17, 10
	}
	return 20, 13
}

// lines is the rows of an item.
func (l *messageList) lines(ch *chat, i, cells int) []line {
	it := &ch.items[i]
	if it.note != "" {
		return []line{{text: fit(it.note, cells-2, l.c.glyphs.more), at: 1, style: dim}}
	}
	from, id := l.look(ch, i, cells), idOfMessage(it.message)
	if have, ok := l.laid[id]; ok && have.from == from {
		return have.lines
	}
	if len(l.laid) >= laidMost {
		clear(l.laid)
	}
	lines := l.lay(from)
	l.laid[id] = laid{from, lines}
	return lines
}

func (l *messageList) look(ch *chat, i, cells int) look {
	it := &ch.items[i]
	m := &it.message
	from := look{cells: cells, mine: m.Mine, found: idOfMessage(*m) == ch.found, clock: l.c.clock(m.At)}
	local := m.At.In(l.c.now().Location())
	previous := previousMessage(ch, i)
	if previous == nil || !sameDay(local, previous.At) {
		from.day = l.c.words.day(local, l.c.now())
	}
	if idOfMessage(*m) == ch.firstNew {
		from.news = max(1, ch.news)
	}
	if m.Skewed {
		from.clock += l.c.glyphs.draft
	}
	if m.Offer != nil {
		from.offer, from.lively = l.c.offerLine(*m)
		return from
	}
	shared := previous != nil && previous.Offer == nil && previous.From.ID == m.From.ID &&
		m.At.Sub(previous.At) < together && from.day == "" && from.news == 0
	if !shared {
		from.name = m.From.Name.String()
	}
	from.text, from.mark = m.Text.String(), l.c.markOf(*m)
	return from
}

func previousMessage(ch *chat, i int) *node.Message {
	for i--; i >= 0; i-- {
		if ch.items[i].note == "" {
			return &ch.items[i].message
		}
	}
	return nil
}

// lay makes the lines.
func (l *messageList) lay(from look) []line {
	var lines []line
	if from.day != "" {
		lines = append(lines, line{rule: true, text: from.day, style: dim})
	}
	if from.news > 0 {
		lines = append(lines, line{rule: true, text: l.c.words.NewMessages.of(from.news), style: alarm})
	}
	if from.offer != "" {
		return append(lines, l.layOffer(from)...)
	}
	return append(lines, l.layText(from)...)
}

func (l *messageList) layOffer(from look) (lines []line) {
	style := dim
	if from.lively {
		style = active
	}
	if from.found {
		style = reverse
	}
	for _, row := range wrap(from.offer, from.cells-3) {
		lines = append(lines, line{text: row, at: 1, style: style})
	}
	return lines
}

func (l *messageList) layText(from look) (lines []line) {
	column, nameCells := textColumn(from.cells)
	clockStyle := dim
	if from.found {
		clockStyle = reverse
	}
	head := line{clock: from.clock, name: fit(from.name, nameCells, l.c.glyphs.more), at: column, first: clockStyle}
	own := from.cells < narrow && (from.name != "" || from.found)
	if own {
		lines = append(lines, head)
	}
	cells := from.cells - column - 1
	for i, row := range wrap(from.text, cells) {
		one := line{at: column, quote: from.cells < narrow}
		if i == 0 && from.cells >= narrow {
			one = head
		}
		one.text = row
		lines = append(lines, one)
	}
	last := &lines[len(lines)-1]
	switch {
	case from.mark == "":
	case width(last.text)+1+width(from.mark) <= cells:
		last.mark = from.mark
	default:
		for _, row := range wrap(from.mark, cells) {
			lines = append(lines, line{at: column, mark: row, quote: from.cells < narrow})
		}
	}
	return lines
}

// markOf says behind a message of ours how far it got.
func (c *Console) markOf(m node.Message) string {
	if !m.Mine {
		return ""
	}
	switch m.State {
	case node.Delivered:
		return c.glyphs.delivered
	case node.Read:
		return c.glyphs.read
	}
	if p, ok := c.personOf(m.Conversation); ok && !p.Here() {
		return c.words.WaitingFor.with(nameOf(p))
	}
	if m.Why.IsZero() {
		return ""
	}
	return "(" + m.Why.String() + ")"
}

// offerLine is an offer as one sentence, with what became of it; lively while it
// moves or waits for the person.
func (c *Console) offerLine(m node.Message) (text string, lively bool) {
	size := bytesOf(m.Offer.Bytes)
	if m.Offer.Files > 1 {
		size = c.words.Files.of(m.Offer.Files) + c.words.Comma + size
	}
	name := c.marked(m.Offer.Name, m.Offer.Program)
	if m.Mine {
		text = c.words.YouSend.with(name, size)
	} else {
		text = c.words.TheySend.with(m.From.Name.String(), name, size)
	}
	t, ok := c.transfers.of(m.Offer.ID)
	if !ok || node.Direct(t.Peer.ID) != m.Conversation || (t.Direction == node.Sending) != m.Mine {
		return text, false
	}
	text += " - " + c.words.transfer(t)
	if !t.Skipped.IsZero() {
		text += " - " + c.words.NotSent.with(t.Skipped.String())
	}
	return text, !finished(t)
}

// draw draws what is in view.
func (l *messageList) draw(a area) {
	l.drawn = a
	ch := l.c.open
	if a.h < 1 || a.w < 4 || ch == nil {
		return
	}
	if !ch.loaded {
		a.text(1, a.h-1, dim, l.c.words.Loading)
		return
	}
	l.jump(ch)
	i, hidden := l.bottom(ch)
	y := a.h - 1
	for ; i >= 0 && y >= 0; i-- {
		lines := l.lines(ch, i, a.w)
		for n := len(lines) - 1 - hidden; n >= 0 && y >= 0; n-- {
			l.drawLine(a, y, lines[n])
			y--
		}
		hidden = 0
	}
	if ch.below > 0 && !ch.follow {
		l.drawBelow(a, ch)
	}
	if i < edge && ch.older {
		l.c.loadMore(ch, false)
	}
	if ch.newer && ch.anchor > len(ch.items)-edge {
		l.c.loadMore(ch, true)
	}
}

// bottom is the item at the bottom of the view, and how many of its rows are
// below it.
func (l *messageList) bottom(ch *chat) (item, hidden int) {
	if ch.follow || ch.anchor >= len(ch.items) {
		return len(ch.items) - 1, 0
	}
	return ch.anchor, ch.hidden
}

func (l *messageList) drawBelow(a area, ch *chat) {
	text := " " + l.c.glyphs.down + " " + l.c.words.Below.of(ch.below) + "   Ctrl+End "
	a.right(a.w-1, a.h-1, reverse, fit(text, a.w-2, l.c.glyphs.more))
}

func (l *messageList) drawLine(a area, y int, n line) {
	g := l.c.glyphs
	if n.rule {
		a.line(y, n.style, g.horizontal)
		a.caption(-1, y, n.style, fit(n.text, a.w-4, g.more))
		return
	}
	if n.quote {
		a.text(0, y, dim, g.quote)
	}
	a.text(0, y, n.first, n.clock)
	a.text(6, y, bold, n.name)
	end := a.text(n.at, y, n.style, n.text)
	if n.text != "" {
		end++
	}
	a.text(end, y, dim, n.mark)
}

// jump goes where the conversation asked to go, now that the size is known.
func (l *messageList) jump(ch *chat) {
	if ch.jump.to == (messageID{}) {
		return
	}
	at, room := ch.index(ch.jump.to), l.drawn.h-l.drawn.h*ch.jump.part/3
	ch.jump = jump{}
	if at < 0 || l.drawn.h < lowest {
		return
	}
	for i := at; i < len(ch.items); i++ {
		room -= len(l.lines(ch, i, l.drawn.w))
		if room <= 0 {
			ch.follow, ch.anchor, ch.hidden = false, i, -room
			l.settle(ch)
			return
		}
	}
	ch.follow = !ch.newer
	ch.anchor, ch.hidden = len(ch.items)-1, 0
}

// scroll moves the view up (n > 0) or down by so many rows.
func (l *messageList) scroll(n int) {
	ch := l.c.open
	if ch == nil || len(ch.items) == 0 {
		return
	}
	ch.anchor, ch.hidden = l.bottom(ch)
	ch.follow = false
	for ; n > 0; n-- {
		if ch.hidden++; ch.hidden < len(l.lines(ch, ch.anchor, l.drawn.w)) {
			continue
		}
		if ch.anchor == 0 {
			ch.hidden--
			break
		}
		ch.anchor, ch.hidden = ch.anchor-1, 0
	}
	for ; n < 0 && l.stepDown(ch); n++ {
	}
	l.settle(ch)
}

// stepDown moves the view down by a row, if there is one.
func (l *messageList) stepDown(ch *chat) bool {
	switch {
	case ch.hidden > 0:
		ch.hidden--
	case ch.anchor+1 < len(ch.items):
		ch.anchor++
		ch.hidden = len(l.lines(ch, ch.anchor, l.drawn.w)) - 1
	default:
		return false
	}
	return true
}

// settle keeps the view full, and follows the newest message where it is in
// view.
func (l *messageList) settle(ch *chat) {
	room := l.drawn.h
	for i, hidden := ch.anchor, ch.hidden; i >= 0 && room > 0; i-- {
		room -= len(l.lines(ch, i, l.drawn.w)) - hidden
		hidden = 0
	}
	for ; room > 0 && l.stepDown(ch); room-- {
	}
	if ch.anchor == len(ch.items)-1 && ch.hidden == 0 && !ch.newer {
		ch.follow, ch.below = true, 0
	}
}

// newest shows the end of the conversation.
func (l *messageList) newest() {
	ch := l.c.open
	switch {
	case ch == nil:
	case ch.newer:
		ch.forget()
		l.c.load(ch)
	default:
		ch.follow, ch.below = true, 0
	}
}

// oldest shows the oldest message that was read so far.
func (l *messageList) oldest() {
	if ch := l.c.open; ch != nil && len(ch.items) > 0 {
		ch.follow, ch.anchor, ch.hidden = false, 0, 0
		l.settle(ch)
	}
}

// lastSeen is the newest message in view: it and those before it are read.
func (l *messageList) lastSeen() (node.Message, bool) {
	ch := l.c.open
	if ch == nil || !ch.loaded || ch.jump.to != (messageID{}) || l.drawn.h < 1 {
		return node.Message{}, false
	}
	i, _ := l.bottom(ch)
	for ; i >= 0; i-- {
		if ch.items[i].note == "" {
			return ch.items[i].message, true
		}
	}
	return node.Message{}, false
}
