package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"earshot/internal/node"
	"earshot/internal/profile"
)

// lines is the line mode: what is typed goes to one person at a time, what
// happens is printed as it happens. It serves screen readers, pipes and terminals
// without a screen.
type lines struct {
	p    *Program
	n    Node
	to   *node.Person // whom the next line goes to
	told narrator
}

// plain runs the line mode until /quit, the end of the input, or ctx ends.
func (p *Program) plain(ctx context.Context, n Node) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	sub, err := n.Subscribe(ctx)
	if err != nil {
		return err
	}
	defer sub.Close()
	events := make(chan []node.Event)
	wg.Go(func() {
		defer close(events)
		for {
			batch, err := sub.Next(ctx)
			if err != nil {
				return
			}
			select {
			case events <- batch:
			case <-ctx.Done():
				return
			}
		}
	})
	l := &lines{p: p, n: n, told: narrator{}}
	return l.run(ctx, p.typed(ctx), events)
}

// typed brings the lines of the standard input. Its goroutine may outlive ctx:
// reading a terminal cannot be interrupted, and the program ends anyway.
func (p *Program) typed(ctx context.Context) <-chan string {
	typed := make(chan string)
	go func() {
		defer close(typed)
		in := bufio.NewReader(p.Stdin)
		for {
			line, err := readLine(in)
			if err != nil && line == "" {
				return
			}
			select {
			case typed <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	return typed
}

// readLine reads a line without its end. Of a line that is too long for anything
// it keeps enough to be refused.
func readLine(in *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part[:min(len(part), 2*maxText-len(line))]...)
		if err != bufio.ErrBufferFull {
			return strings.TrimRight(string(line), "\r\n"), err
		}
	}
}

func (l *lines) run(ctx context.Context, typed <-chan string, events <-chan []node.Event) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case batch, ok := <-events:
			if !ok {
				return node.ErrStopped
			}
			for _, e := range batch {
				if err := l.tell(ctx, e); err != nil {
					return err
				}
			}
		case line, ok := <-typed:
			if !ok {
				return nil
			}
			err := l.do(ctx, strings.TrimSpace(line))
			if errors.Is(err, errQuit) || ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, node.ErrStopped) {
				return err
			}
			if err != nil {
				l.p.report(err)
			}
		}
	}
}

// tell prints an event; a message that was printed is read. Where that cannot be
// noted it is said; the mark of the next one covers it.
func (l *lines) tell(ctx context.Context, e node.Event) error {
	if line := l.told.line(e); line != "" {
		if err := l.p.say("%s", line); err != nil {
			return err
		}
	}
	if m := e.Message; m != nil && !m.Mine && (e.Kind == node.MessageAdded || e.Kind == node.OfferReceived) {
		if err := l.n.MarkRead(ctx, m.Conversation, m.Position); err != nil && ctx.Err() == nil {
			l.p.report(err)
		}
	}
	return nil
}

// errQuit ends the line mode.
var errQuit = errors.New("quit")

// lineCommand is what a word behind a slash does.
type lineCommand struct {
	args, help string
	do         func(l *lines, ctx context.Context, rest string) error
}

// lineWords are the commands, in the order of /help.
var lineWords = []string{"to", "people", "send", "accept", "decline", "files", "transfers", "pause", "resume", "cancel", "history", "help", "quit"}

var lineCommands map[string]lineCommand

func init() { // refers to itself: /help
	lineCommands = map[string]lineCommand{
		"to":        {"NAME", "what you type from now on goes to NAME", (*lines).choose},
		"people":    {"", "who is here", (*lines).people},
		"send":      {"PATH", "offer a file or a folder", (*lines).send},
		"accept":    {"OFFER", "accept a file offer", (*lines).accept},
		"decline":   {"OFFER", "decline a file offer", (*lines).decline},
		"files":     {"SIZE|any|ask", "accept files of the person chosen without asking, or ask again", (*lines).files},
		"transfers": {"", "how files stand", func(l *lines, ctx context.Context, _ string) error { return l.p.showTransfers(ctx, l.n, false, false) }},
		"pause":     {"ID", "pause a transfer", (*lines).pause},
		"resume":    {"ID", "go on with it", (*lines).resume},
		"cancel":    {"ID", "cancel it for good", (*lines).cancel},
		"history":   {"", "the last 20 messages", (*lines).history},
		"help":      {"", "this list", (*lines).help},
		"quit":      {"", "leave", func(*lines, context.Context, string) error { return errQuit }},
	}
}

// do does what a line says: a command behind a slash (two send one), else text.
func (l *lines) do(ctx context.Context, line string) error {
	if line == "" {
		return nil
	}
	if text, isCommand := strings.CutPrefix(line, "/"); isCommand && !strings.HasPrefix(text, "/") {
		word, rest, _ := strings.Cut(text, " ")
		command, ok := lineCommands[word]
		if !ok {
			return wrong("There is no command /%s. /help shows the commands; //%s sends it as text.", word, word)
		}
		rest = strings.TrimSpace(rest)
		if rest == "" && command.args != "" {
			return wrong("/%s wants %s.", word, command.args)
		}
		return command.do(l, ctx, rest)
	}
	person, err := l.chosen()
	if err != nil {
		return err
	}
	text := strings.TrimPrefix(line, "/")
	if err := checkText(text); err != nil {
		return err
	}
	_, err = l.n.Write(ctx, node.Direct(person.ID), text)
	return err
}

func (l *lines) chosen() (node.Person, error) {
	if l.to == nil {
		return node.Person{}, wrong("Nobody is chosen: say /to NAME first, /people shows who is here.")
	}
	return *l.to, nil
}

func (l *lines) choose(ctx context.Context, name string) error {
	person, err := l.p.find(ctx, l.n, name, lookTime)
	if err != nil {
		return err
	}
	l.to = &person
	return l.p.say("To %s, %s.", nameOf(person.Name, person.ID), standing(person))
}

func (l *lines) people(ctx context.Context, _ string) error {
	people, err := lookAround(ctx, l.n, 0)
	if err != nil {
		return err
	}
	return l.p.showPeople(ctx, l.n, people)
}

func (l *lines) send(ctx context.Context, path string) error {
	person, err := l.chosen()
	if err != nil {
		return err
	}
	path = strings.Trim(path, `"'`)
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			path = filepath.Join(home, rest)
		}
	}
	paths, err := absolute([]string{path})
	if err != nil {
		return err
	}
	t, err := l.n.Offer(ctx, node.Direct(person.ID), paths)
	if err != nil {
		return err
	}
	l.p.tellSkipped(t)
	return l.p.say("%s: %s.", filesOf(t.Name, t.Files, t.Bytes, t.Program), transferWords(t))
}

func (l *lines) accept(ctx context.Context, id string) error {
	return l.move(ctx, id, func(t node.Transfer) error { return l.n.Answer(ctx, t.ID, node.Answer{Accept: true}) })
}

func (l *lines) decline(ctx context.Context, id string) error {
	return l.move(ctx, id, func(t node.Transfer) error { return l.n.Answer(ctx, t.ID, node.Answer{}) })
}

// files says which files of the person chosen are accepted without asking.
func (l *lines) files(ctx context.Context, size string) error {
	person, err := l.chosen()
	if err != nil {
		return err
	}
	switch size {
	case "ask":
		return l.p.askAgain(ctx, l.n, person)
	case "any":
		return l.p.acceptFrom(ctx, l.n, refTo(person), node.AnySize)
	}
	upTo, err := profile.ParseSize(size)
	if err != nil || upTo == 0 {
		return wrong("/files is %q; want a size like \"100 MB\", any or ask.", size)
	}
	return l.p.acceptFrom(ctx, l.n, refTo(person), upTo)
}

func (l *lines) pause(ctx context.Context, id string) error {
	return l.move(ctx, id, func(t node.Transfer) error { return l.n.Pause(ctx, t.ID) })
}

func (l *lines) resume(ctx context.Context, id string) error {
	return l.move(ctx, id, func(t node.Transfer) error { return l.n.Resume(ctx, t.ID) })
}

func (l *lines) cancel(ctx context.Context, id string) error {
	return l.move(ctx, id, func(t node.Transfer) error { return l.n.Cancel(ctx, t.ID) })
}

func (l *lines) move(ctx context.Context, id string, do func(node.Transfer) error) error {
	t, err := findTransfer(ctx, l.n, id)
	if err != nil {
		return err
	}
	return do(t)
}

func (l *lines) history(ctx context.Context, _ string) error {
	person, err := l.chosen()
	if err != nil {
		return err
	}
	messages, err := readHistory(ctx, l.n, node.History{Conversation: node.Direct(person.ID)}, 20)
	if err != nil {
		return err
	}
	return l.p.showHistory(messages)
}

func (l *lines) help(context.Context, string) error {
	rows := [][]string{{"text", "goes to the person chosen with /to"}}
	for _, word := range lineWords {
		c := lineCommands[word]
		rows = append(rows, []string{strings.TrimSpace(fmt.Sprintf("/%s %s", word, c.args)), c.help})
	}
	return l.p.sayAll(columns(rows))
}
