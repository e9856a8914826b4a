package ui

import (
	"context"
	"errors"

	"earshot/internal/node"
	"earshot/peer"
)

// usualSize is up to which size a person's files are accepted from now on where the
// person here says no other: documents and pictures, no disk images.
const usualSize = 100_000_000

// An offerAnswer is a yes to an offer.
type offerAnswer struct {
	offer node.Transfer
	dir   string // empty: where received files go
	// always is what is accepted from this person from now on, -1 of any size;
	// changed says whether that is new.
	always  int64
	changed bool
}

// accept says yes. The rule comes behind the answer, which has the folder: else the
// rule would accept this offer too.
func (c *Console) accept(a offerAnswer) {
	c.tell(c.calls, func(ctx context.Context) error {
		err := c.node.Answer(ctx, a.offer.ID, node.Answer{Accept: true, Dir: a.dir})
		if a.changed {
			err = errors.Join(err, c.node.AcceptFrom(ctx, a.offer.Peer.ID, a.always))
		}
		return err
	})
}

// sizeOrAny is up to which size files are accepted, in words.
func (c *Console) sizeOrAny(upTo int64) string {
	if upTo == node.AnySize {
		return c.words.AnySize
	}
	return c.words.UpTo.with(bytesOf(upTo))
}

// askAlways adds to an offer whether this person's files are accepted from now on.
// What it says is read with answered.
func (c *Console) askAlways(d *dialog, t node.Transfer) (answered func(*offerAnswer)) {
	p, known := c.people[t.Peer.ID]
	if !known || p.Imitates {
		return func(*offerAnswer) {}
	}
	upTo := p.AcceptUpTo
	if upTo == 0 {
		upTo = usualSize
	}
	box := d.tick(c.words.AcceptAlways.with(c.sizeOrAny(upTo), t.Peer.Name.String()), p.AcceptUpTo != 0)
	d.gap()
	return func(a *offerAnswer) {
		if a.changed = box.on != (p.AcceptUpTo != 0); box.on {
			a.always = upTo
		}
	}
}

// files shows which files of a person are accepted without asking, and changes it.
func (c *Console) files(name string) { c.about(name, c.askFiles) }

func (c *Console) askFiles(p node.Person) {
	w := c.words
	d := c.newDialog(w.FilesTitle.with(nameOf(p)))
	if p.AcceptUpTo != 0 {
		d.say(plain, w.FilesAccepted.with(c.sizeOrAny(p.AcceptUpTo)))
	} else {
		d.say(plain, w.FilesWait)
	}
	if rule := c.ruleWords(); rule != "" {
		d.say(dim, rule)
	}
	d.gap()
	set := func(upTo int64) func() {
		return func() {
			c.tell(c.writes, func(ctx context.Context) error { return c.node.AcceptFrom(ctx, p.ID, upTo) })
		}
	}
	d.choose(
		button{w.AcceptUpTo.with(bytesOf(usualSize)), set(usualSize)},
		button{w.AcceptAny, set(node.AnySize)},
		button{w.AskMe, set(0)},
		button{w.Close, func() {}},
	)
	d.start(3)
}

// ruleWords says whose files are accepted without asking by the general rule, empty
// where nobody's are.
func (c *Console) ruleWords() string {
	who, ok := c.words.Rules[string(c.self.Accept)]
	switch {
	case !ok:
		return ""
	case c.self.AcceptUpTo > 0:
		return who + " " + c.words.RuleUpTo.with(bytesOf(c.self.AcceptUpTo))
	}
	return who
}

// nameOfTransfer is what a transfer is called; a program is marked.
func (c *Console) nameOfTransfer(t node.Transfer) string {
	return c.marked(t.Name, t.Program)
}

func (c *Console) marked(name peer.Text, program bool) string {
	if !program {
		return name.String()
	}
	return name.String() + " " + c.words.ProgramMark
}
