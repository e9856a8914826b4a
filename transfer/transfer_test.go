package transfer_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"earshot/transfer"
)

func TestAFileArrivesAsItWas(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 1<<20 - 1, 1 << 20, 1<<20 + 1, 9<<20 + 12345} {
		_, ann, bob := pair(t)
		path := file(t, "photos of 王芳.zip", size)
		at := time.Date(2019, 5, 4, 3, 2, 1, 987654321, time.UTC)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		offer := ann.offer(bob, path)
		bob.accept(offer.ID)
		done := bob.state(offer.ID, transfer.Done)
		ann.state(offer.ID, transfer.Done)
		if want := filepath.Join(bob.dir, "photos of 王芳.zip"); done.Path != want || done.Done != int64(size) {
			t.Errorf("%+v", done)
		}
		same(t, done.Path, path)
		bob.clean(offer.ID)
	}
}

func TestAFolderArrivesWhole(t *testing.T) {
	_, ann, bob := pair(t)
	src := filepath.Join(t.TempDir(), "project")
	content := map[string]string{
		"a.txt": "a", "empty": "", "hollow/deep/": "", "sub/b.sh": "#!/bin/sh\n", "sub/深い/c": noise(3<<20 + 7), "big": noise(2 << 20),
	}
	for i := range 700 {
		content["many/"+string(rune('a'+i%26))+"/"+noise(i)[:min(i, 0)]+time.Duration(i).String()] = noise(i * 13)
	}
	tree(t, src, content)
	if err := os.Chmod(filepath.Join(src, "sub/b.sh"), 0o700); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, name := range []string{"hollow/deep", "hollow", "sub/深い", "sub", "many"} {
		if err := os.Chtimes(filepath.Join(src, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	offer := ann.offer(bob, src)
	if offer.Name != "project" || offer.Files != 705 || !offer.Program {
		t.Errorf("%+v", offer)
	}
	bob.accept(offer.ID)
	done := bob.state(offer.ID, transfer.Done)
	same(t, done.Path, src)
	ann.state(offer.ID, transfer.Done)
	bob.clean(offer.ID)
}

func TestSeveralPathsAreOneOffer(t *testing.T) {
	_, ann, bob := pair(t)
	src := t.TempDir()
	tree(t, src, map[string]string{"a": "1", "b/c": "2", "d": noise(2 << 20)})
	offer := ann.offer(bob, filepath.Join(src, "a"), filepath.Join(src, "b"), filepath.Join(src, "d"))
	if offer.Name != "a and 2 more" || offer.Files != 3 {
		t.Errorf("%+v", offer)
	}
	bob.accept(offer.ID)
	if done := bob.state(offer.ID, transfer.Done); done.Path != bob.dir {
		t.Errorf("path %q, want the save folder", done.Path)
	}
	for _, name := range []string{"a", "b", "d"} {
		same(t, filepath.Join(bob.dir, name), filepath.Join(src, name))
	}
}
