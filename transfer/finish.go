package transfer

import (
	"errors"
	"fmt"
	"path/filepath"
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
	first   *File // the first topmost entry
	tops    int
	made    bool             // settle made something
	placed  bool             // there are files of which nothing was received
	merging map[string]*File // topmost folders that are merged, by name
}

// finish brings a complete transfer to where it belongs: content, times and folders
// are made durable; then every topmost entry gets a name in the save folder; then
// that is made durable. Nothing that has the name gives way, but where the person
// said so. The parts are not removed: only after the store knows that the transfer
// is done. It returns the path of the one file or folder that was received, or the
// save folder where there are several.
func (l *landing) finish(dir string) (string, error) {
	if err := l.closePart(false); err != nil {
		return "", err
	}
	f := &finisher{landing: l, merging: map[string]*File{}}
	if err := f.settle(); err != nil {
		return "", err
	}
	content, err := f.content()
	if err != nil {
		return "", err
	}
	l.moved.content.Store(&content)
	f.leave() // some systems rename no folder in which one is open
	if err := f.name(); err != nil {
		return "", err
	}
	if err := f.merge(); err != nil {
		return "", err
	}
	if err := l.disk.SyncFolder("."); err != nil {
		return "", fmt.Errorf("make the names in %s durable: %w", dir, err)
	}
	if f.tops == 1 {
		dir = filepath.Join(dir, filepath.FromSlash(f.first.Final))
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
		if f.Final != "" && !f.Placed {
			return found
		}
		return nil
	})
	if err == found {
		return true, nil
	}
	return false, err
}
