package control

import (
	"context"
	"errors"
	"sync"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

// A Follower is a [Node] that outlives the one behind it: where that ends it asks
// for the next one and goes on, so a screen stays when the node that it was attached
// to is quit. What was being asked meanwhile waits for the next node, but for calls
// that must not be made twice and may have been heard: those return
// [node.ErrStopped]. Its methods may be called from any goroutine.
type Follower struct {
	next    func(ctx context.Context) (Node, error)
	patient bool

	turn chan struct{} // holds a token while somebody looks for the next node

	mu   sync.Mutex // guards what follows
	now  Node       // nil: it ended
	open node.Conversation
}

// Follow makes a follower that begins with the node now. next finds the node to go
// on with and is called by one goroutine at a time; it may take as long as it must.
// Where next fails a patient follower tells its subscribers and tries again, another
// one ends their subscription with that error.
func Follow(now Node, next func(ctx context.Context) (Node, error), patient bool) *Follower {
	return &Follower{now: now, next: next, patient: patient, turn: make(chan struct{}, 1)}
}

// node is the node behind the follower, which may have ended without anybody having
// noticed.
func (f *Follower) node(ctx context.Context) (Node, error) {
	if n, _ := f.current(); n != nil {
		return n, nil
	}
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-f.turn }()
	n, open := f.current()
	if n != nil { // somebody else found it
		return n, nil
	}
	n, err := f.next(ctx)
	if err != nil {
		return nil, err
	}
	if open != "" { // the next node does not know what is on the screen
		if err := n.Watch(ctx, open); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = n
	return n, nil
}

func (f *Follower) current() (Node, node.Conversation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, f.open
}

// lost notes that a node ended.
func (f *Follower) lost(n Node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now == n {
		f.now = nil
	}
}

// once asks the node; the next one where it ended before it was asked.
func once[T any](ctx context.Context, f *Follower, ask func(Node) (T, error)) (T, error) {
	return asking(ctx, f, errLeft, ask)
}

// again asks the node; the next one where it ended before it answered. The
// question can be asked twice.
func again[T any](ctx context.Context, f *Follower, ask func(Node) (T, error)) (T, error) {
	return asking(ctx, f, node.ErrStopped, ask)
}

// asking asks one node after another, as long as the error is harmless.
func asking[T any](ctx context.Context, f *Follower, harmless error, ask func(Node) (T, error)) (T, error) {
	for {
		n, err := f.node(ctx)
		if err != nil {
			var none T
			return none, err
		}
		answer, err := ask(n)
		if errors.Is(err, node.ErrStopped) {
			f.lost(n)
		}
		if !errors.Is(err, harmless) || ctx.Err() != nil {
			return answer, err
		}
	}
}

// order is once or again for a call without a result.
func order(ask func(Node) error) func(Node) (struct{}, error) {
	return func(n Node) (struct{}, error) { return struct{}{}, ask(n) }
}

// Subscribe brings the events of the node, and of those after it. Where another one
// takes over, [node.Resync] with its Self comes first.
func (f *Follower) Subscribe(ctx context.Context) (node.Subscription, error) {
	s := &followed{f: f}
	_, err := again(ctx, f, order(func(n Node) error { return s.attach(ctx, n) }))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// followed is a subscription to whatever node there is.
type followed struct {
	f    *Follower
	said string // what last kept the next node from coming

	mu     sync.Mutex // guards what follows
	of     Node
	sub    node.Subscription // nil: its node ended
	closed bool
}

// errClosed says that nobody reads a subscription any more.
var errClosed = errors.New("the subscription is closed")

func (s *followed) attach(ctx context.Context, n Node) error {
	sub, err := n.Subscribe(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		sub.Close()
		return errClosed
	}
	s.of, s.sub = n, sub
	return nil
}

// current is the subscription to the node there is, nil where it ended.
func (s *followed) current() (node.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, node.ErrStopped
	}
	return s.sub, nil
}

// ended puts the subscription to a node that ended away.
func (s *followed) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.f.lost(s.of)
		s.sub.Close()
		s.sub = nil
	}
}

// Next implements [node.Subscription].
func (s *followed) Next(ctx context.Context) ([]node.Event, error) {
	for {
		sub, err := s.current()
		if err != nil {
			return nil, err
		}
		if sub == nil {
			events, err := s.follow(ctx)
			if err != nil || len(events) > 0 {
				return events, err
			}
			continue
		}
		events, err := sub.Next(ctx)
		if !errors.Is(err, node.ErrStopped) {
			return events, err
		}
		s.ended()
	}
}

// follow goes on with the next node, and tells that it did, or what keeps it from
// coming, where that is news.
func (s *followed) follow(ctx context.Context) ([]node.Event, error) {
	self, err := again(ctx, s.f, func(n Node) (node.Self, error) {
		if err := s.attach(ctx, n); err != nil {
			return node.Self{}, err
		}
		return n.Self(ctx)
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, errClosed):
		return nil, node.ErrStopped
	case err != nil && !s.f.patient:
		return nil, err
	case err != nil && err.Error() == s.said:
		return nil, nil
	case err != nil:
		s.said = err.Error()
		return []node.Event{{Kind: node.Failed, At: time.Now(), Error: peer.Line(s.said, maxErrorText)}}, nil
	}
	s.said = ""
	return []node.Event{{Kind: node.Resync, At: time.Now(), Self: &self}}, nil
}

// Close implements [node.Subscription].
func (s *followed) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.sub != nil {
		s.sub.Close()
	}
}
