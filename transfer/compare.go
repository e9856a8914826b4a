package transfer

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/zeebo/blake3"

	"earshot/peer"
)

// What is in the save folder already is compared before anything is received: with
// what the same person sent into it before, as it was then, and nothing else. So a
// sender learns of nothing that was not his, nor of what became of it since.

const (
	// compareFiles and compareBytes bound the files whose recipes are asked for at
	// once.
	compareFiles = 64
	compareBytes = 32 << 20
	// maxTops is of how many topmost entries it is remembered whether they are there.
	maxTops = 64 << 10
)

// errTaken says that a name is taken, and the person wants to be asked.
var errTaken = errors.New("the name is taken")

// comparer finds out what of a manifest is there.
type comparer struct {
	*receipt
	disk    disk
	tops    map[string]*top // by their cleaned name
	indexes []*index        // of the earlier transfers
	plans   map[int64]Plan  // found and not kept yet
	waiting []compared      // their recipes are asked for next
	bytes   int64           // in them
}

// top is a topmost entry and what is known of it.
type top struct {
	n     int64
	older *Transfer // that had one of its name; nil: there was none
	files *index    // of that
	base  string    // where that lies, below the save folder
	there bool      // something of its kind lies under its name in the save folder
	same  bool      // nothing of it was found to be different from the older one
}

// compared is a file and the plan for it, if it should be the same.
type compared struct {
	file *File
	plan Plan
}

// compare makes the plans for all files, and keeps them.
func (r *receipt) compare(ctx context.Context, d disk) error {
	if len(r.earlier) == 0 && (r.t.Conflict == Keep || r.t.Conflict == "") {
		return nil
	}
	c := &comparer{receipt: r, disk: d, tops: map[string]*top{}, plans: map[int64]Plan{}}
	for _, t := range r.earlier {
		c.indexes = append(c.indexes, newIndex(r.cfg.Store, t.ID))
	}
	if err := r.cfg.Store.DropPlans(r.t.ID); err != nil {
		return err
	}
	all := cursor{store: r.cfg.Store, id: r.t.ID}
	if err := all.tops(c.top); err != nil || !c.worthwhile() {
		return err
	}
	if err := all.each(func(f *File) error { return c.file(ctx, f) }); err != nil {
		return err
	}
	if err := c.ask(ctx); err != nil {
		return err
	}
	if err := c.keep(1); err != nil {
		return err
	}
	return c.settle()
}

// top looks for an older version of a topmost entry, and what has its name.
func (c *comparer) top(f *File) error {
	if len(c.tops) >= maxTops {
		return nil
	}
	t := &top{n: f.N}
	c.tops[f.Path] = t
	info, err := c.disk.Lstat(f.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	t.there = err == nil && isKind(f, info)
	for i := range c.earlier {
		older := &c.earlier[i]
		was, ok, err := c.indexes[i].find(f.Path)
		if err != nil {
			return err
		}
		if ok && was.folder == isFolder(f) {
			t.older, t.files, t.base, t.same = older, c.indexes[i], lies(older, was), older.State == Done
			break
		}
	}
	if c.t.Conflict == OverwriteOwn && t.base != f.Path {
		t.there = false // somebody else's
	}
	if t.there && isFolder(f) && c.t.Conflict.merges() {
		return c.plan(f.N, Plan{Merge: true})
	}
	return nil
}

func isFolder(f *File) bool { return f.Mode == peer.ModeFolder }

// isKind reports whether what lies there is a folder, or a file, as f is.
func isKind(f *File, info fs.FileInfo) bool {
	if isFolder(f) {
		return info.IsDir()
	}
	return info.Mode().IsRegular()
}

// lies is where a topmost entry of an earlier transfer is, below the save folder.
func lies(t *Transfer, f former) string {
	if t.State == Done {
		return f.final
	}
	return partName(t.ID, f.n)
}

// worthwhile reports whether there is anything to compare with.
func (c *comparer) worthwhile() bool {
	for _, t := range c.tops {
		if t.older != nil || t.there {
			return true
		}
	}
	return false
}

// file makes the plan of one entry, as far as that needs no word of the sender.
func (c *comparer) file(ctx context.Context, f *File) error {
	name, rest, _ := strings.Cut(f.Path, "/")
	t := c.tops[name]
	if t == nil {
		return nil
	}
	if c.t.Conflict == Skip && t.there && !isFolder(f) {
		if _, err := c.disk.Lstat(f.Path); err == nil {
			return c.plan(f.N, Plan{Placed: true})
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if t.older == nil {
		return nil
	}
	was, ok, err := t.files.find(f.Path)
	if err != nil {
		return err
	}
	base := path.Join(t.base, rest)
	info, err := c.disk.Lstat(base)
	if !ok || err != nil || was.folder != isFolder(f) || !isUntouched(f, info, was, t.older.State) {
		t.same = false
		return nil
	}
	plan := Plan{Base: base, BaseTime: info.ModTime(), Own: base == f.Path}
	return c.against(ctx, t, compared{f, plan}, was.size)
}

// isUntouched reports whether what lies there is what was received then. An
// unfinished part of then may hold anything: it counts by its content alone.
func isUntouched(f *File, info fs.FileInfo, was former, state State) bool {
	return isKind(f, info) && (was.folder || info.Size() == was.size) &&
		(was.folder || state != Done || info.ModTime().Equal(was.time))
}

// against decides how a file is compared with one of that size.
func (c *comparer) against(ctx context.Context, t *top, f compared, size int64) error {
	switch {
	case isFolder(f.file):
	case f.file.Size != size:
		t.same = false
		return c.differs(f, size)
	case size == 0:
		return c.equals(t, f)
	default:
		c.waiting = append(c.waiting, f)
		if c.bytes += size; len(c.waiting) >= compareFiles || c.bytes >= compareBytes {
			return c.ask(ctx)
		}
	}
	return nil
}

// ask compares the files that wait with the hashes of the sender's.
func (c *comparer) ask(ctx context.Context) error {
	if len(c.waiting) == 0 {
		return nil
	}
	waiting := c.waiting
	c.waiting, c.bytes = nil, 0
	files := make([]*File, len(waiting))
	for i, f := range waiting {
		files[i] = f.file
	}
	return c.connected(ctx, func(ctx context.Context) error {
		if err := c.askRecipes(false, files...); err != nil {
			return err
		}
		for _, f := range waiting {
			theirs, err := c.receiveRecipe(f.file)
			if err != nil {
				return err
			}
			if err := c.judge(ctx, f, theirs.sums); err != nil {
				return err
			}
		}
		return nil
	})
}

// judge makes the plan for a file whose hashes at the sender are known.
func (c *comparer) judge(ctx context.Context, f compared, sums [][sumSize]byte) error {
	t := c.tops[topOf(f.file.Path)]
	same, err := c.hasSums(ctx, f.plan.Base, f.file.Size, sums)
	switch {
	case err != nil:
		return err
	case same:
		return c.equals(t, f)
	}
	t.same = false
	return c.differs(f, f.file.Size)
}

// equals makes the plan for a file that is the same as the older one.
func (c *comparer) equals(t *top, f compared) error {
	f.plan.Same = true
	f.plan.Placed = t.there && c.t.Conflict.merges() && f.plan.Base == f.file.Path
	return c.plan(f.file.N, f.plan)
}

// differs makes the plan for a file that is not the same as the older one of that
// size: of a small one nothing is taken.
func (c *comparer) differs(f compared, size int64) error {
	if f.file.Size <= smallFile || size == 0 {
		f.plan.Base = ""
	}
	if f.plan.Base == "" && !f.plan.Own {
		return nil
	}
	return c.plan(f.file.N, f.plan)
}

func topOf(name string) string {
	name, _, _ = strings.Cut(name, "/")
	return name
}

// hasSums compares a file here with the hashes of the sender's chunks.
func (c *comparer) hasSums(ctx context.Context, name string, size int64, sums [][sumSize]byte) (bool, error) {
	in, err := openRegular(c.disk, name)
	if err != nil {
		return false, nil // so it comes from the sender
	}
	defer in.Close()
	data := make([]byte, min(size, peer.ChunkSize))
	for i, want := range sums {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		at := int64(i) * peer.ChunkSize
		data = data[:min(size-at, peer.ChunkSize)]
		if n, _ := in.ReadAt(data, at); n < len(data) || blake3.Sum256(data) != want {
			return false, nil
		}
	}
	return true, nil
}

// settle decides about the topmost entries.
func (c *comparer) settle() error {
	placed := false
	for name, t := range c.tops {
		switch {
		case t.same && t.older != nil && !c.t.Conflict.merges(): // all of it is there, under whatever name
			placed = true
		case t.there && c.t.Conflict == Ask:
			return errTaken
		default:
			delete(c.tops, name)
		}
	}
	if !placed {
		return nil
	}
	all := cursor{store: c.cfg.Store, id: c.t.ID}
	err := all.each(func(f *File) error {
		t := c.tops[topOf(f.Path)]
		if t == nil {
			return nil
		}
		if f.N == t.n {
			if err := c.cfg.Store.SetFinals(c.t.ID, []Final{{N: f.N, Name: t.base}}); err != nil {
				return err
			}
		}
		f.Plan.Placed = true
		return c.plan(f.N, f.Plan)
	})
	return errors.Join(err, c.keep(1))
}

// plan notes the plan for a file; a page of them is kept at once.
func (c *comparer) plan(n int64, p Plan) error {
	c.plans[n] = p
	return c.keep(page)
}

// keep puts the plans into the store where there are so many.
func (c *comparer) keep(least int) error {
	if len(c.plans) < least {
		return nil
	}
	err := c.cfg.Store.SetPlans(c.t.ID, c.plans)
	clear(c.plans)
	return err
}
