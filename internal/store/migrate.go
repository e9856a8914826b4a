package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// The migrations, one file for each version of the schema. Each sets
// user_version to its number in its own transaction, so that the file's header
// says which version it is without SQLite being asked.
//
//go:embed migrations/*.sql
var embedded embed.FS

// schema is a list of migrations; tests have others.
type schema struct {
	files  fs.FS
	latest int64
}

func embeddedSchema() (schema, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return schema{}, err
	}
	return newSchema(files)
}

func newSchema(files fs.FS) (schema, error) {
	names, err := fs.Glob(files, "*.sql")
	return schema{files: files, latest: int64(len(names))}, err
}

// apply brings the database at path, which nobody has open, to the latest
// version, and leaves nothing of it in a -wal file.
func (s schema) apply(path string) (err error) {
	db, err := sql.Open("sqlite", source(path, "_journal_mode=WAL", "_synchronous=FULL", "_txlock=immediate"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	versions, err := database.NewStore(database.DialectSQLite3, "migration")
	if err == nil {
		err = makeVersionTable(db, versions)
	}
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectCustom, db, s.files, goose.WithStore(versions),
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	_, err = p.Up(context.Background())
	return err
}

// makeVersionTable does what goose would do by itself, but without trying again
// for three seconds when the disk is full.
func makeVersionTable(db *sql.DB, versions database.Store) error {
	ctx := context.Background()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var made int
	if err := tx.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name = ?", versions.Tablename()).Scan(&made); err != nil || made > 0 {
		return err
	}
	if err := versions.CreateVersionTable(ctx, tx); err != nil {
		return err
	}
	if err := versions.Insert(ctx, tx, database.InsertRequest{Version: 0}); err != nil {
		return err
	}
	return tx.Commit()
}

// copySuffix comes between the database's name and the version that a copy
// has: earshot.db.schema1-20260102-150405.
const copySuffix = ".schema"

// copyBefore makes the copy that a migration can be taken back with. The
// database must not be open: that all of it is in one file is seen to here.
func copyBefore(path string, version int64, now time.Time) error {
	if err := settle(path); err != nil {
		return err
	}
	name := fmt.Sprintf("%s%s%d-%s", path, copySuffix, version, stamp(now))
	if err := copyFile(path, name+".part"); err != nil {
		os.Remove(name + ".part")
		return err
	}
	return errors.Join(os.Rename(name+".part", name), syncDir(filepath.Dir(path)))
}

// settle brings what is in the -wal file into the database file.
func settle(path string) error {
	db, err := sql.Open("sqlite", source(path, "_journal_mode=WAL", "_synchronous=FULL"))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(checkpoint(db.QueryRow("PRAGMA wal_checkpoint(TRUNCATE)")), db.Close())
}

// checkpoint reads what came of bringing the -wal file into the database file.
// Closing does it too, but says nothing when it fails.
func checkpoint(answer *sql.Row) error {
	var busy, frames, copied int
	err := answer.Scan(&busy, &frames, &copied)
	if err == nil && busy != 0 {
		err = ErrBusy
	}
	return err
}

// newestCopy is the copy with the highest version that this program can read,
// the latest of several; "" when there is none.
func newestCopy(path string, latest int64) string {
	names, _ := filepath.Glob(escapeGlob(path) + copySuffix + "*")
	var best string
	var bestVersion int64
	slices.Sort(names) // by time, within a version
	for _, name := range names {
		digits, _, _ := strings.Cut(strings.TrimPrefix(name, path+copySuffix), "-")
		version, err := strconv.ParseInt(digits, 10, 64)
		if err == nil && version <= latest && version >= bestVersion && !strings.HasSuffix(name, ".part") {
			best, bestVersion = name, version
		}
	}
	return best
}

// escapeGlob makes a path match itself only. On Windows there is no escaping,
// and of the special characters only [ may be in a name.
func escapeGlob(path string) string {
	return strings.ReplaceAll(path, "[", "[[]")
}

// newer is the refusal of a database that a newer program has migrated.
func newer(path string, version, latest int64) error {
	advice := "there is no copy from before"
	if name := newestCopy(path, latest); name != "" {
		advice = fmt.Sprintf("or go back to the copy from before: move %s away and rename %s to it (what came since is then missing)", path, name)
	}
	return fmt.Errorf("open database %s: %w: its schema is %d, this program knows %d. Use the newer program; %s",
		path, ErrNewer, version, latest, advice)
}

// copyFile copies a file into a new private one and makes it last.
func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Chmod(0o600), dst.Sync(), dst.Close())
}

// stamp is a time as names of files have it, to be read by people and sorted.
func stamp(t time.Time) string { return t.Format("20060102-150405") }
