package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// merge moves what was received in folders that were there already to where it
// belongs in them, entry by entry. What cannot be placed, since something of another
// kind has the name of a folder, goes into a folder of its own.
func (f *finisher) merge() error {
	if len(f.merging) == 0 {
		return nil
	}
	left := map[string]bool{} // of these folders something is left
	all := cursor{store: f.store, id: f.id}
	err := all.each(func(file *File) error {
		top := f.merging[topOf(file.Path)]
		if top == nil || file.N == top.N || file.Placed {
			return nil
		}
		placed, err := f.mergeEntry(file)
		if !placed {
			left[top.Path] = true
		}
		return err
	})
	for name, top := range f.merging {
		if err == nil && left[name] {
			err = f.moveAside(top)
		}
	}
	if err != nil {
		return err
	}
	return f.syncMerged()
}

// mergeEntry places one file or folder, where that can be done.
func (f *finisher) mergeEntry(file *File) (placed bool, err error) {
	part := partOf(f.id, file)
	if above, err := f.disk.Lstat(path.Dir(file.Path)); err != nil || !above.IsDir() {
		return false, ignoreMissing(err)
	}
	if isFolder(file) {
		return f.mergeFolder(file)
	}
	info, err := f.disk.Lstat(part)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // that was done
	}
	for n := 1; err == nil; n++ {
		name := numbered(file.Path, false, n)
		there, failed := f.disk.Lstat(name)
		switch {
		case failed == nil && os.SameFile(info, there): // between the two steps of moveNew
			return true, f.disk.Remove(part)
		case failed == nil && n == 1 && f.replaces(file, name, there):
			return true, f.disk.Rename(part, name)
		case failed == nil:
			continue
		case !errors.Is(failed, fs.ErrNotExist):
			return false, failed
		}
		if err = f.moveNew(file, part, name); !errors.Is(err, fs.ErrExist) {
			return err == nil, err
		}
		err = nil
	}
	return false, err
}

// mergeFolder makes sure that a folder is there.
func (f *finisher) mergeFolder(file *File) (bool, error) {
	info, err := f.disk.Lstat(file.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, f.disk.Mkdir(file.Path, 0o700)
	}
	return err == nil && info.IsDir(), err
}

// moveNew moves a part to a name that nothing has; fs.ErrExist where something does.
// Where the name is not that of the file, the store knows it first.
func (f *finisher) moveNew(file *File, part, name string) error {
	if name != file.Path {
		if err := f.store.SetFinals(f.id, []Final{{N: file.N, Name: name}}); err != nil {
			return err
		}
	}
	err := f.disk.Link(part, name)
	if err == nil {
		return f.disk.Remove(part)
	}
	if !noLinks(err) {
		return err
	}
	if err := hold(f.disk, name); err != nil {
		return err
	}
	return f.disk.Rename(part, name)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// moveAside gives what could not be placed in a folder a name of its own.
func (f *finisher) moveAside(top *File) error {
	for n := 2; ; n++ {
		err := f.disk.Move(partName(f.id, top.N), numbered(top.Path, true, n))
		if !errors.Is(err, fs.ErrExist) {
			return ignoreMissing(err)
		}
	}
}

// wasMerged reports whether a file of a folder that is merged lies where it belongs:
// its part is gone.
func (f *finisher) wasMerged(file *File) bool {
	if f.merging[topOf(file.Path)] == nil {
		return false
	}
	name := file.Final
	if name == "" || file.Merge {
		name = file.Path
	}
	info, err := f.disk.Lstat(name)
	return err == nil && isWhole(file, info)
}

// syncMerged makes the names in merged folders durable.
func (f *finisher) syncMerged() error {
	err := f.disk.SyncAll()
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	all := cursor{store: f.store, id: f.id}
	return all.each(func(file *File) error {
		if f.merging[topOf(file.Path)] == nil || !isFolder(file) {
			return nil
		}
		if err := ignoreMissing(f.disk.SyncFolder(file.Path)); err != nil {
			return fmt.Errorf("make the names in %s durable: %w", file.Path, err)
		}
		return nil
	})
}
