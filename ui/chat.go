package ui

import (
	"bytes"
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

const (
	// pageSize is how many messages are read at once.
	pageSize = 200
	// windowSize is how many are kept in memory; the rest is read again when it
	// is scrolled to.
	windowSize = 1000
	// edge is how near the end of the window the next page is read.
	edge = 60
)

// chat is one conversation: a window over its history, where the person stands
// in it, and what is being written.
type chat struct {
	id     node.Conversation
	person peer.ID
	draft  string
	back   string // how draft begins: what was not sent and came back

	items        []item // oldest first
	loaded       bool
	older, newer bool // the history goes on before and after the window
	fetching     bool
	broken       bool    // a page could not be read: not asked for again and again
	early        []early // what happened while a page was read
	window       int     // counts windows: an answer for an earlier one is dropped

	follow bool // the newest message stays in view
	anchor int  // else: the item whose last rows are at the bottom of the view,
	hidden int  // and how many of its rows are below
	jump   jump // where to go when the next draw knows the size

	firstNew messageID // above this message stands "new messages"
	news     int
	below    int // came while the person looked further up
	found    messageID
	read     node.Position // what the node was told is read
}

// item is a message, or a quiet line between messages.
type item struct {
	message node.Message
	note    string
	at      time.Time
}

// messageID names a message: an author draws the UUIDs of their own messages, and
// may draw one that somebody else has.
type messageID struct {
	author peer.ID
	id     uuid.UUID
}

func idOfMessage(m node.Message) messageID { return messageID{m.From.ID, m.ID} }

// early is a message that came, or whose state changed, while a page was read
// that may not show it yet.
type early struct {
	message node.Message
	added   bool
}

// jump brings a message into view.
type jump struct {
	to   messageID
	part int // the message's place: after so many thirds of the view
}

// before orders positions as the node does.
func before(a, b node.Position) int {
	return cmp.Or(cmp.Compare(a.Clock, b.Clock), a.Author.Compare(b.Author), bytes.Compare(a.ID[:], b.ID[:]))
}

// justBefore is the last position before p.
func justBefore(p node.Position) node.Position {
	for i := len(p.ID) - 1; i >= 0; i-- {
		if p.ID[i]--; p.ID[i] != 0xff {
			break // nothing was borrowed from the byte before
		}
	}
	return p
}

func newChat(person peer.ID) *chat {
	return &chat{id: node.Direct(person), person: person, follow: true}
}

// forget drops the window: it is read again when it is needed.
func (ch *chat) forget() {
	ch.items, ch.loaded, ch.older, ch.newer, ch.fetching = nil, false, false, false, false
	ch.follow, ch.jump, ch.below, ch.early, ch.broken = true, jump{}, 0, nil, false
	ch.window++
}

// newest is the last message of the window.
func (ch *chat) newest() (node.Message, bool) {
	for i := len(ch.items) - 1; i >= 0; i-- {
		if ch.items[i].note == "" {
			return ch.items[i].message, true
		}
	}
	return node.Message{}, false
}

// oldest is the first message of the window.
func (ch *chat) oldest() (node.Message, bool) {
	for _, it := range ch.items {
		if it.note == "" {
			return it.message, true
		}
	}
	return node.Message{}, false
}

// index is where a message stands in the window, -1 when it does not.
func (ch *chat) index(id messageID) int {
	for i := len(ch.items) - 1; i >= 0; i-- {
		if m := &ch.items[i].message; m.ID == id.id && m.From.ID == id.author && ch.items[i].note == "" {
			return i
		}
	}
	return -1
}

// replace takes over a message's newer state.
func (ch *chat) replace(m node.Message) bool {
	i := ch.index(idOfMessage(m))
	if i >= 0 {
		ch.items[i].message = m
	}
	return i >= 0
}

// changed takes over a message's newer state, also of one that is just being
// read.
func (ch *chat) changed(m node.Message) {
	if !ch.replace(m) && ch.fetching {
		ch.early = append(ch.early, early{message: m})
	}
}

// catchUp applies what happened while a page was read.
func (ch *chat) catchUp() {
	missed := ch.early
	ch.fetching, ch.early = false, nil
	for _, e := range missed {
		if e.added {
			ch.add(e.message, false)
		} else {
			ch.replace(e.message)
		}
	}
}

// add puts a new message where it belongs; seen says that the person sees it
// come.
func (ch *chat) add(m node.Message, seen bool) {
	if ch.replace(m) {
		return
	}
	last, some := ch.newest()
	if !ch.loaded || ch.newer && some && before(m.Position, last.Position) > 0 {
		if ch.fetching {
			ch.early = append(ch.early, early{m, true})
		}
		if ch.loaded && !m.Mine {
			ch.below++
		}
		return
	}
	at := len(ch.items)
	if some && before(m.Position, last.Position) < 0 {
		for at > 0 && (ch.items[at-1].note != "" || before(ch.items[at-1].message.Position, m.Position) > 0) {
			at--
		}
	}
	ch.insert(at, item{message: m, at: m.At})
	switch {
	case m.Mine: // whoever writes has read
		ch.follow, ch.below = true, 0
		ch.firstNew, ch.news = messageID{}, 0
	case !seen:
		if ch.news++; ch.firstNew == (messageID{}) {
			ch.firstNew = idOfMessage(m)
		}
	}
	if !ch.follow && !m.Mine {
		ch.below++
	}
	ch.trim()
}

// giveBack is what a line becomes when a text could not be sent: it stands above
// what was written since, below what came back before.
func (ch *chat) giveBack(line, text string) string {
	rest, ok := strings.CutPrefix(line, ch.back)
	if !ok || ch.back == "" || rest != "" && rest[0] != '\n' {
		ch.back, rest = text, line
		if line != "" {
			rest = "\n" + line
		}
		return ch.back + rest
	}
	ch.back += "\n" + text
	return ch.back + rest
}

// note adds a quiet line at the end.
func (ch *chat) note(text string, at time.Time) {
	if ch.loaded && !ch.newer {
		ch.insert(len(ch.items), item{note: text, at: at})
		ch.trim()
	}
}

func (ch *chat) insert(at int, it item) {
	ch.items = append(ch.items, item{})
	copy(ch.items[at+1:], ch.items[at:])
	ch.items[at] = it
	if !ch.follow && at <= ch.anchor {
		ch.anchor++
	}
}

// trim drops what is furthest from the view when the window has grown too long.
func (ch *chat) trim() {
	extra := len(ch.items) - windowSize
	if extra <= 0 {
		return
	}
	if ch.follow || ch.anchor > windowSize/2 {
		ch.items = append([]item(nil), ch.items[extra:]...)
		ch.anchor = max(0, ch.anchor-extra)
		ch.older = true
		return
	}
	ch.items = ch.items[:windowSize]
	ch.newer = true
}

// fill puts a page before or after the window.
func (ch *chat) fill(page []node.Message, after bool) {
	items := itemsOf(page)
	more := len(page) >= pageSize
	if after {
		ch.items, ch.newer = append(ch.items, items...), more
	} else {
		ch.items, ch.older = append(items, ch.items...), more
		ch.anchor += len(items)
	}
	ch.trim()
}

func itemsOf(page []node.Message) []item {
	items := make([]item, 0, len(page))
	for _, m := range page {
		items = append(items, item{message: m, at: m.At})
	}
	return items
}

// markNew finds the first message that nobody read, and brings it into view.
func (ch *chat) markNew() {
	ch.firstNew, ch.news = messageID{}, 0
	for _, it := range ch.items {
		m := it.message
		if it.note != "" || m.Mine || m.State == node.Read || before(m.Position, ch.read) <= 0 {
			continue
		}
		if ch.news++; ch.firstNew == (messageID{}) {
			ch.firstNew = idOfMessage(m)
		}
	}
	if ch.firstNew != (messageID{}) {
		ch.jump = jump{to: ch.firstNew, part: 1}
	}
}

// show opens the conversation with a person.
func (c *Console) show(id peer.ID) {
	ch := c.chats[node.Direct(id)]
	if ch == nil {
		ch = newChat(id)
		c.chats[ch.id] = ch
	}
	if ch == c.open {
		return
	}
	if c.open == nil && ch.draft == "" {
		ch.draft = c.compose.text() // written before anybody was chosen
	}
	c.leaveChat()
	c.open = ch
	c.compose.set(ch.draft)
	c.list.cursor = id
	c.tell(c.writes, func(ctx context.Context) error { return c.node.Watch(ctx, ch.id) })
	if !ch.loaded {
		c.load(ch)
		return
	}
	ch.follow, ch.below = true, 0
	ch.markNew()
}

// leaveChat puts the open conversation away, with its draft.
func (c *Console) leaveChat() {
	if c.open == nil {
		return
	}
	c.open.draft = c.compose.text()
	c.open.firstNew, c.open.news, c.open.found = messageID{}, 0, messageID{}
	c.messages.forget()
	if c.open.newer || len(c.open.items) > 2*pageSize {
		c.open.forget()
	}
	c.open = nil
}

// load reads the newest page of a conversation.
func (c *Console) load(ch *chat) {
	ch.fetching = true
	window := ch.window
	ask := node.History{Conversation: ch.id, Limit: pageSize}
	call(c, func(ctx context.Context) ([]node.Message, error) {
		return c.node.History(ctx, ask)
	}, func(page []node.Message, err error) {
		if ch.window != window {
			return
		}
		if err != nil {
			ch.fetching, ch.broken = false, true
			c.failure(err)
			return
		}
		ch.items, ch.older, ch.newer, ch.loaded = itemsOf(page), len(page) >= pageSize, false, true
		ch.follow = true
		ch.catchUp()
		ch.markNew()
	})
}

// loadMore reads the page before or after the window.
func (c *Console) loadMore(ch *chat, after bool) {
	edgeOf := ch.oldest
	if after {
		edgeOf = ch.newest
	}
	m, some := edgeOf()
	if ch.fetching || ch.broken || !some {
		return
	}
	ch.fetching = true
	window := ch.window
	ask := node.History{Conversation: ch.id, Limit: pageSize}
	if after {
		ask.After = &m.Position
	} else {
		ask.Before = &m.Position
	}
	call(c, func(ctx context.Context) ([]node.Message, error) {
		return c.node.History(ctx, ask)
	}, func(page []node.Message, err error) {
		if ch.window != window {
			return
		}
		if err != nil {
			ch.fetching, ch.broken = false, true
			c.failure(err)
			return
		}
		ch.fill(page, after)
		ch.catchUp()
	})
}

// loadAround shows the part of a conversation around one of its messages.
func (c *Console) loadAround(ch *chat, m node.Message) {
	if ch.index(idOfMessage(m)) >= 0 {
		ch.found = idOfMessage(m)
		ch.jump = jump{to: ch.found, part: 1}
		return
	}
	c.readAround(ch, m, func() {
		ch.found = idOfMessage(m)
		ch.jump = jump{to: ch.found, part: 1}
	})
}

// reread reads the open conversation anew and leaves the person where he was in
// it.
func (c *Console) reread(ch *chat) {
	if ch.follow || ch.anchor >= len(ch.items) || ch.items[ch.anchor].note != "" {
		ch.forget()
		c.load(ch)
		return
	}
	m, hidden := ch.items[ch.anchor].message, ch.hidden
	c.readAround(ch, m, func() {
		if i := ch.index(idOfMessage(m)); i >= 0 {
			ch.follow, ch.anchor, ch.hidden = false, i, hidden
		}
	})
}

// readAround reads the part of a conversation around one of its messages; then
// puts the view there.
func (c *Console) readAround(ch *chat, m node.Message, then func()) {
	ch.forget()
	ch.fetching = true
	window := ch.window
	from := justBefore(m.Position)
	earlier := node.History{Conversation: ch.id, Before: &m.Position, Limit: pageSize}
	later := node.History{Conversation: ch.id, After: &from, Limit: pageSize} // with m as it is now
	call(c, func(ctx context.Context) ([2][]node.Message, error) {
		before, err := c.node.History(ctx, earlier)
		if err != nil {
			return [2][]node.Message{}, err
		}
		after, err := c.node.History(ctx, later)
		return [2][]node.Message{before, after}, err
	}, func(pages [2][]node.Message, err error) {
		if ch.window != window {
			return
		}
		if err != nil {
			ch.fetching, ch.broken = false, true
			c.failure(err)
			return
		}
		ch.items = append(itemsOf(pages[0]), itemsOf(pages[1])...)
		ch.older, ch.newer, ch.loaded = len(pages[0]) >= pageSize, len(pages[1]) >= pageSize, true
		then()
		ch.catchUp()
	})
}
