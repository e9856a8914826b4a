package store

import (
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors of the disk and the database that callers branch on. The text of each
// can be shown to a person.
var (
	// ErrFull: nothing of the change was stored; it can be tried again when
	// there is room.
	ErrFull = errors.New("the disk is full")
	// ErrDamaged: something that was stored cannot be read any more. The next
	// [Open] sets the database aside and saves what it can.
	ErrDamaged = errors.New("the database is damaged; it is repaired at the next start")
	// ErrReadOnly: the database or its folder must not be written.
	ErrReadOnly = errors.New("the database or its folder cannot be written")
	// ErrBusy: another program holds the database.
	ErrBusy = errors.New("another program uses the database")
	// ErrNewer: the database was written by a newer Earshot.
	ErrNewer = errors.New("the database belongs to a newer Earshot")
	// ErrUnknown: what was named is not stored.
	ErrUnknown = errors.New("not in the database")
)

// mapped adds the operation to err, and the sentinel that says what kind of
// error it is. It is the only place that looks at SQLite's codes.
func mapped(operation string, err error) error {
	if err == nil {
		return nil
	}
	kind := kindOf(err)
	if kind == nil || errors.Is(err, kind) {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return fmt.Errorf("%s: %w: %w", operation, kind, err)
}

func kindOf(err error) error {
	var e *sqlite.Error
	switch {
	case errors.As(err, &e):
		return kindOfCode(e.Code())
	case isFull(err):
		return ErrFull
	case errors.Is(err, fs.ErrPermission), isReadOnly(err):
		return ErrReadOnly
	}
	return nil
}

func kindOfCode(code int) error {
	switch code {
	case sqlite3.SQLITE_IOERR_SHMSIZE: // the index of the log cannot grow
		return ErrFull
	case sqlite3.SQLITE_IOERR_CORRUPTFS:
		return ErrDamaged
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return ErrDamaged
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return ErrReadOnly
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrBusy
	}
	return nil
}
