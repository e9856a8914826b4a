package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"earshot/peer"
)

// syncEach is up to how many entries are made durable one by one. For more, the
// whole file system is flushed at once where that is possible: ten thousand small
// files take a moment instead of a minute.
const syncEach = 32

// errIncomplete says that something that was received is not there any more. It was
// put among what is fetched again.
var errIncomplete = errors.New("a part of it is gone")

// finisher gives what was received its names. Each step can be the last one before
// the process is killed; the next start goes through all of them again, and those
// that were done change nothing.
type finisher struct {
	*landing
	paths partPaths
	first string // the name that the first topmost entry got
	tops  int
	made  bool // settle made something
}

// finish brings a complete transfer to where it belongs: content, times and folders
// are made durable; then every topmost entry gets a name in the save folder that
// nothing had before; then that is made durable. The parts are not removed: only
// after the store knows that the transfer is done. It returns the path of the one
// file or folder that was received, or the save folder where there are several.
func (l *landing) finish(dir string) (string, error) {
	if err := l.closePart(false); err != nil {
		return "", err
	}
	f := &finisher{landing: l, paths: partPaths{store: l.store, id: l.id}}
	if err := f.settle(); err != nil {
		return "", err
	}
	all := cursor{store: l.store, id: l.id}
	if err := all.tops(f.land); err != nil {
		return "", err
	}
	if err := l.disk.SyncFolder("."); err != nil {
		return "", fmt.Errorf("make the names in %s durable: %w", dir, err)
	}
	if f.tops == 1 {
		dir = filepath.Join(dir, f.first)
	}
	return dir, nil
}

// begun reports whether the finish was under way before: everything had been
// verified then, and may have its name already.
func (l *landing) begun() (bool, error) {
	if l.kept < l.chunks {
		return false, nil
	}
	found := errors.New("found")
	all := cursor{store: l.store, id: l.id}
	err := all.tops(func(f *File) error {
		if f.Final != "" {
			return found
		}
		return nil
	})
	if err == found {
		return true, nil
	}
	return false, err
}

// settle makes sure that everything is there, complete and with its time, and makes
// it durable.
func (f *finisher) settle() error {
	each := f.entries <= syncEach
	for again := true; again; again = f.made { // what is made changes the time of its folder
		f.made = false
		if err := f.settleAll(each); err != nil {
			return err
		}
	}
	if !f.complete() {
		return errIncomplete
	}
	return f.sync(each)
}

func (f *finisher) settleAll(each bool) error {
	all := cursor{store: f.store, id: f.id}
	named := map[string]bool{} // topmost folders that have their final name already
	return all.each(func(file *File) error {
		top, _, inside := strings.Cut(file.Path, "/")
		if named[top] {
			return nil
		}
		if !inside {
			if has, err := f.hasName(file); has || err != nil {
				named[top] = file.Mode == peer.ModeFolder
				return err
			}
		}
		return f.settleEntry(file, each)
	})
}

func (f *finisher) settleEntry(file *File, sync bool) error {
	name, err := f.paths.of(file)
	if err != nil {
		return err
	}
	parent, base := path.Split(name)
	err = f.folder.enter(f.disk, path.Clean(parent))
	var info fs.FileInfo
	if err == nil {
		info, err = f.folder.Lstat(base)
	}
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil, !isWhole(file, info):
		return f.missing(file)
	}
	if !info.ModTime().Equal(file.Time) {
		if err := f.folder.Chtimes(base, file.Time); err != nil {
			return err
		}
	}
	if !sync {
		return nil
	}
	if info.IsDir() {
		return f.disk.SyncFolder(name)
	}
	return syncRegular(f.disk, name)
}

// isWhole reports whether what lies there can be the file.
func isWhole(file *File, info fs.FileInfo) bool {
	if file.Mode == peer.ModeFolder {
		return info.IsDir()
	}
	return info.Mode().IsRegular() && info.Size() == file.Size
}

// missing makes a folder or empty file again that went, and has a file fetched
// again.
func (f *finisher) missing(file *File) error {
	if file.Size == 0 {
		f.made = true
		return f.make(file)
	}
	for number := file.First; number < file.First+file.Chunks(); number++ {
		c := chunkOf(file, number)
		f.moved.done.Add(-int64(c.size))
		f.wrong(c)
	}
	return nil
}

// sync makes the content and the parts' names durable.
func (f *finisher) sync(each bool) error {
	if err := f.journal.Sync(); err != nil {
		return err
	}
	if each {
		return f.disk.SyncFolder(partsFolder)
	}
	err := f.disk.SyncAll()
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	all := cursor{store: f.store, id: f.id}
	return all.each(func(file *File) error { return f.syncOne(file) })
}

func (f *finisher) syncOne(file *File) error {
	name, err := f.paths.of(file)
	if err != nil {
		return err
	}
	if file.Mode == peer.ModeFolder {
		err = f.disk.SyncFolder(name)
	} else {
		err = syncRegular(f.disk, name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // has its final name already
	}
	return err
}

// hasName reports whether a topmost entry lies under its final name already: its
// part is gone, or is the same file.
func (f *finisher) hasName(top *File) (bool, error) {
	if top.Final == "" {
		return false, nil
	}
	there, err := f.disk.Lstat(top.Final)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	part, err := f.disk.Lstat(partName(f.id, top.N))
	if errors.Is(err, fs.ErrNotExist) {
		return isWhole(top, there), nil
	}
	return err == nil && os.SameFile(part, there), err
}

// land gives a topmost entry its name.
func (f *finisher) land(top *File) error {
	name := top.Final
	done, err := f.hasName(top)
	if err != nil {
		return err
	}
	if !done {
		if name, err = f.name(top); err != nil {
			return err
		}
	}
	if f.tops == 0 {
		f.first = name
	}
	f.tops++
	return nil
}

// name finds a name that nothing has and gives it to a topmost entry. It is in the
// store before anything of that name is made.
func (f *finisher) name(top *File) (string, error) {
	if top.Final != "" && top.Placeholder { // where the step was cut off
		err := f.overPlaceholder(top, top.Final)
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			return top.Final, err
		}
	}
	for n := 1; ; n++ {
		name := numbered(top, n)
		if _, err := f.disk.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return "", err
			}
			continue
		}
		err := f.take(top, name)
		if !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
}

// take gives a topmost entry that name; fs.ErrExist where something has it.
func (f *finisher) take(top *File, name string) error {
	if err := f.store.SetFinal(f.id, top.N, name, false); err != nil {
		return err
	}
	part := partName(f.id, top.N)
	if top.Mode == peer.ModeFolder {
		return f.disk.Move(part, name)
	}
	err := f.disk.Link(part, name)
	if err == nil || errors.Is(err, fs.ErrExist) || !noLinks(err) {
		return err
	}
	// Without links, an empty file of ours is the one way to take a name that
	// nobody has.
	if err := f.store.SetFinal(f.id, top.N, name, true); err != nil {
		return err
	}
	out, err := f.disk.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return f.overPlaceholder(top, name)
}

// overPlaceholder moves a part to where its placeholder is. Anything else under
// that name stays, and is fs.ErrExist.
func (f *finisher) overPlaceholder(top *File, name string) error {
	info, err := f.disk.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > 0 {
		return fs.ErrExist
	}
	return f.disk.Rename(partName(f.id, top.N), name)
}

// numbered is the n-th name to try for a topmost entry: "a.txt", "a (2).txt", …
func numbered(top *File, n int) string {
	if n == 1 {
		return top.Path
	}
	end := ""
	if top.Mode != peer.ModeFolder {
		end = path.Ext(top.Path)
	}
	return fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(top.Path, end), n, end)
}
