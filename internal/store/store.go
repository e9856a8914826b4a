// Package store is what this device remembers: one SQLite database with the
// entries of all conversations, what each peer said it has, the devices seen,
// the transfers and a few settings. It implements the stores that packages chat
// and transfer declare, and answers the questions of package node (people,
// history, unread counts, search).
//
// It is not the identity: the key lies in a file of its own, so it survives
// whatever happens to the database. It judges nothing either: what may be
// stored is decided by those who call.
//
// [Open] starts the database, [DB.Close] ends it. There are no goroutines but
// those of database/sql, which Close ends. Every method may be called from any
// goroutine and blocks for the disk; what returned without an error is on the
// disk (synchronous=FULL), also after a power cut.
//
// What becomes of a damaged, lost, newer or unwritable database is in
// recover.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// DB is an open database.
type DB struct {
	path string
	log  uint64 // the number of the log that this device writes
	told bool   // the notice of a repair was told

	write   *writer
	read    *sql.DB
	readers statements
	close   func() error // once
}

// Notice is what a person must be told about what [Open] found. The zero value
// says that all is well. That of a repair comes again until the process that it
// was told to has called [DB.Close].
type Notice struct {
	// Text is one or more plain sentences, empty when there is nothing to say.
	Text string
	// New: there was no database, so this one is empty. Where the profile is
	// not new, the old one was lost; [Lost] has words for that.
	New bool
	// Aside is where what was damaged lies now, empty when nothing was.
	Aside string
	// Saved is the number of entries that were read back from what was damaged.
	Saved int
}

// Lost is the notice for a database that is [Notice.New] though the profile is
// not: somebody removed it.
const Lost = "The database of this profile is gone: messages and people known so far are not on this device any more. " +
	"Conversations come back from the others' devices as you meet them; what was still queued here is lost. Your identity is unchanged."

// Open opens the database at path and makes it where there is none; its folder
// too. An older one is migrated after a copy of it was made; a newer one is
// refused with [ErrNewer] and left as it is. One that is damaged is set aside
// under a dated name, what can be read of it is moved into a new one, and the
// Notice says so.
//
// Only one DB may be open for a path at a time; the profile's lock sees to it.
// A process that was killed needs no repair: what was acknowledged is there.
func Open(path string) (*DB, Notice, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, Notice{}, fmt.Errorf("open database: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, Notice{}, mapped("open database", err)
	}
	r := recovery{path: path, now: time.Now()}
	db, err := r.open()
	if err != nil {
		return nil, Notice{}, err
	}
	return db, r.notice, nil
}

// Close ends all use of the database. Nothing is lost without it, but the next
// start is quicker after it. Closing again changes nothing.
func (db *DB) Close() error { return mapped("close database", db.close()) }

func (db *DB) closeOnce() error {
	var err error
	if db.told {
		err = db.SetSetting(noticeKey, "")
	}
	// The writer is last: it brings what is in the -wal file home and removes it.
	return errors.Join(err, db.readers.close(), db.read.Close(), db.write.close())
}

// Path is where the database is.
func (db *DB) Path() string { return db.path }

// Log is the number of the log that this device adds its entries to. It is
// drawn with each new database, so no number is used twice for different
// entries when a database was lost or cut off.
func (db *DB) Log() uint64 { return db.log }

// Check reads everything and returns [ErrDamaged] when something does not hold
// together; the next [Open] then repairs it. It takes some seconds for each
// 100,000 entries, beside other work, until ctx ends.
func (db *DB) Check(ctx context.Context) error {
	return db.mapped("check database", db.check(ctx))
}

// mapped is [mapped], and remembers on the disk that the database is damaged,
// so that the next start looks at all of it.
func (db *DB) mapped(operation string, err error) error {
	err = mapped(operation, err)
	if errors.Is(err, ErrDamaged) {
		mark(db.path + suspectSuffix)
	}
	return err
}

// writer is the one connection that changes the database.
type writer struct {
	db *sql.DB

	mu    sync.Mutex // held for a whole transaction
	conn  *sql.Conn
	stmts statements
}

// tx is a transaction under way, with the writer's prepared statements.
type tx struct{ w *writer }

// update runs change in one transaction and returns when it is on the disk, or
// not at all when change or the commit failed.
func (db *DB) update(operation string, change func(tx) error) error {
	w := db.write
	w.mu.Lock()
	defer w.mu.Unlock()
	t, err := w.conn.BeginTx(context.Background(), nil)
	if err != nil {
		return db.mapped(operation, err)
	}
	defer t.Rollback() // also when change panics
	if err := change(tx{w}); err != nil {
		return db.mapped(operation, err)
	}
	return db.mapped(operation, t.Commit())
}

func (t tx) exec(query string, args ...any) (sql.Result, error) {
	s, err := t.w.stmts.prepare(t.w.conn, query)
	if err != nil {
		return nil, err
	}
	return s.Exec(args...)
}

// each calls row for every row of the answer, until it returns an error.
func (t tx) each(query string, args []any, row func(scan) error) error {
	s, err := t.w.stmts.prepare(t.w.conn, query)
	if err != nil {
		return err
	}
	return eachRow(s, args, row)
}

// one calls row for the only row of the answer; [ErrUnknown] when there is none.
func (t tx) one(query string, args []any, row func(scan) error) error {
	return theRow(t.each, query, args, row)
}

func (w *writer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.stmts.close(), w.conn.Close(), w.db.Close())
}

// one calls row for the only row of the answer; [ErrUnknown] when there is none.
func (db *DB) one(query string, args []any, row func(scan) error) error {
	return theRow(db.each, query, args, row)
}

// each calls row for every row of the answer, until it returns an error.
func (db *DB) each(query string, args []any, row func(scan) error) error {
	s, err := db.readers.prepare(db.read, query)
	if err != nil {
		return err
	}
	return eachRow(s, args, row)
}

// scan reads the columns of the row that is at hand.
type scan func(dest ...any) error

// into is a row function that scans into dest.
func into(dest ...any) func(scan) error {
	return func(scan scan) error { return scan(dest...) }
}

func theRow(each func(string, []any, func(scan) error) error, query string, args []any, row func(scan) error) error {
	n := 0
	err := each(query, args, func(scan scan) error {
		n++
		return row(scan)
	})
	if err == nil && n == 0 {
		return ErrUnknown
	}
	return err
}

func eachRow(s *sql.Stmt, args []any, row func(scan) error) error {
	rows, err := s.Query(args...)
	if err != nil {
		return err
	}
	return scanAll(rows, row)
}

func scanAll(rows *sql.Rows, row func(scan) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// statements are prepared at first use and kept.
type statements struct {
	mu   sync.Mutex
	made map[string]*sql.Stmt
}

// preparer is what [statements] needs of a connection or a pool.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func (s *statements) prepare(on preparer, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt, ok := s.made[query]; ok {
		return stmt, nil
	}
	stmt, err := on.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	if s.made == nil {
		s.made = make(map[string]*sql.Stmt)
	}
	s.made[query] = stmt
	return stmt, nil
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.made {
		errs = append(errs, stmt.Close())
	}
	s.made = nil
	return errors.Join(errs...)
}
