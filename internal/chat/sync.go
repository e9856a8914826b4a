package chat

// Sync calls reply once, when everything that was asked for before is done and
// what it changed is durable; [Replica.Accept] and [Replica.Read] give no word of
// their own, so an error of theirs since the last Sync comes here. It is called
// from Run's goroutine, with [ErrStopped] where the replica stopped first.
func (r *Replica) Sync(reply func(error)) {
	done := func(c *core) {
		if c.stopped {
			reply(ErrStopped)
			return
		}
		c.writeDrafts()
		err := c.unsaid
		c.unsaid = nil
		reply(err)
	}
	if !r.queue.put(done) {
		reply(ErrStopped)
	}
}
