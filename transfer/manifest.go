package transfer

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/blake3"

	"earshot/peer"
)

const (
	// page is how many files are asked of a store, or sent, at once: a page of
	// them is small whatever the number of files.
	page = 512
	// maxPage is how many entries a page from a peer may have.
	maxPage = 1024
	// maxEntries bounds a manifest. More files than a person has; their names
	// alone take a gigabyte in the store.
	maxEntries = 8 << 20
	// maxPaths bounds the bytes of all its paths together, so that the entries it may
	// have cannot all be as long as one may be.
	maxPaths = 1 << 30
	// freeFolders and foldersPerFile bound its folders: people are shown the number
	// of files alone.
	freeFolders    = 1024
	foldersPerFile = 16
	// maxBytes bounds the bytes of an offer, so that sums do not overflow.
	maxBytes = 1 << 60
)

// errManifest is what a manifest that is refused is an error of.
var errManifest = errors.New("refused manifest")

// listing numbers the entries of a manifest, in order, and sums them up. Both
// sides make one, so both arrive at the same numbers and the same hash.
type listing struct {
	entries int64 // also the number of the next one
	first   int64 // the number of the next chunk
	bytes   int64
	paths   int64 // bytes in all paths, as they are sent
	holes   int64 // bytes that take no room at the sender
	files   int
	program bool
	tops    int    // topmost entries
	name    string // of the first one, as it is sent
	hash    *blake3.Hasher
}

func newListing() *listing { return &listing{hash: blake3.New()} }

// number gives files that are to be added the numbers they will have.
func (l *listing) number(files []File) {
	n, first, start := l.entries, l.first, l.bytes
	for i := range files {
		f := &files[i]
		f.N, f.First, f.Start = n, first, start
		n, first, start = n+1, first+f.Chunks(), start+f.Size
	}
}

// add takes in files that were numbered.
func (l *listing) add(files []File) error {
	for _, f := range files {
		entry := f.entry()
		b, err := peer.Marshal(entry)
		if err != nil {
			return fmt.Errorf("encode entry %q: %w", f.Path, err)
		}
		l.hash.Write(b)
		l.entries, l.first, l.bytes = f.N+1, f.First+f.Chunks(), f.Start+f.Size
		l.paths += int64(len(f.sentAs()))
		if f.Mode != peer.ModeFolder {
			l.files++
		}
		l.program = l.program || isProgram(f)
		if len(entry.Path) == 1 {
			l.top(entry.Path[0])
		}
	}
	if l.entries > maxEntries || l.bytes > maxBytes || l.paths > maxPaths {
		return fmt.Errorf("%w: more than %d files, %d bytes or %d bytes of names", errManifest, maxEntries, int64(maxBytes), maxPaths)
	}
	return nil
}

// checkFolders refuses more folders than go with that many files.
func (l *listing) checkFolders(files int) error {
	most := freeFolders + foldersPerFile*int64(min(files, maxEntries))
	if folders := l.entries - int64(l.files); folders > most {
		return fmt.Errorf("%w: more than %d folders with %d files", errManifest, most, files)
	}
	return nil
}

func (l *listing) top(name string) {
	if l.tops == 0 {
		l.name = name
	}
	l.tops++
}

// offer is what the manifest is offered as.
func (l *listing) offer() Offer {
	o := Offer{Name: l.name, Files: l.files, Bytes: l.bytes, Program: l.program}
	if l.tops > 1 {
		o.Name = fmt.Sprintf("%s and %d more", l.name, l.tops-1)
	}
	l.hash.Sum(o.Manifest[:0])
	return o
}

// entry is what is sent of a file.
func (f File) entry() peer.ManifestEntry {
	return peer.ManifestEntry{Path: strings.Split(f.sentAs(), "/"), Size: uint64(f.Size), Time: f.Time.UnixNano(), Mode: f.Mode}
}

// fileOf makes a file of an entry that a peer sent, or refuses it.
func fileOf(e peer.ManifestEntry) (File, error) {
	clean, _, err := peer.CleanPath(e.Path)
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", errManifest, err)
	}
	name := strings.Join(clean, "/")
	if e.Size > maxBytes || e.Mode > peer.ModeFolder || e.Mode == peer.ModeFolder && e.Size > 0 {
		return File{}, fmt.Errorf("%w: %d bytes in %q of mode %d", errManifest, e.Size, name, e.Mode)
	}
	f := File{Path: name, Size: int64(e.Size), Time: time.Unix(0, e.Time), Mode: e.Mode}
	if wire := strings.Join(e.Path, "/"); wire != name {
		f.Wire = wire
	}
	return f, nil
}

// runs are the ends of names that make a system run a file.
var runs = []string{
	".exe", ".msi", ".msix", ".msp", ".bat", ".cmd", ".com", ".scr", ".pif", ".cpl", ".ps1", ".vbs", ".vbe", ".js", ".jse", ".wsf", ".wsh",
	".hta", ".msc", ".reg", ".lnk", ".url", ".jar", ".sh", ".bash", ".command", ".tool", ".terminal", ".workflow", ".app", ".desktop",
	".appimage", ".run", ".deb", ".rpm", ".pkg", ".dmg", ".apk", ".py", ".pyw",
}

// IsProgramName reports whether a file of that name is run on some system when it is
// opened. It is a mark for people, not a defence.
func IsProgramName(name string) bool {
	return slices.Contains(runs, strings.ToLower(path.Ext(name)))
}

// isProgram reports whether a file can be run on some system, by its mode or its
// name.
func isProgram(f File) bool {
	return f.Mode != peer.ModeFolder && (f.Mode == peer.ModeProgram || IsProgramName(f.Path))
}

// checker takes in the pages of a manifest that a peer sends.
type checker struct {
	store  Store
	offer  Offer
	list   *listing
	places *places
	kept   []File // checked, and still to be added to the store
	adding aside  // of files to the store
}

// page checks one page and keeps it: what comes of adding it to the store, another
// call, or end, says. Nothing outside the store has been touched when it refuses
// one. The holes are a hint, of use only while they are no more than the bytes.
func (c *checker) page(entries []peer.ManifestEntry, holes uint64) error {
	files := make([]File, len(entries))
	err := byHands(len(entries), func(_, i int) (err error) {
		files[i], err = fileOf(entries[i])
		return err
	})
	if err != nil {
		return err
	}
	if err := c.checkSizes(files); err != nil {
		return err
	}
	c.list.number(files)
	for i := range files {
		if err := c.places.put(&files[i]); err != nil {
			return fmt.Errorf("%w: %w", errManifest, err)
		}
	}
	if err := c.list.add(files); err != nil {
		return err
	}
	c.list.holes = min(c.list.holes+int64(min(holes, maxBytes)), c.list.bytes)
	if c.list.bytes > c.offer.Bytes || c.list.files > c.offer.Files {
		return fmt.Errorf("%w: more than was offered", errManifest)
	}
	if err := c.list.checkFolders(c.offer.Files); err != nil {
		return err
	}
	return c.keep(files)
}

// keep adds files to the store, as many at once as it takes: those of small pages too,
// since whoever reads them gets those that were added together.
func (c *checker) keep(files []File) error {
	if len(c.kept)+len(files) > maxPage {
		if err := c.flush(); err != nil {
			return err
		}
	}
	c.kept = append(c.kept, files...)
	return nil
}

// flush begins to add what is kept.
func (c *checker) flush() error {
	files := c.kept
	c.kept = nil
	return c.adding.begin(func() error { return c.store.AddFiles(c.offer.ID, files) })
}

// checkSizes refuses sizes with which sums could overflow.
func (c *checker) checkSizes(files []File) error {
	for _, f := range files {
		if f.Size > c.offer.Bytes {
			return fmt.Errorf("%w: more bytes than were offered", errManifest)
		}
	}
	return nil
}

// end refuses a manifest that, now that it is complete, is not what was offered.
func (c *checker) end() error {
	if err := errors.Join(c.flush(), c.adding.wait()); err != nil {
		return err
	}
	got := c.list.offer()
	got.ID = c.offer.ID
	want := c.offer
	want.Program = got.Program // the offer's word is not relied on
	if c.list.entries == 0 || got != want {
		return fmt.Errorf("%w: it is not the one that was offered", errManifest)
	}
	return nil
}
