package transfer

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"earshot/peer"
)

// This file makes durable what a finish gives its names.

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
		f.placed = f.placed || file.Placed
		if named[top] || file.Placed {
			return nil
		}
		if !inside && file.Merge && file.Final != "" {
			f.merging[top] = file
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
	name := partOf(f.id, file)
	parent, base := path.Split(name)
	err := f.folder.enter(f.disk, path.Clean(parent))
	var info fs.FileInfo
	if err == nil {
		info, err = f.folder.Lstat(base)
	}
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil && f.wasMerged(file):
		return nil
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
	var err error
	name := partOf(f.id, file)
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
