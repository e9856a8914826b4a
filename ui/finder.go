package ui

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"earshot/internal/node"
	"earshot/peer"
)

// find opens the finder: people and commands, by any part of their names; people by
// that of their account or team too.
func (c *Console) find(text string) {
	w := c.words
	d := c.newDialog(w.FindTitle)
	query := d.ask(">", text)
	d.gap()
	list := d.list(10)
	list.empty = w.NothingFound
	d.gap()
	d.say(dim, w.FindHint)
	query.changed = func(text string) { list.set(c.matches(d, text)) }
	query.edited()
}

// match is a choice and how well it fits.
type match struct {
	choice
	score int
}

// matches is what fits a query, best first. An empty one finds everybody, those
// with unread messages first, then those whom one wrote with last. A command with
// more behind it finds itself.
func (c *Console) matches(d *dialog, query string) []choice {
	if line, ok := strings.CutPrefix(strings.TrimSpace(query), "/"); ok && strings.Contains(line, " ") {
		return c.lineChoices(d, line)
	}
	folded := peer.FoldName(strings.TrimSpace(query))
	var found []match
	for _, p := range c.sortedPeople() {
		score := max(fuzzy(folded, peer.FoldName(nameOf(p))), fuzzy(folded, peer.FoldName(p.Account)), fuzzy(folded, peer.FoldName(p.Team.String()))-1)
		for _, address := range p.Addresses {
			score = max(score, fuzzy(folded, address)-1)
		}
		if score >= 0 {
			found = append(found, match{c.personChoice(d, p), score + 1})
		}
	}
	for _, cmd := range c.offered() {
		help := c.words.Help[cmd.id]
		name := strings.TrimPrefix(folded, "/")
		score := max(fuzzy(name, cmd.slash), fuzzy(name, peer.FoldName(help))-2)
		if score >= 0 && (folded != "" || cmd.slash != "") {
			found = append(found, match{c.commandChoice(d, cmd), score})
		}
	}
	if folded != "" {
		slices.SortStableFunc(found, func(a, b match) int { return -cmp.Compare(a.score, b.score) })
	}
	all := make([]choice, len(found))
	for i, f := range found {
		all[i] = f.choice
	}
	return all
}

func (c *Console) sortedPeople() []node.Person {
	people := c.everybody()
	slices.SortFunc(people, func(a, b node.Person) int {
		return cmp.Or(-compareBool(c.unreadOf(a) > 0, c.unreadOf(b) > 0), b.Written.Compare(a.Written),
			-compareBool(a.Here(), b.Here()), strings.Compare(nameOf(a), nameOf(b)), a.ID.Compare(b.ID))
	})
	return people
}

func (c *Console) personChoice(d *dialog, p node.Person) choice {
	where := c.presence(p)
	if p.Imitates {
		where = c.glyphs.warn + " " + c.words.NotTheOne
	} else if n := c.unreadOf(p); n > 0 {
		where = c.words.Unread.of(n, atLeast(n, n >= node.MaxUnread))
	}
	address := ""
	if len(p.Addresses) > 0 {
		address = hostOf(p.Addresses[0])
	}
	return choice{left: c.list.presence(p) + " " + nameOf(p), middle: where, right: address, pick: func() {
		d.close()
		c.page = nil
		c.show(p.ID)
		c.focus(inCompose)
	}}
}

func (c *Console) commandChoice(d *dialog, cmd command) choice {
	name := strings.Join(cmd.keys, " ")
	if cmd.slash != "" {
		name = "/" + cmd.slash
	}
	return choice{left: name, middle: c.words.Help[cmd.id], pick: func() {
		d.close()
		if cmd.need {
			c.compose.set("/" + cmd.slash + " ")
			c.focus(inCompose)
			return
		}
		cmd.run(c, "")
	}}
}

// lineChoices is the command that a line, without its slash, would be in the compose
// line.
func (c *Console) lineChoices(d *dialog, line string) []choice {
	name, _, _ := strings.Cut(line, " ")
	i := slices.IndexFunc(c.commands, func(cmd command) bool { return cmd.slash != "" && cmd.slash == strings.ToLower(name) })
	if i < 0 {
		return nil
	}
	return []choice{{left: "/" + peer.Line(line, 0).String(), middle: c.words.Help[c.commands[i].id], pick: func() {
		d.close()
		c.command(line)
	}}}
}

// fuzzy says how well a query fits a name, both folded: 4 the whole, 3 its
// beginning, 2 the beginning of a word, 1 a part, 0 its letters in this order,
// -1 not at all.
func fuzzy(query, name string) int {
	switch {
	case query == name:
		return 4
	case name == "":
		return -1
	case strings.HasPrefix(name, query):
		return 3
	case strings.Contains(name, " "+query):
		return 2
	case strings.Contains(name, query):
		return 1
	}
	rest := name
	for _, r := range query {
		i := strings.IndexRune(rest, r)
		if i < 0 {
			return -1
		}
		rest = rest[i+len(string(r)):]
	}
	return 0
}

// mostFound is how many messages a search shows.
const mostFound = 50

// search opens the search in the open conversation.
func (c *Console) search(text string) {
	ch := c.open
	if ch == nil {
		c.complain(c.words.NobodyChosen)
		return
	}
	c.page = nil
	w := c.words
	d := c.newDialog(w.SearchTitle)
	query := d.ask(">", text)
	d.gap()
	list := d.list(10)
	list.empty = w.SearchEmpty
	d.gap()
	d.say(dim, w.SearchHint)
	asked := 0
	query.changed = func(text string) {
		asked++
		mine := asked
		if strings.TrimSpace(text) == "" {
			list.set(nil)
			return
		}
		ask := node.History{Conversation: ch.id, Search: strings.TrimSpace(text), Limit: mostFound}
		call(c, func(ctx context.Context) ([]node.Message, error) { return c.node.History(ctx, ask) },
			func(found []node.Message, err error) {
				if c.dialog == d && asked == mine && err == nil {
					list.set(c.foundChoices(d, ch, found))
				}
			})
	}
	query.edited()
}

// foundChoices is what a search found, the newest first.
func (c *Console) foundChoices(d *dialog, ch *chat, found []node.Message) []choice {
	var all []choice
	for _, m := range slices.Backward(found) {
		text := m.Text.String()
		if m.Offer != nil {
			text = m.Offer.Name.String()
		}
		at := m.At.In(c.now().Location())
		when := at.Format("15:04")
		if !sameDay(at, c.now()) {
			when = c.words.shortDay(at, c.now())
		}
		all = append(all, choice{left: strings.Join(strings.Fields(text), " "), right: when, pick: func() {
			d.close()
			c.loadAround(ch, m)
		}})
	}
	return all
}
