package node

import "context"

// A desk does the writing to the disk that nobody waits for, one after another
// in the order in which it was asked: the loop never waits for the disk.
type desk struct {
	jobs *mailbox
	fail func(what string, err error) // is told what went wrong; returns at once
}

// A job is one piece of work; what it is stands behind "could not" where it fails.
type job struct {
	what string
	do   func() error
}

// deskFailed: work for which nobody waits went wrong.
type deskFailed struct {
	what string
	err  error
}

// do queues work; it returns at once.
func (d *desk) do(what string, work func() error) { d.jobs.put(job{what, work}) }

// run works until ctx ends and everything that was asked for is done.
func (d *desk) run(ctx context.Context) error {
	for {
		select {
		case <-d.jobs.wake:
			d.work(d.jobs.take())
		case <-ctx.Done():
			d.work(d.jobs.close())
			return nil
		}
	}
}

func (d *desk) work(jobs []any) {
	for _, each := range jobs {
		j := each.(job)
		if err := j.do(); err != nil {
			d.fail(j.what, err)
		}
	}
}
