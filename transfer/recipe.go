package transfer

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/zeebo/blake3"

	"earshot/peer"
)

const (
	// smallFile is up to how large a file is compared as a whole: there is little
	// to gain from its parts.
	smallFile = 8 << 20
	// maxRecipes bounds the files of a request for recipes.
	maxRecipes = 256
	// recipePage is about how many bytes of a recipe are sent in one frame, and
	// recipeTime how long they may be collected: the receiver must not think that
	// nothing comes any more.
	recipePage = 32 << 10
	recipeTime = 5 * time.Second
	// sliceSize is what a slice takes in a recipe.
	sliceSize = 4 + sliceHash
)

// recipe is what a file is made of: the hashes of its chunks, and its slices where
// they were asked for.
type recipe struct {
	sums   [][sumSize]byte
	slices []slice
}

// teller sends the recipe of a file frame by frame while the file is read.
type teller struct {
	*server
	frame  peer.Recipe
	chunk  *blake3.Hasher
	slicer *slicer
	told   time.Time // when the last frame went
}

// recipe answers with the recipe of a file.
func (s *server) recipe(ctx context.Context, number uint64, slices bool) error {
	if number > maxEntries {
		return errAsked
	}
	f, ok, err := s.files.file(int64(number))
	if err != nil {
		return err
	}
	if !ok || f.Size == 0 {
		return errAsked
	}
	t := &teller{server: s, frame: peer.Recipe{Offer: s.t.ID, File: number}, chunk: blake3.New(), told: time.Now()}
	t.slicer = &slicer{slicing: slicingOf(f.Size)}
	if slices {
		t.slicer.found = t.slice
	}
	return t.run(ctx, f)
}

func (t *teller) run(ctx context.Context, f *File) error {
	data := make([]byte, peer.PieceSize)
	for at := int64(0); at < f.Size; at += peer.PieceSize {
		data = data[:min(peer.PieceSize, f.Size-at)]
		if err := t.readPiece(f, data, at); err != nil {
			return err
		}
		t.chunk.Write(data)
		if end := at + int64(len(data)); end%peer.ChunkSize == 0 || end == f.Size {
			t.frame.Sums = t.chunk.Sum(t.frame.Sums)
			t.chunk.Reset()
		}
		t.slicer.write(data)
		if err := t.now(ctx); err != nil {
			return err
		}
	}
	t.slicer.end()
	return t.tell(ctx, false)
}

func (t *teller) slice(c slice) {
	t.frame.Slices = binary.BigEndian.AppendUint32(t.frame.Slices, uint32(c.size))
	t.frame.Slices = binary.BigEndian.AppendUint64(t.frame.Slices, c.hash)
}

// now sends a frame where it is time for one.
func (t *teller) now(ctx context.Context) error {
	if len(t.frame.Sums)+len(t.frame.Slices) < recipePage && time.Since(t.told) < recipeTime {
		return ctx.Err()
	}
	t.told = time.Now()
	return t.tell(ctx, true)
}

func (t *teller) tell(ctx context.Context, more bool) error {
	t.frame.More = more
	if err := t.room(ctx, frameHead+peer.DataFrame); err != nil {
		return err
	}
	b, err := peer.Append(t.batch, t.frame)
	if err != nil {
		return err
	}
	t.batch = b
	t.frame.Sums, t.frame.Slices = t.frame.Sums[:0], t.frame.Slices[:0]
	return t.pass(ctx)
}

// askRecipes asks for the recipes of files.
func (r *receipt) askRecipes(slices bool, files ...*File) error {
	read := peer.Read{Offer: r.t.ID, Slices: slices}
	for _, f := range files {
		read.Recipes = append(read.Recipes, uint64(f.N))
	}
	return r.wire.send(read)
}

// receiveRecipe receives the recipe of a file that was asked for.
func (r *receipt) receiveRecipe(f *File) (recipe, error) {
	var got recipe
	buf := make([]byte, frameHead+peer.DataFrame)
	for more := true; more; {
		payload, err := receiveFrame(r.wire, buf, peer.TypeRecipe)
		if err != nil {
			return recipe{}, err
		}
		m, err := peer.Decode(peer.TypeRecipe, payload)
		if err != nil {
			return recipe{}, fmt.Errorf("%w: %w", errProtocol, err)
		}
		page := m.(peer.Recipe)
		if page.Offer != r.t.ID || page.File != uint64(f.N) {
			return recipe{}, errMismatch
		}
		if err := got.add(f, page); err != nil {
			return recipe{}, err
		}
		more = page.More
	}
	if int64(len(got.sums)) != f.Chunks() || got.slices != nil && got.end() != f.Size {
		return recipe{}, fmt.Errorf("%w: a recipe of %d chunks and %d bytes", errMismatch, len(got.sums), got.end())
	}
	return got, nil
}

// end is the size of all slices.
func (r *recipe) end() int64 {
	if len(r.slices) == 0 {
		return 0
	}
	last := r.slices[len(r.slices)-1]
	return last.offset + int64(last.size)
}

// add takes in what a frame brings of the recipe of f. It holds no more than the
// recipe of such a file can have.
func (r *recipe) add(f *File, page peer.Recipe) error {
	cut := slicingOf(f.Size)
	sums, slices := int64(len(page.Sums)/sumSize), int64(len(page.Slices)/sliceSize)
	switch {
	case len(page.Sums)%sumSize != 0, len(page.Slices)%sliceSize != 0,
		int64(len(r.sums))+sums > f.Chunks(),
		int64(len(r.slices))+slices > f.Size/int64(cut.least)+1:
		return errMismatch
	}
	for b := page.Sums; len(b) > 0; b = b[sumSize:] {
		r.sums = append(r.sums, [sumSize]byte(b))
	}
	for b := page.Slices; len(b) > 0; b = b[sliceSize:] {
		s := slice{offset: r.end(), size: int(binary.BigEndian.Uint32(b)), hash: binary.BigEndian.Uint64(b[4:])}
		if s.size < 1 || s.size > cut.most {
			return errMismatch
		}
		r.slices = append(r.slices, s)
	}
	return nil
}

// planFile makes the plan for a large file of which an older version is here, with
// the recipes of both, which both sides make at the same time.
func (r *receipt) planFile(ctx context.Context, d disk, f *File) (*plan, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	own := make(chan []slice, 1)
	go func() { own <- slicesOf(ctx, d, f) }()
	theirs, err := r.theirSlices(f)
	if err != nil {
		cancel()
	}
	older := <-own
	if err != nil {
		return nil, err
	}
	return &plan{file: f, parts: match(theirs.slices, older), sums: theirs.sums}, nil
}

func (r *receipt) theirSlices(f *File) (recipe, error) {
	if err := r.askRecipes(true, f); err != nil {
		return recipe{}, err
	}
	theirs, err := r.receiveRecipe(f)
	if err == nil && theirs.slices == nil {
		err = errMismatch
	}
	return theirs, err
}

// slicesOf cuts the older version of a file as the sender's file is cut. Of one that
// cannot be read there is nothing to take.
func slicesOf(ctx context.Context, d disk, f *File) (all []slice) {
	in, err := openRegular(d, f.Base)
	if err != nil {
		return nil
	}
	defer in.Close()
	s := &slicer{slicing: slicingOf(f.Size), found: func(c slice) { all = append(all, c) }}
	data := make([]byte, peer.PieceSize)
	for at := int64(0); ctx.Err() == nil; at += peer.PieceSize {
		n, err := in.ReadAt(data, at)
		s.write(data[:n])
		if err != nil {
			break
		}
	}
	s.end()
	return all
}
