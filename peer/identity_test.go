package peer

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

func TestLoadIdentityMakesOneAndKeepsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.key")
	made, err := LoadIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := LoadIdentity(path)
	if err != nil || read.ID() != made.ID() {
		t.Fatalf("got %v, %v, want %s", read, err, made.ID())
	}
	onlyFile(t, path)
}

// onlyFile fails where anything else lies beside path.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("in the folder: %v, %v", entries, err)
	}
}

func TestLoadIdentityNeverReplacesAFile(t *testing.T) {
	whole := must(NewIdentity(seed(1)).marshalPEM())
	for _, c := range []struct {
		what  string
		bytes []byte
	}{
		{"an empty file", nil},
		{"half a file", whole[:len(whole)/2]},
		{"bytes behind it", append(bytes.Clone(whole), 'x')},
		{"something else", []byte("hello\n")},
		{"a large file", bytes.Repeat([]byte("\n"), 1<<20)},
	} {
		path := filepath.Join(t.TempDir(), "identity.key")
		if err := os.WriteFile(path, c.bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		if id, err := LoadIdentity(path); err == nil {
			t.Errorf("%s: became %s", c.what, id.ID())
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, c.bytes) {
			t.Errorf("%s: was changed, %v", c.what, err)
		}
	}
	if _, err := LoadIdentity(t.TempDir()); err == nil {
		t.Error("a folder was taken")
	}
}

func TestTwoProcessesGetOneIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.key")
	var ids [8]ID
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			id, err := LoadIdentity(path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = id.ID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("got %s and %s", ids[0], id)
		}
	}
	onlyFile(t, path)
}

// failing is a file system whose n-th call fails, and every one after it: the
// disk is full, or the process died.
type failing struct {
	systemFiles
	left   int
	noLink bool
}

var errDisk = errors.New("no space left on device")

func (f *failing) fail() error {
	if f.left--; f.left < 0 {
		return errDisk
	}
	return nil
}

func (f *failing) CreateTemp(dir, pattern string) (file, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	tmp, err := f.systemFiles.CreateTemp(dir, pattern)
	return &failingFile{tmp, f}, err
}

func (f *failing) Link(from, to string) error {
	if f.noLink {
		return errors.ErrUnsupported
	}
	if err := f.fail(); err != nil {
		return err
	}
	return f.systemFiles.Link(from, to)
}

func (f *failing) Rename(from, to string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.systemFiles.Rename(from, to)
}

func (f *failing) SyncDir(dir string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.systemFiles.SyncDir(dir)
}

type failingFile struct {
	file
	files *failing
}

func (f *failingFile) Write(b []byte) (int, error) {
	if err := f.files.fail(); err != nil {
		n, _ := f.file.Write(b[:len(b)/2])
		return n, err
	}
	return f.file.Write(b)
}

func (f *failingFile) Sync() error {
	if err := f.files.fail(); err != nil {
		return err
	}
	return f.file.Sync()
}

func TestIdentityIsWrittenWholeOrNotAtAll(t *testing.T) {
	for _, noLink := range []bool{false, true} {
		n := 0
		for ; ; n++ {
			path := filepath.Join(t.TempDir(), "identity.key")
			_, failed := createIdentity(path, &failing{left: n, noLink: noLink})
			if _, err := readIdentity(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("failed at call %d: %v", n, err)
			}
			if _, err := LoadIdentity(path); err != nil {
				t.Fatalf("the next start after a failure at call %d: %v", n, err)
			}
			onlyFile(t, path)
			if failed == nil {
				break
			}
		}
		t.Logf("went through %d faults", n)
		if n < 5 {
			t.Errorf("went through %d faults, want 5", n)
		}
	}
}

func TestVerifyTakesWhatSignMade(t *testing.T) {
	id := NewIdentity(seed(1))
	sig := id.Sign([]byte("words"))
	for _, c := range []struct {
		what string
		id   ID
		msg  string
		sig  []byte
		want bool
	}{
		{"as signed", id.ID(), "words", sig, true},
		{"other words", id.ID(), "Words", sig, false},
		{"another key", seedID(2), "words", sig, false},
		{"a short signature", id.ID(), "words", sig[:63], false},
		{"no signature", id.ID(), "words", nil, false},
	} {
		if got := Verify(c.id, []byte(c.msg), c.sig); got != c.want {
			t.Errorf("%s: got %v", c.what, got)
		}
	}
}

func TestOnlyTheOwnerReadsTheIdentity(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("mode bits mean nothing here")
	}
	modeOf := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	path := filepath.Join(t.TempDir(), "identity.key")
	t.Run("the identity file of a start with umask 0/S-01", func(t *testing.T) {
		withoutUmask(func() {
			if _, err := LoadIdentity(path); err != nil {
				t.Fatal(err)
			}
		})
		if got := modeOf(path); got != 0o600 {
			t.Errorf("mode %o, want 600", got)
		}
	})
	t.Run("a file that others may read is closed to them/S-01", func(t *testing.T) {
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadIdentity(path); err != nil {
			t.Fatal(err)
		}
		if got := modeOf(path); got != 0o600 {
			t.Errorf("mode %o, want 600", got)
		}
	})
}
