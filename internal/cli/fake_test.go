package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"earshot/internal/node"
	"earshot/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seeded is the ID of the key whose seed is 32 times b.
func seeded(b byte) peer.ID {
	return peer.NewIdentity([32]byte(bytes.Repeat([]byte{b}, 32))).ID()
}

func person(b byte, name string) node.Person {
	return node.Person{ID: seeded(b), Name: peer.DisplayName(name), Online: true, Addresses: []string{"10.0.0.2:7420"}, Via: []string{"mdns"}}
}

// fake is a node that does what a test says.
type fake struct {
	mu        sync.Mutex
	self      node.Self
	people    []node.Person
	history   []node.Message
	transfers []node.Transfer
	feeds     []*node.Feed
	did       []string      // calls that changed something
	heard     chan struct{} // one for each subscriber

	onWrite func(f *fake, m node.Message)
	onOffer func(f *fake, t node.Transfer)
	// onResume changes what is resumed.
	onResume func(t *node.Transfer)
	fail     error             // of what changes something
	skips    peer.Text         // what is left out of each offer
	unread   error             // of MarkRead
	stands   node.MessageState // of every message that is asked for
	why      peer.Text         // and why it waits

	server fakeServer

	receipts []node.Receipt
	files    node.FilesCheck
	reading  []node.Reading // what CheckFiles tells before it answers
}

// newFake is a node of seed 1, called Ann, that has been up for long.
func newFake(people ...node.Person) *fake {
	return &fake{
		self:   node.Self{ID: seeded(1), Name: peer.DisplayName("Ann"), Port: 7420, Started: time.Now().Add(-time.Hour)},
		people: people, heard: make(chan struct{}, 16), stands: node.Queued,
		onResume: func(t *node.Transfer) { t.State, t.Reason = stateActive, "" },
	}
}

// publish tells subscribers.
func (f *fake) publish(e node.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, feed := range f.feeds {
		feed.Publish(e)
	}
}

// note records a call and returns what it fails with.
func (f *fake) note(words ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, strings.Join(words, " "))
	return f.fail
}

func (f *fake) calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.did)
}

func (f *fake) Self(context.Context) (node.Self, error) { return f.self, nil }

func (f *fake) People(context.Context) ([]node.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.people), nil
}

func (f *fake) Write(_ context.Context, to node.Conversation, text string) (node.Message, error) {
	m := node.Message{ID: uuid.UUID{1}, Conversation: to, Mine: true, Text: peer.Body(text), State: node.Queued}
	if err := f.note("write", string(to)[:4], text); err != nil {
		return node.Message{}, err
	}
	if f.onWrite != nil {
		f.onWrite(f, m)
	}
	return m, nil
}

func (f *fake) Offer(_ context.Context, to node.Conversation, paths []string) (node.Transfer, error) {
	if err := f.note(append([]string{"offer", string(to)[:4]}, paths...)...); err != nil {
		return node.Transfer{}, err
	}
	id, _ := peer.ParseID(string(to))
	t := node.Transfer{
		ID: uuid.UUID{id[0]}, Direction: node.Sending, Peer: node.Ref{ID: id, Name: peer.DisplayName("Bob")},
		Name: peer.Line("report.pdf", 0), Files: 1, Bytes: 1 << 20, State: stateOffered, Skipped: f.skips,
	}
	if f.onOffer != nil {
		f.onOffer(f, t)
	}
	return t, nil
}

func (f *fake) Answer(_ context.Context, id uuid.UUID, a node.Answer) error {
	words := []string{"answer", id.String()[:4], map[bool]string{true: "yes", false: "no"}[a.Accept], a.Dir}
	if a.Conflict != "" {
		words = append(words, string(a.Conflict))
	}
	return f.note(words...)
}

func (f *fake) Transfers(context.Context) ([]node.Transfer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.transfers), nil
}

func (f *fake) Clear(_ context.Context, id uuid.UUID) error {
	return f.move("clear", id, func(t *node.Transfer) { t.Cleared = true })
}

func (f *fake) Retry(_ context.Context, id uuid.UUID) (node.Transfer, error) {
	return f.Offer(context.Background(), node.Direct(peer.ID{}), []string{"again " + id.String()[:4]})
}

func (f *fake) Limit(_ context.Context, to node.Limit) error {
	return f.note("limit", to.Transfer.String()[:4], to.Peer.String()[:4], strconv.FormatInt(to.Bytes, 10))
}

func (f *fake) Pause(_ context.Context, id uuid.UUID) error {
	return f.move("pause", id, func(t *node.Transfer) { t.State, t.Reason = statePaused, "by me" })
}

func (f *fake) Resume(_ context.Context, id uuid.UUID) error {
	return f.move("resume", id, f.onResume)
}

func (f *fake) Cancel(_ context.Context, id uuid.UUID) error {
	return f.move("cancel", id, func(t *node.Transfer) { t.State, t.Reason = stateCancelled, "by me" })
}

// move records a call and changes the transfer, if the call is to succeed.
func (f *fake) move(word string, id uuid.UUID, change func(*node.Transfer)) error {
	if err := f.note(word, id.String()[:4]); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.transfers {
		if f.transfers[i].ID == id {
			change(&f.transfers[i])
		}
	}
	return nil
}

// History gives pages as a node does: the newest before h.Before, oldest first.
func (f *fake) History(_ context.Context, h node.History) ([]node.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []node.Message
	for _, m := range f.history {
		if strings.Contains(m.Text.String(), h.Search) && (h.Before == nil || m.Position.Clock < h.Before.Clock) {
			found = append(found, m)
		}
	}
	return found[max(0, len(found)-h.Limit):], nil
}

func (f *fake) Message(_ context.Context, id uuid.UUID) (node.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return node.Message{ID: id, Mine: true, State: f.stands, Why: f.why}, nil
}

// Named knows the messages of the history.
func (f *fake) Named(_ context.Context, digits string) (found []node.Message, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.history {
		if matchesID(m.ID, digits) {
			found = append(found, m)
		}
	}
	return found, nil
}

func (f *fake) Receipts(_ context.Context, id uuid.UUID) ([]node.Receipt, error) {
	err := f.note("receipts", id.String()[:13])
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.receipts, err
}

func (f *fake) CheckFiles(_ context.Context, id uuid.UUID) (node.FilesCheck, error) {
	for _, r := range f.reading {
		f.publish(node.Event{Kind: node.FilesRead, Reading: &r})
	}
	return f.files, f.note("files", id.String()[:13])
}

func (f *fake) MarkRead(_ context.Context, c node.Conversation, _ node.Position) error {
	return errors.Join(f.note("read", string(c)[:4]), f.unread)
}

func (f *fake) Accept(_ context.Context, id peer.ID) error { return f.note("accept", shortID(id)) }
func (f *fake) AcceptFrom(_ context.Context, id peer.ID, upTo int64) error {
	return f.note("accept from", shortID(id), strconv.FormatInt(upTo, 10))
}
func (f *fake) Folder(_ context.Context, of peer.ID, dir string) (string, error) {
	return filepath.Join(dir, "Folder"), f.note("folder", shortID(of), dir)
}
func (f *fake) Verify(_ context.Context, id peer.ID, _ bool) error {
	return f.note("verify", shortID(id))
}
func (f *fake) SetName(context.Context, string) error          { return nil }
func (f *fake) SetDir(context.Context, string) error           { return nil }
func (f *fake) SetRule(context.Context, string) error          { return nil }
func (f *fake) Look(context.Context) error                     { return nil }
func (f *fake) Connect(context.Context, string) error          { return nil }
func (f *fake) Watch(context.Context, node.Conversation) error { return nil }

func (f *fake) Subscribe(context.Context) (node.Subscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	feed := node.NewFeed(func() {})
	self := f.self
	feed.Publish(node.Event{Kind: node.Ready, Self: &self})
	f.feeds = append(f.feeds, feed)
	f.heard <- struct{}{}
	return feed, nil
}

// call is one call of the program in a test.
type call struct {
	t      *testing.T
	fake   *fake
	ctx    context.Context
	home   string
	stdin  io.Reader
	env    map[string]string
	roles  []role
	real   bool // attach to the node of home
	stdout bytes.Buffer
	stderr bytes.Buffer
}

func newCall(t *testing.T, f *fake) *call {
	return &call{t: t, fake: f, ctx: t.Context(), home: t.TempDir(), stdin: strings.NewReader(""), env: map[string]string{"EARSHOT_NAME": "Ann"}}
}

// run runs a command and wants it to end with the code.
func (c *call) run(code int, args ...string) *call {
	c.t.Helper()
	c.stdout.Reset()
	c.stderr.Reset()
	p := Program{
		Args: append([]string{"--home", c.home}, args...), Stdin: c.stdin, Stdout: &c.stdout, Stderr: &c.stderr,
		Environment: func(name string) (string, bool) { v, ok := c.env[name]; return v, ok },
		attach: func(_ context.Context, r role) (*session, error) {
			c.roles = append(c.roles, r)
			return &session{Node: c.fake, end: func() error { return nil }}, nil
		},
	}
	if c.real {
		p.attach = nil
	}
	got := Run(c.ctx, p)
	if got != code {
		c.t.Fatalf("%q ended with %d, want %d\n%s%s", args, got, code, c.stdout.String(), c.stderr.String())
	}
	return c
}

// prints wants the output to be exactly this.
func (c *call) prints(want string) *call {
	c.t.Helper()
	if got := c.stdout.String(); got != want {
		c.t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
	return c
}

// complains wants each of the texts on the standard error.
func (c *call) complains(texts ...string) *call {
	c.t.Helper()
	for _, text := range texts {
		if !strings.Contains(c.stderr.String(), text) {
			c.t.Errorf("said %q, want %q in it", c.stderr.String(), text)
		}
	}
	return c
}

// does wants the node to have been asked exactly this.
func (c *call) does(want ...string) *call {
	c.t.Helper()
	if got := c.fake.calls(); !slices.Equal(got, want) {
		c.t.Errorf("the node did %q, want %q", got, want)
	}
	return c
}

// deliver makes a written message arrive at once.
func deliver(f *fake, m node.Message) {
	m.State = node.Delivered
	f.publish(node.Event{Kind: node.StateChanged, Message: &m, Peer: &node.Ref{}})
}

// become makes an offered transfer end in a state.
func become(state, reason string) func(*fake, node.Transfer) {
	return func(f *fake, t node.Transfer) {
		active := t
		active.State, active.Done = stateActive, t.Bytes/2
		f.publish(node.Event{Kind: node.TransferMoved, Transfer: &active})
		t.State, t.Reason = state, reason
		f.publish(node.Event{Kind: node.TransferMoved, Transfer: &t})
	}
}
