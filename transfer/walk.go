package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// maxDepth is how deep a path in a manifest may be (see peer.CleanPath).
const maxDepth = 16

// errNothing says that there is nothing to send.
var errNothing = errors.New("nothing of it can be sent")

// walker makes the manifest of files on this device. The folders that are still
// to be looked into wait in the store, as entries of the manifest itself, so a
// million files take no more memory than one page of them.
type walker struct {
	store Store
	id    uuid.UUID
	hands [maxHands]sources
	list  *listing

	places *places
	batch  []File
	spare  []File // an empty one
	left   leftOut

	adding aside   // of a batch to the store
	twins  leftOut // what was left out of it
}

// walk lists the files and folders at the absolute paths.
func (w *walker) walk(ctx context.Context, paths []string) error {
	defer w.close()
	names := map[string]bool{}
	for _, name := range paths {
		fold := peer.FoldName(filepath.Base(name))
		if names[fold] {
			return fmt.Errorf("send %s: another one of the same name is to be sent with it", name)
		}
		names[fold] = true
		if err := w.top(name); err != nil {
			return err
		}
	}
	if err := w.flushAll(); err != nil {
		return err
	}
	for next := int64(0); ; {
		folders, err := w.store.Folders(w.id, next, page)
		if err != nil {
			return err
		}
		if len(folders) == 0 {
			break
		}
		for _, f := range folders {
			if err := w.inside(ctx, f); err != nil {
				return err
			}
		}
		next = folders[len(folders)-1].N + 1
		if err := w.flushAll(); err != nil {
			return err
		}
	}
	if w.list.entries == 0 {
		return fmt.Errorf("%w%s", errNothing, w.left.because())
	}
	return w.list.checkFolders(w.list.files)
}

// top lists what a person named. Links in its path are followed: they were chosen.
func (w *walker) top(name string) error {
	if !filepath.IsAbs(name) {
		return fmt.Errorf("send %q: not an absolute path", name)
	}
	if filepath.Dir(name) == filepath.Clean(name) {
		return fmt.Errorf("send %s: the whole disk cannot be sent", name)
	}
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("send %s: %w", name, err)
	}
	info, err := os.Lstat(real)
	if err != nil {
		return fmt.Errorf("send %s: %w", name, err)
	}
	base := filepath.Base(filepath.Clean(name))
	return w.add(base, w.hands[0].entry(File{}, base, real, fs.FileInfoToDirEntry(info)))
}

// inside lists what is in a folder of the manifest.
func (w *walker) inside(ctx context.Context, folder File) error {
	dir, err := os.Open(folder.Source)
	if err != nil {
		w.left.add("unreadable", folder.Path)
		return nil
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(page)
		if err := w.all(folder, entries); err != nil {
			return err
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			w.left.add("unreadable", folder.Path)
			return nil
		}
	}
}

// entry is a file or folder, or why it is left out.
type entry struct {
	file File
	why  string
}

// all lists files and folders of a folder. Several goroutines look at them: most of
// what that costs are calls of the system.
func (w *walker) all(folder File, entries []fs.DirEntry) error {
	seen := make([]entry, len(entries))
	err := byHands(len(entries), func(hand, i int) error {
		name := entries[i].Name()
		seen[i] = w.hands[hand].entry(folder, name, filepath.Join(folder.Source, name), entries[i])
		return nil
	})
	if err != nil {
		return err
	}
	for i, e := range seen {
		if err := w.add(entries[i].Name(), e); err != nil {
			return err
		}
	}
	return nil
}

// add lists one file or folder, or leaves it out.
func (w *walker) add(name string, e entry) error {
	if e.why != "" {
		w.left.add(e.why, name)
		return nil
	}
	if w.batch = append(w.batch, e.file); len(w.batch) >= page {
		return w.flush()
	}
	return nil
}

// entry finds out what a file or folder in a folder is.
func (s *sources) entry(folder File, name, source string, of fs.DirEntry) entry {
	wire := path.Join(folder.sentAs(), wireName(name))
	clean, _, err := peer.CleanPath(strings.Split(wire, "/"))
	if err != nil {
		why := "without a name that can be sent"
		if strings.Count(wire, "/") >= maxDepth {
			why = "too deep in folders"
		}
		return entry{why: why}
	}
	f := File{Path: strings.Join(clean, "/"), Source: source}
	if wire != f.Path {
		f.Wire = wire
	}
	why := s.look(&f, of)
	return entry{f, why}
}

// sentAs is the path in the manifest as the sender writes it; that of no folder is
// empty.
func (f File) sentAs() string {
	if f.Wire != "" {
		return f.Wire
	}
	return f.Path
}

// look fills in what a file or folder is, or says why it is left out.
func (s *sources) look(f *File, entry fs.DirEntry) (why string) {
	switch mode := entry.Type(); {
	case mode&fs.ModeSymlink != 0:
		return "link"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&(fs.ModeDevice|fs.ModeCharDevice|fs.ModeIrregular) != 0:
		return "device"
	case mode.IsDir() && path.Base(f.Source) == partsFolder:
		return "folder of unfinished files"
	}
	if entry.IsDir() {
		info, err := entry.Info()
		if err != nil {
			return "unreadable"
		}
		f.Mode, f.Time = peer.ModeFolder, info.ModTime()
		return ""
	}
	file, err := s.open(f.Source)
	if err != nil {
		return "unreadable"
	}
	defer file.Close()
	is, err := file.State()
	if err != nil {
		return "unreadable"
	}
	if is.Program {
		f.Mode = peer.ModeProgram
	}
	f.Size, f.Stamp, f.Time, f.Holes = is.Size, is.Stamp, time.Unix(0, is.Time), is.Holes
	return ""
}

// flush begins to add what was found to the store, while more is looked for.
func (w *walker) flush() error {
	if err := w.adding.wait(); err != nil || len(w.batch) == 0 {
		return err
	}
	files := w.batch
	w.batch, w.spare = w.spare[:0], files
	return w.adding.begin(func() error { return w.keep(files) })
}

// flushAll is flush, and waits.
func (w *walker) flushAll() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.adding.wait()
}

func (w *walker) close() {
	w.adding.wait() // where something went wrong meanwhile
	for i := range w.hands {
		w.hands[i].close()
	}
	w.left.kinds = append(w.left.kinds, w.twins.kinds...)
}

// keep adds files to the store. Names that would be one on another system are left
// out, all but the first.
func (w *walker) keep(files []File) error {
	kept := files[:0]
	for _, f := range files {
		f.N = w.list.entries + int64(len(kept))
		if err := w.places.put(&f); errors.Is(err, errTwin) {
			w.twins.add("with another's name", f.Path)
			continue
		} else if err != nil {
			return err
		}
		kept = append(kept, f)
	}
	if len(kept) == 0 {
		return nil
	}
	w.list.number(kept)
	if err := w.store.AddFiles(w.id, kept); err != nil {
		return err
	}
	return w.list.add(kept)
}

// wireName is the name that a file is offered under: its own, where a receiver
// takes that.
func wireName(name string) string {
	if _, _, err := peer.CleanName(name); err == nil {
		return name
	}
	name = strings.ToValidUTF8(name, "_")
	return strings.NewReplacer("/", "_", "\\", "_", ":", "_", "\x00", "_").Replace(name)
}

// leftOut collects what is not sent, and why, in a few words.
type leftOut struct{ kinds []leftKind }

type leftKind struct {
	why   string
	count int
	name  string // of the first one
}

func (l *leftOut) add(why, name string) {
	for i := range l.kinds {
		if l.kinds[i].why == why {
			l.kinds[i].count++
			return
		}
	}
	l.kinds = append(l.kinds, leftKind{why, 1, name})
}

// String is like "2 link (passwd, …), 1 pipe (queue)", empty where all is sent.
func (l *leftOut) String() string {
	var words []string
	for _, k := range l.kinds {
		more := ""
		if k.count > 1 {
			more = ", …"
		}
		words = append(words, fmt.Sprintf("%d %s (%s%s)", k.count, k.why, k.name, more))
	}
	return strings.Join(words, ", ")
}

// because is what an error that nothing is left to send ends with.
func (l *leftOut) because() string {
	if s := l.String(); s != "" {
		return ": left out " + s
	}
	return ""
}
