package transfer_test

import (
	"path/filepath"
	"testing"
	"time"

	"earshot/transfer"
)

// timeless is a disk of a system that gives files their time by name alone.
type timeless struct{ transfer.Disk }

func (d timeless) Folder(name string) (transfer.Disk, error) {
	inner, err := d.Disk.Folder(name)
	return timeless{inner}, err
}

func (d timeless) CloseAs(f transfer.DiskFile, name string, modified time.Time) error {
	if err := f.Close(); err != nil {
		return err
	}
	return d.Chtimes(name, modified)
}

// TestTimesAreGivenByName also where the folder after it is made before the file's end
// comes.
func TestTimesAreGivenByName(t *testing.T) {
	_, ann, bob := pair(t)
	bob.disk = func(d transfer.Disk) transfer.Disk { return timeless{d} }
	bob.close()
	bob.start()
	src := t.TempDir()
	tree(t, src, map[string]string{"s1/f": noise(9 * mib), "s2/g/": ""})
	offer := ann.offer(bob, filepath.Join(src, "s1"), filepath.Join(src, "s2"))
	bob.accept(offer.ID)
	bob.state(offer.ID, transfer.Done)
	same(t, filepath.Join(bob.dir, "s1"), filepath.Join(src, "s1"))
	for _, state := range bob.history(offer.ID) {
		if state == transfer.Interrupted {
			t.Error("it was interrupted")
		}
	}
}
