package server

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// tx is a transaction, and what it is to tell when it is committed.
type tx struct {
	*sql.Tx
	ctx     context.Context
	changes []change
}

// update runs f in a transaction. When it returns nil what f did is durable, and all
// servers hear of the changes it told of; otherwise nothing was done. f may be called
// again.
func (d *directory) update(ctx context.Context, f func(*tx) error) error {
	if d.postgres == nil {
		return d.join(ctx, f)
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	err := d.alone(ctx, f)
	for range deadlockTries {
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != deadlockDetected {
			break
		}
		err = d.alone(ctx, f)
	}
	return err
}

const (
	// deadlockTries is how often it is tried again where transactions of several
	// servers waited for each other.
	deadlockTries    = 3
	deadlockDetected = "40P01" // PostgreSQL, appendix A
)

// alone runs f in a transaction of its own.
func (d *directory) alone(ctx context.Context, f func(*tx) error) error {
	begun, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer begun.Rollback()
	t := &tx{Tx: begun, ctx: ctx}
	if err := f(t); err != nil {
		return err
	}
	if err := d.notify(t); err != nil {
		return err
	}
	if err := begun.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	d.tell(t.changes)
	return nil
}

// job is what waits for a transaction of SQLite.
type job struct {
	ctx     context.Context
	f       func(*tx) error
	changes []change
	err     error
	done    bool
}

// maxJobs bounds what one transaction does.
const maxJobs = 64

// join runs f in one transaction with what others want to write at the same time: a
// commit waits for the disk, and there is one writer, so a hundred who come at once
// would wait for a hundred commits. (PostgreSQL does so by itself.)
func (d *directory) join(ctx context.Context, f func(*tx) error) error {
	j := &job{ctx: ctx, f: f}
	d.mu.Lock()
	d.jobs = append(d.jobs, j)
	d.mu.Unlock()
	d.finish(j)
	if j.err == nil {
		d.tell(j.changes)
	}
	return j.err
}

// finish waits until a job is done: somebody who came before may do it too.
func (d *directory) finish(j *job) {
	d.turn.Lock()
	defer d.turn.Unlock()
	for !j.done {
		d.work(d.takeJobs())
	}
}

func (d *directory) takeJobs() []*job {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(d.jobs), maxJobs)
	jobs := d.jobs[:n:n]
	d.jobs = append([]*job(nil), d.jobs[n:]...)
	return jobs
}

var errUnfinished = errors.New("the transaction was not finished")

// work does jobs in one transaction. What one of them did wrong is undone alone.
func (d *directory) work(jobs []*job) {
	for _, j := range jobs {
		j.err, j.done = errUnfinished, true
	}
	ctx, cancel := context.WithTimeout(context.Background(), queryTime)
	defer cancel()
	begun, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		fail(jobs, fmt.Errorf("begin: %w", err))
		return
	}
	defer begun.Rollback()
	for _, j := range jobs {
		t := &tx{Tx: begun, ctx: ctx}
		j.err = j.do(t)
		j.changes = t.changes
	}
	if err := begun.Commit(); err != nil {
		fail(jobs, fmt.Errorf("commit: %w", err))
	}
}

// fail has all jobs fail that did not by themselves.
func fail(jobs []*job, err error) {
	for _, j := range jobs {
		if j.err == nil || errors.Is(j.err, errUnfinished) {
			j.err = err
		}
	}
}

// do does a job within a transaction, or nothing of it.
func (j *job) do(t *tx) error {
	if err := j.ctx.Err(); err != nil {
		return err // nobody waits for it any more
	}
	if err := t.run("SAVEPOINT job"); err != nil {
		return err
	}
	err := j.f(t)
	if err != nil {
		if undone := t.run("ROLLBACK TO job"); undone != nil {
			return errors.Join(err, undone)
		}
	}
	if released := t.run("RELEASE job"); released != nil {
		return errors.Join(err, released)
	}
	return err
}

// exec changes rows and returns how many.
func (t *tx) exec(query string, args ...any) (int64, error) {
	result, err := t.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// run is exec where the number does not matter.
func (t *tx) run(query string, args ...any) error {
	_, err := t.ExecContext(t.ctx, query, args...)
	return err
}

func (t *tx) one(dest []any, query string, args ...any) error {
	return one(t.ctx, t.Tx, dest, query, args...)
}
