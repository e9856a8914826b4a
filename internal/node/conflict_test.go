package node

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"earshot/peer"
)

// holds makes sure that a device's folder has exactly these files.
func (d *device) holds(t *testing.T, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(d.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		if e.Name() == ".earshot" { // goes as soon as the parts are cleaned up
			continue
		}
		b, err := os.ReadFile(filepath.Join(d.cfg.Dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = string(b)
	}
	if len(got) != len(want) {
		t.Errorf("the folder has %v, want %v", got, want)
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s is %q, want %q", name, got[name], text)
		}
	}
}

// has puts a file into a device's folder.
func (d *device) has(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(d.cfg.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.cfg.Dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d *device) ends(t *testing.T, id uuid.UUID) {
	t.Helper()
	eventually(t, "it is over", func() bool { return d.transferState(id).State == "done" })
}

// TestWhoSaysYesSaysWhatBecomesOfATakenName answers one offer in each way.
func TestWhoSaysYesSaysWhatBecomesOfATakenName(t *testing.T) {
	for _, c := range []struct {
		conflict Conflict
		want     map[string]string
	}{
		{"", map[string]string{"a.txt": "mine", "a (2).txt": "new"}},
		{ConflictKeep, map[string]string{"a.txt": "mine", "a (2).txt": "new"}},
		{ConflictOverwrite, map[string]string{"a.txt": "new"}},
		{ConflictSkip, map[string]string{"a.txt": "mine"}},
	} {
		t.Run(string(c.conflict), func(t *testing.T) {
			a, b := start(t, "Ann"), start(t, "Bob")
			meet(t, a, b)
			b.has(t, "a.txt", "mine")
			a.has(t, "a.txt", "new")
			offer := a.offers(b, filepath.Join(a.cfg.Dir, "a.txt"))
			eventually(t, "the offer waits", func() bool { return b.transferState(offer.ID).State == "offered" })
			if err := b.Answer(t.Context(), offer.ID, Answer{Accept: true, Conflict: "rename"}); err == nil {
				t.Error("an unknown word was taken")
			}
			if err := b.Answer(t.Context(), offer.ID, Answer{Accept: true, Conflict: c.conflict}); err != nil {
				t.Fatal(err)
			}
			b.ends(t, offer.ID)
			b.holds(t, c.want)
		})
	}
}

// TestARuleOverwritesOnlyWhatTheSamePersonSent lets Ann send a file twice, and once
// over one of Bob's own.
func TestARuleOverwritesOnlyWhatTheSamePersonSent(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob", func(c *Config) { c.Rule, c.Conflict = AcceptAll, ConflictOverwrite })
	meet(t, a, b)
	b.has(t, "own.txt", "mine")
	for _, text := range []string{"first", "second"} {
		a.has(t, "a.txt", text)
		b.ends(t, a.offers(b, filepath.Join(a.cfg.Dir, "a.txt")).ID)
	}
	a.has(t, "own.txt", "hers")
	b.ends(t, a.offers(b, filepath.Join(a.cfg.Dir, "own.txt")).ID)
	b.holds(t, map[string]string{"a.txt": "second", "own.txt": "mine", "own (2).txt": "hers"})
	if self, err := b.Self(t.Context()); err != nil || self.Conflict != ConflictOverwrite {
		t.Errorf("%+v, %v", self, err)
	}
}

func TestATakenNameIsAskedAbout(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob", func(c *Config) { c.Rule, c.Conflict = AcceptAll, ConflictAsk })
	meet(t, a, b)
	b.has(t, "a.txt", "mine")
	a.has(t, "a.txt", "new")
	offer := a.offers(b, filepath.Join(a.cfg.Dir, "a.txt"))
	for _, d := range []*device{b, a} {
		eventually(t, "it is paused on both sides", func() bool {
			at := d.transferState(offer.ID)
			return at.State == "paused" && at.Reason == "name taken"
		})
	}
	b.stop()
	b.restart()
	eventually(t, "it still waits", func() bool { return b.transferState(offer.ID).Reason == "name taken" })
	if err := b.Answer(t.Context(), offer.ID, Answer{Accept: true}); !errors.Is(err, ErrWrongState) {
		t.Errorf("answered with nothing new: %v", err)
	}
	if err := b.Answer(t.Context(), offer.ID, Answer{Accept: true, Conflict: ConflictOverwrite}); err != nil {
		t.Fatal(err)
	}
	meet(t, a, b)
	b.ends(t, offer.ID)
	b.holds(t, map[string]string{"a.txt": "new"})
}

// TestLimitsHoldAndStay bounds a transfer, a person and everything.
func TestLimitsHoldAndStay(t *testing.T) {
	kept := map[string]string{}
	a := start(t, "Ann", func(c *Config) { c.Keep = func(key, value string) error { kept[key] = value; return nil } })
	b := start(t, "Bob", func(c *Config) { c.Rule = AcceptAll })
	meet(t, a, b)
	for _, to := range []Limit{{Bytes: MinLimit}, {Peer: b.myself(), Bytes: MinLimit}} {
		if err := a.Limit(t.Context(), to); err != nil {
			t.Fatal(err)
		}
	}
	path, content := file(t, "slow.bin", 4<<20)
	offer := a.offers(b, path)
	eventually(t, "something came", func() bool { return b.transferState(offer.ID).Done > 0 || b.transferState(offer.ID).State == "active" })
	if err := a.Limit(t.Context(), Limit{Transfer: offer.ID, Bytes: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	if p, _ := a.sees(b.myself()); p.Limit != MinLimit {
		t.Errorf("Bob is limited to %d", p.Limit)
	}
	if self, _ := a.Self(t.Context()); self.Limit != MinLimit || kept["rate"] != "16384 B/s" {
		t.Errorf("all is limited to %d, kept %v", self.Limit, kept)
	}
	a.stop()
	a.restart()
	meet(t, a, b)
	if p, _ := a.sees(b.myself()); p.Limit != MinLimit || a.transferState(offer.ID).Limit != 1<<30 {
		t.Errorf("after a restart: %d, %d", p.Limit, a.transferState(offer.ID).Limit)
	}
	if at := b.transferState(offer.ID); at.State == "done" {
		t.Error("4 MiB went at 16 KiB/s while the test looked")
	}
	for _, to := range []Limit{{}, {Peer: b.myself()}} {
		if err := a.Limit(t.Context(), to); err != nil {
			t.Fatal(err)
		}
	}
	arrives(t, a, b, offer.ID, content)
	for _, to := range []Limit{{Bytes: 1}, {Bytes: -1}, {Peer: peer.ID{1}, Bytes: MinLimit}, {Transfer: uuid.New(), Bytes: MinLimit}, {Transfer: offer.ID}} {
		if a.Limit(t.Context(), to) == nil {
			t.Errorf("%+v was taken", to)
		}
	}
}

// TestALimitForAStrangerIsNoFriendship: it is remembered, and nothing else follows.
func TestALimitForAStrangerIsNoFriendship(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	if err := a.Limit(t.Context(), Limit{Peer: b.myself(), Bytes: MinLimit}); err != nil {
		t.Fatal(err)
	}
	a.stop()
	a.restart()
	meet(t, a, b)
	if p, _ := a.sees(b.myself()); p.Contact || p.Limit != MinLimit {
		t.Errorf("%+v", p)
	}
}

// TestWhatALinkStoodForIsSentAgainUnderItsName offers a link that was chosen.
func TestWhatALinkStoodForIsSentAgainUnderItsName(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	path, _ := file(t, "real.txt", 500)
	link := filepath.Join(t.TempDir(), "chosen.txt")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no links here: ", err)
	}
	offer := a.offers(b, link)
	if err := a.Cancel(t.Context(), offer.ID); err != nil {
		t.Fatal(err)
	}
	again, err := a.Retry(t.Context(), offer.ID)
	if err != nil || again.Name.String() != "chosen.txt" {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestWhatIsOverIsClearedAndSentAgain(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	path, content := file(t, "plan.txt", 5000)
	offer := a.offers(b, path)
	if _, err := a.Retry(t.Context(), offer.ID); !errors.Is(err, ErrWrongState) {
		t.Errorf("sent again while it waits: %v", err)
	}
	if err := a.Clear(t.Context(), offer.ID); !errors.Is(err, ErrWrongState) {
		t.Errorf("cleared while it waits: %v", err)
	}
	if err := a.Cancel(t.Context(), offer.ID); err != nil {
		t.Fatal(err)
	}
	if err := a.Clear(t.Context(), offer.ID); err != nil {
		t.Fatal(err)
	}
	a.stop()
	a.restart()
	meet(t, a, b)
	if !a.transferState(offer.ID).Cleared {
		t.Error("it is shown again")
	}
	again, err := a.Retry(t.Context(), offer.ID)
	if err != nil || again.ID == offer.ID || again.Name != offer.Name || again.Cleared {
		t.Fatalf("%+v, %v", again, err)
	}
	eventually(t, "the offer waits", func() bool { return b.transferState(again.ID).State == "offered" })
	if err := b.Answer(t.Context(), again.ID, Answer{Accept: true}); err != nil {
		t.Fatal(err)
	}
	arrives(t, a, b, again.ID, content)
	if _, err := b.Retry(t.Context(), again.ID); !errors.Is(err, ErrWrongState) {
		t.Errorf("what was received is sent again: %v", err)
	}
	if _, err := a.Retry(t.Context(), uuid.New()); !errors.Is(err, ErrNoSuchOffer) {
		t.Errorf("nothing is sent again: %v", err)
	}
}
