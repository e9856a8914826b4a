package ui

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// This file is what a person does with a transfer that goes on, or is over.

// toggle pauses what goes on, and lets what was paused go on where that is for the
// person here to say.
func (c *Console) toggle(t node.Transfer) {
	w, name := c.words, t.Peer.Name.String()
	switch {
	case t.State == "offered":
		c.say(w.NotBegun)
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

// again does what can be done for a transfer that does not go on: what we sent is
// offered anew, and whoever is away is looked for.
func (c *Console) again(t node.Transfer) {
	switch {
	case t.State == "interrupted":
		c.look()
	case !finished(t):
		c.say(c.words.NotOver)
	case t.Direction == node.Receiving:
		c.say(c.words.AskAgain.with(t.Peer.Name.String()))
	default:
		c.offerAgain(t)
	}
}

func (c *Console) offerAgain(t node.Transfer) {
	c.say(c.words.Offering)
	callIn(c.sends, func(ctx context.Context) (node.Transfer, error) {
		return c.node.Retry(ctx, t.ID)
	}, func(offered node.Transfer, err error) {
		switch {
		case err != nil:
			c.failure(err)
		case !offered.Skipped.IsZero():
			c.complain(c.words.LeftOut.with(offered.Name.String(), offered.Skipped.String()))
		default:
			c.say(c.words.OfferedAgain)
		}
	})
}

// clear takes a transfer that is over out of sight.
func (c *Console) clear(t node.Transfer) {
	if !finished(t) {
		c.say(c.words.NotOver)
		return
	}
	c.tell(c.calls, func(ctx context.Context) error { return c.node.Clear(ctx, t.ID) })
}

// clearAll takes all that are over out of sight.
func (c *Console) clearAll() {
	var ids []uuid.UUID
	for _, t := range c.transfers.over() {
		ids = append(ids, t.ID)
	}
	if len(ids) == 0 {
		c.say(c.words.NothingOver)
		return
	}
	call(c, func(ctx context.Context) (n int, err error) {
		for _, id := range ids {
			if err = c.node.Clear(ctx, id); err != nil {
				break
			}
			n++
		}
		return n, err
	}, func(n int, err error) {
		if err != nil {
			c.failure(err)
			return
		}
		c.say(c.words.Cleared.of(n))
	})
}

// transferNamed is the transfer that a file's name means: of those given, the one
// that moved last where there is no name.
func (c *Console) transferNamed(name string, of []*node.Transfer, suits func(node.Transfer) bool) (node.Transfer, bool) {
	folded := peer.FoldName(name)
	for _, t := range of {
		if suits(*t) && strings.HasPrefix(peer.FoldName(t.Name.String()), folded) {
			return *t, true
		}
	}
	c.complain(c.words.NoSuchTransfer)
	return node.Transfer{}, false
}

func (c *Console) pauseTransfer(name string) {
	if t, ok := c.transferNamed(name, c.transfers.going(), func(t node.Transfer) bool { return !finished(t) && t.State != "paused" }); ok {
		c.toggle(t)
	}
}

func (c *Console) resumeTransfer(name string) {
	if t, ok := c.transferNamed(name, c.transfers.going(), func(t node.Transfer) bool { return t.State == "paused" }); ok {
		c.toggle(t)
	}
}

func (c *Console) cancelTransfer(name string) {
	if t, ok := c.transferNamed(name, c.transfers.going(), func(t node.Transfer) bool { return !finished(t) }); ok {
		c.askCancel(t)
	}
}

// retryTransfer sends again what a file's name means; without one, what went wrong
// last.
func (c *Console) retryTransfer(name string) {
	suits := func(t node.Transfer) bool { return finished(t) || t.State == "interrupted" }
	if name == "" {
		suits = func(t node.Transfer) bool { return finished(t) && t.State != "done" }
	}
	if t, ok := c.transferNamed(name, c.transfers.all(), suits); ok {
		c.again(t)
	}
}
