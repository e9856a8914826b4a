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
	store   Store
	id      uuid.UUID
	sources sources
	list    *listing
	batch   []File
	left    leftOut
}

// walk lists the files and folders at the absolute paths.
func (w *walker) walk(ctx context.Context, paths []string) error {
	defer w.sources.close()
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
	if err := w.flush(); err != nil {
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
		if err := w.flush(); err != nil {
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
	return w.entry(File{}, filepath.Base(filepath.Clean(name)), real, fs.FileInfoToDirEntry(info))
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
		for _, entry := range entries {
			if err := w.entry(folder, entry.Name(), filepath.Join(folder.Source, entry.Name()), entry); err != nil {
				return err
			}
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

// entry lists one file or folder in a folder, or leaves it out.
func (w *walker) entry(folder File, name, source string, entry fs.DirEntry) error {
	wire := path.Join(folder.sentAs(), wireName(name))
	clean, _, err := peer.CleanPath(strings.Split(wire, "/"))
	if err != nil {
		why := "without a name that can be sent"
		if strings.Count(wire, "/") >= maxDepth {
			why = "too deep in folders"
		}
		w.left.add(why, name)
		return nil
	}
	f := File{Path: strings.Join(clean, "/"), Source: source}
	f.Fold = peer.FoldName(f.Path)
	if wire != f.Path {
		f.Wire = wire
	}
	if why := w.look(&f, entry); why != "" {
		w.left.add(why, name)
		return nil
	}
	w.batch = append(w.batch, f)
	if len(w.batch) >= page {
		return w.flush()
	}
	return nil
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
func (w *walker) look(f *File, entry fs.DirEntry) (why string) {
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
	file, err := w.sources.open(f.Source)
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

// flush adds what was found to the store. Names that would be one on another
// system are left out, all but the first.
func (w *walker) flush() error {
	files := w.batch
	w.batch = w.batch[:0]
	if len(files) == 0 {
		return nil
	}
	w.list.number(files)
	err := w.store.AddFiles(w.id, files)
	if errors.Is(err, ErrTaken) {
		if files, err = w.distinct(files); err == nil {
			w.list.number(files)
			err = w.store.AddFiles(w.id, files)
		}
	}
	if err != nil {
		return err
	}
	return w.list.add(files)
}

// distinct leaves out the files whose folded path was there before.
func (w *walker) distinct(files []File) ([]File, error) {
	seen := map[string]bool{}
	kept := files[:0]
	for _, f := range files {
		_, there, err := w.store.Find(w.id, f.Fold)
		if err != nil {
			return nil, err
		}
		if there || seen[f.Fold] {
			w.left.add("with another's name", f.Path)
			continue
		}
		seen[f.Fold] = true
		kept = append(kept, f)
	}
	return kept, nil
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
