package transfer_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
)

const mib = 1 << 20

// atLeast waits until so many bytes are verified, or it is over.
func (d *device) atLeast(id uuid.UUID, done int64) {
	d.t.Helper()
	d.wait(id, fmt.Sprintf("%d bytes", done), func(t transfer.Transfer) bool { return t.Done >= done || t.State.Final() })
}

// stopAt has the device's disk wait, before it writes to a part more than so many
// bytes, until the device is killed or release is called.
func (d *device) stopAt(limit int64) (reached <-chan struct{}, release func()) {
	at, on := make(chan struct{}), make(chan struct{})
	var written atomic.Int64
	var once, end atomic.Bool
	d.onDisk = func(op, name string) error {
		if op != "write" || !strings.HasSuffix(name, ".part") && !strings.Contains(name, ".part/") {
			return nil
		}
		if written.Add(peer.PieceSize) <= limit {
			return nil
		}
		if once.CompareAndSwap(false, true) {
			close(at)
		}
		<-on
		if d.dead.Load() {
			return errKilled
		}
		return nil
	}
	return at, func() {
		if end.CompareAndSwap(false, true) {
			close(on)
		}
	}
}

var errKilled = errors.New("killed")

// restart kills the device and starts it with other hooks.
func (d *device) restart(hooks func()) {
	d.kill()
	d.onDisk, d.onSource = nil, nil
	if hooks != nil {
		hooks()
	}
	d.start()
}

// interrupted is a transfer of one file whose receiver was killed when about so many
// MiB of it were written. The sender is away.
func interrupted(t *testing.T, size int, kept int64) (w *world, ann, bob *device, offer transfer.Offer, path string) {
	t.Helper()
	return interruptedOf(t, file(t, "disk.img", size), kept)
}

// interruptedOf is interrupted for a file that is there.
func interruptedOf(t *testing.T, path string, kept int64) (w *world, ann, bob *device, offer transfer.Offer, _ string) {
	t.Helper()
	w = newWorld(t)
	ann = w.device(1)
	bob = w.device(2)
	offer = ann.offer(bob, path)
	bob.close()
	reached, release := bob.stopAt(kept)
	bob.start()
	bob.accept(offer.ID)
	<-reached
	bob.atLeast(offer.ID, kept)
	bob.dead.Store(true)
	release()
	bob.kill()
	ann.close()
	bob.onDisk = nil
	return w, ann, bob, offer, path
}

func TestAKilledReceiverGoesOn(t *testing.T) {
	t.Run("ten times in one process/R-01", func(t *testing.T) {
		w, ann, bob := pair(t)
		const size = 64 * mib
		path := file(t, "disk.img", size)
		offer := ann.offer(bob, path)
		bob.accept(offer.ID)
		const kills = 10
		for k := range int64(kills) {
			bob.atLeast(offer.ID, k*size/kills+rand.Int64N(size/kills))
			bob.restart(nil)
		}
		done := bob.state(offer.ID, transfer.Done)
		same(t, done.Path, path)
		ann.state(offer.ID, transfer.Done)
		bob.clean(offer.ID)
		if extra := w.sent.Load() - size; extra > kills*4*mib+size/100 {
			t.Errorf("%.1f MiB were sent again, want at most 4 a kill", float64(extra)/mib)
		}
	})
	t.Run("the sender too", func(t *testing.T) {
		_, ann, bob := pair(t)
		path := file(t, "disk.img", 32*mib)
		offer := ann.offer(bob, path)
		bob.accept(offer.ID)
		for k := range int64(5) {
			bob.atLeast(offer.ID, k*6*mib)
			ann.restart(nil)
		}
		same(t, bob.state(offer.ID, transfer.Done).Path, path)
		ann.state(offer.ID, transfer.Done)
	})
	t.Run("both at once, and cleanly", func(t *testing.T) {
		_, ann, bob := pair(t)
		path := file(t, "disk.img", 32*mib)
		offer := ann.offer(bob, path)
		bob.accept(offer.ID)
		bob.atLeast(offer.ID, 8*mib)
		ann.close()
		bob.close()
		bob.start()
		ann.start()
		same(t, bob.state(offer.ID, transfer.Done).Path, path)
		ann.state(offer.ID, transfer.Done)
	})
}

func TestTheNextStartShowsHowFarItWas(t *testing.T) {
	t.Run("and checks it again, without any network/R-03", func(t *testing.T) {
		_, ann, bob, offer, path := interrupted(t, 20*mib, 12*mib)
		bob.start()
		if at := bob.at(offer.ID); at.Done < 8*mib || at.State != transfer.Interrupted || at.Reason != transfer.PeerAway {
			t.Errorf("at the start: %+v", at)
		}
		at := bob.wait(offer.ID, "what is there to be checked", func(t transfer.Transfer) bool { return t.Checked >= 12*mib })
		if at.Done != at.Checked {
			t.Errorf("%d bytes done, %d checked", at.Done, at.Checked)
		}
		ann.start()
		same(t, bob.state(offer.ID, transfer.Done).Path, path)
	})
}

func TestAPartThatWasTamperedWith(t *testing.T) {
	const size, kept = 20*mib + 77, 12 * mib
	journal := func(d *device) string { return only(d.t, d.dir, "*.journal") }
	part := func(d *device) string { return only(d.t, d.dir, "*.part") }
	victim := func(d *device) string { return filepath.Join(filepath.Dir(d.dir), "victim") }
	for name, c := range map[string]struct {
		spoil func(d *device)
		again int64 // bytes that may be sent once more
	}{
		"untouched":     {func(*device) {}, 0},
		"truncated":     {func(d *device) { os.Truncate(part(d), 5*mib+1) }, 7 * mib},
		"longer":        {func(d *device) { os.Truncate(part(d), size+5*mib) }, 0},
		"deleted":       {func(d *device) { os.Remove(part(d)) }, kept},
		"a symlink":     {func(d *device) { p := part(d); os.Remove(p); os.Symlink(victim(d), p) }, kept},
		"a dangling":    {func(d *device) { p := part(d); os.Remove(p); os.Symlink("nothing", p) }, kept},
		"a folder":      {func(d *device) { p := part(d); os.Remove(p); os.Mkdir(p, 0o700) }, kept},
		"a pipe":        {func(d *device) { p := part(d); os.Remove(p); mkfifo(t, p) }, kept},
		"no journal":    {func(d *device) { os.Remove(journal(d)) }, kept},
		"a torn hash":   {func(d *device) { os.Truncate(journal(d), 5*32+9) }, 7 * mib},
		"empty journal": {func(d *device) { os.Truncate(journal(d), 0) }, kept},
		"a linked journal": {func(d *device) {
			p := journal(d)
			os.Remove(p)
			os.Symlink(victim(d), p)
		}, kept},
		"a journal that claims all": {func(d *device) { os.Truncate(journal(d), 32*100) }, 9 * mib},
	} {
		t.Run(name+"/R-09", func(t *testing.T) {
			w, ann, bob, offer, path := interrupted(t, size, kept)
			const untouched = "must not change"
			if err := os.WriteFile(victim(bob), []byte(untouched), 0o600); err != nil {
				t.Fatal(err)
			}
			c.spoil(bob)
			before := w.sent.Load()
			bob.start()
			ann.start()
			same(t, bob.state(offer.ID, transfer.Done).Path, path)
			bob.clean(offer.ID)
			if b, err := os.ReadFile(victim(bob)); err != nil || string(b) != untouched {
				t.Errorf("another file became %.20q, %v", b, err)
			}
			sent, want := w.sent.Load()-before, int64(size-kept)+c.again+4*mib+64<<10
			if sent > want {
				t.Errorf("%d bytes were sent, want at most %d", sent, want)
			}
		})
	}
	t.Run("a folder with something in it/R-09", func(t *testing.T) {
		_, ann, bob, offer, _ := interrupted(t, size, kept)
		p := part(bob)
		os.Remove(p)
		tree(t, p, map[string]string{"precious": "data"})
		bob.start()
		ann.start()
		if at := bob.state(offer.ID, transfer.Failed, transfer.Damaged); at.Error == "" {
			t.Error("no word about why")
		}
		ann.state(offer.ID, transfer.Failed, transfer.Damaged)
	})
}

// only is the one file in the parts folder that fits.
func only(t testing.TB, dir, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, ".earshot", pattern))
	if err != nil || len(names) != 1 {
		t.Fatalf("%v fit %s, %v", names, pattern, err)
	}
	return names[0]
}

func TestAFlippedBitCostsItsChunk(t *testing.T) {
	t.Run("in the part, while stopped/X-05", func(t *testing.T) {
		w, ann, bob, offer, path := interrupted(t, 20*mib, 12*mib)
		flip(t, only(t, bob.dir, "*.part"), 3*mib+17)
		flip(t, only(t, bob.dir, "*.part"), 7*mib)
		before := w.sent.Load()
		bob.start()
		ann.start()
		same(t, bob.state(offer.ID, transfer.Done).Path, path)
		if sent := w.sent.Load() - before; sent > (20-12+2)*mib+4*mib+64<<10 {
			t.Errorf("%.1f MiB were sent for two wrong chunks", float64(sent)/mib)
		}
	})
	t.Run("in the journal/X-05", func(t *testing.T) {
		_, ann, bob, offer, path := interrupted(t, 20*mib, 12*mib)
		flip(t, only(t, bob.dir, "*.journal"), 4*32+1)
		bob.start()
		ann.start()
		same(t, bob.state(offer.ID, transfer.Done).Path, path)
	})
	t.Run("each time it is written/X-05", func(t *testing.T) {
		w, ann, bob, offer, _ := interrupted(t, 20*mib, 12*mib)
		bob.disk = func(d transfer.Disk) transfer.Disk { return rotten{d} }
		before := w.sent.Load()
		bob.start()
		ann.start()
		bob.state(offer.ID, transfer.Failed, transfer.Damaged)
		ann.state(offer.ID, transfer.Failed, transfer.Damaged)
		bob.clean(offer.ID)
		if names := listing(t, bob.dir); len(names) != 1 {
			t.Errorf("there is %v", names)
		}
		if sent := w.sent.Load() - before; sent > (20-12+3)*mib+4*mib+64<<10 {
			t.Errorf("%.1f MiB were sent, want a chunk three times at most", float64(sent)/mib)
		}
	})
}

// rotten is a disk on which one chunk of a part never is what was written.
type rotten struct{ transfer.Disk }

type rottenFile struct{ transfer.DiskFile }

func (d rotten) OpenFile(name string, flag int, perm os.FileMode) (transfer.DiskFile, error) {
	f, err := d.Disk.OpenFile(name, flag, perm)
	if err != nil || !strings.HasSuffix(name, ".part") {
		return f, err
	}
	return rottenFile{f}, nil
}

func (d rotten) Folder(name string) (transfer.Disk, error) {
	inner, err := d.Disk.Folder(name)
	return rotten{inner}, err
}

func (f rottenFile) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.DiskFile.ReadAt(b, at)
	if at == 3*mib && n > 17 {
		b[17] ^= 4
	}
	return n, err
}

// flip changes one bit of a file.
func flip(t testing.TB, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 4
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

func TestACutLinkOnlyInterrupts(t *testing.T) {
	t.Run("the session", func(t *testing.T) {
		w, ann, bob := pair(t)
		path := file(t, "disk.img", 24*mib)
		offer := ann.offer(bob, path)
		bob.accept(offer.ID)
		for _, done := range []int64{1, 5 * mib, 12 * mib} {
			bob.atLeast(offer.ID, done)
			w.part(true)
			for _, d := range []*device{bob, ann} {
				d.wait(offer.ID, "the interruption", func(at transfer.Transfer) bool { // or all was there already
					return at.Reason == transfer.PeerAway || bob.at(offer.ID).State.Final()
				})
			}
			w.part(false)
		}
		same(t, bob.state(offer.ID, transfer.Done).Path, path)
		ann.state(offer.ID, transfer.Done)
		if extra := w.sent.Load() - 24*mib; extra > 3*4*mib+mib {
			t.Errorf("%.1f MiB were sent again", float64(extra)/mib)
		}
	})
	t.Run("the data connection alone", func(t *testing.T) {
		w, ann, bob := pair(t)
		path := file(t, "disk.img", 24*mib)
		offer := ann.offer(bob, path)
		bob.accept(offer.ID)
		for _, done := range []int64{1, 5 * mib, 12 * mib} {
			bob.atLeast(offer.ID, done)
			w.cut()
		}
		same(t, bob.state(offer.ID, transfer.Done).Path, path)
		ann.state(offer.ID, transfer.Done)
	})
}

func TestManySmallFilesGoOnToo(t *testing.T) {
	w, ann, bob := pair(t)
	src := filepath.Join(t.TempDir(), "many")
	content := map[string]string{}
	for i := range 3000 {
		content[fmt.Sprintf("%d/%d", i%7, i)] = noise(i % 5000)
	}
	tree(t, src, content)
	offer := ann.offer(bob, src)
	bob.accept(offer.ID)
	for k := range int64(4) {
		bob.atLeast(offer.ID, k*offer.Bytes/5)
		bob.restart(nil)
	}
	same(t, bob.state(offer.ID, transfer.Done).Path, src)
	bob.clean(offer.ID)
	if extra := w.sent.Load() - offer.Bytes; extra > 4*4*mib+4*mib {
		t.Errorf("%.1f MiB were sent again", float64(extra)/mib)
	}
	if runtime.GOOS == "windows" {
		return
	}
	var broad []string
	filepath.WalkDir(bob.dir, func(name string, d os.DirEntry, err error) error {
		if info, _ := d.Info(); name != bob.dir && info.Mode().Perm()&0o077 != 0 {
			broad = append(broad, name)
		}
		return err
	})
	if len(broad) > 0 {
		t.Errorf("others may read %v", broad[:min(3, len(broad))])
	}
}
