package ui

import (
	"context"
	"path/filepath"
	"strings"

	"earshot/internal/node"
	"earshot/peer"
)

// This file is what the person is asked where files are received and something of
// their name is there already.

// taken reports whether a transfer waits for the person here to say what becomes of
// taken names.
func taken(t node.Transfer) bool {
	return t.Direction == node.Receiving && t.State == "paused" && t.Reason == "name taken"
}

// several reports whether more than one thing of an offer lies in the folder itself:
// then it is saved into the folder, and else as something of its name there.
func several(t node.Transfer) bool {
	return t.Path != "" && baseOf(t) != t.Name.String()
}

// baseOf is the last name of a transfer's path.
func baseOf(t node.Transfer) string { return peer.Line(filepath.Base(t.Path), 0).String() }

// savedAs is under which name something was saved whose own name was taken, empty
// where that is its own: report.txt as "report (2).txt".
func savedAs(t node.Transfer) string {
	name, base := t.Name.String(), baseOf(t)
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	if t.Direction != node.Receiving || base == name || !strings.HasPrefix(base, stem+" (") {
		return ""
	}
	return base
}

func (c *Console) takenRequest(t node.Transfer) request {
	bar := c.words.TakenBar
	if several(t) {
		bar = c.words.TakenSomeBar
	}
	return request{takenKey(t), false, t.Offered, func() string { return bar.with(t.Name.String()) }, func() { c.askTaken(t) }}
}

func takenKey(t node.Transfer) string { return "taken " + t.ID.String() }

// askTaken asks what becomes of files whose names are taken. Nothing is lost by the
// first button.
func (c *Console) askTaken(t node.Transfer) {
	w := c.words
	title, dir := w.TakenTitle, filepath.Dir(t.Path)
	if several(t) {
		title, dir = w.TakenSomeTitle, t.Path
	}
	d := c.newDialog(title.with(t.Name.String()))
	d.say(plain, w.TakenFrom.with(t.Peer.Name.String(), c.sizeOf(t)))
	if t.Path != "" {
		d.say(dim, short(peer.Line(dir, 0).String()))
	}
	d.gap()
	d.say(plain, w.TakenKeep)
	d.say(caution, w.TakenOverwrite)
	d.say(plain, w.TakenSkip)
	d.gap()
	d.choose(
		button{w.KeepBoth, func() { c.settle(t, node.ConflictKeep) }},
		button{w.Overwrite, func() { c.settle(t, node.ConflictOverwrite) }},
		button{w.Skip, func() { c.settle(t, node.ConflictSkip) }},
		button{w.Later, func() { c.put[takenKey(t)] = true }},
	)
	d.start(0)
}

// settle says what becomes of the taken names of a transfer, which then goes on.
func (c *Console) settle(t node.Transfer, conflict node.Conflict) {
	c.tell(c.calls, func(ctx context.Context) error {
		return c.node.Answer(ctx, t.ID, node.Answer{Accept: true, Conflict: conflict})
	})
}
