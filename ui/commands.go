package ui

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"earshot/internal/node"
	"earshot/peer"
)

// command is one thing that a person can have done: by a key, by a word after a
// slash, or out of the finder. The help and the hint line are made from it.
type command struct {
	id    string   // its help is words.Help[id]
	keys  []string // as keyName writes them
	slash string
	args  string // what the slash command takes, a key of words.Args; empty: nothing
	need  bool   // it takes them always
	admin bool   // only administrators are told of it
	hint  string // in the hint line, in the order of the table; "": not there
	run   func(c *Console, args string)
}

// commandTable is all commands, and them by their keys.
func commandTable() ([]command, map[string]*command) {
	table := []command{
		{id: "help", keys: []string{"F1"}, slash: "help", args: "word", hint: "F1", run: (*Console).help},
		{id: "find", keys: []string{"Ctrl+K", "F2"}, slash: "find", args: "text", hint: "^K", run: (*Console).find},
		{id: "send", keys: []string{"Ctrl+O"}, slash: "send", args: "path", hint: "^O", run: (*Console).sendFiles},
		{id: "unread", keys: []string{"Ctrl+G", "F4", "Alt+A"}, hint: "^G", run: func(c *Console, _ string) { c.nextUnread() }},
		{id: "transfers", keys: []string{"Ctrl+T", "F7"}, slash: "transfers", hint: "^T", run: func(c *Console, _ string) { c.moves.show() }},
		{id: "search", keys: []string{"Ctrl+F", "F3"}, slash: "search", args: "text", hint: "^F", run: (*Console).search},
		{id: "answer", keys: []string{"Ctrl+R", "F8"}, run: func(c *Console, _ string) { c.answer() }},
		{id: "next", keys: []string{"Ctrl+N", "Alt+Down"}, run: func(c *Console, _ string) { c.step(1) }},
		{id: "previous", keys: []string{"Ctrl+P", "Alt+Up"}, run: func(c *Console, _ string) { c.step(-1) }},
		{id: "part", keys: []string{"Tab", "F6", "Shift+Tab"}, slash: "people", run: func(c *Console, _ string) { c.otherPart() }},
		{id: "newest", keys: []string{"Ctrl+End"}, run: func(c *Console, _ string) { c.messages.newest() }},
		{id: "oldest", keys: []string{"Ctrl+Home"}, run: func(c *Console, _ string) { c.messages.oldest() }},
		{id: "back", keys: []string{"Esc"}, run: func(c *Console, _ string) { c.back() }},
		{id: "look", keys: []string{"F5"}, slash: "scan", run: func(c *Console, _ string) { c.look() }},
		{id: "mouse", keys: []string{"F9"}, slash: "mouse", run: func(c *Console, _ string) { c.toggleMouse() }},
		{id: "redraw", keys: []string{"Ctrl+L"}, run: func(c *Console, _ string) { c.screen.Sync() }},
		{id: "to", slash: "to", args: "name", need: true, run: (*Console).to},
		{id: "accept", slash: "accept", run: func(c *Console, _ string) { c.answerOffer(true) }},
		{id: "decline", slash: "decline", run: func(c *Console, _ string) { c.answerOffer(false) }},
		{id: "files", slash: "files", args: "person", run: (*Console).files},
		{id: "pause", slash: "pause", args: "file", run: (*Console).pauseTransfer},
		{id: "resume", slash: "resume", args: "file", run: (*Console).resumeTransfer},
		{id: "cancel", slash: "cancel", args: "file", run: (*Console).cancelTransfer},
		{id: "retry", slash: "retry", args: "file", run: (*Console).retryTransfer},
		{id: "clear", slash: "clear", run: func(c *Console, _ string) { c.clearAll() }},
		{id: "limit", slash: "limit", args: "speed", run: (*Console).limitBy},
		{id: "connect", slash: "connect", args: "host", need: true, run: (*Console).connect},
		{id: "verify", slash: "verify", args: "name", run: (*Console).verify},
		{id: "key", slash: "key", run: func(c *Console, _ string) { c.showKey() }},
		{id: "account", slash: "account", args: "server", run: (*Console).showAccount},
		{id: "friend", slash: "friend", args: "user", run: (*Console).friend},
		{id: "notices", slash: "notices", run: (*Console).showNotices},
		{id: "announce", slash: "announce", args: "all", need: true, admin: true, run: (*Console).announce},
		{id: "admin", slash: "admin", admin: true, run: (*Console).administer},
		{id: "name", slash: "name", args: "name", need: true, run: (*Console).setName},
		{id: "folder", slash: "folder", args: "path", need: true, run: (*Console).setFolder},
		{id: "arrivals", slash: "arrivals", run: func(c *Console, _ string) { c.quiet = !c.quiet }},
		{id: "quit", keys: []string{"Ctrl+Q"}, slash: "quit", hint: "^Q", run: func(c *Console, _ string) { c.askQuit() }},
	}
	byKey := map[string]*command{}
	for i := range table {
		for _, key := range table[i].keys {
			byKey[key] = &table[i]
		}
	}
	return table, byKey
}

// offered are the commands that a person is told of.
func (c *Console) offered() []command {
	if c.account.Admin {
		return c.commands
	}
	return slices.DeleteFunc(slices.Clone(c.commands), func(cmd command) bool { return cmd.admin })
}

// commandHints is the hint line: keys and one word.
func (c *Console) commandHints() []string {
	var hints []string
	for _, cmd := range c.commands {
		if cmd.hint != "" {
			hints = append(hints, cmd.hint+" "+c.words.Hints[cmd.id])
		}
	}
	return hints
}

// command does what stands behind a slash, and reports whether it was a command.
// What is none is never sent as a message.
func (c *Console) command(line string) bool {
	name, args, _ := strings.Cut(line, " ")
	name, args = strings.ToLower(name), strings.TrimSpace(args)
	for i := range c.commands {
		cmd := &c.commands[i]
		if cmd.slash == "" || cmd.slash != name {
			continue
		}
		if cmd.need && args == "" {
			c.complain("/" + cmd.slash + " " + c.words.Args[cmd.args])
			return false
		}
		cmd.run(c, args)
		return true
	}
	c.complain(c.words.UnknownCommand.with(peer.Line(name, 20).String(), c.nearest(name)))
	return false
}

// nearest is the command that somebody most likely meant.
func (c *Console) nearest(name string) string {
	var names []string
	for _, cmd := range c.offered() {
		if cmd.slash != "" {
			names = append(names, cmd.slash)
		}
	}
	return slices.MinFunc(names, func(a, b string) int { return cmp.Compare(distance(name, a), distance(name, b)) })
}

// distance is how many letters must be changed, added or taken away to make b of
// a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// step opens the next or previous conversation of the list.
func (c *Console) step(n int) {
	if id, ok := c.list.neighbour(n, func(node.Person) bool { return true }); ok {
		c.page = nil
		c.show(id)
		c.focus(inCompose)
	}
}

// nextUnread opens the next conversation that somebody wrote in.
func (c *Console) nextUnread() {
	id, ok := c.list.neighbour(1, func(p node.Person) bool { return c.unreadOf(p) > 0 })
	if !ok {
		c.say(c.words.NothingUnread)
		return
	}
	c.page = nil
	c.show(id)
	c.focus(inCompose)
}

// otherPart moves the keys between the list and the line.
func (c *Console) otherPart() {
	if c.focused == inPeople && c.open != nil {
		c.focus(inCompose)
	} else {
		c.focus(inPeople)
	}
}

func (c *Console) toggleMouse() {
	c.unmouse = !c.unmouse
	c.app.EnableMouse(!c.unmouse)
	if c.unmouse {
		c.say(c.words.MouseOff)
	} else {
		c.say(c.words.MouseOn)
	}
}

func (c *Console) look() {
	c.say(c.words.LookingAgain)
	c.tell(c.calls, c.node.Look)
}

func (c *Console) connect(host string) {
	c.say(c.words.Asking.with(peer.Line(host, 0).String()))
	c.tell(c.calls, func(ctx context.Context) error { return c.node.Connect(ctx, host) })
}

func (c *Console) setName(name string) {
	c.tell(c.writes, func(ctx context.Context) error { return c.node.SetName(ctx, name) })
}

func (c *Console) setFolder(path string) {
	path = home(path)
	if !filepath.IsAbs(path) {
		c.complain(c.words.FolderWhole)
		return
	}
	c.tell(c.writes, func(ctx context.Context) error {
		if err := c.node.SetDir(ctx, path); err != nil {
			return folderError{path, err}
		}
		return nil
	})
}

// everybody is the people in no particular order, each once.
func (c *Console) everybody() []node.Person {
	people := make([]node.Person, 0, len(c.people))
	for _, p := range c.people {
		if p.Face.IsZero() {
			people = append(people, p)
		}
	}
	return people
}

// personOf is who a conversation is with.
func (c *Console) personOf(conversation node.Conversation) (node.Person, bool) {
	id, err := peer.ParseID(string(conversation))
	if err != nil {
		return node.Person{}, false
	}
	p, ok := c.people[id]
	return p, ok
}

// named is the one person that a text means; several or none are for the finder.
func (c *Console) named(text string) (node.Person, bool) {
	found := node.Resolve(c.everybody(), text)
	if len(found) == 1 {
		return found[0], true
	}
	return node.Person{}, false
}

func (c *Console) to(name string) {
	if p, ok := c.named(name); ok {
		c.show(p.ID)
		c.focus(inCompose)
		return
	}
	c.find(name)
}
