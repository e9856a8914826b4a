//go:build linux || darwin

package transfer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestMoveNewReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"parts/a", "empty"} {
		if err := os.MkdirAll(filepath.Join(dir, "save", name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(dir, "save", "link")); err != nil {
		t.Fatal(err)
	}
	opened, err := openDisk(filepath.Join(dir, "save"))
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	d := opened.(*rootDisk)
	err = d.moveNew("parts/a", "empty")
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("not on this file system")
	}
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an empty folder: %v", err)
	}
	if err := d.moveNew("parts/a", "link/escaped"); err == nil {
		t.Error("moved out of the save folder")
	}
	if err := d.moveNew("parts/a", "free"); err != nil {
		t.Error(err)
	}
	if _, err := d.Lstat("free"); err != nil {
		t.Error(err)
	}
}
