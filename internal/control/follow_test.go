package control

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"earshot/internal/node"
)

// row serves fake nodes one after another, each on a socket of its own, as the
// nodes of a profile follow each other.
type row struct {
	t    *testing.T
	dir  string
	now  *Client
	node *fakeNode
	end  func() // of the node
	n    int
	fail []error // what keeps the next ones from coming
}

func (r *row) next(ctx context.Context) (Node, error) {
	r.t.Helper()
	if len(r.fail) > 0 {
		err := r.fail[0]
		r.fail = r.fail[1:]
		return nil, err
	}
	r.n++
	path := filepath.Join(r.dir, fmt.Sprint(r.n))
	l, err := Listen(path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.node = &fakeNode{}
	serving, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(serving, r.node, l) }()
	r.end = func() { cancel(); done <- <-done }
	r.t.Cleanup(r.end)
	r.now = dial(r.t, path)
	return r.now, nil
}

// follower follows a row of nodes, of which the first runs.
func follower(t *testing.T, patient bool) (*row, *Follower) {
	t.Helper()
	r := &row{t: t, dir: t.TempDir()}
	first, err := r.next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r, Follow(first, r.next, patient)
}

func TestAFollowerGoesOnWithTheNextNode(t *testing.T) {
	r, f := follower(t, false)
	var _ Node = f
	if err := f.Watch(t.Context(), "A"); err != nil {
		t.Fatal(err)
	}
	sub, err := f.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	r.end()
	events, err := sub.Next(t.Context())
	if err != nil || len(events) != 1 || events[0].Kind != node.Resync || events[0].Self == nil || events[0].Self.Port != 7420 {
		t.Errorf("when the node ended: %+v, %v", events, err)
	}
	r.node.publish(node.Event{Kind: node.MessageAdded})
	if events, err = sub.Next(t.Context()); err != nil || events[0].Kind != node.MessageAdded {
		t.Errorf("of the next node: %+v, %v", events, err)
	}
	r.node.mu.Lock()
	defer r.node.mu.Unlock()
	for _, c := range r.node.watched {
		if c != "A" {
			t.Errorf("the next node watches %q", c)
		}
	}
	if len(r.node.watched) != 1 || r.n != 2 {
		t.Errorf("%d nodes, the last one watches %v", r.n, r.node.watched)
	}
}

func TestAFollowerAsksTheNextNodeWhereNothingWasDone(t *testing.T) {
	r, f := follower(t, false)
	if _, err := f.Self(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.end()
	m, err := f.Write(t.Context(), "X", "hello")
	if err != nil || m.Text.String() != "hello" {
		t.Errorf("wrote %+v, %v", m, err)
	}
	for _, what := range r.node.asked {
		if what.([]any)[0] == "write" {
			return
		}
	}
	t.Errorf("the next node was asked %v", r.node.asked)
}

// TestWhatMayHaveBeenDoneIsNotDoneTwice lets the node end while it is asked.
func TestWhatMayHaveBeenDoneIsNotDoneTwice(t *testing.T) {
	stopped := &fakeNode{err: node.ErrStopped}
	next := &fakeNode{}
	f := Follow(stopped, func(context.Context) (Node, error) { return next, nil }, false)
	if _, err := f.Write(t.Context(), "X", "hello"); !errors.Is(err, node.ErrStopped) {
		t.Errorf("wrote twice: %v", err)
	}
	f = Follow(stopped, func(context.Context) (Node, error) { return next, nil }, false)
	if _, err := f.People(t.Context()); err != nil {
		t.Errorf("a question: %v", err)
	}
}

func TestAPatientFollowerSaysWhatKeepsTheNextNodeFromComing(t *testing.T) {
	for _, patient := range []bool{true, false} {
		r, f := follower(t, patient)
		full := errors.New("the disk is full")
		r.fail = []error{full, full}
		sub, err := f.Subscribe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.end()
		events, err := sub.Next(t.Context())
		if !patient {
			if !errors.Is(err, full) {
				t.Errorf("got %+v, %v", events, err)
			}
			continue
		}
		if err != nil || events[0].Kind != node.Failed || events[0].Error.String() != full.Error() {
			t.Errorf("got %+v, %v", events, err)
		}
		if events, err = sub.Next(t.Context()); err != nil || events[0].Kind != node.Resync {
			t.Errorf("said it twice: %+v, %v", events, err)
		}
		sub.Close()
		if _, err := sub.Next(t.Context()); !errors.Is(err, node.ErrStopped) {
			t.Errorf("closed: %v", err)
		}
	}
}

func TestAFollowerWaitsNoLongerThanItsCaller(t *testing.T) {
	waits := make(chan struct{})
	f := Follow(&fakeNode{err: node.ErrStopped}, func(ctx context.Context) (Node, error) {
		close(waits)
		<-ctx.Done()
		return nil, ctx.Err()
	}, true)
	first := make(chan error, 1)
	long, end := context.WithCancel(t.Context())
	go func() {
		_, err := f.Self(long)
		first <- err
	}()
	<-waits
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Self(short); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	end()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
