package transfer_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
)

// finals are the names in the save folder, but for the folder of parts.
func (d *device) finals() (names []string) {
	d.t.Helper()
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".earshot" {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestACrashAtAnyStepOfTheFinish kills the receiver before the n-th thing that it
// does to the disk or the store after the last chunk was written, for every n.
func TestACrashAtAnyStepOfTheFinish(t *testing.T) {
	for name, c := range map[string]struct {
		content map[string]string
		offered string
		noLinks bool
		least   int // steps that there were when this was written
	}{
		"a file":                {map[string]string{"report.pdf": noise(3*mib + 5)}, "report.pdf", false, 14},
		"a folder":              {map[string]string{"d/a": noise(mib + 1), "d/e/b": noise(9), "d/f/": "", "d/c": ""}, "d", false, 30},
		"a file, without links": {map[string]string{"report.pdf": noise(3*mib + 5)}, "report.pdf", true, 18},
	} {
		t.Run(name+"/R-11", func(t *testing.T) {
			src := t.TempDir()
			tree(t, src, c.content)
			for n := 1; ; n++ {
				if crashed := crashInFinish(t, filepath.Join(src, c.offered), n, c.noLinks); !crashed {
					t.Logf("%d steps", n-1)
					if n-1 < c.least {
						t.Errorf("%d steps, there were %d", n-1, c.least)
					}
					return
				}
				if t.Failed() {
					t.Fatalf("killed before step %d", n)
				}
			}
		})
	}
}

// crashInFinish reports whether there was an n-th step.
func crashInFinish(t *testing.T, path string, n int, noLinks bool) (crashed bool) {
	_, ann, bob := pair(t)
	defer ann.close()
	defer bob.close()
	offer := ann.offer(bob, path)
	bob.close()
	if noLinks {
		bob.disk = func(d transfer.Disk) transfer.Disk { return linkless{d} }
	}
	var finishing atomic.Bool
	var step atomic.Int64
	dying := make(chan struct{})
	die := func() error {
		if step.Add(1) == int64(n) {
			bob.dead.Store(true)
			bob.store.Freeze()
			close(dying)
		}
		if step.Load() >= int64(n) {
			return errKilled
		}
		return nil
	}
	bob.onDisk = func(op, name string) error {
		if op == "sync" || op == "syncall" || op == "lstat" && strings.HasSuffix(name, ".part") {
			finishing.Store(true)
		}
		if !finishing.Load() || op == "free" {
			return nil
		}
		return die()
	}
	bob.start()
	bob.store.Before(func(string) error {
		if !finishing.Load() {
			return nil
		}
		return die()
	})
	bob.accept(offer.ID)
	done := make(chan struct{})
	go func() {
		defer close(done)
		bob.wait(offer.ID, "the end", func(t transfer.Transfer) bool {
			select {
			case <-dying:
				return true
			default:
				return t.State == transfer.Done && !t.Parts
			}
		})
	}()
	select {
	case <-dying:
		crashed = true
		bob.notifyAll()
	case <-done:
	}
	<-done
	bob.restart(nil)
	at := bob.state(offer.ID, transfer.Done)
	ann.state(offer.ID, transfer.Done)
	bob.clean(offer.ID)
	if names := bob.finals(); len(names) != 1 || at.Path != filepath.Join(bob.dir, names[0]) {
		t.Errorf("there is %v, the path is %s", names, at.Path)
		return crashed
	}
	same(t, at.Path, path)
	now := ann.reread(offer.ID)
	if at.Content == (peer.Hash{}) || now.Content != at.Content || now.Changed != "" {
		t.Errorf("received %x, the files give %+v", at.Content, now)
	}
	return crashed
}

// notifyAll wakes who waits for a change.
func (d *device) notifyAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.changed)
	d.changed = make(chan struct{})
}

// linkless is a file system that has no hard links.
type linkless struct{ transfer.Disk }

func (linkless) Link(string, string) error { return &fs.PathError{Op: "link", Err: syscall.EPERM} }

func TestANameThatIsTakenIsLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		before  func(bob *device)
		onTake  string // the operation before which another process is faster
		noLinks bool
		folder  bool
		empty   bool // theirs is an empty folder
	}{
		"before it was accepted/X-09":            {before: func(bob *device) { tree(t, bob.dir, map[string]string{"x": "theirs"}) }},
		"at the last moment/X-09":                {onTake: "link"},
		"at the last moment, without links/X-09": {onTake: "create", noLinks: true},
		"a folder, before it was accepted/X-09":  {folder: true, before: func(bob *device) { tree(t, bob.dir, map[string]string{"x/y": "theirs"}) }},
		"a folder, at the last moment/X-09":      {folder: true, onTake: "rename"},
		"an empty folder, at the last moment":    {folder: true, onTake: "rename", empty: true},
		"a folder, and it is a file/X-09":        {folder: true, before: func(bob *device) { tree(t, bob.dir, map[string]string{"x": "theirs"}) }},
		"a dangling link/X-09":                   {before: func(bob *device) { os.Symlink("nowhere", filepath.Join(bob.dir, "x")) }},
	} {
		t.Run(name, func(t *testing.T) {
			_, ann, bob := pair(t)
			src := filepath.Join(t.TempDir(), "x")
			if c.folder {
				tree(t, src, map[string]string{"y": "ours"})
			} else {
				tree(t, filepath.Dir(src), map[string]string{"x": "ours"})
			}
			bob.close()
			if c.noLinks {
				bob.disk = func(d transfer.Disk) transfer.Disk { return linkless{d} }
			}
			taken := filepath.Join(bob.dir, "x")
			bob.onDisk = func(op, name string) error {
				if op != c.onTake || name != "x" {
					return nil
				}
				if _, err := os.Lstat(taken); err == nil {
					return nil
				}
				switch {
				case c.empty:
					tree(t, bob.dir, map[string]string{"x/": ""})
				case c.folder:
					tree(t, taken, map[string]string{"y": "theirs"})
				default:
					tree(t, bob.dir, map[string]string{"x": "theirs"})
				}
				return nil
			}
			bob.start()
			if c.before != nil {
				c.before(bob)
			}
			was := fmt.Sprint(lstat(taken))
			offer := ann.offer(bob, src)
			bob.accept(offer.ID)
			done := bob.state(offer.ID, transfer.Done)
			bob.clean(offer.ID) // before everything there is looked through
			if want := filepath.Join(bob.dir, "x (2)"); done.Path != want {
				t.Errorf("saved as %s, want %s", done.Path, want)
			}
			same(t, done.Path, src)
			if c.before != nil && fmt.Sprint(lstat(taken)) != was {
				t.Errorf("what was there changed")
			}
			if c.onTake != "" && !strings.Contains(strings.Join(listing(t, bob.dir), "\n"), "x (2)") {
				t.Errorf("what was there is gone")
			}
			if names := bob.finals(); len(names) != 2 {
				t.Errorf("there is %v", names)
			}
			for _, p := range []string{taken, filepath.Join(taken, "y")} {
				if b, err := os.ReadFile(p); err == nil && string(b) != "theirs" {
					t.Errorf("%s became %q", p, b)
				}
			}
		})
	}
}

func lstat(path string) (time.Time, int64, fs.FileMode) {
	info, err := os.Lstat(path)
	if err != nil {
		return time.Time{}, 0, 0
	}
	return info.ModTime(), info.Size(), info.Mode()
}

func TestAHundredFilesOfOneName(t *testing.T) {
	t.Run("from five peers at once/N-19", func(t *testing.T) {
		w := newWorld(t)
		bob := w.device(99)
		want := map[string]bool{}
		var offers []transfer.Offer
		for peer := range 5 {
			ann := w.device(byte(peer + 1))
			for n := range 20 {
				path := filepath.Join(t.TempDir(), "report.pdf")
				text := fmt.Sprintf("%d of %d", n, peer)
				tree(t, filepath.Dir(path), map[string]string{"report.pdf": text})
				offer := ann.offer(bob, path)
				bob.accept(offer.ID)
				offers = append(offers, offer)
				want[text] = true
			}
		}
		for _, o := range offers {
			at := bob.state(o.ID, transfer.Done)
			b, err := os.ReadFile(at.Path)
			if err != nil || !want[string(b)] {
				t.Errorf("%s: %q, %v", at.Path, b, err)
			}
			delete(want, string(b))
		}
		if len(want) > 0 || len(bob.finals()) != 100 {
			t.Errorf("%d are missing, %d files", len(want), len(bob.finals()))
		}
	})
}

func TestSaveFolders(t *testing.T) {
	accept := func(bob *device, id uuid.UUID, dir string) error {
		return do(t, func(reply func(error)) { bob.engine.Accept(id, dir, transfer.Keep, reply) })
	}
	base := t.TempDir()
	tree(t, base, map[string]string{"there/": "", "file": "f", "outside/": ""})
	if err := os.Symlink("there", filepath.Join(base, "link")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ dir, real string }{
		"existing":           {"there", "there"},
		"missing":            {"new/er", "new/er"},
		"a link to a folder": {"link", "there"},
		"a trailing slash":   {"slash/", "slash"},
		"the long way":       {"there/../other", "other"},
	} {
		t.Run(name+"/N-15", func(t *testing.T) {
			_, ann, bob := pair(t)
			path := file(t, "f-"+strings.ReplaceAll(name, " ", "-"), 5)
			offer := ann.offer(bob, path)
			if err := accept(bob, offer.ID, base+"/"+c.dir); err != nil {
				t.Fatal(err)
			}
			bob.state(offer.ID, transfer.Done)
			same(t, filepath.Join(base, c.real, filepath.Base(path)), path)
		})
	}
	for name, dir := range map[string]string{"a file": base + "/file", "in a file": base + "/file/x", "relative": "there", "a link in a circle": base + "/circle"} {
		t.Run(name+"/N-15", func(t *testing.T) {
			os.Symlink("circle", base+"/circle")
			_, ann, bob := pair(t)
			offer := ann.offer(bob, file(t, "a", 5))
			if err := accept(bob, offer.ID, dir); err == nil {
				t.Error("accepted")
			}
			if at := bob.at(offer.ID); at.State != transfer.Offered {
				t.Errorf("it is %s", at.State)
			}
		})
	}
	t.Run("the parts folder is a link/N-15", func(t *testing.T) {
		_, ann, bob := pair(t)
		tree(t, bob.dir, map[string]string{"elsewhere/": ""})
		if err := os.Symlink("elsewhere", filepath.Join(bob.dir, ".earshot")); err != nil {
			t.Fatal(err)
		}
		offer := ann.offer(bob, file(t, "a", 5))
		bob.accept(offer.ID)
		bob.state(offer.ID, transfer.Failed, transfer.Damaged)
		if names := listing(t, filepath.Join(bob.dir, "elsewhere")); len(names) != 1 {
			t.Errorf("written through the link: %v", names)
		}
	})
}

func TestCleaningUpRemovesOnlyOurNames(t *testing.T) {
	t.Run("cancel, with strange neighbours and a planted link/N-13", func(t *testing.T) {
		_, ann, bob, offer, _ := interrupted(t, 8*mib, 4*mib)
		outside := filepath.Join(filepath.Dir(bob.dir), "outside")
		tree(t, outside, map[string]string{"precious": "p"})
		part := only(t, bob.dir, "*.part")
		name := filepath.Base(part)
		os.Remove(part)
		if err := os.Symlink(outside, part); err != nil {
			t.Fatal(err)
		}
		keep := []string{name + " (2)", "-rf", "..part", "x" + name, "0-0.part", uuid.NewString() + "-0.part", uuid.NewString() + ".journal"}
		for _, k := range keep {
			tree(t, filepath.Join(bob.dir, ".earshot"), map[string]string{k: "mine"})
		}
		bob.start()
		if err := do(t, func(reply func(error)) { bob.engine.Cancel(offer.ID, reply) }); err != nil {
			t.Fatal(err)
		}
		bob.state(offer.ID, transfer.Cancelled, transfer.ByMe)
		bob.wait(offer.ID, "the parts to be removed", func(t transfer.Transfer) bool { return !t.Parts })
		if left := bob.leftovers(); len(left) != len(keep) {
			t.Errorf("left %v, want %v", left, keep)
		}
		if b, err := os.ReadFile(filepath.Join(outside, "precious")); err != nil || string(b) != "p" {
			t.Errorf("behind the link: %q, %v", b, err)
		}
		ann.start()
		ann.state(offer.ID, transfer.Cancelled, transfer.ByPeer)
	})
}
