package transfer_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"

	"earshot/peer"
	"earshot/transfer"
)

// script is a sender that speaks the protocol by hand: what it says is up to the
// test.
type script struct {
	t       *testing.T
	conn    net.Conn
	entries []peer.ManifestEntry
	content map[uint64][]byte
	perPage int
	// on may answer a request in its own way.
	on func(s *script, r peer.Read) (handled bool)
	// heard is told what is said to it on the session; without it nothing can be.
	heard func(peer.Message)
	// take gets connections in the place of serve.
	take func(net.Conn)
}

// sender joins a scripted device to the world.
func (w *world) sender(n byte, s *script) *device {
	d := &device{t: w.t, world: w, id: peer.ID{n}, changed: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scripts = map[peer.ID]*script{d.id: s}
	return d
}

// script is what speaks for a device, nil where that is an engine.
func (w *world) script(id peer.ID) *script {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.scripts[id]
}

// serve answers until the receiver closes.
func (s *script) serve(conn net.Conn) {
	defer conn.Close()
	s.conn = conn
	for {
		kind, payload, err := peer.ReadFrame(conn, peer.DataFrame)
		if err != nil {
			return
		}
		m, err := peer.Decode(kind, payload)
		if err != nil {
			return
		}
		read, ok := m.(peer.Read)
		if !ok {
			return
		}
		if s.on != nil && s.on(s, read) {
			continue
		}
		s.answer(read)
	}
}

func (s *script) answer(read peer.Read) {
	if read.Page != nil {
		rest := s.entries[*read.Page:]
		n := len(rest)
		if s.perPage > 0 {
			n = min(n, s.perPage)
		}
		s.send(peer.Manifest{Offer: read.Offer, First: *read.Page, Entries: rest[:n], More: n < len(rest)})
		return
	}
	for _, r := range read.Ranges {
		file, at := r.File, r.Offset
		for left := r.Length; left > 0; {
			if at == s.entries[file].Size {
				file, at = file+1, 0
				continue
			}
			n := min(left, peer.PieceSize-at%peer.PieceSize, s.entries[file].Size-at)
			data := s.content[file][at : at+n]
			c := peer.Chunk{Offer: read.Offer, File: file, Offset: at, Data: data}
			if read.Hashes {
				sum := peer.Hash(blake3.Sum256(data))
				c.Hash = &sum
			}
			s.send(c)
			at, left = at+n, left-n
		}
	}
}

func (s *script) send(m peer.Message) {
	b, err := peer.Append(nil, m)
	if err != nil {
		s.t.Error(err)
	}
	s.conn.Write(b)
}

// offer is what the script offers.
func (s *script) offer(t *testing.T, name string) transfer.Offer {
	t.Helper()
	o := transfer.Offer{ID: uuid.Must(uuid.NewV7()), Name: name}
	h := blake3.New()
	for _, e := range s.entries {
		b, err := peer.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
		o.Bytes += int64(e.Size)
		if e.Mode != peer.ModeFolder {
			o.Files++
		}
	}
	h.Sum(o.Manifest[:0])
	return o
}

func entry(path string, size uint64, mode peer.FileMode) peer.ManifestEntry {
	return peer.ManifestEntry{Path: strings.Split(path, "|"), Size: size, Time: 1_600_000_000_000_000_000, Mode: mode}
}

const folder = peer.ModeFolder

// scripted has bob accept what a scripted sender offers.
func scripted(t *testing.T, name string, s *script) (bob *device, offer transfer.Offer) {
	t.Helper()
	w := newWorld(t)
	s.t = t
	ann := w.sender(9, s)
	bob = w.device(2)
	offer = s.offer(t, name)
	bob.engine.Up(ann.id)
	bob.engine.Incoming(offer, ann.id)
	bob.wait(offer.ID, "the offer", func(transfer.Transfer) bool { return true })
	bob.accept(offer.ID)
	return bob, offer
}

func TestManifestsThatAreRefused(t *testing.T) {
	deep := strings.TrimSuffix(strings.Repeat("d|", 17), "|")
	var stairs []peer.ManifestEntry
	for depth := 1; depth <= 16; depth++ {
		stairs = append(stairs, entry(strings.TrimSuffix(strings.Repeat("d|", depth), "|"), 0, folder))
	}
	for name, entries := range map[string][]peer.ManifestEntry{
		"17 deep/N-11":                    append(stairs, entry(deep, 0, 0)),
		"a file used as a folder/N-11":    {entry("d", 0, folder), entry("d|f", 1, 0), entry("d|f|g", 1, 0)},
		"a file used as a folder #2/N-11": {entry("d", 1, 0), entry("d|g", 1, 0)},
		"apart from the others there":     {entry("d", 0, folder), entry("d|e", 0, folder), entry("d|f", 0, folder), entry("d|e|x", 1, 0), entry("d|f|x", 1, 0), entry("d|e|y", 1, 0)},
		"no folder for it":                {entry("d", 0, folder), entry("d|e|f", 1, 0)},
		"a folder of another spelling":    {entry("d", 0, folder), entry("D|e", 1, 0)},
		"two of one name":                 {entry("d", 0, folder), entry("d|é", 1, 0), entry("d|e\u0301", 1, 0)},
		"two that become one":             {entry("d", 0, folder), entry("d|a*", 1, 0), entry("d|a?", 1, 0)},
		"up and away":                     {entry("d", 0, folder), entry("d|..|x", 1, 0)},
		"a slash":                         {entry("d", 0, folder), entry("d|a/b", 1, 0)},
		"no name":                         {entry("d", 0, folder), entry("d||x", 1, 0)},
		"a folder with bytes":             {entry("d", 5, folder)},
		"an unknown mode":                 {entry("d", 0, 3)},
		"nothing":                         {},
	} {
		t.Run(name, func(t *testing.T) {
			offered := "d"
			s := &script{entries: entries, perPage: 2}
			if len(entries) == 0 {
				s.on = func(s *script, r peer.Read) bool {
					s.send(peer.Manifest{Offer: r.Offer})
					return true
				}
			}
			bob, offer := scripted(t, offered, s)
			bob.state(offer.ID, transfer.Failed, transfer.Refused)
			if names := listing(t, bob.dir); len(names) != 1 {
				t.Errorf("something was written: %v", names)
			}
		})
	}
}

func TestTheManifestMustBeTheOneThatWasOffered(t *testing.T) {
	for name, spoil := range map[string]func(o *transfer.Offer, s *script){
		"another hash":  func(o *transfer.Offer, _ *script) { o.Manifest[0] ^= 1 },
		"fewer files":   func(o *transfer.Offer, _ *script) { o.Files++ },
		"more files":    func(o *transfer.Offer, _ *script) { o.Files-- },
		"fewer bytes":   func(o *transfer.Offer, _ *script) { o.Bytes++ },
		"more bytes":    func(o *transfer.Offer, _ *script) { o.Bytes-- },
		"another name":  func(o *transfer.Offer, _ *script) { o.Name = "photo.jpg" },
		"another page":  func(_ *transfer.Offer, s *script) { s.on = page(func(m *peer.Manifest) { m.First++ }) },
		"another offer": func(_ *transfer.Offer, s *script) { s.on = page(func(m *peer.Manifest) { m.Offer[0]++ }) },
		"no end": func(_ *transfer.Offer, s *script) {
			s.on = page(func(m *peer.Manifest) { m.More = true; m.Entries = m.Entries[:0] })
		},
		"bytes in place of it": func(_ *transfer.Offer, s *script) {
			s.on = func(s *script, r peer.Read) bool { s.send(peer.Chunk{Offer: r.Offer, Data: []byte("x")}); return true }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := &script{t: t, entries: []peer.ManifestEntry{entry("a", 1, 0)}, content: map[uint64][]byte{0: []byte("x")}}
			ann, bob := w.sender(9, s), w.device(2)
			offer := s.offer(t, "a")
			spoil(&offer, s)
			bob.engine.Up(ann.id)
			bob.engine.Incoming(offer, ann.id)
			bob.wait(offer.ID, "the offer", func(transfer.Transfer) bool { return true })
			bob.accept(offer.ID)
			bob.state(offer.ID, transfer.Failed, transfer.Refused)
			if names := listing(t, bob.dir); len(names) != 1 {
				t.Errorf("something was written: %v", names)
			}
		})
	}
}

// page answers a request for a page with one that was changed.
func page(change func(*peer.Manifest)) func(*script, peer.Read) bool {
	return func(s *script, r peer.Read) bool {
		if r.Page == nil {
			return false
		}
		m := peer.Manifest{Offer: r.Offer, First: *r.Page, Entries: append([]peer.ManifestEntry(nil), s.entries...)}
		change(&m)
		s.send(m)
		return true
	}
}

func TestAHugeManifestIsPaged(t *testing.T) {
	t.Run("1,000,000 entries in constant memory/N-11", func(t *testing.T) {
		count := 1_000_000
		if raceEnabled {
			count = 100_000
		}
		w := newWorld(t)
		s := &script{t: t}
		ann, bob := w.sender(9, s), w.device(2)
		store := &countingStore{Store: bob.store, n: map[string]bool{}}
		bob.close()
		bob.replaced = store
		bob.start()
		offer, entryAt := hugeOffer(t, count)
		before := heap()
		peak := before
		s.on = func(s *script, r peer.Read) bool {
			if r.Page == nil {
				return false
			}
			m := peer.Manifest{Offer: r.Offer, First: *r.Page}
			for n := int(*r.Page); n < count && len(m.Entries) < 1024; n++ {
				m.Entries = append(m.Entries, entryAt(n))
			}
			m.More = int(m.First)+len(m.Entries) < count
			if m.First%(64*1024) == 0 {
				peak = max(peak, heap())
			}
			s.send(m)
			return true
		}
		// A folder of empty files: once it is known, there is nothing to receive.
		bob.engine.Up(ann.id)
		bob.engine.Incoming(offer, ann.id)
		bob.wait(offer.ID, "the offer", func(transfer.Transfer) bool { return true })
		bob.accept(offer.ID)
		bob.wait(offer.ID, "the manifest", func(t transfer.Transfer) bool { return t.Listed || t.State.Final() })
		if at := bob.at(offer.ID); at.Entries != int64(count) {
			t.Fatalf("%+v", at)
		}
		if grew := int64(peak) - int64(before); grew > 16<<20 {
			t.Errorf("memory grew by %d MiB", grew>>20)
		}
	})
}

// hugeOffer is an offer of that many entries, which are made as they are needed.
func hugeOffer(t *testing.T, count int) (transfer.Offer, func(n int) peer.ManifestEntry) {
	entryAt := func(n int) peer.ManifestEntry {
		if n == 0 {
			return entry("d", 0, folder)
		}
		return entry(fmt.Sprintf("d|%07d", n), 0, 0)
	}
	offer := transfer.Offer{ID: uuid.Must(uuid.NewV7()), Name: "d", Files: count - 1}
	h := blake3.New()
	for n := range count {
		b, err := peer.Marshal(entryAt(n))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	h.Sum(offer.Manifest[:0])
	return offer, entryAt
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// countingStore takes files in and keeps only how many there were: what a store
// needs for itself is not the engine's memory.
type countingStore struct {
	transfer.Store
	n     map[string]bool
	count int64
}

func (s *countingStore) AddFiles(_ uuid.UUID, files []transfer.File) error {
	for _, f := range files {
		if f.N != s.count {
			return fmt.Errorf("number %d after %d", f.N, s.count)
		}
		s.count++
	}
	return nil
}

// Files has none: the transfer ends here for lack of them.
func (s *countingStore) Files(uuid.UUID, int64, int) ([]transfer.File, error) { return nil, nil }

func TestLongNamesAreCutAndBothAreShown(t *testing.T) {
	for name, wire := range map[string]string{
		"255 bytes":           strings.Repeat("x", 251) + ".txt",
		"256 bytes":           strings.Repeat("x", 252) + ".txt",
		"4096 bytes":          strings.Repeat("x", 4092) + ".txt",
		"200 bytes of CJK":    strings.Repeat("文", 66) + "ab",
		"more than 200 bytes": strings.Repeat("文", 80) + ".txt",
	} {
		t.Run(name+"/N-09", func(t *testing.T) {
			s := &script{entries: []peer.ManifestEntry{entry(wire, 5, 0)}, content: map[uint64][]byte{0: []byte("hello")}}
			bob, offer := scripted(t, wire, s)
			done := bob.state(offer.ID, transfer.Done)
			saved := filepath.Base(done.Path)
			clean, rewritten, _ := peer.CleanName(wire)
			if saved != clean || done.Name != clean || rewritten != (done.Renamed == wire) {
				t.Errorf("saved as %q, named %q, renamed from %q", saved, done.Name, done.Renamed)
			}
			if strings.HasSuffix(wire, ".txt") && !strings.HasSuffix(saved, ".txt") {
				t.Errorf("the extension is lost: %q", saved)
			}
			if b, err := os.ReadFile(done.Path); err != nil || string(b) != "hello" {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
}
