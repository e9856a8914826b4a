package store

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"earshot/internal/chat"
	"earshot/peer"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		os.Exit(runChild(role))
	}
	goleak.VerifyTestMain(m)
}

var (
	alice = identity(1)
	bob   = identity(2)
	carol = identity(3)
)

func identity(n byte) *peer.Identity {
	var seed [32]byte
	for i := range seed {
		seed[i] = n
	}
	return peer.NewIdentity(seed)
}

// start is when the conversations of the tests begin, in milliseconds.
const start = 1767225600000

// author writes a log in the direct conversation with somebody. The clock of
// entry n is start + n·step.
type author struct {
	*peer.Identity
	with *peer.Identity // the owner of the database, or the one it talks to
	log  uint64
	step uint64

	last   uint64
	before peer.Hash
}

func (a *author) conversation() peer.Hash {
	id, _ := chat.Direct(a.ID(), a.with.ID())
	return id
}

// write adds a text and returns its entry.
func (a *author) write(t testing.TB, text string) chat.Entry {
	t.Helper()
	body, err := peer.Marshal(chat.Text{Text: text, Wall: start})
	if err != nil {
		t.Fatal(err)
	}
	return a.add(t, chat.Header{Kind: chat.KindText}, body)
}

// offer adds a file offer and returns its entry.
func (a *author) offer(t testing.TB, name string) chat.Entry {
	t.Helper()
	body, err := peer.Marshal(chat.Offer{Name: name, Files: 1, Bytes: 10, Wall: start})
	if err != nil {
		t.Fatal(err)
	}
	return a.add(t, chat.Header{Kind: chat.KindOffer}, body)
}

// add completes a header, as far as its fields are zero, and signs it.
func (a *author) add(t testing.TB, h chat.Header, body []byte) chat.Entry {
	t.Helper()
	a.last++
	h.Conversation, h.Log, h.Number = a.conversation(), a.log, a.last
	if a.last > 1 {
		before := a.before
		h.Before = &before
	}
	if h.ID == (uuid.UUID{}) {
		h.ID = uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, a.ID(), a.log, a.last))
	}
	if h.Clock == 0 {
		h.Clock = start + a.last*max(a.step, 1)
	}
	e, err := chat.Seal(a.Identity, h, body)
	if err != nil {
		t.Fatal(err)
	}
	a.before = e.Hash()
	return e
}

// held is the log of the entries, with nothing read.
func held(entries ...chat.Entry) chat.Log {
	first, last := entries[0], entries[len(entries)-1]
	return chat.Log{
		Conversation: first.Conversation, LogKey: first.LogKey(),
		First: first.Number, Last: last.Number, Hash: last.Hash(), Clock: last.Clock, Ours: first.Author == alice.ID(), // who owns the databases
	}
}

// between is the conversation of the database's owner with somebody.
func between(owner, other *peer.Identity) chat.Conversation {
	id, preimage := chat.Direct(owner.ID(), other.ID())
	return chat.Conversation{ID: id, Preimage: preimage, Peer: chat.DeviceParty(other.ID())}
}

// newPath is where a test's database may be made.
func newPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "earshot.db")
}

// mustOpen opens a database that has nothing to say, and closes it at the end.
func mustOpen(t testing.TB, path string) *DB {
	t.Helper()
	db, notice, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, db) })
	if notice.Text != "" {
		t.Fatalf("unexpected notice: %s", notice.Text)
	}
	return db
}

// mustClose closes a database; doing it twice is harmless.
func mustClose(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func mustApply(t testing.TB, db *DB, b chat.Batch) {
	t.Helper()
	if err := db.Apply(b); err != nil {
		t.Fatal(err)
	}
}

func batchOf(entries ...chat.Entry) chat.Batch { return chat.Batch{Entries: entries} }

// fill stores n texts of alice to bob, in a database of alice, and returns them.
func fill(t testing.TB, db *DB, n int) []chat.Entry {
	t.Helper()
	a := &author{Identity: alice, with: bob, log: db.Log()}
	var all []chat.Entry
	for len(all) < n {
		batch := make([]chat.Entry, min(1000, n-len(all)))
		for i := range batch {
			batch[i] = a.write(t, fmt.Sprintf("message %d about the meeting", len(all)+i+1))
		}
		all = append(all, batch...)
		mustApply(t, db, chat.Batch{
			Conversations: []chat.Conversation{between(alice, bob)},
			Entries:       batch, Logs: []chat.Log{held(all...)},
		})
	}
	return all
}

func TestOpenAgain(t *testing.T) {
	path := newPath(t)
	db, notice, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !notice.New || notice.Text != "" || db.Log() == 0 {
		t.Errorf("first start: notice %+v, log %d", notice, db.Log())
	}
	log, want := db.Log(), fill(t, db, 3)
	mustClose(t, db)
	mustClose(t, db)

	db, notice, err = Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, db)
	if notice != (Notice{}) || db.Log() != log {
		t.Errorf("second start: notice %+v, log %x, want %x", notice, db.Log(), log)
	}
	checkTexts(t, db, want)
	if exists(path + suspectSuffix) {
		t.Error("a sound database is suspected")
	}
}

// checkTexts compares alice's conversation with bob to the entries.
func checkTexts(t *testing.T, db *DB, want []chat.Entry) {
	t.Helper()
	got, err := db.Messages(Page{Conversations: []peer.Hash{between(alice, bob).ID}, Limit: MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d messages, want %d", len(got), len(want))
	}
	for i := range want {
		if string(got[i].Raw) != string(want[i].Raw) || string(got[i].Body) != string(want[i].Body) {
			t.Fatalf("message %d is another one", i)
		}
	}
}

func TestSettings(t *testing.T) {
	db := mustOpen(t, newPath(t))
	for _, value := range []string{"", "one", "two", ""} {
		if err := db.SetSetting("key", value); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Setting("key"); got != value || err != nil {
			t.Errorf("setting = %q, %v, want %q", got, err, value)
		}
	}
}

func TestPathsThatNeedEscaping(t *testing.T) {
	for _, name := range []string{"a b", "what?", "50%", "#1", "ä 会", "q'uote", "[x]"} {
		if runtime.GOOS == "windows" && strings.Contains(name, "?") {
			continue // no name of a file there
		}
		dir := filepath.Join(t.TempDir(), name)
		db := mustOpen(t, filepath.Join(dir, "earshot.db"))
		fill(t, db, 1)
		mustClose(t, db)
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Errorf("%q: files %v, %v", name, files, err)
		}
	}
}
