package node

import (
	"context"
	"errors"
	"sync"
)

// ErrStopped says that the node, or the connection to it, has ended.
var ErrStopped = errors.New("earshot is not running any more")

// How much a subscriber gets at a time, and how far it may fall behind.
const (
	maxBatch  = 256  // what the console can apply within one frame
	maxBehind = 2048 // beyond it reading everything anew costs less
)

// A Subscription brings a node's events to one reader.
type Subscription interface {
	// Next waits until something happened and returns it, oldest first, at most
	// 256 events. A reader that fell far behind gets [Resync] in place of what
	// it missed; several reports in a row about one person or one transfer may
	// come as the newest alone, but no change of a transfer's state is left out.
	// The error is ctx's, or [ErrStopped].
	Next(ctx context.Context) ([]Event, error)
	// Close ends the subscription. It may be called more than once.
	Close()
}

// A Feed is a [Subscription] with its other end: the node publishes into it, or
// the control client what it read from the socket.
type Feed struct {
	onClose func()

	mu     sync.Mutex
	queue  []Event
	first  uint64             // the number of queue[0]; events are numbered as they come
	newest map[subject]uint64 // the number of the newest event about something
	ended  bool               // nothing more will be published
	wake   chan struct{}      // holds one token while there is something to see
}

// A subject is whom or what an event that may be replaced is about.
type subject struct {
	kind EventKind
	id   string
}

// NewFeed makes a feed; onClose is called once, by the reader's Close.
func NewFeed(onClose func()) *Feed {
	return &Feed{onClose: sync.OnceFunc(onClose), newest: make(map[subject]uint64), wake: make(chan struct{}, 1)}
}

// Publish queues an event for the reader. It returns at once, from any
// goroutine; what the event points to must not change any more.
func (f *Feed) Publish(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	defer f.signal()
	if f.replace(e) {
		return
	}
	if len(f.queue) >= maxBehind {
		f.first += uint64(len(f.queue))
		f.queue = append(f.queue[:0:0], Event{Kind: Resync, At: e.At})
		clear(f.newest)
		return
	}
	f.queue = append(f.queue, e)
	if s, ok := about(e); ok {
		f.newest[s] = f.first + uint64(len(f.queue)) - 1
	}
}

// replace puts e in the place of the newest queued event about the same thing,
// where nothing is lost by it.
func (f *Feed) replace(e Event) bool {
	s, ok := about(e)
	if !ok {
		return false
	}
	n, ok := f.newest[s]
	if !ok || n < f.first {
		return false
	}
	old := &f.queue[n-f.first]
	if old.Kind != e.Kind {
		return false
	}
	switch e.Kind {
	case PeerChanged, SelfChanged:
	case TransferMoved:
		if old.Transfer.State != e.Transfer.State || old.Transfer.Reason != e.Transfer.Reason {
			return false
		}
	default:
		return false
	}
	*old = e
	return true
}

// about says which events tell the whole state of one thing.
func about(e Event) (subject, bool) {
	switch {
	case e.Person != nil:
		return subject{PeerChanged, string(e.Person.ID[:])}, true
	case e.Transfer != nil:
		return subject{TransferMoved, string(e.Transfer.ID[:])}, true
	case e.Self != nil:
		return subject{kind: SelfChanged}, true
	}
	return subject{}, false
}

// End lets the reader have what is queued, then [ErrStopped].
func (f *Feed) End() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.signal()
}

// signal wakes the reader; f.mu is held.
func (f *Feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Next implements [Subscription].
func (f *Feed) Next(ctx context.Context) ([]Event, error) {
	for {
		if events, ended := f.ready(); len(events) > 0 {
			return events, nil
		} else if ended {
			return nil, ErrStopped
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// ready takes the next batch, and says whether nothing more will come.
func (f *Feed) ready() (batch []Event, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(f.queue), maxBatch)
	batch = append(batch, f.queue[:n]...)
	f.queue = f.queue[n:]
	f.first += uint64(n)
	if len(f.queue) == 0 {
		f.queue = nil
		clear(f.newest)
	}
	if f.ended {
		f.signal() // for the next call
	}
	return batch, f.ended && len(f.queue) == 0 && n == 0
}

// Close implements [Subscription].
func (f *Feed) Close() {
	f.End()
	f.onClose()
}
