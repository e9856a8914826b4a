package transfer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// This file gives what was received its names.

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

// name gives the topmost entries their names, a page of them with each commit.
func (f *finisher) name() error {
	var tops []*File
	all := cursor{store: f.store, id: f.id}
	err := all.tops(func(top *File) error {
		tops = append(tops, top)
		if len(tops) < page {
			return nil
		}
		these := tops
		tops = nil
		return f.nameThese(these)
	})
	if err != nil {
		return err
	}
	return f.nameThese(tops)
}

func (f *finisher) nameThese(tops []*File) error {
	chosen := map[string]bool{}
	var finals []Final
	var open []*File
	for _, top := range tops {
		name, has, err := f.choose(top, chosen)
		if err != nil {
			return err
		}
		if top.Final = name; f.tops == 0 {
			f.first = top
		}
		if f.tops++; !has {
			chosen[name] = true
			finals, open = append(finals, Final{N: top.N, Name: name}), append(open, top)
		}
	}
	if len(open) == 0 {
		return nil
	}
	if err := f.store.SetFinals(f.id, finals); err != nil {
		return err
	}
	for _, top := range open {
		if err := f.give(top); err != nil {
			return err
		}
	}
	return nil
}

// choose finds the name for a topmost entry; has is true where it has it already.
func (f *finisher) choose(top *File, chosen map[string]bool) (name string, has bool, err error) {
	if top.Placed {
		return cmp.Or(top.Final, top.Path), true, nil
	}
	if has, err = f.hasName(top); has || err != nil {
		return top.Final, has, err
	}
	if top.Merge {
		f.merging[top.Path] = top
		return top.Path, false, nil
	}
	if top.Final != "" && top.Placeholder { // where the step was cut off
		err := f.overPlaceholder(top, top.Final)
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			return top.Final, true, err
		}
	}
	for n := 1; ; n++ {
		name := numbered(top.Path, isFolder(top), n)
		there, err := f.disk.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if !chosen[name] {
				return name, false, nil
			}
		case err != nil:
			return "", false, err
		case n == 1 && f.replaces(top, name, there):
			return name, false, nil
		}
	}
}

// replaces reports whether a file may take the place of what has its name.
func (f *finisher) replaces(file *File, name string, there fs.FileInfo) bool {
	switch {
	case isFolder(file) || !there.Mode().IsRegular():
		return false
	case f.conflict == OverwriteOwn:
		return file.Own && there.ModTime().Equal(file.BaseTime)
	}
	return f.conflict == Overwrite
}

// give gives a topmost entry the name that was chosen for it and is in the store, or
// the next one where something has it by now.
func (f *finisher) give(top *File) error {
	for {
		err := f.take(top)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		name, has, err := f.choose(top, nil)
		if has || err != nil {
			return err
		}
		top.Final = name
		if err := f.store.SetFinals(f.id, []Final{{N: top.N, Name: name}}); err != nil {
			return err
		}
	}
}

// take gives a topmost entry its name; fs.ErrExist where something has it.
func (f *finisher) take(top *File) error {
	part := partName(f.id, top.N)
	there, err := f.disk.Lstat(top.Final)
	switch {
	case top.Merge:
		return nil // see merge
	case isFolder(top):
		return f.disk.Move(part, top.Final)
	case err == nil && f.replaces(top, top.Final, there):
		return f.disk.Rename(part, top.Final)
	}
	err = f.disk.Link(part, top.Final)
	if err == nil || errors.Is(err, fs.ErrExist) || !noLinks(err) {
		return err
	}
	// Without links, an empty file of ours is the one way to take a name that
	// nobody has.
	if err := f.store.SetFinals(f.id, []Final{{N: top.N, Name: top.Final, Placeholder: true}}); err != nil {
		return err
	}
	if err := hold(f.disk, top.Final); err != nil {
		return err
	}
	return f.overPlaceholder(top, top.Final)
}

// hold makes an empty file of a name that nothing has.
func hold(d disk, name string) error {
	out, err := d.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return out.Close()
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

// numbered is the n-th name to try for a file or folder: "a.txt", "a (2).txt", …
func numbered(name string, folder bool, n int) string {
	if n == 1 {
		return name
	}
	end := ""
	if !folder {
		end = path.Ext(name)
	}
	return fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, end), n, end)
}
