package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"earshot/internal/chat"
)

// smallDisk is a folder on a file system of so many bytes, to be filled by the
// test; false where this process must not mount.
func smallDisk(t *testing.T, size int) (dir string, ok bool) {
	t.Helper()
	dir = t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size))
	if errors.Is(err, unix.EPERM) {
		return "", false
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, true
}

func resize(t *testing.T, dir string, size int) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", size)); err != nil {
		t.Fatal(err)
	}
}

// TestDisk has the cases with a disk that does not take what is written.
func TestDisk(t *testing.T) {
	t.Run("full on commit/O-15", testFullOnCommit)
	t.Run("limit of pages on commit/O-15", testPageLimit)
	t.Run("read-only folder/O-15", testReadOnlyFolder)
	t.Run("full at the first start/O-15", testFullFirstStart)
	t.Run("full at a migration/O-15", testFullMigration)
	t.Run("full at a repair/O-15", testFullRepair)
}

// testFullOnCommit writes until the disk is full, frees it, and writes on: what
// was acknowledged is there, and nothing else.
func testFullOnCommit(t *testing.T) {
	dir, ok := smallDisk(t, 2<<20)
	if !ok {
		t.Skip("mounting a small disk needs root")
	}
	db := mustOpen(t, filepath.Join(dir, "earshot.db"))
	want := writeUntilFull(t, db)
	checkTexts(t, db, want)
	resize(t, dir, 8<<20)
	a := &author{Identity: alice, with: bob, log: db.Log(), last: uint64(len(want)), before: want[len(want)-1].Hash()}
	e := a.write(t, "there is room again")
	mustApply(t, db, chat.Batch{Entries: []chat.Entry{e}})
	checkTexts(t, db, append(want, e))
	mustClose(t, db)
	checkTexts(t, mustOpen(t, db.Path()), append(want, e))
}

// writeUntilFull commits large texts one by one until one is refused.
func writeUntilFull(t *testing.T, db *DB) (written []chat.Entry) {
	t.Helper()
	a := &author{Identity: alice, with: bob, log: db.Log()}
	mustApply(t, db, chat.Batch{Conversations: []chat.Conversation{between(alice, bob)}})
	for range MaxPage {
		e := a.write(t, strings.Repeat("all work and no play ", 1000))
		err := db.Apply(chat.Batch{Entries: []chat.Entry{e}})
		if errors.Is(err, ErrFull) {
			return written
		}
		if err != nil {
			t.Fatal(err)
		}
		written = append(written, e)
	}
	t.Fatal("the disk never was full")
	return nil
}

func testPageLimit(t *testing.T) {
	db := mustOpen(t, newPath(t))
	limit := func(pages int) {
		if _, err := db.write.conn.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(200)
	want := writeUntilFull(t, db)
	checkTexts(t, db, want)
	limit(1 << 20)
	if err := db.SetSetting("room", "again"); err != nil {
		t.Error(err)
	}
}

// testReadOnlyFolder: root may write everywhere, so another user opens it.
func testReadOnlyFolder(t *testing.T) {
	path, want := closedDatabase(t)
	dir := filepath.Dir(path)
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	before := folderSum(t, dir)
	if said := asNobody(t, dir, "open", path); !strings.Contains(said, ErrReadOnly.Error()) {
		t.Errorf("it says %q, want %q", said, ErrReadOnly)
	}
	if folderSum(t, dir) != before {
		t.Error("files changed")
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	checkTexts(t, mustOpen(t, path), want)
}

// testFullFirstStart starts on ever larger disks until one is large enough; each
// time it must be possible to start when there is room.
func testFullFirstStart(t *testing.T) {
	full := onEverySize(t, 4, func(string) {}, nil)
	if full < 20 {
		t.Errorf("only %d sizes were too small", full)
	}
}

func testFullMigration(t *testing.T) {
	from, want := closedDatabase(t)
	full := onEverySize(t, 4, func(path string) {
		if err := copyFile(from, path); err != nil {
			t.Fatal(err)
		}
	}, func(db *DB) { checkTexts(t, db, want) })
	if full < 15 {
		t.Errorf("only %d sizes were too small", full)
	}
}

func testFullRepair(t *testing.T) {
	from, want := closedDatabase(t)
	overwrite(t, from, 0, make([]byte, headerSize))
	full := onEverySize(t, 8, func(path string) {
		if err := copyFile(from, path); err != nil {
			t.Fatal(err)
		}
	}, func(db *DB) { checkTexts(t, db, want) })
	if full < 10 {
		t.Errorf("only %d sizes were too small", full)
	}
}

// onEverySize opens a prepared database on disks that have ever more room, so
// many pages at a time, with a schema that makes it migrate, until that succeeds. Each failure must be
// ErrFull, and leave a database that opens as soon as there is room. It returns
// the number of failures.
func onEverySize(t *testing.T, step int, prepare func(path string), check func(*DB)) (full int) {
	t.Helper()
	s := later(t, "CREATE TABLE novelty (x INTEGER);")
	dir, ok := smallDisk(t, 8<<20)
	if !ok {
		t.Skip("mounting a small disk needs root")
	}
	for room := 0; ; room += step * pageSize {
		resize(t, dir, 8<<20)
		path := filepath.Join(dir, fmt.Sprint(room), "earshot.db")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		prepare(path)
		resize(t, dir, used(t, dir)+max(room, 1))
		db, _, err := openAs(path, s)
		enough := err == nil
		if !enough {
			full++
			if !errors.Is(err, ErrFull) {
				t.Errorf("%d bytes of room: %v", room, err)
			}
			resize(t, dir, 8<<20)
			if db, _, err = openAs(path, s); err != nil {
				t.Fatalf("%d bytes of room, then more: %v", room, err)
			}
		}
		if check != nil {
			check(db)
		}
		mustClose(t, db)
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		if enough {
			t.Logf("%d sizes were too small, %d bytes enough", full, room)
			return full
		}
	}
}

func used(t *testing.T, dir string) int {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return int(s.Blocks-s.Bfree) * int(s.Bsize)
}
