package node

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/profile"
	"earshot/internal/store"
	"earshot/peer"
	"earshot/transfer"
)

// receipt is the one receipt of a message or transfer.
func (d *device) receipt(id uuid.UUID) Receipt {
	d.t.Helper()
	all, err := d.Receipts(d.t.Context(), id)
	if err != nil || len(all) != 1 {
		d.t.Fatalf("%s: %d receipts, %v", d.cfg.Name, len(all), err)
	}
	return all[0]
}

// signed waits until both sides noted the receipt of a transfer.
func signed(t *testing.T, a, b *device, id uuid.UUID) {
	t.Helper()
	eventually(t, "the receipt is there", func() bool {
		return a.transferState(id).Receipt == "signed" && b.transferState(id).Receipt == "signed"
	})
}

func (d *device) filesAre(id uuid.UUID, want FilesCheck) {
	d.t.Helper()
	if got, err := d.CheckFiles(d.t.Context(), id); err != nil || got != want {
		d.t.Errorf("the files are %+v, %v, want %+v", got, err, want)
	}
}

// stored works on the database of a node that does not run.
func stored(t *testing.T, d *device, do func(db *store.DB) error) {
	t.Helper()
	db, _, err := store.Open(d.cfg.Profile.Path(profile.StoreFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(db), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// change alters a transfer in the store of a node that does not run.
func change(t *testing.T, d *device, id uuid.UUID, alter func(*transfer.Transfer)) {
	t.Helper()
	stored(t, d, func(db *store.DB) error {
		all, err := db.TransferStore().Transfers()
		i := slices.IndexFunc(all, func(t transfer.Transfer) bool { return t.ID == id })
		if err != nil || i < 0 {
			t.Fatalf("transfer %s: %v", id, err)
		}
		alter(&all[i])
		return db.TransferStore().SaveTransfer(all[i])
	})
}

// confirmations is how many receipts of b's the database of a node holds that does
// not run.
func confirmations(t *testing.T, d, a, b *device) (count int) {
	t.Helper()
	conversation, _ := chat.Direct(a.myself(), b.myself())
	stored(t, d, func(db *store.DB) error {
		logs, err := db.Logs(conversation)
		if err != nil {
			return err
		}
		for _, l := range logs {
			entries, err := db.Entries(conversation, l.LogKey, l.First, l.Last, 1<<20)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if e.Kind == chat.KindConfirmation && e.Author == b.myself() {
					count++
				}
			}
		}
		return nil
	})
	return count
}

func TestWhoReceivedAFileSignsForIt(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob", func(c *Config) { c.Rule = AcceptAll })
	atA, atB := a.subscribe(), b.subscribe()
	meet(t, a, b)
	path, content := file(t, "report.pdf", 3<<20+17)
	begun := time.Now().Add(-time.Second)
	id := a.offers(b, path).ID
	arrives(t, a, b, id, content)
	signed(t, a, b, id)
	for _, f := range []*follower{atA, atB} { // which is no change of its state
		f.wait("the receipt", func(e Event) bool {
			return e.Kind == ReceiptNoted && e.Transfer.ID == id && e.Transfer.Receipt == "signed"
		})
	}
	for _, d := range []*device{a, b} {
		r := d.receipt(id)
		if r.State != Saved || r.Peer.ID != b.myself() || r.Peer.Name.String() != "Bob" || len(r.Content) != 64 || !r.Problem.IsZero() || r.At.Before(begun.Truncate(time.Millisecond)) {
			t.Errorf("%s sees %+v", d.cfg.Name, r)
		}
	}
	a.filesAre(id, FilesCheck{State: FilesSame})
	if e := atA.kind(FilesRead); e.Reading.ID != id || e.Reading.Bytes != int64(len(content)) || e.Reading.Done == 0 {
		t.Errorf("told %+v", e.Reading)
	}

	// It is no message: no line, not unread, and nobody is told as of one.
	if n := len(a.texts(b)); n != 1 {
		t.Errorf("%d lines, want that of the offer", n)
	}
	if p, _ := a.sees(b.myself()); p.Unread != 0 {
		t.Errorf("%d unread", p.Unread)
	}
	if err := a.MarkRead(t.Context(), Direct(b.myself()), Position{Clock: 1 << 62}); err != nil {
		t.Fatal(err)
	}
	last := a.write(b, "did you get it?")
	atB.message("did you get it?")
	atA.state(last.ID, Delivered)
	for _, f := range []*follower{atA, atB} {
		for _, e := range f.seen {
			if m := e.Message; m != nil && m.ID != id && m.ID != last.ID {
				t.Errorf("told %s of %+v", e.Kind, m)
			}
		}
	}
}

func TestReceiptsOfMessages(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	first := a.write(b, "hello")
	eventually(t, "delivered", func() bool { return a.receipt(first.ID).State == "delivered" })
	if r := b.receipt(first.ID); r.Peer.ID != b.myself() || r.State != "delivered" || !r.At.IsZero() {
		t.Errorf("the receiver sees %+v", r)
	}
	if err := b.MarkRead(t.Context(), Direct(a.myself()), first.Position); err != nil {
		t.Fatal(err)
	}
	eventually(t, "read", func() bool { return a.receipt(first.ID).State == "read" })
	b.stop()
	eventually(t, "b is away", func() bool { return !a.online(b) })
	second := a.write(b, "are you there?")
	if r := a.receipt(second.ID); r.State != "queued" || r.Peer.ID != b.myself() || r.Problem.String() != "Bob is away" {
		t.Errorf("one that waits: %+v", r)
	}
	path, _ := file(t, "late.txt", 10)
	offer := a.offers(b, path)
	if r := a.receipt(offer.ID); r.State != "queued" {
		t.Errorf("an offer that waits: %+v", r)
	}
	if _, err := a.CheckFiles(t.Context(), offer.ID); !errors.Is(err, ErrWrongState) {
		t.Errorf("files without a receipt: %v", err)
	}
	if _, err := a.Receipts(t.Context(), uuid.New()); !errors.Is(err, ErrNoSuchMessage) {
		t.Errorf("of nothing: %v", err)
	}
	digits := strings.ReplaceAll(second.ID.String(), "-", "")
	if found, err := a.Named(t.Context(), digits[:16]); err != nil || len(found) != 1 || found[0].ID != second.ID {
		t.Errorf("named by its beginning: %+v, %v", found, err)
	}
	if found, err := a.Named(t.Context(), digits[:3]); err != nil || len(found) != 0 {
		t.Errorf("three digits name %d messages, %v", len(found), err)
	}
}

func TestAFileThatChangedSinceIsSaid(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob", func(c *Config) { c.Rule = AcceptAll })
	meet(t, a, b)
	path, content := file(t, "report.pdf", 1<<20+5)
	id := a.offers(b, path).ID
	arrives(t, a, b, id, content)
	signed(t, a, b, id)
	a.stop()
	b.stop()
	a.restart() // also without the receiver
	now := time.Now()
	for _, c := range []struct {
		name   string
		change func() error
		want   FilesCheck
	}{
		{"as it was", func() error { return nil }, FilesCheck{State: FilesSame}},
		{"with other times", func() error { return os.Chtimes(path, now, now) }, FilesCheck{State: FilesSame}},
		{"edited", func() error { return os.WriteFile(path, append(content[:5:5], 'x'), 0o600) }, FilesCheck{FilesChanged, peer.Line("report.pdf", 0)}},
		{"removed", func() error { return os.Remove(path) }, FilesCheck{FilesGone, peer.Line("report.pdf", 0)}},
	} {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		a.filesAre(id, c.want)
		if r := a.receipt(id); r.State != Saved {
			t.Errorf("%s: the receipt is %+v", c.name, r)
		}
	}
}

// TestAReceiptIsWrittenOnceWhateverHappened: a node that was killed before the
// receipt, behind it, or before that was noted, has one in the end.
func TestAReceiptIsWrittenOnceWhateverHappened(t *testing.T) {
	t.Run("killed around it/R-11", killedAroundTheReceipt)
}

func killedAroundTheReceipt(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	path, content := file(t, "one.txt", 100)
	first := a.offers(b, path).ID
	second := a.offers(b, path).ID
	eventually(t, "both wait", func() bool {
		return b.transferState(first).State == "offered" && b.transferState(second).State == "offered"
	})
	if err := b.Answer(t.Context(), first, Answer{Accept: true}); err != nil {
		t.Fatal(err)
	}
	arrives(t, a, b, first, content)
	signed(t, a, b, first)
	a.stop()
	b.stop()
	for _, d := range []*device{a, b} { // killed before it noted it
		change(t, d, first, func(t *transfer.Transfer) { t.Confirmed = "" })
	}
	change(t, b, second, func(t *transfer.Transfer) { // killed behind done
		t.State, t.Accepted, t.Done, t.Content = transfer.Done, true, t.Bytes, peer.Hash{1}
	})
	b.restart()
	a.restart()
	signed(t, a, b, first)
	signed(t, a, b, second)
	if r := a.receipt(second); r.State != Saved || !strings.HasPrefix(r.Content, "0100") {
		t.Errorf("the second one: %+v", r)
	}
	a.filesAre(second, FilesCheck{State: FilesOther}) // that hash was a lie
	a.stop()
	b.stop()
	for _, d := range []*device{a, b} {
		if count := confirmations(t, d, a, b); count != 2 {
			t.Errorf("%s holds %d receipts, want 2", d.cfg.Name, count)
		}
	}
}

// TestAReceiptThatLies is shown as not valid, and never as proof.
func TestAReceiptThatLies(t *testing.T) {
	for name, c := range map[string]struct {
		lie  func(*transfer.Transfer)
		says string
	}{
		"other bytes/X-21":         {func(t *transfer.Transfer) { t.Bytes++ }, "101 bytes"},
		"another name/X-21":        {func(t *transfer.Transfer) { t.Name = "other\x1b[2J" }, `about "other`},
		"another manifest/X-21":    {func(t *transfer.Transfer) { t.Manifest[0]++ }, "other names, sizes or times"},
		"a number of files/X-21":   {func(t *transfer.Transfer) { t.Files = 2 }, "2 files"},
		"more than can there/X-21": {func(t *transfer.Transfer) { t.Bytes, t.Files = 1<<62, 1<<62 }, "4611686018427387904"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := start(t, "Ann"), start(t, "Bob")
			meet(t, a, b)
			path, _ := file(t, "one.txt", 100)
			id := a.offers(b, path).ID
			eventually(t, "it waits", func() bool { return b.transferState(id).State == "offered" })
			b.stop()
			change(t, b, id, func(t *transfer.Transfer) {
				t.State, t.Accepted, t.Content = transfer.Done, true, peer.Hash{1}
				c.lie(t)
			})
			b.restart()
			eventually(t, "the sender sees through it", func() bool { return a.transferState(id).Receipt == "invalid" })
			r := a.receipt(id)
			if r.State != Invalid || r.Content != "" || !strings.Contains(r.Problem.String(), c.says) || strings.Contains(r.Problem.String(), "\x1b") {
				t.Errorf("shown as %+v", r)
			}
			if _, err := a.CheckFiles(t.Context(), id); !errors.Is(err, ErrWrongState) {
				t.Errorf("its files: %v", err)
			}
		})
	}
}

// TestAConfirmationOfNothing changes nothing, whoever sends it.
func TestAConfirmationOfNothing(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	path, _ := file(t, "one.txt", 100)
	offer := a.offers(b, path)
	of := chat.Answers{Author: a.myself(), ID: offer.ID}
	for _, d := range []chat.Draft{
		{ID: uuid.New(), Body: chat.Confirmation{Of: of}},
		{ID: chat.ConfirmationID(of), Body: chat.Confirmation{Of: chat.Answers{Author: a.myself(), ID: uuid.New()}}},
		{ID: uuid.New(), Body: chat.Confirmation{Of: chat.Answers{Author: b.myself(), ID: offer.ID}}},
	} {
		d.To, d.Kind = a.myself(), chat.KindConfirmation
		if _, err := b.add(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	b.write(a, "and a text")
	eventually(t, "the text is there", func() bool { return len(a.texts(b)) == 2 })
	if got := a.transferState(offer.ID); got.Receipt != "" || got.State != "offered" {
		t.Errorf("the transfer: %+v", got)
	}
	if r := a.receipt(offer.ID); r.State != Invalid || !strings.Contains(r.Problem.String(), "something else") {
		t.Errorf("under the right UUID: %+v", r)
	}
}

func TestAStrangersConfirmationIsNoRequest(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	of := chat.Answers{Author: a.myself(), ID: uuid.New()}
	draft := chat.Draft{To: a.myself(), ID: chat.ConfirmationID(of), Kind: chat.KindConfirmation, Body: chat.Confirmation{Of: of}}
	if _, err := b.add(t.Context(), draft); err != nil {
		t.Fatal(err)
	}
	conversation, _ := chat.Direct(a.myself(), b.myself())
	eventually(t, "it came", func() bool {
		places, err := a.db.Find(conversation, chat.EntryKey{Author: b.myself(), ID: draft.ID})
		return err == nil && len(places) == 1
	})
	for range 2 {
		if p, _ := a.sees(b.myself()); p.Waiting || p.Contact || p.Unread != 0 || !p.Written.IsZero() {
			t.Errorf("the stranger: %+v", p)
		}
		a.stop()
		a.restart()
		meet(t, a, b)
	}
}

func TestTheListOfManyFilesIsNotKept(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob", func(c *Config) { c.Rule = AcceptAll })
	meet(t, a, b)
	path, content := file(t, "one.txt", 100)
	id := a.offers(b, path).ID
	arrives(t, a, b, id, content)
	signed(t, a, b, id)
	a.stop()
	change(t, a, id, func(t *transfer.Transfer) { t.Entries = 20_000 })
	a.restart()
	eventually(t, "the list is gone", func() bool {
		got, err := a.CheckFiles(t.Context(), id)
		return err == nil && got == (FilesCheck{State: FilesUnlisted})
	})
	if r := a.receipt(id); r.State != Saved {
		t.Errorf("the receipt: %+v", r)
	}
}

func TestAFolderHasOneReceipt(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob", func(c *Config) { c.Rule = AcceptAll })
	meet(t, a, b)
	dir := filepath.Join(t.TempDir(), "photos")
	for _, name := range []string{"a", "b", "sub/c"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700), os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	id := a.offers(b, dir).ID
	signed(t, a, b, id)
	a.filesAre(id, FilesCheck{State: FilesSame})
	if err := os.Remove(filepath.Join(dir, "sub", "c")); err != nil {
		t.Fatal(err)
	}
	a.filesAre(id, FilesCheck{FilesGone, peer.Line("photos/sub/c", 0)})
}
