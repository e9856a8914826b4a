package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
	"earshot/transfer"
)

// later is the schema of a program that comes after this one, by one version.
func later(t *testing.T, up string) schema {
	t.Helper()
	now, err := embeddedSchema()
	if err != nil {
		t.Fatal(err)
	}
	up = fmt.Sprintf("-- +goose Up\n%s\nPRAGMA user_version = %d;\n", up, now.latest+1)
	files := fstest.MapFS{"9999_later.sql": {Data: []byte(up)}}
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

// latest is the schema of this program.
func latest(t *testing.T) int64 {
	t.Helper()
	s, err := embeddedSchema()
	if err != nil {
		t.Fatal(err)
	}
	return s.latest
}

// first is the schema of the first program.
func first(t *testing.T) schema { return before(t, "0002") }

// before is the schema of the last program without the migrations from that one on.
func before(t *testing.T, migration string) schema {
	t.Helper()
	names, err := os.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, name := range names {
		if name.Name() >= migration {
			break
		}
		b, err := os.ReadFile(filepath.Join("migrations", name.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[name.Name()] = &fstest.MapFile{Data: b}
	}
	s, err := newSchema(files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ofTheFirst makes a database of alice as the first program did, with a request
// of bob's, and closes it.
func ofTheFirst(t *testing.T) (path string) {
	t.Helper()
	path = newPath(t)
	db, _, err := openAs(path, first(t))
	if err != nil {
		t.Fatal(err)
	}
	c := between(alice, bob)
	err = db.update("begin a conversation", func(tx tx) error {
		_, err := tx.exec("INSERT INTO conversation (id, preimage, peer, log) VALUES (?, ?, ?, 0)", c.ID[:], c.Preimage, c.Peer.Device[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	return path
}

// checkRequests compares the conversations, all with strangers, and how many of
// them are from one place.
func checkRequests(t *testing.T, db *DB, from netip.Prefix, want int, all ...chat.Conversation) {
	t.Helper()
	got, err := db.Conversations()
	if err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("conversations %+v, %v, want %+v", got, err, all)
	}
	if n, there, err := db.Requests(from); n != len(all) || there != want || err != nil {
		t.Errorf("%d requests, %d from %v, %v; want %d, %d", n, there, from, err, len(all), want)
	}
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
		s := later(t, "CREATE TABLE novelty (x INTEGER);")
		db, notice, err := openAs(path, s)
		if err != nil || notice != (Notice{}) {
			t.Fatalf("migrate: %+v, %v", notice, err)
		}
		checkTexts(t, db, want)
		mustClose(t, db)
		copied := newestCopy(path, latest(t))
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

// TestRequestsOfTheFirstSchema: where they came from was not kept, and they count
// in all. The copy is as it was.
func TestRequestsOfTheFirstSchema(t *testing.T) {
	path, from := ofTheFirst(t), netip.MustParsePrefix("10.0.0.9/32")
	db := mustOpen(t, path)
	bobs, carols := between(alice, bob), between(alice, carol)
	checkRequests(t, db, from, 0, bobs)
	carols.Origin = from
	mustApply(t, db, chat.Batch{Conversations: []chat.Conversation{carols}})
	checkRequests(t, db, from, 1, bobs, carols)
	mustClose(t, db)

	copied := newestCopy(path, 1)
	if _, _, err := openAs(path, first(t)); !errors.Is(err, ErrNewer) || copied == "" || !strings.Contains(err.Error(), copied) {
		t.Errorf("the first program: %v, want a refusal that names %q", err, copied)
	}
	old, _, err := openAs(copied, first(t))
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, old)
}

// TestFailedMigration: the database stays what it was, and the next program
// finds it so.
// TestFilesOfBeforePages: what was kept with the files of a transfer goes with them.
func TestFilesOfBeforePages(t *testing.T) {
	path := newPath(t)
	db, _, err := openAs(path, before(t, "0006"))
	if err != nil {
		t.Fatal(err)
	}
	receiving, sending, done := someTransfer(1), someTransfer(2), someTransfer(3)
	receiving.Direction, receiving.State, receiving.Listed, receiving.Compared = transfer.Receiving, transfer.Interrupted, true, true
	sending.Direction, sending.State, sending.Listed = transfer.Sending, transfer.Active, true
	done.Direction, done.State, done.Listed = transfer.Sending, transfer.Done, true
	for _, tr := range []transfer.Transfer{receiving, sending, done} {
		if err := db.TransferStore().SaveTransfer(tr); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, db)
	all, err := mustOpen(t, path).TransferStore().Transfers()
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	states := map[uuid.UUID]transfer.State{receiving.ID: transfer.Interrupted, sending.ID: transfer.Cancelled, done.ID: transfer.Done}
	for _, tr := range all {
		if tr.Listed || tr.Compared || tr.State != states[tr.ID] {
			t.Errorf("%s %s: listed %v, compared %v", tr.Direction, tr.State, tr.Listed, tr.Compared)
		}
	}
}

func TestFailedMigration(t *testing.T) {
	path, want := closedDatabase(t)
	_, _, err := openAs(path, later(t, "CREATE TABLE novelty (x INTEGER);\nINSERT INTO nowhere VALUES (1);"))
	if err == nil {
		t.Fatal("a migration that cannot be is no error")
	}
	checkTexts(t, mustOpen(t, path), want)
}

func TestNewer(t *testing.T) {
	s := later(t, "CREATE TABLE novelty (x INTEGER);")
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
		checkRefused(t, path, newestCopy(path, latest(t)))
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

// TestConversationsGetTheirParties: a database from before accounts had conversations
// knows whom they are with, and whose their logs are.
func TestConversationsGetTheirParties(t *testing.T) {
	path := newPath(t)
	db, _, err := openAs(path, before(t, "0009"))
	if err != nil {
		t.Fatal(err)
	}
	c := between(alice, bob)
	err = db.update("write as before", func(tx tx) error {
		_, err := tx.exec("INSERT INTO conversation (id, preimage, peer, log, origin) VALUES (?, ?, ?, 0, '')", c.ID[:], c.Preimage, c.Peer.Device[:])
		for _, author := range []*peer.Identity{alice, bob} {
			id := author.ID()
			if err == nil {
				_, err = tx.exec("INSERT INTO log VALUES (?, ?, 7, 1, 3, ?, 9, 2)", c.ID[:], id[:], make([]byte, 32))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	db = mustOpen(t, path)
	if all, err := db.Conversations(); err != nil || !reflect.DeepEqual(all, []chat.Conversation{c}) {
		t.Errorf("conversations %+v, %v", all, err)
	}
	logs, err := db.Logs(c.ID)
	if err != nil || len(logs) != 2 {
		t.Fatalf("logs %+v, %v", logs, err)
	}
	for _, l := range logs {
		if l.Ours != (l.Author == alice.ID()) || l.Last != 3 || l.Read != 2 {
			t.Errorf("a log of %s: %+v", l.Author, l)
		}
	}
}
