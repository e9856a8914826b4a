//go:build !windows

package profile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestFilesAreTheOwnersAlone(t *testing.T) {
	t.Run("umask 000/S-01", func(t *testing.T) {
		defer syscall.Umask(syscall.Umask(0))
		home := filepath.Join(t.TempDir(), "deep", "home")
		p := open(t, home, "work")
		lock, err := p.Lock()
		if err != nil {
			t.Fatal(err)
		}
		defer lock.Unlock()
		if err := p.Save("name", "Ann"); err != nil {
			t.Fatal(err)
		}
		err = filepath.WalkDir(filepath.Dir(home), func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			want := os.FileMode(0o600)
			if err == nil && d.IsDir() {
				want = 0o700
			}
			if got := info.Mode().Perm(); got != want {
				t.Errorf("%s: %o, want %o", path, got, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Run("opened before by others/S-01", func(t *testing.T) {
		home := t.TempDir()
		if err := os.Mkdir(filepath.Join(home, "work"), 0o755); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(open(t, home, "work").Dir())
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("got %v, %v", info.Mode(), err)
		}
	})
}
