//go:build unix

package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// nobody is a user ID without any rights.
const nobody = 65534

func umask(mask int) int { return syscall.Umask(mask) }

func becomeUser(name string) error {
	if name == "" {
		return nil
	}
	return syscall.Setuid(nobody)
}

// giveAway makes nobody the owner of everything in a folder, and lets it be
// reached.
func giveAway(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, nobody, nobody)
	})
	for parent := filepath.Dir(dir); err == nil && parent != os.TempDir() && parent != "/"; parent = filepath.Dir(parent) {
		err = os.Chmod(parent, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
}
