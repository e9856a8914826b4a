package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"earshot/peer"
)

// memory is the least store that a manifest needs.
type memory struct {
	Store
	files []File
}

func (m *memory) AddFiles(_ uuid.UUID, files []File) error {
	m.files = append(m.files, files...)
	return nil
}

func (m *memory) Files(_ uuid.UUID, from int64, limit int) ([]File, error) {
	from = min(max(from, 0), int64(len(m.files)))
	return m.files[from:min(from+int64(limit), int64(len(m.files)))], nil
}

func (m *memory) SetFinals(_ uuid.UUID, names []Final) error {
	for _, f := range names {
		m.files[f.N].Final, m.files[f.N].Placeholder = f.Name, f.Placeholder
	}
	return nil
}

// FuzzManifest: whatever a page holds, it is refused or leads nowhere but into the
// folders that it names, each path once.
func FuzzManifest(f *testing.F) {
	for _, entries := range [][]peer.ManifestEntry{
		{{Path: []string{"a"}, Size: 1}},
		{{Path: []string{"d"}, Mode: peer.ModeFolder}, {Path: []string{"d", "a"}, Size: 1 << 40, Time: -1, Mode: peer.ModeProgram}},
		{{Path: []string{"d", ".."}}, {Path: []string{"d"}, Size: 1}, {Path: []string{"D", "a"}}},
		{{Path: []string{"CON"}}, {Path: []string{"con"}}, {Path: strings.Split(strings.Repeat("d/", 17), "/")}},
	} {
		b, err := peer.Marshal(peer.Manifest{Entries: entries})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := peer.Decode(peer.TypeManifest, payload)
		if err != nil {
			return
		}
		store := &memory{}
		c := &checker{store: store, offer: Offer{Files: 1 << 30, Bytes: maxBytes}, list: newListing(), places: newPlaces()}
		if c.page(m.(peer.Manifest).Entries, m.(peer.Manifest).Holes) != nil || c.flush() != nil || c.adding.wait() != nil {
			return
		}
		folders := map[string]bool{".": true}
		bytes := int64(0)
		for n, file := range store.files {
			if !filepath.IsLocal(file.Path) || strings.Count(file.Path, "/") >= maxDepth || !folders[filepath.ToSlash(filepath.Dir(file.Path))] {
				t.Fatalf("%q was taken", file.Path)
			}
			folders[file.Path] = file.Mode == peer.ModeFolder
			if file.N != int64(n) || file.Start != bytes {
				t.Fatalf("%+v is number %d", file, n)
			}
			bytes += file.Size
			again, err := fileOf(file.entry())
			if err != nil || again.Path != file.Path || again.Wire != file.Wire {
				t.Fatalf("%q became %q: %v", file.Path, again.Path, err)
			}
		}
	})
}

// FuzzJournal: whatever an earlier process or anybody else left as journal and part,
// what is wrong in it is found.
func FuzzJournal(f *testing.F) {
	const size = peer.ChunkSize + 3
	content := bytes.Repeat([]byte("earshot"), size/7+1)[:size]
	var journal []byte
	for chunk := range 2 {
		sum := blake3.Sum256(content[chunk*peer.ChunkSize : min((chunk+1)*peer.ChunkSize, size)])
		journal = append(journal, sum[:]...)
	}
	f.Add(journal, 0, byte(0), size)
	f.Add(journal[:32], 5, byte(1), size)
	f.Add(append(journal, journal...), peer.ChunkSize+1, byte(7), size)
	f.Add(journal[:40], 0, byte(0), 10)
	f.Add([]byte("x"), 0, byte(1), 0)
	f.Add([]byte{}, 0, byte(0), size+10)
	f.Fuzz(func(t *testing.T, journal []byte, at int, flip byte, length int) {
		if length < 0 || length > size+peer.ChunkSize || at < 0 {
			return
		}
		dir := t.TempDir()
		id := uuid.UUID{1}
		part := append([]byte(nil), content...)
		part = append(part, make([]byte, peer.ChunkSize)...)[:length]
		if at < len(part) {
			part[at] ^= flip
		}
		if os.Mkdir(filepath.Join(dir, partsFolder), 0o700) != nil ||
			os.WriteFile(filepath.Join(dir, partName(id, 0)), part, 0o600) != nil ||
			os.WriteFile(filepath.Join(dir, journalName(id)), journal, 0o600) != nil {
			t.Fatal("cannot write")
		}
		store := &memory{files: []File{{Path: "a", Size: size, Time: time.Unix(1, 0)}}}
		d, err := openDisk(dir)
		if err != nil {
			t.Fatal(err)
		}
		l, err := openLanding(d, store, Transfer{Offer: Offer{ID: id, Bytes: size}, Entries: 1}, &progress{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		if err := l.verify(context.Background()); err != nil {
			t.Fatal(err)
		}
		for {
			c, ok, err := l.next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			at := c.offset + int64(c.at)
			if err := l.write(c, content[at:at+int64(c.size)]); err != nil {
				t.Fatal(err)
			}
			if !c.isLast() {
				continue
			}
			sum := blake3.Sum256(content[c.offset : c.offset+int64(c.chunk.size)])
			if err := l.written(c.chunk, sum, false); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.flush(); err != nil {
			t.Fatal(err)
		}
		path, err := l.finish(dir)
		if err != nil || !l.complete() || l.moved.done.Load() != size {
			t.Fatalf("%v, %d bytes", err, l.moved.done.Load())
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// A journal that somebody made to fit a wrong part is beyond this: the
		// hashes are what is believed.
		for chunk := range 2 {
			from, to := chunk*peer.ChunkSize, min((chunk+1)*peer.ChunkSize, size)
			sum := blake3.Sum256(got[from:to])
			known := len(journal) >= (chunk+1)*sumSize && bytes.Equal(journal[chunk*sumSize:(chunk+1)*sumSize], sum[:])
			if !known && !bytes.Equal(got[from:to], content[from:to]) {
				t.Fatalf("chunk %d is wrong", chunk)
			}
		}
	})
}

// FuzzRead: whatever a receiver asks for, it gets the right bytes or the end.
func FuzzRead(f *testing.F) {
	content := [][]byte{bytes.Repeat([]byte("a"), 10), {}, bytes.Repeat([]byte("b"), peer.ChunkSize+5)}
	for _, read := range []peer.Read{
		{Page: new(uint64)},
		{Ranges: []peer.ReadRange{{File: 0, Offset: 3, Length: peer.ChunkSize}}},
		{Ranges: []peer.ReadRange{{File: 2, Offset: 7, Length: peer.ChunkSize - 2}, {File: 0, Length: 1}}, Hashes: true},
		{Ranges: []peer.ReadRange{{File: 1 << 62, Offset: 1 << 63, Length: 1<<64 - 1}}},
	} {
		b, err := peer.Append(nil, read)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, frames []byte) {
		store := &memory{}
		list := newListing()
		files := make([]File, 3)
		for i := range files {
			name := string(rune('a' + i))
			files[i] = File{Path: name, Source: name, Size: int64(len(content[i])), Time: time.Unix(1, 0)}
		}
		list.number(files)
		if err := errors.Join(list.add(files), store.AddFiles(uuid.UUID{}, files)); err != nil {
			t.Fatal(err)
		}
		near, far := net.Pipe()
		defer near.Close()
		s := newServer(newWire(far), Transfer{Direction: Sending, Entries: 3}, &Config{Store: store, wrapSource: func(name string, _ func() (source, error)) (source, error) {
			return &fuzzSource{bytes.NewReader(content[name[0]-'a'])}, nil
		}})
		var work errgroup.Group
		defer work.Wait()
		work.Go(func() error {
			defer far.Close()
			return s.send(context.Background())
		})
		work.Go(func() error {
			defer close(s.full)
			ctx := context.Background()
			from := newWire(readOnly{far, bytes.NewReader(frames)})
			for buf := make([]byte, frameHead+peer.ControlFrame); ; {
				read, err := receiveRead(from, buf)
				if err == nil {
					err = errors.Join(s.one(ctx, read), s.pass(ctx))
				}
				if err != nil {
					return err
				}
			}
		})
		for {
			kind, payload, err := peer.ReadFrame(near, peer.DataFrame)
			if err != nil {
				break
			}
			if kind == peer.TypeManifest {
				continue
			}
			c, err := peer.ParseChunk(payload)
			if err != nil || !bytes.Equal(c.Data, content[c.File][c.Offset:c.Offset+uint64(len(c.Data))]) {
				t.Fatalf("%v, chunk of file %d at %d", err, c.File, c.Offset)
			}
			if c.Hash != nil && *c.Hash != peer.Hash(blake3.Sum256(c.Data)) {
				t.Fatal("another hash")
			}
		}
	})
}

// FuzzOpening: a connection begins with a request that makes sense, or says which
// offer it was asked for; or it is refused.
func FuzzOpening(f *testing.F) {
	for _, m := range []peer.Message{
		peer.Read{Page: new(uint64)},
		peer.Read{Offer: uuid.UUID{1}, Ranges: []peer.ReadRange{{File: 1, Length: 5}}},
		peer.Read{Offer: uuid.UUID{1}},
		peer.DialBack{Offer: uuid.UUID{1}},
		peer.DialBack{Offer: uuid.UUID{1}, Reason: "peer away"},
		peer.Gone{Reason: "by peer"},
	} {
		b, err := peer.Append(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(append([]byte{0, 0, 0, 2, 0x80, 0xa0}, b...)) // behind one to be skipped
	}
	near, far := net.Pipe()
	f.Cleanup(func() { near.Close(); far.Close() })
	f.Fuzz(func(t *testing.T, frames []byte) {
		m, err := receiveFirst(newWire(readOnly{near, bytes.NewReader(frames)}))
		if err != nil {
			if m != nil {
				t.Fatalf("%+v and %v", m, err)
			}
			return
		}
		switch m := m.(type) {
		case peer.DialBack:
		case peer.Read:
			if err := checkRead(m); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("it began with %T", m)
		}
	})
}

// readOnly reads from somewhere else.
type readOnly struct {
	net.Conn
	from io.Reader
}

func (r readOnly) Read(b []byte) (int, error) { return r.from.Read(b) }

type fuzzSource struct{ *bytes.Reader }

func (s *fuzzSource) Close() error { return nil }
func (s *fuzzSource) State() (sourceState, error) {
	return sourceState{Size: s.Size(), Time: time.Unix(1, 0).UnixNano()}, nil
}
