package store

import (
	"database/sql"
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
		content, confirmed, cleared`
	saveTransfer = "INSERT INTO transfer (" + transferColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
		name = excluded.name, files = excluded.files, bytes = excluded.bytes, manifest = excluded.manifest,
		program = excluded.program, peer = excluded.peer, direction = excluded.direction, state = excluded.state,
		reason = excluded.reason, error = excluded.error, offered = excluded.offered, done = excluded.done,
		dir = excluded.dir, path = excluded.path, renamed = excluded.renamed, skipped = excluded.skipped,
		entries = excluded.entries, holes = excluded.holes, rate = excluded.rate,
		conflict = excluded.conflict, compared = excluded.compared, asking = excluded.asking, accepted = excluded.accepted, listed = excluded.listed,
		paused_own = excluded.paused_own, paused_far = excluded.paused_far, parts = excluded.parts,
		settled = excluded.settled, content = excluded.content, confirmed = excluded.confirmed, cleared = excluded.cleared`
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
		fixed(t.Content[:]), &t.Confirmed, &t.Cleared)
	return t, err
}

// SaveTransfer adds t, or replaces the one of the same ID.
func (s TransferStore) SaveTransfer(t transfer.Transfer) error {
	return s.db.update("save transfer", func(tx tx) error {
		_, err := tx.exec(saveTransfer, t.ID[:], t.Name, t.Files, t.Bytes, t.Manifest[:], t.Program, t.Peer[:],
			string(t.Direction), string(t.State), string(t.Reason), t.Error, nanoseconds(t.Offered),
			t.Done, t.Dir, t.Path, t.Renamed, t.Skipped, t.Entries, t.Holes, t.Limit,
			string(t.Conflict), t.Compared, t.Asking, t.Accepted, t.Listed, t.PausedOwn, t.PausedFar, t.Parts, t.Settled,
			t.Content[:], string(t.Confirmed), t.Cleared)
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
