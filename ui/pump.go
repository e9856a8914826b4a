package ui

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"earshot/internal/node"
)

// queue holds what one goroutine hands to another without ever waiting for it.
type queue[T any] struct {
	ready chan struct{} // holds one token while there may be items

	mu    sync.Mutex
	items []T
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{ready: make(chan struct{}, 1)}
}

// push adds an item and returns at once. It may be called from any goroutine.
func (q *queue[T]) push(item T) {
	q.mu.Lock()
	q.items = append(q.items, item)
	q.mu.Unlock()
	q.wake()
}

// take removes the oldest items, at most so many.
func (q *queue[T]) take(most int) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(most, len(q.items))
	taken := q.items[:n:n]
	q.items = q.items[n:]
	if len(q.items) > 0 {
		q.wake()
	} else {
		q.items = nil
	}
	return taken
}

func (q *queue[T]) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// batch is how many results and batches of events are applied before a draw.
const batch = 256

// pump applies what the workers and the node brought, in order, with one draw
// for everything that is ready. It is the only caller of the application's
// queue, and ends before the application stops: a call after that would block
// for ever.
func (c *Console) pump(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.mail.ready:
		}
		ready := c.mail.take(batch)
		c.app.QueueUpdateDraw(func() {
			for _, apply := range ready {
				apply()
			}
		})
		select {
		case <-ctx.Done():
			return
		case <-time.After(c.pause):
		}
	}
}

// job is one call of the node or one look at the disk. What it returns is run
// in the application's loop; nil: nothing.
type job func(ctx context.Context) func()

// workers share the calls; writes have one of their own, which keeps their
// order, and so have offers and looks at the disk, which nothing else shall wait
// for.
const workers = 3

// work starts the workers. They end with ctx.
func (c *Console) work(ctx context.Context, wg *sync.WaitGroup) {
	wg.Go(func() { c.runJobs(ctx, c.writes) })
	wg.Go(func() { c.runJobs(ctx, c.sends) })
	wg.Go(func() { c.runJobs(ctx, c.looks) })
	for range workers {
		wg.Go(func() { c.runJobs(ctx, c.calls) })
	}
}

func (c *Console) runJobs(ctx context.Context, jobs *queue[job]) {
	defer c.rescue()
	for {
		select {
		case <-ctx.Done():
			return
		case <-jobs.ready:
		}
		for _, run := range jobs.take(1) {
			if result := run(ctx); result != nil {
				c.mail.push(result)
			}
		}
	}
}

// rescue ends the console on a panic in one of its goroutines.
func (c *Console) rescue() {
	if value := recover(); value != nil {
		c.crash.CompareAndSwap(nil, &crash{value, debug.Stack()})
		c.quit(errQuit)
	}
}

// call has a worker call the node; then gets the answer in the application's
// loop. It returns at once.
func call[T any](c *Console, ask func(context.Context) (T, error), then func(T, error)) {
	callIn(c.calls, ask, then)
}

// callIn is call with the workers of a queue.
func callIn[T any](jobs *queue[job], ask func(context.Context) (T, error), then func(T, error)) {
	jobs.push(func(ctx context.Context) func() {
		answer, err := ask(ctx)
		return func() { then(answer, err) }
	})
}

// tell has a worker call the node; only an error is shown.
func (c *Console) tell(jobs *queue[job], ask func(context.Context) error) {
	jobs.push(func(ctx context.Context) func() {
		if err := ask(ctx); err != nil {
			return func() { c.failure(err) }
		}
		return nil
	})
}

// after runs f in the application's loop when d has passed.
func (c *Console) after(d time.Duration, f func()) {
	time.AfterFunc(d, func() { c.mail.push(f) })
}

// follow reads the node's state and then its events, until ctx ends or the node
// does. It takes no further events before those that it brought are applied, so
// that a slow screen makes the node's own queue wait and nobody's memory grow.
func (c *Console) follow(ctx context.Context) {
	events, err := c.node.Subscribe(ctx)
	if err != nil {
		c.quit(err)
		return
	}
	defer events.Close()
	if err := c.readAll(ctx); err != nil {
		c.quit(err)
		return
	}
	for {
		batch, err := events.Next(ctx)
		if err != nil {
			c.quit(err)
			return
		}
		for _, ev := range batch {
			if ev.Kind == node.Resync {
				if err := c.readAll(ctx); err != nil {
					c.quit(err)
					return
				}
			}
		}
		applied := make(chan struct{})
		c.mail.push(func() {
			c.apply(batch)
			close(applied)
		})
		select {
		case <-ctx.Done():
			return
		case <-applied:
		}
	}
}

// readAll reads what the screen shows whoever is on it.
func (c *Console) readAll(ctx context.Context) error {
	self, err := c.node.Self(ctx)
	if err != nil {
		return err
	}
	people, err := c.node.People(ctx)
	if err != nil {
		return err
	}
	transfers, err := c.node.Transfers(ctx)
	if err != nil {
		return err
	}
	c.mail.push(func() { c.begin(self, people, transfers) })
	return nil
}
