package transfer

import (
	"errors"
	"io/fs"
	"path"

	"earshot/peer"
)

// This file writes the parts of a landing.

// openPart is the part that is being written.
type openPart struct {
	diskFile
	file *File
	name string // below the save folder
	// empty: behind what is in the journal, nothing was written since the part
	// got its size, so a piece of zeros is a hole there already.
	empty bool
}

// folder is the folder of the part that was opened last. It stays open: of ten
// thousand small files most lie beside the one before.
type folder struct {
	disk
	name string
}

func (f *folder) enter(d disk, name string) error {
	if f.disk != nil && f.name == name {
		return nil
	}
	f.leave()
	inner, err := d.Folder(name)
	if err != nil {
		return err
	}
	*f = folder{inner, name}
	return nil
}

func (f *folder) leave() {
	if f.disk != nil {
		f.disk.Close()
	}
	*f = folder{}
}

// make makes the folder or the empty file f.
func (l *landing) make(f *File) error {
	if f.Mode != peer.ModeFolder {
		if err := l.use(f); err != nil {
			return err
		}
		return l.closePart(true)
	}
	name := partOf(l.id, f)
	return l.folder.within(l.disk, name, func(base string) error { return makeFolder(l.folder, base) })
}

// within does something in the folder of a part, which is made again where it is
// gone.
func (f *folder) within(d disk, name string, do func(base string) error) error {
	parent, base := path.Split(name)
	parent = path.Clean(parent)
	try := func() error {
		if err := f.enter(d, parent); err != nil {
			return err
		}
		return do(base)
	}
	err := try()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f.leave()
	if err := makeFolders(d, "", parent); err != nil {
		return err
	}
	return try()
}

// use makes the part of f the one that is written to.
func (l *landing) use(f *File) error {
	if l.out.file != nil && l.out.file.N == f.N {
		return nil
	}
	if err := l.closePart(false); err != nil {
		return err
	}
	name := partOf(l.id, f)
	return l.folder.within(l.disk, name, func(base string) error { return l.openPart(f, name, base) })
}

func permOf(f *File) fs.FileMode {
	if f.Mode == peer.ModeProgram {
		return 0o700
	}
	return 0o600
}

// openPart opens a part, which then has the size of the file, and nothing behind
// what was kept of it: neither the end of a longer one, nor what was written last
// before a kill.
func (l *landing) openPart(f *File, name, base string) error {
	out, made, err := createOrOpen(l.folder, base, permOf(f))
	if err != nil {
		return err
	}
	size := f.Size >= peer.PieceSize // a smaller new file has its size after one write
	if !made {
		size = true
		written := l.kept + int64(len(l.pending)/sumSize)
		if whole := (written - f.First) * peer.ChunkSize; whole < f.Size {
			err = out.Truncate(max(whole, 0))
		}
	}
	if size && err == nil {
		err = out.Truncate(f.Size)
	}
	if err != nil {
		out.Close()
		return err
	}
	l.out = openPart{diskFile: out, file: f, name: name, empty: size}
	return nil
}

// closePart closes the part that was written to, and where it is complete gives it
// its time.
func (l *landing) closePart(complete bool) error {
	out := l.out
	l.out = openPart{}
	if out.file == nil {
		return nil
	}
	if !complete {
		return out.Close()
	}
	return l.disk.CloseAs(out.diskFile, out.name, out.file.Time) // its folder may not be the last one any more
}

// write writes a piece that was received; no data are zeros. Its chunk counts from
// [landing.written] on.
func (l *landing) write(p piece, data []byte) error {
	if err := l.use(p.file); err != nil {
		return err
	}
	if data == nil {
		l.moved.empty.Add(int64(p.size))
		if l.out.empty && !p.repair {
			return nil
		}
		data = zeros[:p.size]
	}
	l.saver.wrote(l.out.name, len(data))
	_, err := l.out.WriteAt(data, p.offset+int64(p.at))
	return err
}
