package chat

import (
	"context"
	"sync"
	"time"
)

// queue carries work to the replica's goroutine, in order. It needs no bound of
// its own: what peers send is bounded by the sessions' receive windows, what a
// person does by the person.
type queue struct {
	mu     sync.Mutex
	jobs   []func(*core)
	closed bool
	ready  chan struct{} // holds a token while jobs is not empty
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// put adds a job; false once the queue is closed.
func (q *queue) put(job func(*core)) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.jobs = append(q.jobs, job)
	select {
	case q.ready <- struct{}{}:
	default:
	}
	return true
}

// take returns all jobs.
func (q *queue) take() []func(*core) {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.jobs
	q.jobs = nil
	return jobs
}

// close makes put fail from now on and returns what nobody did.
func (q *queue) close() []func(*core) {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	return q.take()
}

// Run does the replica's work until ctx ends; it may be called once. Drafts that
// were not written by then are replied to with [ErrStopped].
func (r *Replica) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		r.core.flush()
		timer.Reset(r.core.pause(time.Now()))
		select {
		case <-ctx.Done():
			r.core.stop()
			for _, job := range r.queue.close() {
				job(r.core)
			}
			return nil
		case <-r.queue.ready:
			for _, job := range r.queue.take() {
				job(r.core)
			}
		case <-timer.C:
		}
		r.core.tick(time.Now())
	}
}
