package store

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// unsigned are the tables that only SQLite can read back: what points to
// another comes after it.
var unsigned = []string{"setting", "device", "ticket", "revoked", "account", "friend", "contact", "log", "seen", "fork", "transfer", "manifest", "file"}

// added are those of them that a database of an earlier version does not have.
var added = []string{"ticket", "revoked", "account", "friend", "contact", "manifest"}

// copyTables reads the unsigned tables of the damaged database at from into db,
// whose file is at to, and reports whether all of them could be read to the end.
// It works on a copy, because SQLite changes what it opens.
func (db *DB) copyTables(from, to string) (whole bool, err error) {
	scratch := to + ".read"
	defer func() { err = errors.Join(err, removeDatabase(scratch)) }()
	if err := removeDatabase(scratch); err != nil {
		return false, err
	}
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(from+suffix, scratch+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
	}
	if err := mendHeader(scratch, to); err != nil {
		return false, err
	}
	damaged, err := sql.Open("sqlite", source(scratch))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, damaged.Close()) }()
	damaged.SetMaxOpenConns(1)
	whole = exists(scratch)
	if !whole {
		return false, nil
	}
	for _, table := range unsigned {
		if slices.Contains(added, table) && lacks(damaged, table) {
			continue
		}
		complete, err := db.copyTable(damaged, table)
		if err != nil {
			return false, err
		}
		whole = whole && complete
	}
	return whole, nil
}

// lacks reports whether a database has no such table, as far as it can be read.
func lacks(db *sql.DB, table string) bool {
	var n int
	err := db.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name = ?", table).Scan(&n)
	return err == nil && n == 0
}

// mendHeader gives the damaged database at path the header of a sound one, with
// its own number of pages, when its own cannot be used: the tables may be where
// they always are.
func mendHeader(path, sound string) error {
	f, err := inspect(path)
	if err != nil || f.ours || f.size < pageSize {
		return err
	}
	head, _, err := readHead(sound)
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint32(head[28:], uint32(f.size/pageSize))
	copy(head[92:96], head[24:28]) // the number of pages is valid for this change
	clear(head[32:40])             // no free pages are known
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = w.WriteAt(head, 0)
	return errors.Join(err, w.Close())
}

// copyTable copies the rows from the first on, and where reading fails those
// from the last one back as well. Rows that the new table refuses are damage too.
func (db *DB) copyTable(damaged *sql.DB, table string) (complete bool, err error) {
	for _, order := range []string{"ASC", "DESC"} {
		rows, err := damaged.Query(fmt.Sprintf("SELECT * FROM %s ORDER BY rowid %s", table, order))
		if isTheirs(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		complete, err := db.copyRows(rows, table)
		if complete || err != nil {
			return complete, err
		}
	}
	return false, nil
}

func (db *DB) copyRows(rows *sql.Rows, table string) (complete bool, err error) {
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return false, err
	}
	query := fmt.Sprintf("INSERT OR IGNORE INTO %s (%s) VALUES (?%s)",
		table, strings.Join(columns, ", "), strings.Repeat(", ?", len(columns)-1))
	values := make([]any, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	complete = true
	err = db.update("read back "+table, func(tx tx) error {
		for rows.Next() {
			if err := rows.Scan(targets...); err != nil {
				complete = false
				return nil
			}
			_, err := tx.exec(query, values...)
			if err != nil && kindOf(err) != nil {
				return err
			}
			complete = complete && err == nil // refused by a constraint
		}
		complete = complete && rows.Err() == nil
		if err := rows.Err(); err != nil && !isTheirs(err) {
			return err
		}
		return nil
	})
	return complete, err
}

// isTheirs reports whether err comes from the damage, not from a disk without
// room for what is read back.
func isTheirs(err error) bool {
	kind := kindOf(err)
	return err != nil && kind != ErrFull && kind != ErrReadOnly && kind != ErrBusy
}
