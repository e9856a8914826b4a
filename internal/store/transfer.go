package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/transfer"
)

// TransferStore is the part of a database that package transfer needs: it
// implements transfer.Store. It is open as long as the [DB] is.
type TransferStore struct{ db *DB }

var _ transfer.Store = TransferStore{}

// TransferStore is the database as package transfer sees it.
func (db *DB) TransferStore() TransferStore { return TransferStore{db} }

const (
	transferColumns = `id, name, files, bytes, manifest, program, peer, direction, state, reason, error, offered,
		done, dir, path, renamed, skipped, entries, holes, rate, conflict, compared, asking, accepted, listed, paused_own, paused_far, parts, settled,
		content, confirmed`
	saveTransfer = "INSERT INTO transfer (" + transferColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
		name = excluded.name, files = excluded.files, bytes = excluded.bytes, manifest = excluded.manifest,
		program = excluded.program, peer = excluded.peer, direction = excluded.direction, state = excluded.state,
		reason = excluded.reason, error = excluded.error, offered = excluded.offered, done = excluded.done,
		dir = excluded.dir, path = excluded.path, renamed = excluded.renamed, skipped = excluded.skipped,
		entries = excluded.entries, holes = excluded.holes, rate = excluded.rate,
		conflict = excluded.conflict, compared = excluded.compared, asking = excluded.asking, accepted = excluded.accepted, listed = excluded.listed,
		paused_own = excluded.paused_own, paused_far = excluded.paused_far, parts = excluded.parts,
		settled = excluded.settled, content = excluded.content, confirmed = excluded.confirmed`
)

// Transfers gives every transfer, the oldest first.
func (s TransferStore) Transfers() ([]transfer.Transfer, error) {
	var all []transfer.Transfer
	const query = "SELECT " + transferColumns + " FROM transfer ORDER BY offered, id"
	err := s.db.each(query, nil, func(scan scan) error {
		t, err := scanTransfer(scan)
		all = append(all, t)
		return err
	})
	return all, s.db.mapped("list transfers", err)
}

func scanTransfer(scan scan) (t transfer.Transfer, err error) {
	err = scan(fixed(t.ID[:]), &t.Name, &t.Files, &t.Bytes, fixed(t.Manifest[:]), &t.Program, fixed(t.Peer[:]),
		&t.Direction, &t.State, &t.Reason, &t.Error, (*moment)(&t.Offered),
		&t.Done, &t.Dir, &t.Path, &t.Renamed, &t.Skipped, &t.Entries, &t.Holes, &t.Limit,
		&t.Conflict, &t.Compared, &t.Asking,
		&t.Accepted, &t.Listed, &t.PausedOwn, &t.PausedFar, &t.Parts, &t.Settled,
		fixed(t.Content[:]), &t.Confirmed)
	return t, err
}

// SaveTransfer adds t, or replaces the one of the same ID.
func (s TransferStore) SaveTransfer(t transfer.Transfer) error {
	return s.db.update("save transfer", func(tx tx) error {
		_, err := tx.exec(saveTransfer, t.ID[:], t.Name, t.Files, t.Bytes, t.Manifest[:], t.Program, t.Peer[:],
			string(t.Direction), string(t.State), string(t.Reason), t.Error, nanoseconds(t.Offered),
			t.Done, t.Dir, t.Path, t.Renamed, t.Skipped, t.Entries, t.Holes, t.Limit,
			string(t.Conflict), t.Compared, t.Asking, t.Accepted, t.Listed, t.PausedOwn, t.PausedFar, t.Parts, t.Settled,
			t.Content[:], string(t.Confirmed))
		return err
	})
}

// DropTransfer forgets a transfer and its files.
func (s TransferStore) DropTransfer(id uuid.UUID) error {
	return s.db.update("forget transfer", func(tx tx) error {
		_, err := tx.exec("DELETE FROM transfer WHERE id = ?", id[:])
		return err
	})
}

// The columns of a file: those that it has from the beginning, and those that come
// later.
const (
	fileColumns = `n, path, fold, wire, size, time, mode, first, start, source, changed, device, inode, holes, final, placeholder`
	planColumns = "base, base_time, same, own, placed, merge"
	selectFile  = "SELECT " + fileColumns + ", " + planColumns + " FROM file WHERE transfer = ?"
)

// AddFiles appends to a transfer's files, or adds none and returns
// [transfer.ErrTaken].
func (s TransferStore) AddFiles(id uuid.UUID, files []transfer.File) error {
	return s.db.update("add files of a transfer", func(tx tx) error {
		var next int64
		err := tx.one("SELECT coalesce(max(n) + 1, 0) FROM file WHERE transfer = ?", []any{id[:]}, into(&next))
		for i := 0; err == nil && i < len(files); i++ {
			if files[i].N != next+int64(i) {
				return fmt.Errorf("file %d comes after file %d", files[i].N, next+int64(i)-1)
			}
		}
		for rest := files; err == nil && len(rest) > 0; {
			n := 1
			if len(rest) >= fileRows {
				n = fileRows
			}
			err = tx.addFiles(id, rest[:n])
			rest = rest[n:]
		}
		return err
	})
}

// fileRows is how many files one statement adds, where there are so many: with one
// each, calling the database takes as long as what it does.
const fileRows = 64

func (t tx) addFiles(id uuid.UUID, files []transfer.File) error {
	const row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	query := "INSERT INTO file (transfer, " + fileColumns + ") VALUES " + row + strings.Repeat(", "+row, len(files)-1) +
		" ON CONFLICT (transfer, fold) DO NOTHING"
	args := make([]any, 0, 17*len(files))
	for _, f := range files {
		args = append(args, id[:], f.N, f.Path, f.Fold, f.Wire, f.Size, nanoseconds(f.Time), int64(f.Mode),
			f.First, f.Start, f.Source, f.Stamp.Changed, int64(f.Stamp.Device), int64(f.Stamp.Inode), f.Holes,
			f.Final, f.Placeholder)
	}
	result, err := t.exec(query, args...)
	if err != nil {
		return err
	}
	added, err := result.RowsAffected()
	if err == nil && added < int64(len(files)) {
		return fmt.Errorf("%w, among those from %q on", transfer.ErrTaken, files[0].Path)
	}
	return err
}

// DropFiles forgets a transfer's files: so many with each commit, since a million
// would hold up everybody else who writes.
func (s TransferStore) DropFiles(id uuid.UUID) error {
	const query = "DELETE FROM file WHERE transfer = ?1 AND n IN (SELECT n FROM file WHERE transfer = ?1 ORDER BY n DESC LIMIT ?2)"
	for left := int64(1); left > 0; {
		err := s.db.update("forget files of a transfer", func(tx tx) error {
			result, err := tx.exec(query, id[:], dropRows)
			if err == nil {
				left, err = result.RowsAffected()
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropRows is how many files are forgotten with one commit: some 20 ms.
const dropRows = 4096

// Files gives up to limit files of a transfer in order, from number from on.
func (s TransferStore) Files(id uuid.UUID, from int64, limit int) ([]transfer.File, error) {
	return s.files(selectFile+" AND n >= ? ORDER BY n LIMIT ?", id, from, limit)
}

// Folders gives up to limit folders of a transfer in order, from number from on.
func (s TransferStore) Folders(id uuid.UUID, from int64, limit int) ([]transfer.File, error) {
	return s.files(selectFile+" AND mode = 2 AND n >= ? ORDER BY n LIMIT ?", id, from, limit)
}

func (s TransferStore) files(query string, id uuid.UUID, from int64, limit int) ([]transfer.File, error) {
	files := make([]transfer.File, 0, limit)
	err := s.db.each(query, []any{id[:], from, limit}, func(scan scan) error {
		f, err := scanFile(scan)
		files = append(files, f)
		return err
	})
	return files, s.db.mapped("list files of a transfer", err)
}

// Find gives the file with that folded path, and whether there is one.
func (s TransferStore) Find(id uuid.UUID, fold string) (transfer.File, bool, error) {
	var f transfer.File
	err := s.db.one(selectFile+" AND fold = ?", []any{id[:], fold}, func(scan scan) (err error) {
		f, err = scanFile(scan)
		return err
	})
	if errors.Is(err, ErrUnknown) {
		return transfer.File{}, false, nil
	}
	return f, err == nil, s.db.mapped("find file of a transfer", err)
}

func scanFile(scan scan) (f transfer.File, err error) {
	err = scan(&f.N, &f.Path, &f.Fold, &f.Wire, &f.Size, (*moment)(&f.Time), &f.Mode, &f.First, &f.Start, &f.Source,
		&f.Stamp.Changed, (*bits)(&f.Stamp.Device), (*bits)(&f.Stamp.Inode), &f.Holes, &f.Final, &f.Placeholder,
		&f.Base, (*moment)(&f.BaseTime), &f.Same, &f.Own, &f.Placed, &f.Merge)
	return f, err
}

// SetFinals keeps the names that files get, or got, in the save folder.
func (s TransferStore) SetFinals(id uuid.UUID, names []transfer.Final) error {
	return s.db.update("save the names of received files", func(tx tx) error {
		const query = "UPDATE file SET final = ?, placeholder = ? WHERE transfer = ? AND n = ?"
		for _, f := range names {
			if err := tx.changeFile(id, f.N, query, f.Name, f.Placeholder); err != nil {
				return err
			}
		}
		return nil
	})
}

// SetPlans keeps what was found out about files of a transfer.
func (s TransferStore) SetPlans(id uuid.UUID, plans map[int64]transfer.Plan) error {
	return s.db.update("save the plans of files", func(tx tx) error {
		const query = "UPDATE file SET base = ?, base_time = ?, same = ?, own = ?, placed = ?, merge = ? WHERE transfer = ? AND n = ?"
		for n, p := range plans {
			err := tx.changeFile(id, n, query, p.Base, nanoseconds(p.BaseTime), p.Same, p.Own, p.Placed, p.Merge)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// DropPlans forgets the plans of a transfer.
func (s TransferStore) DropPlans(id uuid.UUID) error {
	return s.db.update("forget the plans of files", func(tx tx) error {
		_, err := tx.exec(`UPDATE file SET base = '', base_time = NULL, same = 0, own = 0, placed = 0, merge = 0
			WHERE transfer = ? AND (base <> '' OR own OR placed OR merge)`, id[:])
		return err
	})
}

// changeFile changes one file of a transfer, by a query that ends in its key.
func (t tx) changeFile(id uuid.UUID, n int64, query string, args ...any) error {
	result, err := t.exec(query, append(args, id[:], n)...)
	if err != nil {
		return err
	}
	changed, err := result.RowsAffected()
	if err == nil && changed == 0 {
		return fmt.Errorf("file %d of transfer %s: %w", n, id, ErrUnknown)
	}
	return err
}

// nanoseconds is a time as the database has it, NULL for the zero time. It holds
// the years 1678 to 2262.
func nanoseconds(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixNano(), Valid: !t.IsZero()}
}

// moment scans what nanoseconds made.
type moment time.Time

// Scan takes nanoseconds since 1970, or NULL for the zero time.
func (m *moment) Scan(value any) error {
	var n sql.NullInt64
	if err := n.Scan(value); err != nil {
		return err
	}
	if *m = (moment{}); n.Valid {
		*m = moment(time.Unix(0, n.Int64))
	}
	return nil
}
