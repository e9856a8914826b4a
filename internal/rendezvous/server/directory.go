package server

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// errNone says that there is no such row.
var errNone = errors.New("no such row")

// directory is the database: accounts, devices, friendships, who is there. What a
// method returned without an error is durable. It is safe for concurrent use, and
// several servers may share one that is in PostgreSQL.
type directory struct {
	read, ahead asker     // ahead waits for no request: others wait for what it reads
	reads       []*sql.DB // of both; none where they are write
	write       *sql.DB
	postgres    *pgx.ConnConfig // nil: SQLite
	path        string          // of SQLite's file
	name        uuid.UUID       // of this server, drawn at each start

	mu      sync.Mutex
	changed func([]change) // is told of what was committed here, see watch
	jobs    []*job         // wait for a transaction of SQLite
	turn    sync.Mutex     // of whoever makes one
}

const (
	// readConnections bounds the queries that run beside each other.
	readConnections = 8
	// queryTime bounds one use of the database: nobody waits longer than this for
	// an answer, and a client tries again.
	queryTime = 10 * time.Second
)

// openDirectory opens the database that location names, postgres://…, or SQLite's
// file, and brings it to the newest schema.
func openDirectory(ctx context.Context, location string) (*directory, error) {
	d := &directory{name: uuid.New(), changed: func([]change) {}}
	var err error
	if isPostgres(location) {
		err = d.openPostgres(location)
	} else {
		err = d.openSQLite(location)
	}
	if err == nil {
		err = d.migrate(ctx)
	}
	if err != nil {
		d.close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return d, nil
}

func isPostgres(location string) bool {
	return strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://")
}

func (d *directory) openPostgres(location string) error {
	config, err := pgx.ParseConfig(location)
	if err != nil {
		return errors.New("not the address of a PostgreSQL database") // the error may hold the password
	}
	// What is acknowledged must be durable, whatever is usual on that server.
	config.RuntimeParams["synchronous_commit"] = "on"
	config.RuntimeParams["application_name"] = "earshot"
	d.postgres = config
	d.write = stdlib.OpenDB(*config)
	d.write.SetMaxOpenConns(readConnections)
	d.write.SetMaxIdleConns(readConnections)
	d.read, d.ahead = d.write, d.write // the driver keeps statements itself
	return nil
}

func (d *directory) openSQLite(path string) error {
	path, err := filepath.Abs(path)
	if err == nil {
		err = makePrivate(path)
	}
	if err != nil {
		return err
	}
	d.path = path
	d.write, err = sql.Open("sqlite", sqliteSource(path, "_synchronous=FULL", "_txlock=immediate",
		"_pragma=fullfsync(1)", "_pragma=checkpoint_fullfsync(1)")) // macOS: fsync alone leaves the data in the disk's cache
	if err != nil {
		return err
	}
	d.write.SetMaxOpenConns(1)
	if d.read, err = d.openReads(readConnections); err != nil {
		return err
	}
	d.ahead, err = d.openReads(1)
	return err
}

// openReads opens so many connections to SQLite's database that change nothing.
func (d *directory) openReads(n int) (*statements, error) {
	db, err := sql.Open("sqlite", sqliteSource(d.path, "_query_only=1"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	d.reads = append(d.reads, db)
	return newStatements(db), nil
}

// sqliteSource is the driver's name for the file at path, which is there.
func sqliteSource(path string, options ...string) string {
	slashed := filepath.ToSlash(path)
	if runtime.GOOS == "windows" && !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // file:///C:/…
	}
	options = append([]string{"mode=rw", "_journal_mode=WAL", "_busy_timeout=5000", "_foreign_keys=1", "_dqs=0", "_defensive=1"}, options...)
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: strings.Join(options, "&")}
	return u.String()
}

// makePrivate makes the file that is not there yet, for its owner alone, whatever
// the umask says. SQLite gives its other files the same mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = f.Chmod(0o600)
	if runtime.GOOS == "windows" {
		err = nil // mode bits say nothing there
	}
	return errors.Join(err, f.Sync(), f.Close())
}

func (d *directory) close() error {
	var errs []error
	for _, db := range append(d.reads, d.write) {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// backup writes a copy of the database as it is now into a new file, for its owner
// alone.
func (d *directory) backup(ctx context.Context, file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := d.write.ExecContext(ctx, "VACUUM INTO $1", file); err != nil {
		return errors.Join(fmt.Errorf("copy the database: %w", err), os.Remove(file))
	}
	return nil
}

// asker is what a query needs: a database or a transaction.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// one reads the only row of an answer into dest, or returns errNone.
func one(ctx context.Context, a asker, dest []any, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	err := a.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return errNone
	}
	return err
}

// each calls row for every row of an answer, until it returns an error.
func each(ctx context.Context, a asker, row func(scan func(...any) error) error, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	rows, err := a.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// now is the database's clock in milliseconds: servers that share it need no clocks
// that agree.
func (d *directory) now() string {
	if d.postgres != nil {
		return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
	}
	return "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
}
