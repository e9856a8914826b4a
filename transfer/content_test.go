package transfer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"

	"earshot/peer"
	"earshot/transfer"
)

// contentOf is the content hash of files in that order, as the protocol says.
func contentOf(texts ...string) peer.Hash {
	hash := blake3.New()
	for _, text := range texts {
		for len(text) > 0 {
			n := min(len(text), mib)
			sum := blake3.Sum256([]byte(text[:n]))
			hash.Write(sum[:])
			text = text[n:]
		}
	}
	return peer.Hash(hash.Sum(nil))
}

func (d *device) reread(id uuid.UUID) transfer.Reread {
	d.t.Helper()
	found, err := d.engine.Reread(d.t.Context(), id, func(int64) {})
	if err != nil {
		d.t.Error(err)
	}
	return found
}

// sent is a file that arrived, and its path at the sender.
func sent(t *testing.T, text string) (ann, bob *device, id uuid.UUID, path string) {
	t.Helper()
	_, ann, bob = pair(t)
	path = filepath.Join(t.TempDir(), "report.pdf")
	tree(t, filepath.Dir(path), map[string]string{"report.pdf": text})
	id = ann.offer(bob, path).ID
	bob.accept(id)
	bob.state(id, transfer.Done)
	ann.state(id, transfer.Done)
	return ann, bob, id, path
}

func TestTheContentOfWhatWasReceived(t *testing.T) {
	for name, text := range map[string]string{"nothing": "", "a byte": "x", "one chunk": noise(mib), "several": noise(2*mib + 1)} {
		t.Run(name, func(t *testing.T) {
			ann, bob, id, _ := sent(t, text)
			if got := bob.at(id).Content; got != contentOf(text) {
				t.Errorf("received %x, want %x", got, contentOf(text))
			}
			ann.close()
			ann.start()
			if now := ann.reread(id); now != (transfer.Reread{Content: contentOf(text)}) {
				t.Errorf("the sender's file gives %+v", now)
			}
		})
	}
}

func TestTheContentOfAFolderHasTheOrderOfItsManifest(t *testing.T) {
	_, ann, bob := pair(t)
	dir := filepath.Join(t.TempDir(), "d")
	one := noise(mib + 9)
	tree(t, dir, map[string]string{"a": one, "empty": "", "f/": ""})
	second := filepath.Join(filepath.Dir(dir), "second")
	tree(t, filepath.Dir(dir), map[string]string{"second": "2"})
	offer := ann.offer(bob, second, dir)
	bob.accept(offer.ID)
	at := bob.state(offer.ID, transfer.Done)
	ann.state(offer.ID, transfer.Done)
	if want := contentOf("2", one); at.Content != want || ann.reread(offer.ID).Content != want {
		t.Errorf("received %x, want %x", at.Content, want)
	}
}

func TestWhatBecameOfFilesThatWereSent(t *testing.T) {
	text := noise(mib + 1)
	other := "x" + text[1:]
	for name, c := range map[string]struct {
		change func(path string) error
		want   transfer.Reread
	}{
		"touched":                  {func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) }, transfer.Reread{Content: contentOf(text), Changed: "report.pdf"}},
		"other bytes":              {func(path string) error { return os.WriteFile(path, []byte(other), 0o600) }, transfer.Reread{Content: contentOf(other), Changed: "report.pdf"}},
		"cut":                      {func(path string) error { return os.Truncate(path, 5) }, transfer.Reread{Changed: "report.pdf"}},
		"removed":                  {os.Remove, transfer.Reread{Gone: "report.pdf"}},
		"a folder is in its place": {func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }, transfer.Reread{Gone: "report.pdf"}},
	} {
		t.Run(name, func(t *testing.T) {
			ann, _, id, path := sent(t, text)
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			if got := ann.reread(id); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestRereadingEndsWhenItIsToldTo(t *testing.T) {
	ann, bob, id, _ := sent(t, noise(3*mib))
	ctx, stop := context.WithCancel(t.Context())
	var steps []int64
	_, err := ann.engine.Reread(ctx, id, func(done int64) { steps = append(steps, done); stop() })
	if !errors.Is(err, context.Canceled) || len(steps) != 1 || steps[0] != mib {
		t.Errorf("%v after %v", err, steps)
	}
	for _, unknown := range []struct {
		at *device
		id uuid.UUID
	}{{ann, uuid.New()}, {bob, id}} {
		if _, err := unknown.at.engine.Reread(t.Context(), unknown.id, func(int64) {}); !errors.Is(err, transfer.ErrUnknown) {
			t.Errorf("what was not sent: %v", err)
		}
	}
}

func TestALongListIsNotKept(t *testing.T) {
	ann, _, id, _ := sent(t, "x")
	at := ann.at(id)
	ann.close()
	at.Entries = 1<<14 + 1 // as if it had been
	if err := ann.store.SaveTransfer(at); err != nil {
		t.Fatal(err)
	}
	ann.start()
	ann.without(id)
	if _, err := ann.engine.Reread(t.Context(), id, func(int64) {}); !errors.Is(err, transfer.ErrUnlisted) {
		t.Errorf("got %v", err)
	}
}

func TestWhatBecameOfAReceiptIsKept(t *testing.T) {
	ann, _, id, _ := sent(t, "x")
	ann.engine.Confirmed(id, transfer.Signed)
	ann.engine.Confirmed(uuid.New(), transfer.Signed)
	is := func(t transfer.Transfer) bool { return t.Confirmed == transfer.Signed }
	ann.wait(id, "the receipt", is)
	ann.close()
	ann.start()
	ann.wait(id, "the receipt after a restart", is)
}

func TestTheContentOfWhatWasThereAlready(t *testing.T) {
	_, ann, bob := pair(t)
	dir := filepath.Join(t.TempDir(), "d")
	large := file(t, "disk.img", 9*mib+5)
	zeros, small := strings.Repeat("\x00", 2*mib), noise(70_000)
	tree(t, dir, map[string]string{"zeros": zeros, "small": small, "f/": "", "none": ""})
	content := func() peer.Hash {
		t.Helper()
		sent := ann.offer(bob, dir, large)
		bob.accept(sent.ID)
		at := bob.state(sent.ID, transfer.Done)
		ann.state(sent.ID, transfer.Done)
		if now := ann.reread(sent.ID); now.Content != at.Content || at.Content == (peer.Hash{}) {
			t.Errorf("received %x, the files give %+v", at.Content, now)
		}
		return at.Content
	}
	first := content()
	if again := content(); again != first {
		t.Errorf("%x came, %x when it was there", first, again)
	}
	write(t, large, noise(4*mib), "x", noise(9*mib + 5)[4*mib:]) // a newer version
	if newer := content(); newer == first {
		t.Error("another version has the same content")
	}
}

func TestWhatWasNotWantedHasNoContent(t *testing.T) {
	_, ann, bob := pair(t)
	path := file(t, "a", 5000)
	tree(t, bob.dir, map[string]string{"a": "something else"})
	if at := bob.receive(ann, transfer.Skip, path); at.Content != (peer.Hash{}) {
		t.Errorf("content %x of what was not received", at.Content)
	}
	if at := bob.receive(ann, transfer.Overwrite, path); at.Content != contentOf(noise(5000)) {
		t.Errorf("content %x", at.Content)
	}
}
