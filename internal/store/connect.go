package store

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

	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	// applicationID marks our databases in the header ("Ears"), so that one
	// that belongs to something else is told from a damaged one of ours.
	applicationID = 0x45617273

	// pageSize is SQLite's default, written down because salvage relies on it.
	pageSize = 4096

	// readConnections bounds the queries that run beside each other: a page of
	// history must not wait for a search.
	readConnections = 4

	// walLimit is what the -wal file shrinks to after a burst; a checkpoint
	// happens every 4 MB.
	walLimit = 8 << 20
)

// connect opens the database that is at path as it is, with its one writer and
// the readers. It makes no file: see [makePrivate].
func connect(path string) (*DB, error) {
	w, err := openWriter(path)
	if err != nil {
		return nil, err
	}
	read, err := sql.Open("sqlite", source(path, "_query_only=1"))
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	read.SetMaxOpenConns(readConnections)
	read.SetMaxIdleConns(readConnections) // each keeps its prepared statements
	db := &DB{path: path, write: w, read: read}
	db.close = sync.OnceValue(db.closeOnce)
	return db, nil
}

func openWriter(path string) (*writer, error) {
	db, err := sql.Open("sqlite", source(path,
		"_journal_mode=WAL", "_synchronous=FULL", "_txlock=immediate",
		"_pragma="+url.QueryEscape(fmt.Sprintf("journal_size_limit(%d)", walLimit)),
		// macOS: fsync alone leaves the data in the disk's cache.
		"_pragma=fullfsync(1)", "_pragma=checkpoint_fullfsync(1)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(context.Background())
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &writer{db: db, conn: conn}, nil
}

// source is the driver's name for the database at path. mode=rw: a file that is
// missing is an error here, because whoever makes it gives it its mode.
func source(path string, options ...string) string {
	slashed := filepath.ToSlash(path)
	if runtime.GOOS == "windows" && !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // file:///C:/…
	}
	options = append([]string{
		"mode=rw", "_busy_timeout=5000", "_foreign_keys=1", "_dqs=0", "_defensive=1", "_error_rc=1",
		"_pragma=cell_size_check(1)", "_pragma=temp_store(MEMORY)",
	}, options...)
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: strings.Join(options, "&")}
	return u.String()
}

// makePrivate makes an empty file that only its owner can read, whatever the
// umask says; SQLite gives -wal and -shm the mode of the database.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Sync(), f.Close(), syncDir(filepath.Dir(path)))
}

// keepPrivate takes away what others may have been allowed, for example by
// somebody who copied the files back from a backup.
func keepPrivate(path string) error {
	if runtime.GOOS == "windows" {
		return nil // mode bits say nothing there; the profile's folder has an ACL
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Lstat(name)
		if errors.Is(err, os.ErrNotExist) || err == nil && info.Mode().Perm() == 0o600 {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.Chmod(name, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// syncFile makes what was written to a file that nobody has open last.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// mark makes an empty private file, or leaves the one that is there. It is a
// hint for the next start: that it cannot be made changes nothing now.
func mark(path string) {
	if f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600); err == nil {
		f.Close()
	}
}
