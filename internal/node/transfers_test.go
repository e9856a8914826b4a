package node

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/profile"
	"earshot/internal/store"
	"earshot/peer"
)

// file makes a file to be sent and returns its path and what is in it.
func file(t *testing.T, name string, size int) (path string, content []byte) {
	t.Helper()
	content = bytes.Repeat([]byte(name+" "), size/len(name)+1)[:size]
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func (d *device) offers(to *device, path string) Transfer {
	d.t.Helper()
	tr, err := d.Offer(d.t.Context(), Direct(to.myself()), []string{path})
	if err != nil {
		d.t.Fatalf("%s offers %s: %v", d.cfg.Name, path, err)
	}
	return tr
}

// transferState is what a transfer is at, "" where it is not known.
func (d *device) transferState(id uuid.UUID) Transfer {
	d.t.Helper()
	all, err := d.Transfers(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, tr := range all {
		if tr.ID == id {
			return tr
		}
	}
	return Transfer{}
}

// arrives waits until both sides say done, and compares.
func arrives(t *testing.T, from, to *device, id uuid.UUID, content []byte) {
	t.Helper()
	eventually(t, "both sides are done", func() bool {
		return from.transferState(id).State == "done" && to.transferState(id).State == "done"
	})
	got, err := os.ReadFile(to.transferState(id).Path)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes arrived, want %d: %v", len(got), len(content), err)
	}
}

func TestAFileIsOfferedAcceptedAndArrives(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	atA, atB := a.subscribe(), b.subscribe()
	meet(t, a, b)
	path, content := file(t, "report.pdf", 3<<20+17)
	offer := a.offers(b, path)
	if offer.Direction != Sending || offer.State != "offered" || offer.Bytes != int64(len(content)) || offer.Peer.ID != b.myself() {
		t.Errorf("offer: %+v", offer)
	}
	e := atB.kind(OfferReceived)
	if m := e.Message; m.ID != offer.ID || m.Offer.Name.String() != "report.pdf" || m.Offer.Files != 1 || m.Offer.Bytes != int64(len(content)) || !m.Request {
		t.Errorf("offer event: %+v", m)
	}
	eventually(t, "the offer waits", func() bool { return b.transferState(offer.ID).State == "offered" })
	if err := b.Answer(t.Context(), offer.ID, Answer{Accept: true}); err != nil {
		t.Fatal(err)
	}
	done := func(e Event) bool { return e.Kind == TransferMoved && e.Transfer.State == "done" }
	if e := atB.wait("received", done); e.Transfer.Direction != Receiving || e.Transfer.Done != int64(len(content)) {
		t.Errorf("received: %+v", e.Transfer)
	}
	atA.wait("sent", done)
	arrives(t, a, b, offer.ID, content)
	if dir := filepath.Dir(b.transferState(offer.ID).Path); dir != b.cfg.Dir {
		t.Errorf("saved in %s", dir)
	}
	m, err := a.Message(t.Context(), offer.ID)
	if err != nil || m.Offer == nil || m.Offer.ID != offer.ID || m.State == Queued {
		t.Errorf("the line in the conversation: %+v, %v", m, err)
	}
	if p, _ := b.sees(a.myself()); !p.Contact {
		t.Error("who said yes to an offer knows the sender")
	}
}

func TestAnAnswerIsKeptUntilTheSenderIsThere(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	path, content := file(t, "plan.txt", 1<<20)
	offer := a.offers(b, path)
	eventually(t, "the offer waits", func() bool { return b.transferState(offer.ID).State == "offered" })
	a.stop()
	eventually(t, "a is away", func() bool { return !b.online(a) })
	dir := filepath.Join(t.TempDir(), "elsewhere")
	if err := b.Answer(t.Context(), offer.ID, Answer{Accept: true, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	b.stop()
	a.restart()
	b.restart()
	arrives(t, a, b, offer.ID, content)
	if got := filepath.Dir(b.transferState(offer.ID).Path); got != dir {
		t.Errorf("saved in %s, want %s", got, dir)
	}
}

func TestADeclinedOfferIsDeclinedOnBothSides(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	path, _ := file(t, "virus.exe", 100)
	offer := a.offers(b, path)
	eventually(t, "the offer waits", func() bool { return b.transferState(offer.ID).State == "offered" })
	if err := b.Answer(t.Context(), offer.ID, Answer{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both know", func() bool {
		at, bt := a.transferState(offer.ID), b.transferState(offer.ID)
		return at.State == "declined" && at.Reason == "by peer" && bt.State == "declined" && bt.Reason == "by me"
	})
	if err := b.Answer(t.Context(), offer.ID, Answer{Accept: true}); !errors.Is(err, ErrWrongState) {
		t.Errorf("accepting it now: %v", err)
	}
	for _, err := range []error{
		a.Cancel(t.Context(), uuid.New()), a.Pause(t.Context(), uuid.New()), a.Answer(t.Context(), uuid.New(), Answer{Accept: true}),
	} {
		if !errors.Is(err, ErrNoSuchOffer) {
			t.Errorf("an unknown transfer: %v", err)
		}
	}
}

func TestTheRuleAcceptsWithoutAsking(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	path, content := file(t, "one.txt", 100)
	first := a.offers(b, path)
	eventually(t, "the offer waits", func() bool { return b.transferState(first.ID).State == "offered" })
	if err := b.SetRule(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	arrives(t, a, b, first.ID, content)
	path, content = file(t, "two.txt", 100)
	arrives(t, a, b, a.offers(b, path).ID, content)
}

func TestRules(t *testing.T) {
	stranger, contact := person{}, person{contact: true}
	verified := person{contact: true, verified: time.Unix(1, 0)}
	imitator, blocked := person{contact: true, imitates: true}, person{contact: true, blocked: true}
	for rule, want := range map[Rule][5]bool{
		AcceptNone: {}, "": {}, "nonsense": {},
		AcceptVerified: {2: true}, AcceptFriends: {1: true, 2: true}, AcceptAll: {0: true, 1: true, 2: true},
	} {
		for i, p := range []person{stranger, contact, verified, imitator, blocked} {
			if got := rule.covers(&p); got != want[i] {
				t.Errorf("%q covers person %d: %v", rule, i, got)
			}
		}
	}
}

func TestWhatCannotBeOffered(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	for _, paths := range [][]string{nil, {"relative"}, {filepath.Join(t.TempDir(), "missing")}} {
		if _, err := a.Offer(t.Context(), Direct(b.myself()), paths); err == nil {
			t.Errorf("%q was offered", paths)
		}
	}
	if all, err := a.Transfers(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("left over: %+v, %v", all, err)
	}
}

func TestWhatToOpenIsSaidForBothSides(t *testing.T) {
	bob := peer.DisplayName("Bob")
	for _, c := range []struct {
		own, other uint16
		want       string
	}{
		{7420, 7421, "Neither device gets through to the other. Open TCP port 7420 on this computer, or TCP port 7421 on that of Bob; then it goes on."},
		{7420, 0, "The device of Bob does not get through to this one. Open TCP port 7420 on this computer; then it goes on."},
	} {
		if got := wallWords(bob, c.own, c.other).String(); got != c.want {
			t.Errorf("ports %d and %d: %q", c.own, c.other, got)
		}
	}
}

// TestWhatIsLeftOutIsSaid offers a folder with links in it, ten times: what the
// engine says of an offer comes when it likes.
func TestWhatIsLeftOutIsSaid(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	path, _ := file(t, "a.jpg", 100)
	for _, name := range []string{"passwd", "shadow"} {
		if err := os.Symlink("/etc/"+name, filepath.Join(filepath.Dir(path), name)); err != nil {
			t.Skip(err)
		}
	}
	for range 10 {
		offer := a.offers(b, filepath.Dir(path))
		if got := offer.Skipped.String(); !strings.HasPrefix(got, "2 link (") {
			t.Fatalf("left out %q", got)
		}
		if m, err := a.Message(t.Context(), offer.ID); err != nil || m.Offer.Skipped != offer.Skipped {
			t.Errorf("the line in the conversation: %+v, %v", m.Offer, err)
		}
		if err := a.Cancel(t.Context(), offer.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFileGoesOnAfterARestartOfBoth(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob", func(c *Config) { c.Rule = AcceptAll })
	meet(t, a, b)
	var ids []uuid.UUID
	var contents [][]byte
	for i := range 3 {
		path, content := file(t, "part"+strconv.Itoa(i), 8<<20)
		ids, contents = append(ids, a.offers(b, path).ID), append(contents, content)
	}
	for range 3 { // cut wherever it happens to be
		b.stop()
		b.restart()
		a.stop()
		a.restart()
	}
	for i, id := range ids {
		arrives(t, a, b, id, contents[i])
	}
}

func TestAnOfferThatTheEngineMissedIsFoundAtStart(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	path, content := file(t, "late.txt", 100)
	offer := a.offers(b, path)
	eventually(t, "the offer waits", func() bool { return b.transferState(offer.ID).State == "offered" })
	b.stop()
	drop(t, b, offer.ID) // as after a kill between the entry and the transfer
	b.restart()
	eventually(t, "the offer waits again", func() bool { return b.transferState(offer.ID).State == "offered" })
	if err := b.Answer(t.Context(), offer.ID, Answer{Accept: true}); err != nil {
		t.Fatal(err)
	}
	arrives(t, a, b, offer.ID, content)
}

// drop removes a transfer from the store of a node that does not run.
func drop(t *testing.T, d *device, id uuid.UUID) {
	t.Helper()
	db, _, err := store.Open(d.cfg.Profile.Path(profile.StoreFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.TransferStore().DropTransfer(id), db.Close()); err != nil {
		t.Fatal(err)
	}
}
