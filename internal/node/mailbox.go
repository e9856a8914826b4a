package node

import "sync"

// A mailbox carries the typed events of every part to the loop. It holds what
// the parts hand in: they bound it themselves (receive windows, four reports a
// second, caps on claims), so it has no limit of its own and put never waits.
type mailbox struct {
	mu     sync.Mutex
	queue  []any
	closed bool
	wake   chan struct{} // holds one token while queue is not empty
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

// put queues an event; it returns at once, from any goroutine. It reports false
// once the mailbox is closed: nobody will read the event.
func (b *mailbox) put(event any) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.queue = append(b.queue, event)
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return true
}

// take returns everything that is queued, oldest first.
func (b *mailbox) take() []any {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.queue
	b.queue = nil
	return events
}

// close makes put refuse, and returns what was still queued.
func (b *mailbox) close() []any {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	return b.take()
}
