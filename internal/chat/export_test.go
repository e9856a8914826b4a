package chat

import "time"

// Step does at a moment what Run would do, and returns how long there is
// nothing to do after it.
func (r *Replica) Step(now time.Time) time.Duration {
	r.core.timer = func() time.Time { return now }
	for _, job := range r.queue.take() {
		job(r.core)
	}
	r.core.tick(now)
	r.core.flush()
	return r.core.pause(now)
}
