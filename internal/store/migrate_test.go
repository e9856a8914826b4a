package store

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// later is the schema of a program that comes after this one, by one version.
func later(t *testing.T, up string) schema {
	t.Helper()
	now, err := embeddedSchema()
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"9999_later.sql": {Data: []byte("-- +goose Up\n" + up)}}
	names, err := os.ReadDir("migrations")
	if err != nil || len(names) == 0 {
		t.Fatalf("migrations: %v, %v", names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join("migrations", name.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[name.Name()] = &fstest.MapFile{Data: b}
	}
	s, err := newSchema(files)
	if err != nil || s.latest != now.latest+1 {
		t.Fatalf("later schema %d, %v", s.latest, err)
	}
	return s
}

// openAs opens a database as a program with that schema does.
func openAs(path string, s schema) (*DB, Notice, error) {
	r := recovery{path: path, now: time.Now(), schema: s}
	db, err := r.open()
	return db, r.notice, err
}

func TestSchemaSaysItsVersion(t *testing.T) {
	path := newPath(t)
	mustClose(t, mustOpen(t, path))
	want, err := embeddedSchema()
	if err != nil {
		t.Fatal(err)
	}
	if f, err := inspect(path); err != nil || !f.ours || f.schema != want.latest || f.wal {
		t.Errorf("found %+v, %v, want version %d", f, err, want.latest)
	}
}

func TestMigration(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		path, want := closedDatabase(t)
		if crashed {
			path, want, _ = killed(t)
		}
		s := later(t, "CREATE TABLE novelty (x INTEGER);\nPRAGMA user_version = 2;\n")
		db, notice, err := openAs(path, s)
		if err != nil || notice != (Notice{}) {
			t.Fatalf("migrate: %+v, %v", notice, err)
		}
		checkTexts(t, db, want)
		mustClose(t, db)
		copied := newestCopy(path, 1)
		if copied == "" {
			t.Fatal("no copy was made")
		}
		if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("copy: %v, %v", info, err)
		}
		old := mustOpen(t, copied)
		checkTexts(t, old, want)
		mustClose(t, old)
		db, _, err = openAs(path, s)
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		if copies, _ := filepath.Glob(escapeGlob(path) + copySuffix + "*"); len(copies) != 1 {
			t.Errorf("copies: %v", copies)
		}
	}
}

// TestFailedMigration: the database stays what it was, and the next program
// finds it so.
func TestFailedMigration(t *testing.T) {
	path, want := closedDatabase(t)
	_, _, err := openAs(path, later(t, "CREATE TABLE novelty (x INTEGER);\nINSERT INTO nowhere VALUES (1);\nPRAGMA user_version = 2;\n"))
	if err == nil {
		t.Fatal("a migration that cannot be is no error")
	}
	checkTexts(t, mustOpen(t, path), want)
}

func TestNewer(t *testing.T) {
	s := later(t, "CREATE TABLE novelty (x INTEGER);\nPRAGMA user_version = 2;\n")
	t.Run("made by a newer program/O-17", func(t *testing.T) {
		path := newPath(t)
		db, _, err := openAs(path, s)
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		checkRefused(t, path, "there is no copy")
	})
	t.Run("migrated by a newer program/O-17", func(t *testing.T) {
		path, _ := closedDatabase(t)
		db, _, err := openAs(path, s)
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, db)
		checkRefused(t, path, newestCopy(path, 1))
	})
	t.Run("and killed then/O-17", func(t *testing.T) {
		from := newPath(t)
		db, _, err := openAs(from, s)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, db, 10)
		path := newPath(t)
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := copyFile(from+suffix, path+suffix); err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, db)
		checkRefused(t, path, "there is no copy")
	})
}

// checkRefused opens a database that is too new, and looks whether anything in
// its folder changed.
func checkRefused(t *testing.T, path, advice string) {
	t.Helper()
	before := folderSum(t, filepath.Dir(path))
	_, _, err := Open(path)
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), advice) {
		t.Errorf("got %v, want a refusal that says %q", err, advice)
	}
	if folderSum(t, filepath.Dir(path)) != before {
		t.Error("the refusal changed files")
	}
}

// folderSum is a hash over names and contents.
func folderSum(t *testing.T, dir string) [sha256.Size]byte {
	t.Helper()
	h := sha256.New()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		h.Write(append([]byte(f.Name()), sum[:]...))
	}
	return [sha256.Size]byte(h.Sum(nil))
}
