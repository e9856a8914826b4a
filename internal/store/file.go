package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
)

// This file keeps the files of transfers.

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
	const row = "(?, ?, ?, ?, ?)"
	query := "INSERT INTO file (transfer, n, fold, folder, facts) VALUES " + row + strings.Repeat(", "+row, len(files)-1) +
		" ON CONFLICT (transfer, fold) DO NOTHING"
	args := make([]any, 0, 5*len(files))
	for _, f := range files {
		facts, err := peer.Marshal(factsOf(f))
		if err != nil {
			return fmt.Errorf("encode file %q: %w", f.Path, err)
		}
		args = append(args, id[:], f.N, f.Fold, f.Mode == peer.ModeFolder, facts)
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

// facts is what a file is from the beginning, as one column: a manifest may have
// millions of files, and SQLite takes as long for a column as for a small row.
type facts struct {
	_             struct{} `cbor:",toarray"`
	Path          string
	Wire          string
	Size          int64
	Time          int64 // nanoseconds since 1970
	Mode          peer.FileMode
	First         int64
	Start         int64
	Source        string
	Changed       int64
	Device, Inode uint64
	Holes         int64
}

func factsOf(f transfer.File) facts {
	return facts{
		Path: f.Path, Wire: f.Wire, Size: f.Size, Time: f.Time.UnixNano(), Mode: f.Mode, First: f.First, Start: f.Start,
		Source: f.Source, Changed: f.Stamp.Changed, Device: f.Stamp.Device, Inode: f.Stamp.Inode, Holes: f.Holes,
	}
}

func (a facts) file() transfer.File {
	return transfer.File{
		Path: a.Path, Wire: a.Wire, Size: a.Size, Time: time.Unix(0, a.Time), Mode: a.Mode, First: a.First, Start: a.Start,
		Source: a.Source, Stamp: transfer.Stamp{Changed: a.Changed, Device: a.Device, Inode: a.Inode}, Holes: a.Holes,
	}
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
	return s.files(selectFile+" AND folder AND n >= ? ORDER BY n LIMIT ?", id, from, limit)
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

// selectFile asks for what [scanFile] scans.
const selectFile = "SELECT n, fold, facts, final, placeholder, plan FROM file WHERE transfer = ?"

func scanFile(scan scan) (transfer.File, error) {
	var n int64
	var fold string
	var final sql.NullString
	var placeholder bool
	var encoded, plan sql.RawBytes
	if err := scan(&n, &fold, &encoded, &final, &placeholder, &plan); err != nil {
		return transfer.File{}, err
	}
	var known facts
	if err := peer.Unmarshal(encoded, &known); err != nil {
		return transfer.File{}, fmt.Errorf("file %d: %w", n, err)
	}
	f := known.file()
	f.N, f.Fold, f.Final, f.Placeholder = n, fold, final.String, placeholder
	if plan == nil {
		return f, nil
	}
	var err error
	f.Plan, err = parsePlan(plan)
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
		for n, p := range plans {
			encoded, err := peer.Marshal(planOf(p))
			if err == nil {
				err = tx.changeFile(id, n, "UPDATE file SET plan = ? WHERE transfer = ? AND n = ?", encoded)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// plan is a transfer.Plan as one column.
type plan struct {
	_                        struct{} `cbor:",toarray"`
	Base                     string
	BaseTime                 int64 // nanoseconds since 1970; of use only with a Base, or where Own
	Same, Own, Placed, Merge bool
}

func planOf(p transfer.Plan) plan {
	kept := plan{Base: p.Base, Same: p.Same, Own: p.Own, Placed: p.Placed, Merge: p.Merge}
	if !p.BaseTime.IsZero() {
		kept.BaseTime = p.BaseTime.UnixNano()
	}
	return kept
}

func parsePlan(encoded []byte) (transfer.Plan, error) {
	var kept plan
	if err := peer.Unmarshal(encoded, &kept); err != nil {
		return transfer.Plan{}, fmt.Errorf("plan of a file: %w", err)
	}
	p := transfer.Plan{Base: kept.Base, Same: kept.Same, Own: kept.Own, Placed: kept.Placed, Merge: kept.Merge}
	if kept.BaseTime != 0 {
		p.BaseTime = time.Unix(0, kept.BaseTime)
	}
	return p, nil
}

// DropPlans forgets the plans of a transfer.
func (s TransferStore) DropPlans(id uuid.UUID) error {
	return s.db.update("forget the plans of files", func(tx tx) error {
		_, err := tx.exec("UPDATE file SET plan = NULL WHERE transfer = ? AND plan IS NOT NULL", id[:])
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
