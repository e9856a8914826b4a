package node

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
	"earshot/transfer"
)

// marked is whether an offer is marked as a program in the transfer and in the
// conversation.
func (d *device) marked(id Transfer) (inTransfer, inLine bool) {
	d.t.Helper()
	m, err := d.Message(d.t.Context(), id.ID)
	if err != nil || m.Offer == nil {
		d.t.Fatalf("%s: %+v, %v", d.cfg.Name, m, err)
	}
	return d.transferState(id.ID).Program, m.Offer.Program
}

func wantMarked(t *testing.T, d *device, tr Transfer, want bool) {
	t.Helper()
	if transfer, line := d.marked(tr); transfer != want || line != want {
		t.Errorf("%s sees %s marked: %v in the transfer, %v in the conversation, want %v", d.cfg.Name, tr.Name, transfer, line, want)
	}
}

func TestProgramsAreMarkedBeforeAndAfterTheAnswer(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	events := b.subscribe()
	meet(t, a, b)
	dir := filepath.Join(t.TempDir(), "tools")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "run.sh"), []byte("x"), 0o600), os.WriteFile(filepath.Join(dir, "a.txt"), []byte("y"), 0o600)); err != nil {
		t.Fatal(err)
	}
	exe, _ := file(t, "setup.exe", 10)
	text, _ := file(t, "notes.txt", 10)
	for path, want := range map[string]bool{dir: true, exe: true, text: false} {
		tr := a.offers(b, path)
		e := events.wait("the offer", func(e Event) bool { return e.Kind == OfferReceived && e.Message.ID == tr.ID })
		if e.Message.Offer.Program != want {
			t.Errorf("%s: told as a program: %v", tr.Name, e.Message.Offer.Program)
		}
		eventually(t, "it waits", func() bool { return b.transferState(tr.ID).State == "offered" })
		wantMarked(t, b, tr, want)
		if err := b.Answer(t.Context(), tr.ID, Answer{Accept: true}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is there", func() bool { return b.transferState(tr.ID).State == "done" })
		for _, d := range []*device{a, b} {
			wantMarked(t, d, tr, want)
		}
	}
}

// TestWhoDoesNotSayThatItIsAProgram: the name says it before the answer, and the
// manifest after it.
func TestWhoDoesNotSayThatItIsAProgram(t *testing.T) {
	t.Run("is not believed/X-23", programsInDisguise)
}

func programsInDisguise(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	dir := filepath.Join(t.TempDir(), "holiday")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "photo.exe"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	exe, _ := file(t, "photo.exe", 10)
	for path, before := range map[string]bool{exe: true, dir: false} {
		tr := a.lies(b, path)
		eventually(t, "it waits", func() bool { return b.transferState(tr.ID).State == "offered" })
		wantMarked(t, b, tr, before)
		if err := b.Answer(t.Context(), tr.ID, Answer{Accept: true}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is there", func() bool { return b.transferState(tr.ID).State == "done" })
		wantMarked(t, b, tr, true)
		if info, err := os.Stat(b.transferState(tr.ID).Path); err != nil || info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			t.Errorf("what was no program at the sender may be run: %v, %v", info.Mode(), err)
		}
	}
}

// lies offers files and says that nothing of them can be run.
func (d *device) lies(to *device, path string) Transfer {
	d.t.Helper()
	id := to.myself()
	o, err := reply(d.t.Context(), d.Node, func(done func(transfer.Offer, error)) {
		d.engine.Prepare(uuid.Must(uuid.NewV7()), id, []string{path}, done)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	body := offerBody(o)
	body.Program = false
	if _, err := d.add(d.t.Context(), chat.Draft{To: id, ID: o.ID, Kind: chat.KindOffer, Body: body}); err != nil {
		d.t.Fatal(err)
	}
	d.engine.Offered(o.ID)
	return Transfer{ID: o.ID, Name: peer.Line(o.Name, 0)}
}
