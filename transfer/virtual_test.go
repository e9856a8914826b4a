package transfer_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"

	"earshot/peer"
	"earshot/transfer"
)

// virtual is a folder "d" with files that are nowhere: the sender's are made as they
// are read, the receiver's are compared with those, counted and dropped.
type virtual struct {
	count, size int64
	time        time.Time
	content     []byte // of each piece of each file, or the beginning of it

	written, wrong atomic.Int64
	look           int64        // after how many bytes the memory is looked at
	peak           atomic.Int64 // the most that was on the heap
}

func newVirtual(count, size int64) *virtual {
	return &virtual{
		count: count, size: size, time: time.Unix(1_600_000_000, 0), content: []byte(noise(peer.PieceSize)),
		look: max(1, count*size/20),
	}
}

// file is entry n of the manifest; the folder is the first one.
func (v *virtual) file(n int64) transfer.File {
	if n == 0 {
		return transfer.File{Path: "d", Time: v.time, Mode: peer.ModeFolder}
	}
	name := fmt.Sprintf("d/%07d", n)
	f := transfer.File{N: n, Path: name, Size: v.size, Time: v.time, Source: "/" + name, Start: (n - 1) * v.size}
	f.First = (n - 1) * f.Chunks()
	return f
}

func (v *virtual) offer(t testing.TB) transfer.Offer {
	t.Helper()
	hash := blake3.New()
	for n := range v.count + 1 {
		f := v.file(n)
		b, err := peer.Marshal(peer.ManifestEntry{
			Path: strings.Split(f.Path, "/"), Size: uint64(f.Size), Time: f.Time.UnixNano(), Mode: f.Mode,
		})
		if err != nil {
			t.Fatal(err)
		}
		hash.Write(b)
	}
	o := transfer.Offer{ID: uuid.Must(uuid.NewV7()), Name: "d", Files: int(v.count), Bytes: v.count * v.size}
	hash.Sum(o.Manifest[:0])
	return o
}

// send has all of it go from one device to another, and returns by how much the heap
// grew at most.
func (v *virtual) send(t testing.TB) (grew int64) {
	t.Helper()
	_, ann, bob := pair(t)
	ann.close()
	bob.close()
	offer := v.offer(t)
	ann.replaced, bob.replaced = &virtualStore{Store: ann.store, v: v}, &virtualStore{Store: bob.store, v: v}
	ann.sources = func(string) (transfer.Source, error) { return virtualSource{v}, nil }
	bob.disk = func(d transfer.Disk) transfer.Disk { return &virtualDisk{Disk: d, v: v} }
	ann.store.Thaw()
	err := ann.store.SaveTransfer(transfer.Transfer{
		Offer: offer, Peer: bob.id, Direction: transfer.Sending, State: transfer.Offered, Offered: time.Now(),
		Path: "/d", Listed: true, Entries: v.count + 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	ann.start()
	bob.start()
	bob.engine.Incoming(offer, ann.id)
	bob.wait(offer.ID, "the offer", func(transfer.Transfer) bool { return true })
	before := int64(heap())
	bob.accept(offer.ID)
	bob.wait(offer.ID, "the list", func(at transfer.Transfer) bool { return at.Listed || at.State.Final() })
	for done := range int64(100) { // each of them in time
		bob.atLeast(offer.ID, offer.Bytes*done/100)
	}
	bob.state(offer.ID, transfer.Done)
	ann.state(offer.ID, transfer.Done)
	if n := v.written.Load(); n != offer.Bytes || v.wrong.Load() > 0 {
		t.Errorf("%d of %d bytes were written, %d pieces of them wrong", n, offer.Bytes, v.wrong.Load())
	}
	return v.peak.Load() - before
}

// virtualStore knows the files without keeping any.
type virtualStore struct {
	transfer.Store
	v     *virtual
	added atomic.Int64
	final atomic.Pointer[transfer.Final] // of the folder
}

func (s *virtualStore) AddFiles(_ uuid.UUID, files []transfer.File) error {
	n := s.added.Add(int64(len(files))) - int64(len(files))
	if want := s.v.file(n); files[0].N != n || files[0].Path != want.Path || files[0].First != want.First {
		return fmt.Errorf("added %+v, want %+v", files[0], want)
	}
	return nil
}

func (s *virtualStore) DropFiles(uuid.UUID) error { return nil }

func (s *virtualStore) Files(_ uuid.UUID, from int64, limit int) (files []transfer.File, err error) {
	for n := from; n <= s.v.count && len(files) < limit; n++ {
		f := s.v.file(n)
		if final := s.final.Load(); final != nil && n == 0 {
			f.Final = final.Name
		}
		files = append(files, f)
	}
	return files, nil
}

func (s *virtualStore) Folders(id uuid.UUID, from int64, _ int) ([]transfer.File, error) {
	if from > 0 {
		return nil, nil
	}
	return s.Files(id, 0, 1)
}

func (s *virtualStore) SetFinals(_ uuid.UUID, names []transfer.Final) error {
	s.final.Store(&names[0])
	return nil
}

type virtualSource struct{ v *virtual }

func (s virtualSource) ReadAt(b []byte, _ int64) (int, error) { return copy(b, s.v.content), nil }
func (s virtualSource) Close() error                          { return nil }

func (s virtualSource) State() (transfer.SourceState, error) {
	return transfer.SourceState{Size: s.v.size, Time: s.v.time.UnixNano()}, nil
}

// virtualDisk has real folders, a real journal and, of large files, real parts that
// are nothing but a hole. Small ones it has only by name.
type virtualDisk struct {
	transfer.Disk
	v      *virtual
	inside bool // of the part
}

// virtualFile is one that is there in name, or a real one.
type virtualFile struct {
	transfer.DiskFile
	v *virtual
}

func (d *virtualDisk) isPart(name string) bool { return d.inside || strings.Contains(name, ".part/") }
func (d *virtualDisk) isName(name string) bool { return d.isPart(name) && d.v.size < mib }

func (d *virtualDisk) OpenFile(name string, flag int, perm fs.FileMode) (transfer.DiskFile, error) {
	if d.isName(name) {
		return &virtualFile{v: d.v}, nil
	}
	f, err := d.Disk.OpenFile(name, flag, perm)
	if err != nil || !d.isPart(name) {
		return f, err
	}
	return &virtualFile{f, d.v}, nil
}

func (d *virtualDisk) Folder(name string) (transfer.Disk, error) {
	inner, err := d.Disk.Folder(name)
	return &virtualDisk{inner, d.v, strings.HasSuffix(name, ".part")}, err
}

func (d *virtualDisk) Lstat(name string) (fs.FileInfo, error) {
	if d.isName(name) {
		return virtualInfo{path.Base(name), d.v}, nil
	}
	return d.Disk.Lstat(name)
}

func (d *virtualDisk) Chtimes(name string, modified time.Time) error {
	if d.isName(name) {
		return nil
	}
	return d.Disk.Chtimes(name, modified)
}

func (d *virtualDisk) CloseAs(f transfer.DiskFile, name string, modified time.Time) error {
	if d.isName(name) {
		return f.Close()
	}
	return d.Disk.CloseAs(f, name, modified)
}

func (d *virtualDisk) SyncAll() error              { return nil }
func (d *virtualDisk) Free() (int64, int64, error) { return 1 << 50, 1 << 50, nil }

// WriteAt is what the memory is looked at by, now and then.
func (f *virtualFile) WriteAt(b []byte, _ int64) (int, error) {
	if !bytes.Equal(b, f.v.content[:len(b)]) {
		f.v.wrong.Add(1)
	}
	n := f.v.written.Add(int64(len(b)))
	if n/f.v.look > (n-int64(len(b)))/f.v.look {
		f.v.peak.Store(max(f.v.peak.Load(), int64(heap())))
	}
	return len(b), nil
}

func (f *virtualFile) Close() error {
	if f.DiskFile == nil {
		return nil
	}
	return f.DiskFile.Close()
}

func (f *virtualFile) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }

// virtualInfo is of a small file.
type virtualInfo struct {
	name string
	v    *virtual
}

func (i virtualInfo) Name() string       { return i.name }
func (i virtualInfo) Size() int64        { return i.v.size }
func (i virtualInfo) Mode() fs.FileMode  { return 0o600 }
func (i virtualInfo) ModTime() time.Time { return i.v.time }
func (i virtualInfo) IsDir() bool        { return false }
func (i virtualInfo) Sys() any           { return nil }

// TestSizeCostsNoMemory neither on the way of a large file, nor of a million small
// ones.
func TestSizeCostsNoMemory(t *testing.T) {
	large, many := int64(4<<30), int64(1_000_000)
	if raceEnabled || testing.Short() {
		large, many = large/8, many/20
	}
	for name, v := range map[string]*virtual{"a large file": newVirtual(1, large), "many small files": newVirtual(many, 5)} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			grew := v.send(t)
			t.Logf("%d files of %d bytes: %d KiB more at most, in %v", v.count, v.size, grew>>10, time.Since(began))
			if grew > 16*mib {
				t.Errorf("memory grew by %d MiB", grew/mib)
			}
		})
	}
}

// BenchmarkAHundredGiB is one file, from nowhere to nowhere.
func BenchmarkAHundredGiB(b *testing.B) {
	if testing.Short() {
		b.Skip("takes minutes")
	}
	const size = 100 << 30
	for b.Loop() {
		began := time.Now()
		grew := newVirtual(1, size).send(b)
		b.ReportMetric(size/time.Since(began).Seconds()/1e6, "MB/s")
		b.ReportMetric(float64(grew)/mib, "MiB-more")
	}
}
