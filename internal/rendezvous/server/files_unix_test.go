//go:build !windows

package server

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

func TestModesOfTheServersFiles(t *testing.T) {
	before := syscall.Umask(0)
	defer syscall.Umask(before)
	t.Run("umask 000, a server/S-01", func(t *testing.T) {
		data := filepath.Join(t.TempDir(), "server")
		s := serve(t, Config{Data: data})
		s.person("ann", 1)
		files := 0
		must(t, filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			files++
			return nil
		}))
		if files < 4 { // the folder, the key, the lock, the database
			t.Errorf("looked at %d files", files)
		}
	})
}
