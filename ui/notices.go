package ui

import (
	"context"
	"slices"
	"strings"

	"earshot/internal/node"
)

// What administrators announce stands in the bar until the person has read it;
// /notices shows the newest ones again.

// noticesShown is how many of them are kept and shown.
const noticesShown = 20

// readNotices reads the newest announcements.
func (c *Console) readNotices() {
	ask := func(ctx context.Context) ([]node.Message, error) {
		return c.node.History(ctx, node.History{Conversation: node.Notices, Limit: noticesShown})
	}
	call(c, ask, func(all []node.Message, err error) {
		if err == nil { // else there is no server, and so no notice
			c.notices = all
		}
	})
}

// applyNotice takes over a new announcement.
func (c *Console) applyNotice(m node.Message) {
	c.notices = append(c.notices, m)
	if more := len(c.notices) - noticesShown; more > 0 {
		c.notices = c.notices[more:]
	}
	if !m.Mine && !c.screen.focused() {
		c.ring(m.Conversation)
	}
}

func unreadNotice(m node.Message) bool { return !m.Mine && m.State != node.Read }

// noticeRequest is the newest announcement that nobody has read here.
func (c *Console) noticeRequest() []request {
	for _, m := range slices.Backward(c.notices) {
		if unreadNotice(m) {
			bar := func() string {
				return c.words.NoticeBar.with(m.From.Name.String(), strings.ReplaceAll(m.Text.String(), "\n", " "))
			}
			return []request{{"notice " + m.ID.String(), true, m.At, bar, func() { c.showNotices("") }}}
		}
	}
	return nil
}

// showNotices shows the newest announcements, those that nobody has read first.
func (c *Console) showNotices(string) {
	w := c.words
	d := c.newDialog(w.NoticesTitle)
	if len(c.notices) == 0 {
		d.say(plain, w.NoNotices)
		d.gap()
	}
	for _, m := range slices.Backward(c.notices) {
		style := plain
		if unreadNotice(m) {
			style = bold
		}
		d.say(dim, m.From.Name.String()+w.Comma+c.moment(m.At))
		d.say(style, m.Text.String())
		d.gap()
	}
	d.choose(button{w.Close, c.noticesRead})
	d.start(0)
}

// noticesRead notes that the person has seen all announcements.
func (c *Console) noticesRead() {
	if len(c.notices) == 0 || !slices.ContainsFunc(c.notices, unreadNotice) {
		return
	}
	last := c.notices[len(c.notices)-1].Position
	for i := range c.notices {
		c.notices[i].State = node.Read
	}
	c.tell(c.writes, func(ctx context.Context) error { return c.node.MarkRead(ctx, node.Notices, last) })
}

// askAnnounce asks what is to be announced.
func (c *Console) askAnnounce() {
	w := c.words
	d := c.newDialog(w.AnnounceTitle)
	d.firm, d.escape = true, d.close
	text := d.ask(w.AnnounceLabel, "")
	d.say(plain, w.AnnounceText)
	d.gap()
	d.choose(button{w.AnnounceYes, func() {
		if text.text() == "" {
			d.start(0)
			return
		}
		d.close()
		c.announce(text.text())
	}}, button{w.Cancel, d.close})
	d.start(0)
}

// announce tells everybody of the realm something.
func (c *Console) announce(text string) {
	ask := func(ctx context.Context) (node.Message, error) { return c.node.Announce(ctx, text) }
	callIn(c.writes, ask, func(_ node.Message, err error) {
		if err != nil {
			c.failure(err)
			return
		}
		c.say(c.words.Announced)
	})
}
