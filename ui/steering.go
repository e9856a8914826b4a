package ui

import (
	"context"
	"strings"

	"earshot/internal/node"
	"earshot/peer"
)

// This file is what a person does with a transfer that goes on, or is over.

// toggle pauses what goes on, and lets what was paused go on where that is for the
// person here to say.
func (c *Console) toggle(t node.Transfer) {
	w, name := c.words, t.Peer.Name.String()
	switch {
	case t.State != "paused":
		c.tell(c.writes, func(ctx context.Context) error { return c.node.Pause(ctx, t.ID) })
	case taken(t):
		c.askTaken(t)
	case t.Reason == "name taken":
		c.complain(w.TakenThere.with(name))
	case t.Reason == "by peer":
		c.complain(w.PausedThere.with(name))
	case t.Reason == "disk full":
		c.complain(w.FullHow)
	default:
		c.tell(c.writes, func(ctx context.Context) error { return c.node.Resume(ctx, t.ID) })
	}
}

// askCancel asks before what was sent so far is given up.
func (c *Console) askCancel(t node.Transfer) {
	if finished(t) {
		return
	}
	w := c.words
	d := c.newDialog(w.CancelTitle)
	d.say(bold, t.Name.String())
	d.say(plain, w.CancelText)
	d.gap()
	d.choose(
		button{w.CancelYes, func() { c.tell(c.sends, func(ctx context.Context) error { return c.node.Cancel(ctx, t.ID) }) }},
		button{w.CancelNo, func() {}},
	)
	d.start(1)
}

// transferNamed is the transfer that a file's name means: of those that go on,
// the one that moved last where none is given.
func (c *Console) transferNamed(name string, suits func(node.Transfer) bool) (node.Transfer, bool) {
	folded := peer.FoldName(name)
	for _, t := range c.transfers.going() {
		if suits(*t) && strings.HasPrefix(peer.FoldName(t.Name.String()), folded) {
			return *t, true
		}
	}
	c.complain(c.words.NoSuchTransfer)
	return node.Transfer{}, false
}

func (c *Console) pauseTransfer(name string) {
	if t, ok := c.transferNamed(name, func(t node.Transfer) bool { return !finished(t) && t.State != "paused" }); ok {
		c.toggle(t)
	}
}

func (c *Console) resumeTransfer(name string) {
	if t, ok := c.transferNamed(name, func(t node.Transfer) bool { return t.State == "paused" }); ok {
		c.toggle(t)
	}
}

func (c *Console) cancelTransfer(name string) {
	if t, ok := c.transferNamed(name, func(t node.Transfer) bool { return !finished(t) }); ok {
		c.askCancel(t)
	}
}
