package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What Open does with what it finds:
//
//	nothing                  a new database; New, because it may have been lost
//	a newer schema           refused, unchanged, with the name of the copy to use
//	an older schema          a copy, then the migrations
//	header wrecked, a page   set aside, a new database with what can be read of
//	of garbage, not ours     it, a notice
//	-wal cut or gone         the same: the commits that are missing may have been
//	                         sent, so their numbers must not be used again, and
//	                         a new database draws a new log
//	folder read-only         refused with ErrReadOnly, unchanged
//	disk full                refused with ErrFull, unchanged; a commit that finds
//	                         the disk full fails with ErrFull and leaves nothing
//
// Damage is looked for where it costs nothing: the header, the log against its
// index, and both ends of every table at each start; all pages only when there
// is a reason, that is when a page could not be read in the last run (which
// leaves a mark) or [DB.Check] is called. A crash is no reason: SQLite with
// synchronous=FULL survives it by design, and reading 100 MB would cost a second.
//
// A rebuild can be cut short anywhere: it begins with making the file of the new
// database under another name, and while that is there and the database is not,
// the next start begins the filling anew.

const (
	suspectSuffix = ".suspect"  // the last run met damage
	newSuffix     = ".new"      // a rebuild is under way
	asideSuffix   = ".damaged-" // then the time
)

// recovery is one call of Open.
type recovery struct {
	path   string
	now    time.Time
	schema schema
	notice Notice
}

func (r *recovery) open() (*DB, error) {
	const operation = "open database"
	if r.schema.files == nil {
		var err error
		if r.schema, err = embeddedSchema(); err != nil {
			return nil, fmt.Errorf("%s: %w", operation, err)
		}
	}
	if err := r.resume(); err != nil {
		return nil, mapped(operation, err)
	}
	f, err := inspect(r.path)
	if err != nil {
		return nil, mapped(operation, err)
	}
	if f.schema > r.schema.latest && (f.ours || f.blank) {
		return nil, newer(r.path, f.schema, r.schema.latest)
	}
	db, err := r.openFound(f)
	if errors.Is(mapped(operation, err), ErrDamaged) {
		db, err = r.rebuild(err)
	}
	return db, mapped(operation, err)
}

// openFound opens what was found, or fails with [ErrDamaged] when it must be
// rebuilt.
func (r *recovery) openFound(f found) (*DB, error) {
	switch {
	case f.size < 0 && f.wal:
		return nil, fmt.Errorf("%w: only its -wal file is left", ErrDamaged)
	case f.size < 0:
		r.notice.New = true
		if err := r.create(r.path); err != nil {
			return nil, err
		}
	case f.lost:
		return nil, fmt.Errorf("%w: the end of what was written last is cut off", ErrDamaged)
	case f.blank:
		r.notice.New = true // a first start was cut short, or somebody emptied the file
	case !f.ours:
		return nil, fmt.Errorf("%w: its beginning is not that of a database of Earshot", ErrDamaged)
	}
	if err := r.prepare(f); err != nil {
		return nil, err
	}
	return r.openSound(f.suspect)
}

// create makes an empty database at path with the latest schema.
func (r *recovery) create(path string) error {
	if err := makePrivate(path); err != nil {
		return err
	}
	return r.schema.apply(path)
}

// prepare brings an existing database to modes and schema of today.
func (r *recovery) prepare(f found) error {
	if err := keepPrivate(r.path); err != nil {
		return err
	}
	if f.size < 0 || f.schema == r.schema.latest {
		return nil
	}
	if f.schema > 0 {
		if err := copyBefore(r.path, f.schema, r.now); err != nil {
			return fmt.Errorf("copy it before the migration: %w", err)
		}
	}
	return r.schema.apply(r.path)
}

// openSound opens the database and looks at its key pages, at all of them when
// the last run met damage.
func (r *recovery) openSound(suspect bool) (*DB, error) {
	db, err := connect(r.path)
	if err != nil {
		return nil, err
	}
	err = db.probe()
	if err == nil && suspect {
		err = db.check(context.Background())
	}
	if err == nil {
		err = db.loadLog()
	}
	if err == nil {
		err = db.loadNotice(&r.notice)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if suspect {
		err = os.Remove(r.path + suspectSuffix)
	}
	return db, err
}

// probe reads the first and the last row of every table, and with them the
// pages that lead there: what a start needs is then known to be readable.
func (db *DB) probe() error {
	tables, err := tableNames(db.write.conn)
	if err != nil {
		return err
	}
	for _, table := range tables {
		var first, last sql.NullInt64
		query := fmt.Sprintf("SELECT (SELECT min(rowid) FROM %[1]s), (SELECT max(rowid) FROM %[1]s)", table)
		if err := db.write.conn.QueryRowContext(context.Background(), query).Scan(&first, &last); err != nil {
			return err
		}
	}
	return nil
}

// tableNames lists the tables that hold rows of their own.
func tableNames(conn *sql.Conn) ([]string, error) {
	rows, err := conn.QueryContext(context.Background(),
		"SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND wr = 0 AND name NOT LIKE 'sqlite_%'")
	if err != nil {
		return nil, err
	}
	var names []string
	err = scanAll(rows, func(scan scan) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	})
	return names, err
}

// check reads every page, as SQLite understands them, and every value, as we do.
func (db *DB) check(ctx context.Context) error {
	var said string
	if err := db.read.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, strings.Join(strings.Fields(said), " "))
	}
	_, devices := db.Devices()
	_, conversations := db.Conversations()
	_, transfers := db.TransferStore().Transfers()
	entries := db.each("SELECT header, signature, body FROM entry", nil, func(scan scan) error {
		_, err := scanEntry(scan)
		return errors.Join(err, ctx.Err())
	})
	return errors.Join(devices, conversations, transfers, entries)
}

// rebuild sets the database aside and makes a new one of what can be read of it.
func (r *recovery) rebuild(cause error) (*DB, error) {
	aside := freeName(r.path + asideSuffix + stamp(r.now))
	if err := makePrivate(r.path + newSuffix); err != nil {
		return nil, err
	}
	if err := r.setAside(aside); err != nil {
		return nil, err
	}
	if err := r.fill(aside, cause); err != nil {
		return nil, err
	}
	return r.openSound(false)
}

// setAside renames what there is of the database, the database itself first: as
// long as it has its name it has its -wal file too, so that it is never taken for
// a sound one without its last commits. What is left behind is moved by resume.
func (r *recovery) setAside(aside string) error {
	for _, suffix := range []string{"", "-wal", "-shm", suspectSuffix} {
		if err := os.Rename(r.path+suffix, aside+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := syncDir(filepath.Dir(r.path)); err != nil { // in this order on the disk too
			return err
		}
	}
	return nil
}

// resume finishes a rebuild that was cut short. One that did not come to the
// point where the database was renamed has changed nothing that the next
// inspection would not see again.
func (r *recovery) resume() error {
	if !exists(r.path + newSuffix) {
		return nil
	}
	aside := newestAside(r.path)
	older := exists(r.path+"-wal") && exists(aside+"-wal") // it was set aside by another repair
	if exists(r.path) || aside == "" || older {
		return removeDatabase(r.path + newSuffix)
	}
	if err := r.setAside(aside); err != nil {
		return err
	}
	return r.fill(aside, fmt.Errorf("%w: its repair was interrupted", ErrDamaged))
}

// fill makes the new database of what can be read of the one set aside, and
// gives it its name when it is complete.
func (r *recovery) fill(aside string, cause error) error {
	fresh := r.path + newSuffix
	if err := removeDatabase(fresh); err != nil {
		return err
	}
	if err := r.create(fresh); err != nil {
		return err
	}
	if err := salvage(aside, fresh, cause); err != nil {
		return fmt.Errorf("read back what %s holds: %w", aside, err)
	}
	if err := syncFile(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, r.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(r.path))
}

// removeDatabase removes the files of a database of ours that is not complete.
func removeDatabase(path string) error {
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// newestAside is the database that was set aside last; of some only the -wal
// file is there.
func newestAside(path string) string {
	names, _ := filepath.Glob(escapeGlob(path) + asideSuffix + "*")
	newest := ""
	for _, name := range names {
		for _, suffix := range []string{"-wal", "-shm", suspectSuffix} {
			name = strings.TrimSuffix(name, suffix)
		}
		newest = max(newest, name)
	}
	return newest
}

// freeName is name, or name with the first number that makes it new.
func freeName(name string) string {
	for n, free := 2, name; ; n++ {
		if !exists(free) && !exists(free+"-wal") {
			return free
		}
		free = fmt.Sprintf("%s-%d", name, n)
	}
}
