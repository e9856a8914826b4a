package ui

import (
	"context"
	"errors"
	"strings"

	"github.com/gdamore/tcell/v2"

	"earshot/internal/node"
)

// This file is how fast files may go: what is set, in words, and the dialog that
// changes it.

// limitRow is one limit that the dialog shows.
type limitRow struct {
	field *field
	to    node.Limit // what it is now
	text  string     // as the field said at first
}

// limitRows are the limits that hold for some files: those of a transfer and with its
// person, where they are given, and of everything.
func (c *Console) limitRows(t *node.Transfer, p node.Person, known bool) (labels []string, rows []limitRow) {
	add := func(label string, to node.Limit) {
		text := rateOf(to.Bytes)
		labels, rows = append(labels, label), append(rows, limitRow{newField("", text), to, text})
	}
	if t != nil && !finished(*t) {
		add(c.words.LimitThis, node.Limit{Transfer: t.ID, Bytes: t.Limit})
	}
	if known {
		add(c.words.LimitPerson.with(nameOf(p)), node.Limit{Peer: p.ID, Bytes: p.Limit})
	}
	add(c.words.LimitAll, node.Limit{Bytes: c.self.Limit})
	return labels, rows
}

// askLimits shows the limits, each in a field of its own, since all of them hold at
// the same time. Enter saves.
func (c *Console) askLimits(t *node.Transfer, p node.Person, known bool) {
	w := c.words
	d := c.newDialog(w.LimitTitle)
	labels, rows := c.limitRows(t, p, known)
	column := 0
	for _, label := range labels {
		column = max(column, min(width(label), dialogCells/2-4))
	}
	for i, row := range rows {
		row.field.label = pad(labels[i], column, c.glyphs.more)
		row.field.chosen = row.text != ""
		d.stop(row.field)
	}
	d.complains()
	d.wrong.text, d.wrong.style = w.LimitHow, dim
	d.gap()
	save := func() { c.saveLimits(d, rows) }
	d.choose(button{w.Save, save}, button{w.Cancel, func() {}})
	d.before = func(ev *tcell.EventKey) bool {
		if _, writing := d.focused().(*field); !writing || ev.Key() != tcell.KeyEnter {
			return false
		}
		d.leave()
		save()
		return true
	}
	d.start(0)
}

// saveLimits sets what was changed. What cannot be read as a speed is said in the
// dialog, which then stays.
func (c *Console) saveLimits(d *dialog, rows []limitRow) {
	var changed []node.Limit
	for i, row := range rows {
		if row.field.text() == row.text {
			continue
		}
		bytes, err := node.ParseLimit(row.field.text())
		if err != nil {
			c.dialog = d
			d.start(i)
			d.wrong.style = alarm.Bold(true)
			d.complain(c.wrongLimit())
			return
		}
		row.to.Bytes = bytes
		changed = append(changed, row.to)
	}
	c.limit(changed...)
}

// limit has the node keep to limits, and says what holds then.
func (c *Console) limit(to ...node.Limit) {
	if len(to) == 0 {
		return
	}
	call(c, func(ctx context.Context) (struct{}, error) {
		var failed error
		for _, one := range to {
			failed = errors.Join(failed, c.node.Limit(ctx, one))
		}
		return struct{}{}, failed
	}, func(_ struct{}, err error) {
		switch last := to[len(to)-1].Bytes; {
		case err != nil:
			c.failure(err)
		case last == 0:
			c.say(c.words.Unlimited)
		default:
			c.say(c.words.AtMost.with(rateOf(last)))
		}
	})
}

func (c *Console) wrongLimit() string { return c.words.LimitWrong.with(rateOf(node.MinLimit)) }

// limitBy sets the limit for everything, or shows the limits.
func (c *Console) limitBy(speed string) {
	if speed == "" {
		var p node.Person
		var known bool
		if c.open != nil {
			p, known = c.people[c.open.person]
		}
		c.askLimits(nil, p, known)
		return
	}
	bytes, err := node.ParseLimit(speed)
	if err != nil {
		c.complain(c.wrongLimit())
		return
	}
	c.limit(node.Limit{Bytes: bytes})
}

// limitsOf says which limits hold for a transfer, empty where none does.
func (c *Console) limitsOf(t node.Transfer) string {
	w := c.words
	var all []string
	if t.Limit > 0 {
		all = append(all, w.LimitedThis.with(rateOf(t.Limit)))
	}
	if p := c.people[t.Peer.ID]; p.Limit > 0 {
		all = append(all, w.LimitedPerson.with(rateOf(p.Limit), t.Peer.Name.String()))
	}
	if c.self.Limit > 0 {
		all = append(all, w.LimitedAll.with(rateOf(c.self.Limit)))
	}
	if len(all) == 0 || finished(t) {
		return ""
	}
	return w.AtMost.with(strings.Join(all, w.Comma))
}

// limitShort is the limit for everything as the status bar says it, where there is
// one.
func (c *Console) limitShort() string {
	if c.self.Limit == 0 {
		return ""
	}
	return c.words.LimitShort.with(rateOf(c.self.Limit))
}

// rateOf is a speed in bytes a second as people read and write it; empty: no limit.
func rateOf(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return strings.Replace(bytesOf(bytes), ".0 ", " ", 1) + "/s"
}
