package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"earshot/internal/node"
	"earshot/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A *node.Node and a Client can be used alike.
var (
	_ Node = (*node.Node)(nil)
	_ Node = (*Client)(nil)
)

// serve runs a server for n until the test ends, and returns its socket.
func serve(t *testing.T, n Node) (path string, s *Server) {
	t.Helper()
	return serveYielding(t, n, nil)
}

func serveYielding(t *testing.T, n Node, yield func()) (path string, s *Server) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "node.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s = NewServer(n, yield)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return path, s
}

func dial(t *testing.T, path string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestEveryCallReachesTheNode(t *testing.T) {
	n := &fakeNode{}
	path, _ := serve(t, n)
	c := dial(t, path)
	ctx := t.Context()
	id, who := uuid.New(), peer.ID{7}
	position := node.Position{Clock: 1 << 62, Author: who, ID: id}
	history := node.History{Conversation: "X", Before: &position, Limit: 3, Search: "ä"}

	c.Self(ctx)
	c.People(ctx)
	c.Write(ctx, "X", "hello\n世界 \u2028 \"\\")
	c.Offer(ctx, "X", []string{"/a", "/b"})
	c.Answer(ctx, id, node.Answer{Accept: true, Dir: "/dir", Conflict: node.ConflictSkip})
	c.Transfers(ctx)
	c.Pause(ctx, id)
	c.Resume(ctx, id)
	c.Cancel(ctx, id)
	c.Clear(ctx, id)
	c.Retry(ctx, id)
	c.Limit(ctx, node.Limit{Peer: who, Bytes: 1 << 20})
	c.History(ctx, history)
	c.Message(ctx, id)
	c.Named(ctx, "019b")
	c.Receipts(ctx, id)
	c.CheckFiles(ctx, id)
	c.MarkRead(ctx, "X", position)
	c.Accept(ctx, who)
	c.AcceptFrom(ctx, who, node.AnySize)
	c.Folder(ctx, who, "/dir")
	c.Verify(ctx, who, true)
	c.SetName(ctx, "Bob")
	c.SetDir(ctx, "/dir")
	c.SetRule(ctx, "all")
	c.Look(ctx)
	c.Connect(ctx, "host:1")
	c.Subscribe(ctx)

	want := []any{
		[]any{"self"}, []any{"people"}, []any{"write", node.Conversation("X"), "hello\n世界 \u2028 \"\\"},
		[]any{"offer", node.Conversation("X"), []string{"/a", "/b"}}, []any{"answer", id, node.Answer{Accept: true, Dir: "/dir", Conflict: node.ConflictSkip}}, []any{"transfers"},
		[]any{"pause", id}, []any{"resume", id}, []any{"cancel", id}, []any{"clear", id}, []any{"retry", id},
		[]any{"limit", node.Limit{Peer: who, Bytes: 1 << 20}}, []any{"history", history}, []any{"message", id},
		[]any{"named", "019b"}, []any{"receipts", id}, []any{"files", id},
		[]any{"read", node.Conversation("X"), position}, []any{"accept", who},
		[]any{"accept from", who, int64(node.AnySize)}, []any{"folder", who, "/dir"}, []any{"verify", who, true},
		[]any{"name", "Bob"}, []any{"dir", "/dir"}, []any{"rule", "all"}, []any{"look"}, []any{"connect", "host:1"},
		[]any{"subscribe"},
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !reflect.DeepEqual(n.asked, want) {
		t.Errorf("asked\n%v, want\n%v", n.asked, want)
	}
}

func TestAnswersComeBackWhole(t *testing.T) {
	path, _ := serve(t, &fakeNode{})
	c := dial(t, path)
	self, err := c.Self(t.Context())
	if err != nil || self.Name.String() != "Fake" || self.Port != 7420 {
		t.Errorf("self: %+v, %v", self, err)
	}
	people, err := c.People(t.Context())
	if err != nil || len(people) != 1 || people[0].ID != (peer.ID{1}) || people[0].Name.String() != "Ann" || !people[0].LastSeen.IsZero() {
		t.Errorf("people: %+v, %v", people, err)
	}
	offer, err := c.Offer(t.Context(), "X", []string{"/a"})
	if err != nil || offer.Left != 1500*time.Millisecond {
		t.Errorf("offer: %+v, %v", offer, err)
	}
	receipts, err := c.Receipts(t.Context(), uuid.New())
	if err != nil || len(receipts) != 1 || receipts[0].State != node.Saved || receipts[0].Content != "ab" || !receipts[0].At.Equal(time.Unix(1, 0)) {
		t.Errorf("receipts: %+v, %v", receipts, err)
	}
	if check, err := c.CheckFiles(t.Context(), uuid.New()); err != nil || check != (node.FilesCheck{State: node.FilesChanged, File: peer.Line("a", 0)}) {
		t.Errorf("files: %+v, %v", check, err)
	}
	if folder, err := c.Folder(t.Context(), peer.ID{1}, "/dir"); err != nil || folder != "/dir/Ann" {
		t.Errorf("folder: %q, %v", folder, err)
	}
	long := strings.Repeat("\x00\u202e中", 32<<10/7)
	if _, err := c.Write(t.Context(), "X", long); err != nil {
		t.Errorf("a long text: %v", err)
	}
}

func TestErrorsKeepTheirMeaning(t *testing.T) {
	n := &fakeNode{}
	path, _ := serve(t, n)
	c := dial(t, path)
	for _, known := range codes {
		n.err = fmt.Errorf("write to Ann: %w", known.err)
		if err := c.Look(t.Context()); !errors.Is(err, known.err) || err.Error() != n.err.Error() {
			t.Errorf("got %v, want %v", err, n.err)
		}
	}
	n.err = fmt.Errorf("write to Ann: %w", &fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOTDIR}) // what the system says is known by its cause
	if err := c.Look(t.Context()); !errors.Is(err, node.ErrNoFolder) || err.Error() != n.err.Error() {
		t.Errorf("got %v, want %v", err, n.err)
	}
	n.err = errors.New("something else")
	if err := c.Look(t.Context()); err == nil || err.Error() != "something else" {
		t.Errorf("got %v", err)
	}
	if _, err := c.Subscribe(t.Context()); err == nil {
		t.Error("subscribed to a node that refused")
	}
}

func TestEventsReachEverySubscriber(t *testing.T) {
	n := &fakeNode{}
	path, _ := serve(t, n)
	a, b := dial(t, path), dial(t, path)
	subA, err := a.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	subB, err := b.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n.publish(node.Event{Kind: node.MessageAdded, Message: &node.Message{Text: peer.Body("one\ntwo")}})
	for _, sub := range []node.Subscription{subA, subB} {
		events, err := sub.Next(t.Context())
		if err != nil || len(events) != 1 || events[0].Message.Text.String() != "one\ntwo" {
			t.Errorf("got %+v, %v", events, err)
		}
	}
	subA.Close()
	n.publish(node.Event{Kind: node.Resync})
	if events, err := subB.Next(t.Context()); err != nil || events[0].Kind != node.Resync {
		t.Errorf("after the other left: %+v, %v", events, err)
	}
	if _, err := subA.Next(t.Context()); !errors.Is(err, node.ErrStopped) {
		t.Errorf("next after close: %v", err)
	}
}

func TestCallsRunSideBySide(t *testing.T) {
	n := &fakeNode{block: make(chan struct{})}
	path, _ := serve(t, n)
	c := dial(t, path)
	slow := make(chan error, 1)
	go func() { slow <- c.Look(context.Background()) }()
	if _, err := c.Self(t.Context()); err != nil {
		t.Errorf("beside a slow call: %v", err)
	}
	close(n.block)
	if err := <-slow; err != nil {
		t.Errorf("the slow call: %v", err)
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	n := &fakeNode{block: make(chan struct{})}
	path, _ := serve(t, n)
	c := dial(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Look(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	eventually(t, "the node's call ends too", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return len(n.asked) == 1 && reflect.DeepEqual(n.asked[0], []any{"look ended"})
	})
}

// eventually fails the test unless done becomes true within ten seconds.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(2 * time.Millisecond); !done(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func TestWhatAClientWatchesEndsWithIt(t *testing.T) {
	n := &fakeNode{}
	path, _ := serve(t, n)
	a, b := dial(t, path), dial(t, path)
	a.Watch(t.Context(), "A")
	b.Watch(t.Context(), "B")
	n.mu.Lock()
	if len(n.watched) != 2 {
		t.Errorf("watched: %v", n.watched)
	}
	n.mu.Unlock()
	a.Close()
	b.Close()
	eventually(t, "nothing is watched", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return !slices.ContainsFunc(slices.Collect(maps.Values(n.watched)), func(c node.Conversation) bool { return c != "" })
	})
}

func TestLeavingAnswersWhatWasAskedAndNothingMore(t *testing.T) {
	n := &fakeNode{block: make(chan struct{})}
	path, s := serve(t, n)
	c := dial(t, path)
	slow := make(chan error, 1)
	go func() { slow <- c.Look(context.Background()) }()
	eventually(t, "the call is under way", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.calls == 1 })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.Leave(ended)
	if _, err := Dial(t.Context(), path); err == nil {
		t.Error("a client came while the server was leaving")
	}
	if _, err := c.Self(t.Context()); !errors.Is(err, errLeft) {
		t.Errorf("a call while the server was leaving: %v", err)
	}
	left := make(chan struct{})
	go func() { s.Leave(context.Background()); close(left) }()
	close(n.block)
	<-left
	if err := <-slow; err != nil {
		t.Errorf("the call that was under way: %v", err)
	}
}

func TestOnlyANodeThatPassesYields(t *testing.T) {
	path, _ := serve(t, &fakeNode{})
	if err := dial(t, path).Yield(t.Context()); !errors.Is(err, node.ErrWrongState) {
		t.Errorf("one that stays: %v", err)
	}
	asked := make(chan struct{}, 1)
	path, _ = serveYielding(t, &fakeNode{}, func() { asked <- struct{}{} })
	if err := dial(t, path).Yield(t.Context()); err != nil || len(asked) != 1 {
		t.Errorf("asked %d times, %v", len(asked), err)
	}
}

func TestSocketIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no mode bits")
	}
	path, _ := serve(t, &fakeNode{})
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o, want 600", mode)
	}
}

func TestASocketLeftBehindIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "node.sock")
	for range 2 {
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false) // as after a kill
		l.Close()
	}
	if _, err := Dial(t.Context(), path); err == nil {
		t.Error("attached to a dead socket")
	}
	if _, err := Dial(t.Context(), path+".no"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
}

func TestTheNodeEndingEndsItsClients(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, &fakeNode{}, l) }()
	c := dial(t, path)
	sub, err := c.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := sub.Next(t.Context()); !errors.Is(err, node.ErrStopped) {
		t.Errorf("next: %v", err)
	}
	if err := c.Look(t.Context()); !errors.Is(err, node.ErrStopped) {
		t.Errorf("look: %v", err)
	}
	if _, err := c.Subscribe(t.Context()); !errors.Is(err, node.ErrStopped) {
		t.Errorf("subscribe: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestAnotherVersionIsSaid(t *testing.T) {
	path, _ := serve(t, &fakeNode{})
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, `{"earshot":2,"more":"said later"}`)
	lines := bufio.NewScanner(conn)
	lines.Scan()
	if got := lines.Text(); got != `{"earshot":1}` {
		t.Errorf("greeting %s", got)
	}
	lines.Scan()
	if got := lines.Text(); !strings.Contains(got, "version 2") && !strings.Contains(got, "this one 2") {
		t.Errorf("the answer does not say the version: %s", got)
	}
	if lines.Scan() {
		t.Errorf("went on: %s", lines.Text())
	}
}

func TestAnOlderNodeIsSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := l.Accept(); err == nil {
			fmt.Fprintln(conn, `{"earshot":0}`)
			conn.Close()
		}
	}()
	var version *VersionError
	if _, err := Dial(t.Context(), path); !errors.As(err, &version) || version.Node != 0 {
		t.Errorf("got %v", err)
	}
	<-done
}
