package transfer_test

import (
	"os"
	"path/filepath"
	"testing"

	"earshot/transfer"
)

// contents is what the files of a folder hold, by their paths in it; those of parts
// aside.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == ".earshot" {
				return filepath.SkipDir
			}
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		got[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantContents(t testing.TB, dir string, want map[string]string) {
	t.Helper()
	got := contents(t, dir)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s holds %.40q, want %.40q", name, got[name], text)
		}
		delete(got, name)
	}
	for name, text := range got {
		t.Errorf("there is also %s with %.40q", name, text)
	}
}

// TestATakenName does what was said with a name that is taken in the save folder.
func TestATakenName(t *testing.T) {
	here := map[string]string{"plan.txt": "mine", "photos/a": "old a", "photos/mine": "kept"}
	sent := map[string]string{"plan.txt": "new", "photos/a": "new a", "photos/b": "b", "photos/sub/c": "c"}
	for _, c := range []struct {
		conflict transfer.Conflict
		want     map[string]string
	}{
		{transfer.Keep, map[string]string{"plan (2).txt": "new", "photos (2)/a": "new a", "photos (2)/b": "b", "photos (2)/sub/c": "c"}},
		{transfer.Overwrite, map[string]string{"plan.txt": "new", "photos/a": "new a", "photos/b": "b", "photos/sub/c": "c"}},
		{transfer.OverwriteOwn, map[string]string{"plan (2).txt": "new", "photos (2)/a": "new a", "photos (2)/b": "b", "photos (2)/sub/c": "c"}},
		{transfer.Skip, map[string]string{"photos/b": "b", "photos/sub/c": "c"}},
	} {
		t.Run(string(c.conflict), func(t *testing.T) {
			_, ann, bob := pair(t)
			tree(t, bob.dir, here)
			src := t.TempDir()
			tree(t, src, sent)
			at := bob.receive(ann, c.conflict, filepath.Join(src, "plan.txt"), filepath.Join(src, "photos"))
			bob.clean(at.ID)
			want := map[string]string{}
			for name, text := range here {
				want[name] = text
			}
			for name, text := range c.want {
				want[name] = text
			}
			wantContents(t, bob.dir, want)
			if at.Done != at.Bytes {
				t.Errorf("%d of %d bytes are done", at.Done, at.Bytes)
			}
		})
	}
}

// TestOverwritingWhatTheSamePersonSent replaces that, and nothing that was touched
// since.
func TestOverwritingWhatTheSamePersonSent(t *testing.T) {
	w, ann, bob := pair(t)
	src := filepath.Join(t.TempDir(), "site")
	tree(t, src, map[string]string{"index": "one", "style": "s", "logo": "l", "none": "", "filled": ""})
	bob.receive(ann, transfer.Keep, src)
	tree(t, bob.dir, map[string]string{"site/notes": "Bob's"})
	write(t, filepath.Join(bob.dir, "site/style"), "Bob's style")

	write(t, filepath.Join(src, "index"), "two")
	write(t, filepath.Join(src, "style"), "another style")
	write(t, filepath.Join(src, "filled"), "now")
	at := bob.receive(ann, transfer.OverwriteOwn, src)
	bob.clean(at.ID)
	wantContents(t, bob.dir, map[string]string{
		"site/index": "two", "site/logo": "l", "site/notes": "Bob's", "site/none": "", "site/filled": "now",
		"site/style": "Bob's style", "site/style (2)": "another style",
	})
	if at.Path != filepath.Join(bob.dir, "site") {
		t.Errorf("it is at %s", at.Path)
	}

	eve := w.device(3) // may not replace what Ann sent
	at = bob.receive(eve, transfer.OverwriteOwn, src)
	if at.Path != filepath.Join(bob.dir, "site (2)") {
		t.Errorf("Eve's is at %s", at.Path)
	}
}

// TestWhatCannotBePlaced: where a folder should be there is a file, or a link, or the
// other way round. Nothing of it gives way, nothing is lost, no link is followed.
func TestWhatCannotBePlaced(t *testing.T) {
	_, ann, bob := pair(t)
	outside := t.TempDir()
	tree(t, bob.dir, map[string]string{"x/sub": "a file", "x/file/": "", "x/ok": "old"})
	if err := os.Symlink(outside, filepath.Join(bob.dir, "x/link")); err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(t.TempDir(), "x")
	tree(t, src, map[string]string{"sub/a": "a", "file": "f", "link/b": "b", "ok": "new"})
	at := bob.receive(ann, transfer.Overwrite, src)
	bob.clean(at.ID)
	if err := os.Remove(filepath.Join(bob.dir, "x/link")); err != nil {
		t.Fatal(err)
	}
	wantContents(t, bob.dir, map[string]string{
		"x/sub": "a file", "x/ok": "new", "x/file (2)": "f", "x (2)/sub/a": "a", "x (2)/link/b": "b",
	})
	if names := contents(t, outside); len(names) != 0 {
		t.Errorf("outside there is %v", names)
	}
}

func TestAskingAboutATakenName(t *testing.T) {
	for _, answer := range []transfer.Conflict{transfer.Keep, transfer.Overwrite, transfer.Skip} {
		t.Run(string(answer), func(t *testing.T) {
			w, ann, bob := pair(t)
			tree(t, bob.dir, map[string]string{"a": "mine", "b": "mine too"})
			src := t.TempDir()
			tree(t, src, map[string]string{"a": "new", "c": "c"})
			offer := ann.offer(bob, filepath.Join(src, "a"), filepath.Join(src, "c"))
			bob.acceptWith(offer.ID, transfer.Ask)
			bob.state(offer.ID, transfer.Paused, transfer.NameTaken)
			ann.state(offer.ID, transfer.Paused, transfer.NameTaken)
			bob.restart(nil)
			bob.state(offer.ID, transfer.Paused, transfer.NameTaken)
			if n := w.sentFor(func() { bob.state(offer.ID, transfer.Paused) }); n > 0 {
				t.Errorf("%d bytes were sent before the answer", n)
			}
			bob.acceptWith(offer.ID, answer)
			bob.state(offer.ID, transfer.Done)
			ann.state(offer.ID, transfer.Done)
			want := map[string]string{"a": "mine", "b": "mine too", "c": "c"}
			switch answer {
			case transfer.Keep:
				want["a (2)"] = "new"
			case transfer.Overwrite:
				want["a"] = "new"
			}
			wantContents(t, bob.dir, want)
		})
	}
	t.Run("a name that is free is not asked about", func(t *testing.T) {
		_, ann, bob := pair(t)
		bob.receive(ann, transfer.Ask, file(t, "a", 5))
	})
	t.Run("nor what is the same", func(t *testing.T) {
		_, ann, bob := pair(t)
		path := file(t, "a", 50_000)
		bob.receive(ann, transfer.Ask, path)
		bob.receive(ann, transfer.Ask, path)
	})
	t.Run("and cancelled in place of an answer", func(t *testing.T) {
		_, ann, bob := pair(t)
		tree(t, bob.dir, map[string]string{"a": "mine"})
		offer := ann.offer(bob, file(t, "a", 5))
		bob.acceptWith(offer.ID, transfer.Ask)
		bob.state(offer.ID, transfer.Paused, transfer.NameTaken)
		if err := do(t, func(reply func(error)) { bob.engine.Cancel(offer.ID, reply) }); err != nil {
			t.Fatal(err)
		}
		ann.state(offer.ID, transfer.Cancelled, transfer.ByPeer)
		if err := do(t, func(reply func(error)) { bob.engine.Accept(offer.ID, "", transfer.Keep, reply) }); err != transfer.ErrState {
			t.Errorf("accepted, %v", err)
		}
		bob.clean(offer.ID)
	})
}

// TestAFaultWhileMerging lets the n-th call on the disk fail for every n: each time
// everything is there once in the end, and what was there before as it was.
func TestAFaultWhileMerging(t *testing.T) {
	src := filepath.Join(t.TempDir(), "x")
	tree(t, src, map[string]string{"a": "new a", "b": "b", "sub/c": "c", "e": ""})
	for n := 1; ; n++ {
		_, ann, bob := pair(t)
		tree(t, bob.dir, map[string]string{"x/a": "old", "x/mine": "mine"})
		calls, failed := 0, false
		bob.close()
		bob.onDisk = func(op, name string) error {
			if calls++; calls == n {
				failed = true
				bob.dead.Store(true) // and nothing after it: the process was killed
				bob.store.Freeze()
				return errKilled
			}
			return nil
		}
		bob.start()
		offer := ann.offer(bob, src)
		do(t, func(reply func(error)) { bob.engine.Accept(offer.ID, "", transfer.Overwrite, reply) }) // may be what fails
		dead := bob.dead
		bob.wait(offer.ID, "the end, or the kill", func(at transfer.Transfer) bool { return at.State == transfer.Done || dead.Load() })
		bob.restart(nil)
		if bob.at(offer.ID).State == transfer.Offered {
			bob.acceptWith(offer.ID, transfer.Overwrite)
		}
		bob.state(offer.ID, transfer.Done)
		bob.clean(offer.ID)
		wantContents(t, bob.dir, map[string]string{"x/a": "new a", "x/b": "b", "x/sub/c": "c", "x/e": "", "x/mine": "mine"})
		if t.Failed() {
			t.Fatalf("killed at call %d", n)
		}
		if !failed {
			t.Logf("%d calls", n-1)
			if n < 40 {
				t.Errorf("there were more when this was written")
			}
			return
		}
	}
}
