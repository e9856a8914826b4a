package store

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

func TestKindsOfErrors(t *testing.T) {
	for code, want := range map[int]error{
		sqlite3.SQLITE_FULL:               ErrFull,
		sqlite3.SQLITE_IOERR_SHMSIZE:      ErrFull,
		sqlite3.SQLITE_CORRUPT_VTAB:       ErrDamaged,
		sqlite3.SQLITE_NOTADB:             ErrDamaged,
		sqlite3.SQLITE_READONLY_DIRECTORY: ErrReadOnly,
		sqlite3.SQLITE_CANTOPEN:           ErrReadOnly,
		sqlite3.SQLITE_BUSY_SNAPSHOT:      ErrBusy,
		sqlite3.SQLITE_IOERR_READ:         nil,
		sqlite3.SQLITE_CONSTRAINT_NOTNULL: nil,
	} {
		if got := kindOfCode(code); got != want {
			t.Errorf("code %d is %v, want %v", code, got, want)
		}
	}
	for _, err := range []error{nil, fs.ErrPermission, errors.New("other"), fmt.Errorf("%w: twice", ErrDamaged)} {
		got := mapped("do something", err)
		if (got == nil) != (err == nil) || err != nil && !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if err := mapped("x", fs.ErrPermission); !errors.Is(err, ErrReadOnly) {
		t.Errorf("no permission: %v", err)
	}
}

// TestConstraintKeepsNothing: a batch with one impossible change changes nothing.
func TestConstraintKeepsNothing(t *testing.T) {
	db := mustOpen(t, newPath(t))
	want := fill(t, db, 2)
	a := &author{Identity: alice, with: bob, log: db.Log(), last: 2, before: want[1].Hash()}
	next := a.write(t, "next")
	if err := db.Apply(batchOf(next, want[0])); err == nil {
		t.Error("an entry twice is no error")
	}
	checkTexts(t, db, want)
	next.Number = 1 << 63
	if err := db.Apply(batchOf(next)); err == nil {
		t.Error("a number out of range is no error")
	}
	checkTexts(t, db, want)
}
