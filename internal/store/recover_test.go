package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"earshot/internal/chat"
	"earshot/peer"
)

// conversationSize is a number of entries that takes dozens of pages.
const conversationSize = 100

// closedDatabase makes a database of alice with a conversation, a device, a
// setting, and a text of bob that was read, and closes it.
func closedDatabase(t *testing.T) (path string, entries []chat.Entry) {
	t.Helper()
	path = newPath(t)
	db := mustOpen(t, path)
	entries = fill(t, db, conversationSize)
	b := &author{Identity: bob, with: alice, log: 7}
	e := b.add(t, chat.Header{Kind: chat.KindText, Clock: start + 1e6}, entries[0].Body)
	l := held(e)
	l.Read = 1
	mustApply(t, db, chat.Batch{Entries: []chat.Entry{e}, Logs: []chat.Log{l}, Contacts: []chat.Party{chat.DeviceParty(bob.ID())}})
	if err := db.SetSetting("colour", "blue"); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	return path, append(entries, e)
}

// killed makes the same, but as a process leaves it that is killed: the last
// entries are in the -wal file only. It returns how many of them are not.
func killed(t *testing.T) (path string, entries []chat.Entry, settled int) {
	t.Helper()
	from, entries := closedDatabase(t)
	settled = len(entries)
	db := mustOpen(t, from)
	a := &author{Identity: alice, with: bob, log: db.Log(), last: conversationSize, before: entries[conversationSize-1].Hash()}
	for i := range 10 {
		e := a.add(t, chat.Header{Kind: chat.KindText, Clock: start + 2e6 + uint64(i)}, entries[0].Body)
		entries = append(entries, e)
		l := held(e)
		l.First = 1
		mustApply(t, db, chat.Batch{Entries: []chat.Entry{e}, Logs: []chat.Log{l}})
	}
	path = newPath(t)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := copyFile(from+suffix, path+suffix); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, db)
	return path, entries, settled
}

// overwrite changes bytes of a file.
func overwrite(t testing.TB, path string, at int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// mustRepair opens a database that is damaged, and checks what is said of it.
func mustRepair(t *testing.T, path string) (*DB, Notice) {
	t.Helper()
	db, notice, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, db) })
	if notice.Aside == "" || !exists(notice.Aside) && !exists(notice.Aside+"-wal") {
		t.Errorf("nothing was set aside: %+v", notice)
	}
	for _, want := range []string{notice.Aside, "was damaged", "queued", fmt.Sprint(notice.Saved, " messages"), "identity is unchanged"} {
		if !strings.Contains(notice.Text, want) {
			t.Errorf("the notice does not say %q: %s", want, notice.Text)
		}
	}
	leftovers, err := filepath.Glob(escapeGlob(path) + newSuffix + "*")
	if err != nil || len(leftovers) > 0 {
		t.Errorf("left over: %v, %v", leftovers, err)
	}
	return db, notice
}

func TestDamage(t *testing.T) {
	t.Run("header wrecked/O-15", testHeaderWrecked)
	t.Run("any page of garbage/O-15", testGarbage)
	t.Run("the wal file truncated/O-15", testTruncatedLog)
	t.Run("the wal file gone/O-15", testLogGone)
	t.Run("only the wal file left/O-15", testDatabaseGone)
	t.Run("database cut short/O-15", testCutShort)
	t.Run("not ours/O-15", testNotOurs)
}

func testHeaderWrecked(t *testing.T) {
	path, want := closedDatabase(t)
	before := logOf(t, path)
	overwrite(t, path, 0, bytes.Repeat([]byte{0xa5}, headerSize))
	db, notice := mustRepair(t, path)
	checkTexts(t, db, want)
	if notice.Saved != len(want) {
		t.Errorf("%d saved, want %d", notice.Saved, len(want))
	}
	if db.Log() == before {
		t.Error("the new database goes on in the old log")
	}
	if colour, err := db.Setting("colour"); colour != "blue" || err != nil {
		t.Errorf("setting %q, %v", colour, err)
	}
	if contact, err := db.Contact(chat.DeviceParty(bob.ID())); !contact || err != nil {
		t.Errorf("bob is a contact: %v, %v", contact, err)
	}
	if n, err := db.Unread(want[0].Conversation); n != 0 || err != nil {
		t.Errorf("%d unread, %v, want what was read to stay read", n, err)
	}
	found, err := db.Messages(Page{Search: "message 17 about"})
	if err != nil || len(found) != 1 {
		t.Errorf("search finds %d, %v", len(found), err)
	}
	mustClose(t, db)
	mustOpen(t, path) // and says nothing more
}

// TestARepairKeepsWhereStrangersCameFrom, also where the database is from before
// that was kept.
func TestARepairKeepsWhereStrangersCameFrom(t *testing.T) {
	from := netip.MustParsePrefix("fd77::/64")
	path, conversation := newPath(t), between(alice, bob)
	db := mustOpen(t, path)
	conversation.Origin = from
	mustApply(t, db, chat.Batch{Conversations: []chat.Conversation{conversation}})
	mustClose(t, db)
	overwrite(t, path, 0, bytes.Repeat([]byte{0xa5}, headerSize))
	db, _ = mustRepair(t, path)
	checkRequests(t, db, from, 1, conversation)

	path = ofTheFirst(t)
	overwrite(t, path, 0, bytes.Repeat([]byte{0xa5}, headerSize))
	db, notice := mustRepair(t, path)
	checkRequests(t, db, from, 0, between(alice, bob))
	if strings.Contains(notice.Text, "Not everything") {
		t.Errorf("what the first version did not have is missed: %s", notice.Text)
	}
}

func TestAnOriginThatDoesNotReadIsDamage(t *testing.T) {
	for _, value := range []string{"10.0.0.9", "10.0.0.9/33", "nowhere"} {
		db := mustOpen(t, newPath(t))
		mustApply(t, db, chat.Batch{Conversations: []chat.Conversation{between(alice, bob)}})
		err := db.update("spoil it", func(tx tx) error {
			_, err := tx.exec("UPDATE conversation SET origin = ?", value)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Conversations(); !errors.Is(err, ErrDamaged) {
			t.Errorf("origin %s: %v", value, err)
		}
	}
}

// logOf is the number of the log that a database writes.
func logOf(t *testing.T, path string) uint64 {
	t.Helper()
	db := mustOpen(t, path)
	defer mustClose(t, db)
	return db.Log()
}

// testGarbage puts garbage in the place of each page in turn. Whatever page it
// is, what can still be read is there and nothing else, and somebody says so
// unless nothing is missing.
func testGarbage(t *testing.T) {
	path, want := closedDatabase(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pages := len(whole) / pageSize
	if pages < 35 {
		t.Fatalf("only %d pages", pages)
	}
	step := 1
	if raceOn { // it takes ten times as long
		step = 4
	}
	for n := rand.IntN(step); n < pages; n += step {
		damaged := bytes.Clone(whole)
		for i := range pageSize {
			damaged[n*pageSize+i] = byte(i*7 + n)
		}
		path := newPath(t)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		checkSurvives(t, fmt.Sprintf("page %d", n+1), path, want)
		checkLost(t, whole[n*pageSize:][:pageSize], mustOpen(t, path), want)
	}
	t.Logf("of %d pages, in steps of %d", pages, step)
}

// checkLost checks that no more is missing than stood on the page.
func checkLost(t *testing.T, page []byte, db *DB, want []chat.Entry) {
	t.Helper()
	most := 1 // a part of one entry
	if page[0] == leafPage {
		most = max(most, int(binary.BigEndian.Uint16(page[3:])))
	}
	got, err := db.Messages(Page{Conversations: []peer.Hash{want[0].Conversation}, Limit: MaxPage})
	if err != nil || len(got) < len(want)-most {
		t.Errorf("%d of %d are left, %v; the page had %d", len(got), len(want), err, most)
	}
	mustClose(t, db)
}

// checkSurvives opens a database with one damaged page the way people do: start,
// look around, start again.
func checkSurvives(t *testing.T, what, path string, want []chat.Entry) {
	t.Helper()
	said := ""
	for range 3 {
		db, notice, err := Open(path)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		said += notice.Text
		err = lookAround(db)
		if err == nil {
			checkKept(t, what, db, want, said)
		}
		mustClose(t, db)
		if err == nil {
			return
		}
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	t.Errorf("%s: still damaged after three starts", what)
}

// lookAround reads everything that a node reads.
func lookAround(db *DB) error {
	conversation := between(alice, bob).ID
	_, errs := db.Messages(Page{Conversations: []peer.Hash{conversation}, Limit: MaxPage})
	_, err := db.Summaries()
	errs = errors.Join(errs, err)
	_, err = db.Logs(conversation)
	errs = errors.Join(errs, err)
	_, err = db.Messages(Page{Search: "meeting"})
	errs = errors.Join(errs, err)
	_, err = db.Devices()
	errs = errors.Join(errs, err)
	for _, who := range []*peer.Identity{alice, bob} {
		_, err = db.Entries(conversation, chat.LogKey{Author: who.ID(), Log: db.Log()}, 1, 1000, 1<<20)
		errs = errors.Join(errs, err)
	}
	return errors.Join(errs, db.Check(context.Background()))
}

// checkKept checks that what is left are entries of the original, most of them,
// in one range that ends where it ended unless that was the page; and that
// nothing is missing silently.
func checkKept(t *testing.T, what string, db *DB, want []chat.Entry, said string) {
	t.Helper()
	original := make(map[string]bool)
	for _, e := range want {
		original[string(e.Raw)] = true
	}
	got, err := db.Messages(Page{Conversations: []peer.Hash{want[0].Conversation}, Limit: MaxPage})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	for _, m := range got {
		if !original[string(m.Raw)] {
			t.Errorf("%s: an entry that nobody wrote: %+v", what, m.Header)
		}
	}
	if len(got) < len(want) && !strings.Contains(said, "was damaged") {
		t.Errorf("%s: %d of %d entries, and nothing was said", what, len(got), len(want))
	}
	logs, err := db.Logs(want[0].Conversation)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for _, l := range logs {
		entries, err := db.Entries(want[0].Conversation, l.LogKey, l.First, l.Last, 1<<20)
		if l.Last == 0 && len(entries) == 0 {
			continue
		}
		if err != nil || uint64(len(entries)) != l.Last-l.First+1 {
			t.Errorf("%s: log %d to %d has %d entries, %v", what, l.First, l.Last, len(entries), err)
		}
	}
}

func testTruncatedLog(t *testing.T) {
	for cut := range int64(6) {
		path, want, settled := killed(t)
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		size := info.Size() * cut / 6
		if err := os.Truncate(path+"-wal", size); err != nil {
			t.Fatal(err)
		}
		db, notice := mustRepair(t, path)
		if notice.Saved < settled || notice.Saved > len(want) {
			t.Errorf("wal of %d bytes: %d saved, want at least %d", size, notice.Saved, settled)
		}
		checkKept(t, fmt.Sprintf("wal of %d bytes", size), db, want, notice.Text)
		mustClose(t, db)
	}
	path, want, _ := killed(t) // untouched, it is whole and nobody is bothered
	checkTexts(t, mustOpen(t, path), want)
}

func testLogGone(t *testing.T) {
	path, want, settled := killed(t)
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	db, notice := mustRepair(t, path)
	if notice.Saved != settled {
		t.Errorf("%d saved, want %d", notice.Saved, settled)
	}
	checkKept(t, "without a wal", db, want, notice.Text)
}

func testDatabaseGone(t *testing.T) {
	path, _, _ := killed(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	db, notice := mustRepair(t, path)
	if notice.Saved == 0 || notice.New {
		t.Errorf("nothing was read back from the -wal file: %+v", notice)
	}
	mustClose(t, db)

	path, _ = closedDatabase(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	db, notice, err := Open(path)
	if err != nil || !notice.New {
		t.Fatalf("lost as a whole: %+v, %v", notice, err)
	}
	mustClose(t, db)
}

func testCutShort(t *testing.T) {
	path, want := closedDatabase(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()*3/4); err != nil {
		t.Fatal(err)
	}
	db, notice := mustRepair(t, path)
	if notice.Saved == 0 {
		t.Error("nothing was saved")
	}
	checkKept(t, "cut short", db, want, notice.Text)
}

func testNotOurs(t *testing.T) {
	path := newPath(t)
	if err := os.WriteFile(path, []byte("Dear diary, today I met Bob."), 0o644); err != nil {
		t.Fatal(err)
	}
	_, notice := mustRepair(t, path)
	if b, err := os.ReadFile(notice.Aside); err != nil || !bytes.HasPrefix(b, []byte("Dear diary")) {
		t.Errorf("set aside: %q, %v", b, err)
	}
}

// TestRepairInterrupted ends the repair after each of its steps, and starts again.
func TestRepairInterrupted(t *testing.T) {
	damaged, want := closedDatabase(t)
	overwrite(t, damaged, 0, make([]byte, headerSize))
	wrecked, wantKilled, _ := killed(t)
	overwrite(t, wrecked, 0, make([]byte, headerSize))
	overwrite(t, wrecked+"-shm", 0, make([]byte, 136))
	wal := wrecked + "-wal"
	aside := asideSuffix + "20260102-030405"
	steps := []struct {
		name  string
		files map[string]string // name to what is in it, "" for nothing
	}{
		{"only the database was renamed", map[string]string{aside: wrecked, "-wal": wal, "-shm": wrecked + "-shm", newSuffix: ""}},
		{"database and -wal were renamed", map[string]string{aside: wrecked, aside + "-wal": wal, "-shm": wrecked + "-shm", newSuffix: ""}},
		{"while reading back a -wal", map[string]string{aside: wrecked, aside + "-wal": wal, newSuffix: wrecked, newSuffix + "-wal": ""}},
		{"before it was renamed", map[string]string{"": damaged, newSuffix: ""}},
		{"nothing was read back", map[string]string{aside: damaged, newSuffix: ""}},
		{"while reading back", map[string]string{aside: damaged, newSuffix: damaged, newSuffix + "-wal": "", newSuffix + ".read": damaged}},
	}
	for _, step := range steps {
		path := newPath(t)
		for suffix, from := range step.files {
			var err error
			if from == "" {
				err = makePrivate(path + suffix)
			} else {
				err = copyFile(from, path+suffix)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		db, _ := mustRepair(t, path)
		if step.files[aside] == wrecked {
			checkTexts(t, db, wantKilled)
		} else {
			checkTexts(t, db, want)
		}
		mustClose(t, db)
	}
}

// TestSetAsideFails: a database that keeps its name keeps its -wal file.
func TestSetAsideFails(t *testing.T) {
	path, want, _ := killed(t)
	aside := path + asideSuffix + "20260102-030405"
	if err := os.MkdirAll(filepath.Join(aside, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := recovery{path: path}
	if err := r.setAside(aside); err == nil {
		t.Fatal("it went over a folder")
	}
	checkTexts(t, mustOpen(t, path), want)
}

// TestBlobDamage: SQLite does not notice a changed byte within a value.
func TestBlobDamage(t *testing.T) {
	path, want := closedDatabase(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, []byte("message 57 about"))
	if at < 0 {
		t.Fatal("the text is not in the file")
	}
	overwrite(t, path, int64(at), []byte("M"))
	checkSurvives(t, "one byte", path, want)
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("mode bits say nothing there")
	}
	t.Run("umask 000/S-01", func(t *testing.T) {
		defer umask(umask(0))
		path := filepath.Join(t.TempDir(), "profile", "earshot.db")
		db := mustOpen(t, path)
		fill(t, db, 1)
		checkModes(t, path)
		mustClose(t, db)
		if err := os.Chmod(path, 0o644); err != nil { // as a backup brings it back
			t.Fatal(err)
		}
		fill(t, mustOpen(t, path), 0)
		checkModes(t, path)
	})
}

func checkModes(t *testing.T, path string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(path + suffix); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", path+suffix, info.Mode(), err)
		}
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
}
