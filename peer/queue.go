package peer

import (
	"sync"
)

// frameQueue holds the frames that wait to be written to one peer.
type frameQueue struct {
	ready chan struct{} // has a token while there may be something to take

	mu     sync.Mutex
	frames [][]byte
	size   int  // bytes waiting and being written
	last   bool // nothing is added any more
}

func newFrameQueue() *frameQueue { return &frameQueue{ready: make(chan struct{}, 1)} }

// add queues a frame where fewer than limit bytes wait.
func (q *frameQueue) add(frame []byte, limit int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last || q.size+len(frame) > limit {
		return false
	}
	q.put(frame)
	return true
}

// finish queues the last frame, whatever waits before it.
func (q *frameQueue) finish(frame []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last {
		return
	}
	q.last = true
	q.put(frame)
}

func (q *frameQueue) put(frame []byte) {
	q.frames = append(q.frames, frame)
	q.size += len(frame)
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take gives out what waits, and whether nothing will follow. What was written
// of it must be told to wrote.
func (q *frameQueue) take() (frames [][]byte, last bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	frames, q.frames = q.frames, nil
	return frames, q.last
}

// wrote says that so many bytes wait no longer.
func (q *frameQueue) wrote(bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.size -= bytes
}

// window counts what was read from a peer and is not done.
type window struct {
	freed chan struct{} // has a token after room was given back

	mu   sync.Mutex
	used int
}

func newWindow() *window { return &window{freed: make(chan struct{}, 1)} }

// take counts bytes that were handed on.
func (w *window) take(bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used += bytes
}

// give takes them back.
func (w *window) give(bytes int) {
	w.mu.Lock()
	w.used -= bytes
	w.mu.Unlock()
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

func (w *window) full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.used >= receiveWindow
}

// eventQueue brings events to Notify one at a time, in the order in which they
// were added, outside of any lock. It is as long as its reader is late; the
// receive windows bound what a peer can add.
type eventQueue struct {
	notify func(Event)
	ready  chan struct{}

	mu     sync.Mutex
	events []Event
	closed bool
}

func newEventQueue(notify func(Event)) *eventQueue {
	return &eventQueue{notify: notify, ready: make(chan struct{}, 1)}
}

func (q *eventQueue) add(events ...Event) {
	q.mu.Lock()
	q.events = append(q.events, events...)
	q.mu.Unlock()
	q.wake()
}

// close lets deliver return when everything was delivered.
func (q *eventQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.wake()
}

func (q *eventQueue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// deliver calls notify until the queue is closed and empty.
func (q *eventQueue) deliver() {
	for range q.ready {
		events, closed := q.take()
		for _, e := range events {
			q.notify(e)
		}
		if closed {
			return
		}
	}
}

func (q *eventQueue) take() ([]Event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.events
	q.events = nil
	return events, q.closed
}
