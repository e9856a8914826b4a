package transfer

import "sync"

// inbox is what the engine's goroutine has to do. It takes any number of commands,
// so whoever puts one in never waits.
type inbox struct {
	ready chan struct{} // holds a token while commands wait

	mu     sync.Mutex
	queue  []command
	closed bool
}

// command is done by the engine's goroutine, or dropped where that has ended.
type command struct {
	do   func()
	drop func() // nil: nothing to do then
}

func newInbox() *inbox { return &inbox{ready: make(chan struct{}, 1)} }

func (b *inbox) put(c command) {
	b.mu.Lock()
	closed := b.closed
	if !closed {
		b.queue = append(b.queue, c)
	}
	b.mu.Unlock()
	if closed {
		if c.drop != nil {
			c.drop()
		}
		return
	}
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take is all that waits, in order.
func (b *inbox) take() []command {
	b.mu.Lock()
	defer b.mu.Unlock()
	queue := b.queue
	b.queue = nil
	return queue
}

// close drops what waits and what will come.
func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	for _, c := range b.take() {
		if c.drop != nil {
			c.drop()
		}
	}
}
