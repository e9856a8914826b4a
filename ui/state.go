package ui

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

// state is what the node told: who is there, what is on its way, what was
// written. It is a copy to draw from; the node knows.
type state struct {
	self      node.Self
	known     bool // the node's state was read
	people    map[peer.ID]node.Person
	account   account
	transfers transferList
	chats     map[node.Conversation]*chat
	open      *chat           // the conversation on the screen; nil: none
	put       map[string]bool // requests that were put off
	notices   []node.Message  // the newest announcements, oldest first
	rung      map[node.Conversation]time.Time

	notice  string    // one line for the person, in the status bar
	fault   bool      // it says what went wrong, and stays until it was seen
	cut     bool      // there was no room for all of it
	noticed int       // counts notices
	arrival string    // who came or left last
	quiet   bool      // nobody wants to know
	pressed time.Time // when Ctrl+C was pressed last
	leaving bool
}

func newState() state {
	return state{
		people:    map[peer.ID]node.Person{},
		account:   newAccount(),
		transfers: newTransferList(),
		chats:     map[node.Conversation]*chat{},
		put:       map[string]bool{},
		rung:      map[node.Conversation]time.Time{},
	}
}

// begin takes over what was read whole: at the start, and after events were
// lost.
func (c *Console) begin(self node.Self, people []node.Person, transfers []node.Transfer) {
	first := !c.known
	c.self, c.known = self, true
	clear(c.people)
	for _, p := range people {
		c.people[p.ID] = p
	}
	c.transfers.reset(transfers)
	c.list.stale = true
	c.readAccount()
	c.readServers()
	for _, ch := range c.chats {
		if ch != c.open {
			ch.forget()
		}
	}
	if c.open != nil {
		c.reread(c.open)
	}
	if !first {
		return
	}
	if wait := nobodyAfter - c.now().Sub(self.Started); wait > 0 {
		c.after(wait, func() {}) // the empty list says more then
	}
	if !self.Named {
		c.askName()
	}
	c.sayUnfinished()
}

// sayUnfinished tells at the start what goes on by itself from last time.
func (c *Console) sayUnfinished() {
	n := 0
	for _, t := range c.transfers.going() {
		if t.State != "offered" && t.State != "paused" {
			n++
		}
	}
	if n > 0 {
		c.say(c.words.Unfinished.of(n))
	}
}

// apply takes over what happened.
func (c *Console) apply(events []node.Event) {
	for _, ev := range events {
		switch ev.Kind {
		case node.Ready, node.SelfChanged:
			if ev.Self != nil {
				c.self = *ev.Self
				c.welcomed()
			}
		case node.PeerUp, node.PeerDown, node.PeerChanged:
			if ev.Person != nil {
				c.applyPerson(*ev.Person)
			}
		case node.MessageAdded, node.OfferReceived:
			if ev.Message != nil {
				c.applyMessage(*ev.Message)
			}
		case node.AnnouncementAdded:
			if ev.Message != nil {
				c.applyNotice(*ev.Message)
			}
		case node.StateChanged:
			if ev.Message != nil {
				c.applyState(*ev.Message)
			}
		case node.TransferMoved, node.ReceiptNoted:
			if ev.Transfer != nil {
				c.applyTransfer(*ev.Transfer)
			}
		case node.AccountChanged, node.SignedOut, node.PresenceChanged, node.FriendRequest, node.FriendsChanged, node.ServersFound:
			c.applyAccount(ev)
		case node.Failed:
			c.complain(ev.Error.String())
		case node.Resync:
			if ev.Self != nil {
				c.followed(*ev.Self)
			}
		}
	}
}

// followed says that the node behind the screen is another one now. What was
// complained about is over with it.
func (c *Console) followed(self node.Self) {
	c.self = self
	if c.owner() {
		c.say(c.words.TookOver)
	} else {
		c.say(c.words.MovedOn)
	}
}

// settling is how long after a node's start those who come are no news: they
// were there before.
const settling = 10 * time.Second

func (c *Console) applyPerson(p node.Person) {
	before := c.people[p.ID]
	c.people[p.ID] = p
	c.list.stale = true
	if before.Here() == p.Here() || !p.Face.IsZero() || c.quiet || c.now().Sub(c.self.Started) < settling {
		return
	}
	came := c.words.CameIn
	if !p.Here() {
		came = c.words.Left
	}
	c.arrival = came.with(nameOf(p), c.clock(c.now()))
	if ch := c.chats[node.Direct(p.ID)]; ch != nil {
		ch.note(c.arrival, c.now())
	}
}

func (c *Console) applyMessage(m node.Message) {
	ch := c.chats[m.Conversation]
	looking := ch != nil && ch == c.open && c.screen.focused()
	if ch != nil {
		ch.add(m, looking && ch.follow)
	}
	if ch != nil && ch != c.open && len(ch.items) > 2*pageSize {
		ch.forget() // nobody looks: it is read again when it is opened
	}
	if !m.Mine && !c.screen.focused() {
		c.ring(m.Conversation)
	}
}

// ringPause is the least time between two bells for one conversation.
const ringPause = 30 * time.Second

// ring sounds the terminal's bell for somebody who looks elsewhere.
func (c *Console) ring(conversation node.Conversation) {
	now := c.now()
	if now.Sub(c.rung[conversation]) < ringPause {
		return
	}
	c.rung[conversation] = now
	c.screen.Beep() // a terminal that cannot stays silent
}

func (c *Console) applyState(m node.Message) {
	if ch := c.chats[m.Conversation]; ch != nil {
		ch.changed(m)
	}
}

func (c *Console) applyTransfer(t node.Transfer) {
	before, had := c.transfers.put(t)
	if had && before.State != t.State && finished(t) {
		c.say(c.words.transfer(t) + ": " + t.Name.String())
	}
}

// unread is how many messages nobody looked at yet; more where they were not counted
// to the end.
func (c *Console) unread() (n int, more bool) {
	for _, p := range c.people {
		unread := c.unreadOf(p)
		n += unread
		more = more || unread >= node.MaxUnread
	}
	return n, more
}

// atLeast is a number of unread messages, "1000+" where there may be more.
func atLeast(n int, more bool) string {
	if more {
		return strconv.Itoa(n) + "+"
	}
	return strconv.Itoa(n)
}

// unreadOf is a person's unread messages; what is on the screen is being read.
func (c *Console) unreadOf(p node.Person) int {
	if c.open != nil && c.open.person == p.ID && c.open.follow && c.screen.focused() {
		return 0
	}
	return p.Unread
}

// noticeTime is how long a notice stays.
const noticeTime = 4 * time.Second

// say shows a line for a moment.
func (c *Console) say(text string) { c.sayFor(noticeTime, text) }

func (c *Console) sayFor(d time.Duration, text string) {
	c.notice, c.fault = text, false
	c.noticed++
	mine := c.noticed
	c.after(d, func() {
		if c.noticed == mine {
			c.notice = ""
		}
	})
}

// complain shows what went wrong, and what to do, until the person saw it.
func (c *Console) complain(text string) {
	c.notice, c.fault = strings.Join(strings.Fields(text), " "), true
	c.noticed++
}

// seen takes away what was complained about.
func (c *Console) seen() bool {
	was := c.notice != ""
	c.notice, c.fault = "", false
	return was
}

// welcomed closes the form of the first start where another screen was faster.
func (c *Console) welcomed() {
	if c.welcome != nil && c.self.Named && c.dialog == c.welcome {
		c.welcome.close()
		c.focus(inPeople)
	}
}

// failure shows an error of the node in words.
func (c *Console) failure(err error) { c.complain(c.why(err)) }

// folderError says that a folder cannot be used, and why.
type folderError struct {
	path string
	err  error
}

func (e folderError) Error() string { return e.path + ": " + e.err.Error() }
func (e folderError) Unwrap() error { return e.err }

// why is an error of the node in words.
func (c *Console) why(err error) string {
	w := c.words
	switch {
	case errors.Is(err, node.ErrKeyChanged):
		return w.ErrKeyChanged
	case errors.Is(err, node.ErrNoSuchPeer):
		return w.ErrNoSuchPeer
	case errors.Is(err, node.ErrNoSuchOffer), errors.Is(err, node.ErrWrongState):
		return w.ErrTooLate
	case errors.Is(err, node.ErrStopped):
		return w.ErrStopped
	}
	for _, trouble := range accountTroubles {
		if errors.Is(err, trouble) {
			return w.Causes[trouble.Error()]
		}
	}
	because := peer.Line(err.Error(), 200).String()
	if cause := node.Cause(err); cause != nil {
		if words, ok := w.Causes[cause.Error()]; ok {
			because = words
		}
	}
	var folder folderError
	switch {
	case errors.As(err, &folder):
		return w.ErrFolder.with(peer.Line(short(folder.path), 0).String(), because)
	case errors.Is(err, node.ErrUnsendable):
		return w.ErrUnsendable.with(strings.TrimPrefix(because, node.ErrUnsendable.Error()+": "))
	}
	return w.ErrOther.with(because)
}

// clock is the time of day in the console's location.
func (c *Console) clock(t time.Time) string {
	return t.In(c.now().Location()).Format("15:04")
}
