package transfer_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"earshot/transfer"
)

// volatile is a disk that, when the power is cut, has lost what was written and not
// made durable since.
type volatile struct {
	mu    sync.Mutex
	dir   string
	dirty map[string][]span // by path below dir
}

type span struct {
	at   int64
	size int
}

// cut takes the power away.
func (v *volatile) cut(t *testing.T) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, spans := range v.dirty {
		f, err := os.OpenFile(filepath.Join(v.dir, name), os.O_WRONLY, 0)
		if err != nil {
			continue
		}
		for _, s := range spans {
			if _, err := f.WriteAt(make([]byte, s.size), s.at); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
	}
	clear(v.dirty)
}

func (v *volatile) forget(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if name == "" {
		clear(v.dirty)
	}
	delete(v.dirty, name)
}

type volatileDisk struct {
	transfer.Disk
	v    *volatile
	base string
}

func (d volatileDisk) Folder(name string) (transfer.Disk, error) {
	inner, err := d.Disk.Folder(name)
	return volatileDisk{inner, d.v, filepath.Join(d.base, name)}, err
}

func (d volatileDisk) OpenFile(name string, flag int, perm fs.FileMode) (transfer.DiskFile, error) {
	f, err := d.Disk.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return volatileFile{f, d.v, filepath.Join(d.base, name)}, nil
}

func (d volatileDisk) SyncAll() error {
	d.v.forget("")
	return nil
}

type volatileFile struct {
	transfer.DiskFile
	v    *volatile
	name string
}

func (f volatileFile) WriteAt(b []byte, at int64) (int, error) {
	f.v.mu.Lock()
	f.v.dirty[f.name] = append(f.v.dirty[f.name], span{at, len(b)})
	f.v.mu.Unlock()
	return f.DiskFile.WriteAt(b, at)
}

func (f volatileFile) Sync() error {
	f.v.forget(f.name)
	return nil
}

// TestAPowerCut loses no more than 64 MiB of what was received, whatever the disk had
// not written yet.
func TestAPowerCut(t *testing.T) {
	const size = 200 * mib
	for name, make := range map[string]func(t *testing.T) string{
		"in a large file": func(t *testing.T) string { return file(t, "disk.img", size) },
		"in many files": func(t *testing.T) string {
			src := filepath.Join(t.TempDir(), "many")
			content := map[string]string{}
			for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "k"} {
				for _, more := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "0"} {
					content[name+"/"+more] = noise(2 * mib)
				}
			}
			tree(t, src, content)
			return src
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, ann, bob := pair(t)
			path := make(t)
			v := &volatile{dir: bob.dir, dirty: map[string][]span{}}
			bob.disk = func(d transfer.Disk) transfer.Disk { return volatileDisk{d, v, ""} }
			offer := ann.offer(bob, path)
			reached, release := bob.stopAfter(170 * mib)
			bob.accept(offer.ID)
			<-reached
			bob.atLeast(offer.ID, 165*mib)
			bob.dead.Store(true)
			release()
			bob.kill()
			v.cut(t)
			bob.onDisk = nil
			n := w.sentFor(func() {
				bob.start()
				same(t, bob.state(offer.ID, transfer.Done).Path, path)
			})
			if most := int64(size - 165*mib + 64*mib + 2*mib); n > most {
				t.Errorf("%d MiB were sent after the power came back, at most %d were to come", n/mib, most/mib)
			}
		})
	}
}
