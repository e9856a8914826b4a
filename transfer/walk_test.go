package transfer_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/peer"
	"earshot/transfer"
)

func TestWhatCannotBeSentIsLeftOut(t *testing.T) {
	t.Run("links, pipes, devices and unreadable files/X-13", func(t *testing.T) {
		_, ann, bob := pair(t)
		src := filepath.Join(t.TempDir(), "src")
		tree(t, src, map[string]string{"good": "good", "sub/also": "also", "secret": "hidden"})
		for from, to := range map[string]string{"passwd": "/etc/passwd", "sub/up": "..", "loop": "loop"} {
			if err := os.Symlink(to, filepath.Join(src, from)); err != nil {
				t.Fatal(err)
			}
		}
		mkfifo(t, filepath.Join(src, "queue"))
		if err := os.Symlink("/dev/zero", filepath.Join(src, "zero")); err != nil {
			t.Fatal(err)
		}
		socket, err := net.Listen("unix", filepath.Join(src, "socket"))
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		ann.onSource = func(op, name string) error { // root reads everything
			if filepath.Base(name) == "secret" {
				return os.ErrPermission
			}
			return nil
		}
		ann.close()
		ann.start()
		offer := ann.offer(bob, src)
		skipped := ann.at(offer.ID).Skipped
		for _, want := range []string{"4 link (", "1 pipe (queue)", "1 socket (socket)", "1 unreadable (secret)"} {
			if !strings.Contains(skipped, want) {
				t.Errorf("left out %q, want %q", skipped, want)
			}
		}
		bob.accept(offer.ID)
		done := bob.state(offer.ID, transfer.Done)
		got := listing(t, done.Path)
		for i, line := range got {
			got[i], _, _ = strings.Cut(line, " ")
		}
		if want := []string{".", "good", "sub", "sub/also"}; !slices.Equal(got, want) {
			t.Errorf("received %v, want %v", got, want)
		}
	})
	t.Run("a pipe alone/X-13", func(t *testing.T) {
		_, ann, bob := pair(t)
		queue := filepath.Join(t.TempDir(), "queue")
		mkfifo(t, queue)
		if _, err := ann.prepare(bob, queue); err == nil || !strings.Contains(err.Error(), "pipe (queue)") {
			t.Errorf("error %v", err)
		}
		if len(ann.engine.Transfers()) != 0 {
			t.Error("there is a transfer of nothing")
		}
	})
	t.Run("a device alone/X-13", func(t *testing.T) {
		_, ann, bob := pair(t)
		if _, err := ann.prepare(bob, "/dev/zero"); err == nil || !strings.Contains(err.Error(), "device") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a file that became a pipe or a link/X-13", func(t *testing.T) {
		for _, become := range []func(string){
			func(path string) { mkfifo(t, path) },
			func(path string) { os.Symlink("/etc/passwd", path) },
		} {
			_, ann, bob := pair(t)
			path := file(t, "a", 5)
			offer := ann.offer(bob, path)
			os.Remove(path)
			become(path)
			bob.accept(offer.ID)
			bob.state(offer.ID, transfer.Failed, transfer.SourceChanged)
			ann.state(offer.ID, transfer.Failed, transfer.SourceChanged)
			bob.clean(offer.ID)
			if names := listing(t, bob.dir); len(names) != 1 { // the folder itself
				t.Errorf("received %v", names)
			}
		}
	})
}

func TestNamesThatAreNotForEverySystem(t *testing.T) {
	_, ann, bob := pair(t)
	src := filepath.Join(t.TempDir(), "mixed")
	long := strings.Repeat("長", 80)
	tree(t, src, map[string]string{
		"Screenshot 12:30.png": "1", `a\b`: "2", "bad\xff.txt": "3", ".hidden": "4", "-rf": "5", "README": "6", "readme": "6",
		long: "7", "con.txt": "8", "sub*/x?": "9",
	})
	offer := ann.offer(bob, src)
	bob.accept(offer.ID)
	done := bob.state(offer.ID, transfer.Done)
	got := map[string]bool{}
	for _, line := range listing(t, done.Path) {
		name, _, _ := strings.Cut(line, " 2")
		got[name] = true
	}
	cut, _, _ := peer.CleanName(long)
	for _, want := range []string{
		"Screenshot 12_30.png", "a_b", "bad_.txt", "_hidden", "_rf", "_con.txt", "sub_", "sub_/x_", cut,
	} {
		if !got[want] {
			t.Errorf("%q is not among %v", want, got)
		}
	}
	if skipped := ann.at(offer.ID).Skipped; !strings.Contains(skipped, "1 with another's name") {
		t.Errorf("left out %q", skipped)
	}
}

func TestPathsThatAreNoOffer(t *testing.T) {
	_, ann, bob := pair(t)
	dir := t.TempDir()
	tree(t, dir, map[string]string{"a/x": "1", "b/X": "2", "empty/": ""})
	for name, paths := range map[string][]string{
		"none":         {},
		"relative":     {"a"},
		"missing":      {filepath.Join(dir, "nothing")},
		"the disk":     {"/"},
		"the same one": {filepath.Join(dir, "a/x"), filepath.Join(dir, "b/X")},
	} {
		if o, err := ann.prepare(bob, paths...); err == nil {
			t.Errorf("%s: offered %+v", name, o)
		}
	}
	offer := ann.offer(bob, filepath.Join(dir, "empty"))
	bob.accept(offer.ID)
	same(t, bob.state(offer.ID, transfer.Done).Path, filepath.Join(dir, "empty"))
}

func TestALinkThatWasNamedIsFollowed(t *testing.T) {
	_, ann, bob := pair(t)
	dir := t.TempDir()
	tree(t, dir, map[string]string{"real/x": "1"})
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	offer := ann.offer(bob, filepath.Join(dir, "link"))
	bob.accept(offer.ID)
	done := bob.state(offer.ID, transfer.Done)
	if filepath.Base(done.Path) != "link" {
		t.Errorf("saved as %s", done.Path)
	}
	same(t, done.Path, filepath.Join(dir, "real"))
}

func TestATimeBefore1970Survives(t *testing.T) {
	_, ann, bob := pair(t)
	path := file(t, "old", 3)
	at := time.Date(1960, 1, 2, 3, 4, 5, 6, time.UTC)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	offer := ann.offer(bob, path)
	bob.accept(offer.ID)
	same(t, bob.state(offer.ID, transfer.Done).Path, path)
}

func TestBothSidesKnowTheTopmostEntryOfEach(t *testing.T) {
	_, ann, bob := pair(t)
	src := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		tree(t, filepath.Join(src, name), map[string]string{"sub/one": "1", "two": "2"})
	}
	offer := ann.offer(bob, filepath.Join(src, "a"), filepath.Join(src, "b"), filepath.Join(src, "c"))
	bob.accept(offer.ID)
	bob.wait(offer.ID, "the manifest", func(t transfer.Transfer) bool { return t.Listed })
	for _, d := range []*device{ann, bob} {
		files, err := d.store.Files(offer.ID, 0, 1000)
		if err != nil || len(files) != 3*4 {
			t.Fatalf("%+v, %v", files, err)
		}
		for _, f := range files {
			top, _, _ := strings.Cut(f.Path, "/")
			if files[f.Top].Path != top {
				t.Errorf("%s lies in %s", f.Path, files[f.Top].Path)
			}
		}
	}
	bob.state(offer.ID, transfer.Done)
}
