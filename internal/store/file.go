package store

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
)

// This file keeps the files of transfers.

// AddFiles appends to a transfer's files, or adds none.
func (s TransferStore) AddFiles(id uuid.UUID, files []transfer.File) error {
	if len(files) == 0 {
		return nil
	}
	list, folders := make([]facts, len(files)), 0
	for i, f := range files {
		if list[i] = factsOf(f); f.Mode == peer.ModeFolder {
			folders++
		}
	}
	encoded, err := peer.Marshal(list)
	if err != nil {
		return fmt.Errorf("encode files of a transfer: %w", err)
	}
	return s.db.update("add files of a transfer", func(tx tx) error {
		next, err := tx.countFiles(id)
		if err != nil {
			return err
		}
		if err := areNumbered(files, next); err != nil {
			return err
		}
		_, err = tx.exec("INSERT INTO manifest (transfer, first, count, folders, files) VALUES (?, ?, ?, ?, ?)",
			id[:], next, len(files), folders, encoded)
		return err
	})
}

func areNumbered(files []transfer.File, next int64) error {
	for i, f := range files {
		if f.N != next+int64(i) {
			return fmt.Errorf("file %d comes after file %d", f.N, next+int64(i)-1)
		}
	}
	return nil
}

// countFiles is how many files a transfer has.
func (t tx) countFiles(id uuid.UUID) (n int64, err error) {
	const query = "SELECT first + count FROM manifest WHERE transfer = ? ORDER BY first DESC LIMIT 1"
	err = t.one(query, []any{id[:]}, into(&n))
	if errors.Is(err, ErrUnknown) {
		err = nil
	}
	return n, err
}

// facts is what a file is from the beginning. There may be millions of them, so a
// row of the database has some hundred.
type facts struct {
	_             struct{} `cbor:",toarray"`
	Path          string
	Wire          string
	Size          int64
	Time          int64 // nanoseconds since 1970
	Mode          peer.FileMode
	First         int64
	Start         int64
	Top           int64
	Source        []byte // a path here, which need not be UTF-8
	Changed       int64
	Device, Inode uint64
	Holes         int64
}

func factsOf(f transfer.File) facts {
	return facts{
		Path: f.Path, Wire: f.Wire, Size: f.Size, Time: f.Time.UnixNano(), Mode: f.Mode, First: f.First, Start: f.Start, Top: f.Top,
		Source: []byte(f.Source), Changed: f.Stamp.Changed, Device: f.Stamp.Device, Inode: f.Stamp.Inode, Holes: f.Holes,
	}
}

func (a facts) file() transfer.File {
	return transfer.File{
		Path: a.Path, Wire: a.Wire, Size: a.Size, Time: time.Unix(0, a.Time), Mode: a.Mode, First: a.First, Start: a.Start, Top: a.Top,
		Source: string(a.Source), Stamp: transfer.Stamp{Changed: a.Changed, Device: a.Device, Inode: a.Inode}, Holes: a.Holes,
	}
}

// DropFiles forgets a transfer's files: so many with each commit, since a million
// would hold up everybody else who writes.
func (s TransferStore) DropFiles(id uuid.UUID) error {
	for table, key := range map[string]string{"manifest": "first", "file": "n"} {
		query := fmt.Sprintf("DELETE FROM %[1]s WHERE transfer = ?1 AND %[2]s IN "+
			"(SELECT %[2]s FROM %[1]s WHERE transfer = ?1 ORDER BY %[2]s DESC LIMIT ?2)", table, key)
		for left := int64(1); left > 0; {
			err := s.db.update("forget files of a transfer", func(tx tx) error {
				result, err := tx.exec(query, id[:], dropRows[table])
				if err == nil {
					left, err = result.RowsAffected()
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// dropRows is how many rows are forgotten with one commit: some 20 ms.
var dropRows = map[string]int{"manifest": 32, "file": 4096}

// Files gives up to limit files of a transfer in order, from number from on: those
// that were added together.
func (s TransferStore) Files(id uuid.UUID, from int64, limit int) ([]transfer.File, error) {
	files, err := s.page(selectPage+" ORDER BY first LIMIT 1", id, from)
	if err == nil && len(files) > 0 {
		files = files[max(0, min(from-files[0].N, int64(len(files)))):]
		files = files[:min(limit, len(files))]
		err = s.mark(id, files)
	}
	return files, s.db.mapped("list files of a transfer", err)
}

// Folders gives up to limit folders of a transfer in order, from number from on.
func (s TransferStore) Folders(id uuid.UUID, from int64, limit int) ([]transfer.File, error) {
	for {
		files, err := s.page(selectPage+" AND folders > 0 ORDER BY first LIMIT 1", id, from)
		if err != nil || len(files) == 0 {
			return nil, s.db.mapped("list folders of a transfer", err)
		}
		next := files[len(files)-1].N + 1
		files = slices.DeleteFunc(files, func(f transfer.File) bool { return f.Mode != peer.ModeFolder || f.N < from })
		if len(files) > 0 {
			files = files[:min(limit, len(files))]
			return files, s.db.mapped("list folders of a transfer", s.mark(id, files))
		}
		from = next
	}
}

// selectPage asks for the rows with the file of a number and those behind it: where
// that of the file is lost, the next one shows that there is a gap.
const selectPage = `SELECT first, files FROM manifest WHERE transfer = ?1 AND first + count > ?2 AND first >=
	coalesce((SELECT max(first) FROM manifest WHERE transfer = ?1 AND first <= ?2), 0)`

// page is one row of a manifest, found with that number.
func (s TransferStore) page(query string, id uuid.UUID, number int64) ([]transfer.File, error) {
	var first int64
	var list []facts
	err := s.db.one(query, []any{id[:], number}, func(scan scan) error {
		var encoded sql.RawBytes
		if err := scan(&first, &encoded); err != nil {
			return err
		}
		return peer.Unmarshal(encoded, &list)
	})
	if errors.Is(err, ErrUnknown) {
		return nil, nil
	}
	files := make([]transfer.File, len(list))
	for i := range list {
		files[i] = list[i].file()
		files[i].N = first + int64(i)
	}
	return files, err
}

// mark fills in what was found out about files, which follow each other.
func (s TransferStore) mark(id uuid.UUID, files []transfer.File) error {
	if len(files) == 0 {
		return nil
	}
	const query = "SELECT n, final, placeholder, plan FROM file WHERE transfer = ? AND n BETWEEN ? AND ? ORDER BY n"
	at := 0
	return s.db.each(query, []any{id[:], files[0].N, files[len(files)-1].N}, func(scan scan) (err error) {
		var n int64
		var found transfer.File
		var plan sql.RawBytes
		if err := scan(&n, &found.Final, &found.Placeholder, &plan); err != nil {
			return err
		}
		for files[at].N < n {
			at++
		}
		if files[at].N != n {
			return nil // of a file that was not asked for
		}
		f := &files[at]
		if f.Final, f.Placeholder = found.Final, found.Placeholder; plan != nil {
			f.Plan, err = parsePlan(plan)
		}
		return err
	})
}

// SetFinals keeps the names that files get, or got, in the save folder.
func (s TransferStore) SetFinals(id uuid.UUID, names []transfer.Final) error {
	return s.db.update("save the names of received files", func(tx tx) error {
		const query = `INSERT INTO file (transfer, n, final, placeholder) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET final = excluded.final, placeholder = excluded.placeholder`
		count, err := tx.countFiles(id)
		for _, f := range names {
			if err == nil {
				err = isFile(id, f.N, count)
			}
			if err == nil {
				_, err = tx.exec(query, id[:], f.N, f.Name, f.Placeholder)
			}
		}
		return err
	})
}

// SetPlans keeps what was found out about files of a transfer.
func (s TransferStore) SetPlans(id uuid.UUID, plans map[int64]transfer.Plan) error {
	return s.db.update("save the plans of files", func(tx tx) error {
		const query = "INSERT INTO file (transfer, n, plan) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET plan = excluded.plan"
		count, err := tx.countFiles(id)
		for n, p := range plans {
			if err == nil {
				err = isFile(id, n, count)
			}
			var encoded []byte
			if err == nil {
				encoded, err = peer.Marshal(planOf(p))
			}
			if err == nil {
				_, err = tx.exec(query, id[:], n, encoded)
			}
		}
		return err
	})
}

// isFile refuses numbers that no file has.
func isFile(id uuid.UUID, n, count int64) error {
	if n < 0 || n >= count {
		return fmt.Errorf("file %d of transfer %s: %w", n, id, ErrUnknown)
	}
	return nil
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
