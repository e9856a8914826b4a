package control

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// fakeNode answers every call with what it was asked, and keeps a note of it.
type fakeNode struct {
	mu      sync.Mutex
	asked   []any
	watched map[any]node.Conversation
	feeds   []*node.Feed

	err   error         // what every call returns
	block chan struct{} // where not nil, Look waits for it or for its context
}

func (f *fakeNode) note(what ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what)
	return f.err
}

func (f *fakeNode) publish(e node.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, feed := range f.feeds {
		feed.Publish(e)
	}
}

func (f *fakeNode) Self(context.Context) (node.Self, error) {
	return node.Self{Name: peer.DisplayName("Fake"), Port: 7420}, f.note("self")
}

func (f *fakeNode) People(context.Context) ([]node.Person, error) {
	return []node.Person{{ID: peer.ID{1}, Name: peer.DisplayName("Ann"), Via: []string{"mdns"}}}, f.note("people")
}

func (f *fakeNode) Write(_ context.Context, to node.Conversation, text string) (node.Message, error) {
	return node.Message{Conversation: to, Text: peer.Body(text), State: node.Queued}, f.note("write", to, text)
}

func (f *fakeNode) Offer(_ context.Context, to node.Conversation, paths []string) (node.Transfer, error) {
	return node.Transfer{State: "offered", Files: len(paths), Left: 1500000000}, f.note("offer", to, paths)
}

func (f *fakeNode) Answer(_ context.Context, id uuid.UUID, a node.Answer) error {
	return f.note("answer", id, a)
}

func (f *fakeNode) Transfers(context.Context) ([]node.Transfer, error) {
	return nil, f.note("transfers")
}
func (f *fakeNode) Pause(_ context.Context, id uuid.UUID) error  { return f.note("pause", id) }
func (f *fakeNode) Resume(_ context.Context, id uuid.UUID) error { return f.note("resume", id) }
func (f *fakeNode) Cancel(_ context.Context, id uuid.UUID) error { return f.note("cancel", id) }
func (f *fakeNode) Clear(_ context.Context, id uuid.UUID) error  { return f.note("clear", id) }
func (f *fakeNode) Limit(_ context.Context, to node.Limit) error { return f.note("limit", to) }

func (f *fakeNode) Retry(_ context.Context, id uuid.UUID) (node.Transfer, error) {
	return node.Transfer{ID: id}, f.note("retry", id)
}

func (f *fakeNode) History(_ context.Context, h node.History) ([]node.Message, error) {
	return []node.Message{{Conversation: h.Conversation}}, f.note("history", h)
}

func (f *fakeNode) Message(_ context.Context, id uuid.UUID) (node.Message, error) {
	return node.Message{ID: id}, f.note("message", id)
}

func (f *fakeNode) Named(_ context.Context, digits string) ([]node.Message, error) {
	return []node.Message{{ID: uuid.UUID{1}}}, f.note("named", digits)
}

func (f *fakeNode) Receipts(_ context.Context, id uuid.UUID) ([]node.Receipt, error) {
	return []node.Receipt{{State: node.Saved, Content: "ab", At: time.Unix(1, 0).UTC()}}, f.note("receipts", id)
}

func (f *fakeNode) CheckFiles(_ context.Context, id uuid.UUID) (node.FilesCheck, error) {
	return node.FilesCheck{State: node.FilesChanged, File: peer.Line("a", 0)}, f.note("files", id)
}

func (f *fakeNode) MarkRead(_ context.Context, c node.Conversation, upTo node.Position) error {
	return f.note("read", c, upTo)
}
func (f *fakeNode) Accept(_ context.Context, id peer.ID) error { return f.note("accept", id) }
func (f *fakeNode) AcceptFrom(_ context.Context, id peer.ID, upTo int64) error {
	return f.note("accept from", id, upTo)
}
func (f *fakeNode) Folder(_ context.Context, of peer.ID, dir string) (string, error) {
	return dir + "/Ann", f.note("folder", of, dir)
}
func (f *fakeNode) Verify(_ context.Context, id peer.ID, verified bool) error {
	return f.note("verify", id, verified)
}
func (f *fakeNode) SetName(_ context.Context, name string) error { return f.note("name", name) }
func (f *fakeNode) SetDir(_ context.Context, dir string) error   { return f.note("dir", dir) }
func (f *fakeNode) SetRule(_ context.Context, rule string) error { return f.note("rule", rule) }

func (f *fakeNode) Look(ctx context.Context) error {
	if f.block != nil {
		select {
		case <-f.block:
		case <-ctx.Done():
			f.note("look ended")
			return ctx.Err()
		}
	}
	return f.note("look")
}

func (f *fakeNode) Connect(_ context.Context, hostport string) error {
	return f.note("connect", hostport)
}

func (f *fakeNode) Watch(ctx context.Context, c node.Conversation) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watched == nil {
		f.watched = make(map[any]node.Conversation)
	}
	f.watched[node.Viewer(ctx)] = c
	return f.err
}

func (f *fakeNode) Subscribe(context.Context) (node.Subscription, error) {
	if err := f.note("subscribe"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	feed := node.NewFeed(func() { f.note("closed") })
	f.feeds = append(f.feeds, feed)
	return feed, nil
}
