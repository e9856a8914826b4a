package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"

	"earshot/peer"
)

// The content hash of a transfer is the BLAKE3 of the BLAKE3 of all its chunks in
// the order of the manifest. That is the BLAKE3 of the receiver's journal, so it
// costs the receiver nothing; who has the files can work it out again.

// maxListed is how many entries the manifest of a done transfer may have to be kept
// where it was sent. An entry takes about 300 bytes, so the largest is 5 MB.
const maxListed = 1 << 14

// content is the content hash of a complete transfer, by its journal; what was there
// before is read, and where something was not wanted there is none.
func (f *finisher) content() (peer.Hash, error) {
	hash := blake3.New()
	var err error
	if f.placed {
		err = f.eachSum(hash)
	} else {
		err = f.sums(hash, 0, f.chunks)
	}
	if errors.Is(err, errUnwanted) {
		return peer.Hash{}, nil
	}
	if err != nil {
		return peer.Hash{}, err
	}
	return peer.Hash(hash.Sum(nil)), nil
}

// errUnwanted says that a file is not here, because the person did not want it.
var errUnwanted = errors.New("not wanted")

// sums writes the sums of chunks from the journal.
func (f *finisher) sums(to io.Writer, first, chunks int64) error {
	n, err := io.Copy(to, io.NewSectionReader(f.journal, first*sumSize, chunks*sumSize))
	if err == nil && n < chunks*sumSize {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	return nil
}

// eachSum writes the sums of all chunks: the journal has none of files that were
// there before.
func (f *finisher) eachSum(to io.Writer) error {
	all := cursor{store: f.store, id: f.id}
	buf := make([]byte, peer.ChunkSize)
	return all.each(func(file *File) error {
		switch {
		case isFolder(file):
			return nil
		case !file.Placed:
			return f.sums(to, file.First, file.Chunks())
		case file.Size > 0 && !file.Same, file.Size == 0 && f.conflict == Skip:
			return errUnwanted
		case file.Size == 0:
			return nil
		}
		return f.readSums(to, file, buf)
	})
}

// readSums writes the sums of a file that was there before. One that changed this
// moment gives others: the receipt says what is there.
func (f *finisher) readSums(to io.Writer, file *File, buf []byte) error {
	in, err := openRegular(f.disk, file.Base)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errOccupied) {
		return errUnwanted // it was removed since
	}
	if err != nil {
		return err
	}
	defer in.Close()
	for number := file.First; number < file.First+file.Chunks(); number++ {
		c := chunkOf(file, number)
		n, err := in.ReadAt(buf[:c.size], c.offset)
		if n < c.size && !errors.Is(err, io.EOF) {
			return err
		}
		sum := blake3.Sum256(buf[:n])
		if _, err := to.Write(sum[:]); err != nil {
			return err
		}
	}
	return nil
}

// keepsList reports whether the manifest of a final transfer stays, to compare its
// files with the receipt, or to offer them again.
func (j *job) keepsList() bool {
	return j.t.Direction == Sending && j.t.Entries <= maxListed && (j.t.State == Done || !j.t.Cleared)
}

// Confirmed says what became of the receipt of a transfer.
func (e *Engine) Confirmed(id uuid.UUID, c Confirmation) {
	e.post(func() {
		if j := e.jobs[id]; j != nil && j.t.Confirmed != c {
			j.t.Confirmed = c
			e.save(j)
		}
	})
}

// Reread is what files that were sent are now.
type Reread struct {
	// Content is their content hash, zero where Gone is not empty or Changed has
	// another size than it had.
	Content peer.Hash
	Changed string // the path of the first that is not as it was offered
	Gone    string // the path of the first that is not there
}

// Reread reads all files of a transfer that was sent and is done. Unlike the other
// methods it works in its caller's goroutine; step is told after each chunk how many
// bytes were read. [ErrUnlisted]: there were too many files to keep the list.
func (e *Engine) Reread(ctx context.Context, id uuid.UUID, step func(done int64)) (Reread, error) {
	e.mu.Lock()
	t, ok := e.shown[id]
	e.mu.Unlock()
	switch {
	case !ok || t.Direction != Sending:
		return Reread{}, ErrUnknown
	case !t.Listed:
		return Reread{}, ErrUnlisted
	}
	r := &rereader{
		sources: sources{wrap: e.cfg.wrapSource}, step: step, hash: blake3.New(), buf: make([]byte, peer.ChunkSize),
	}
	defer r.sources.close()
	files := cursor{store: e.cfg.Store, id: id}
	err := files.each(func(f *File) error { return r.file(ctx, f) })
	if err == errEnough {
		return r.found, nil
	}
	if err != nil {
		return Reread{}, fmt.Errorf("read the files of %s again: %w", id, err)
	}
	r.found.Content = peer.Hash(r.hash.Sum(nil))
	return r.found, nil
}

// Sources gives the paths that were offered, which may not be there any more. It
// works in its caller's goroutine. [ErrUnlisted]: there were several, and the list is
// not kept.
func (e *Engine) Sources(id uuid.UUID) ([]string, error) {
	e.mu.Lock()
	t, ok := e.shown[id]
	e.mu.Unlock()
	if !ok || t.Direction != Sending {
		return nil, ErrUnknown
	}
	if name, _, err := peer.CleanName(filepath.Base(t.Path)); err == nil && name == t.Name {
		return []string{t.Path}, nil
	}
	var paths []string
	files := cursor{store: e.cfg.Store, id: id}
	if err := files.tops(func(f *File) error { paths = append(paths, f.Source); return nil }); err != nil {
		return nil, fmt.Errorf("read what %s offered: %w", id, err)
	}
	if len(paths) == 0 || t.Entries > maxListed { // of those some may be gone already
		return nil, ErrUnlisted
	}
	return paths, nil
}

// errEnough says that the content cannot be the same any more.
var errEnough = errors.New("not the same")

// rereader works out the content hash of files that were sent.
type rereader struct {
	sources
	step  func(done int64)
	hash  *blake3.Hasher
	buf   []byte
	done  int64
	found Reread
}

func (r *rereader) file(ctx context.Context, f *File) error {
	if f.Mode == peer.ModeFolder {
		return nil
	}
	in, is, err := r.look(f.Source)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotRegular) {
		r.found.Gone = f.Path
		return errEnough
	}
	if err != nil {
		return err
	}
	defer in.Close()
	if r.found.Changed == "" && !is.same(f.state()) {
		r.found.Changed = f.Path
	}
	if is.Size != f.Size {
		r.found.Changed = f.Path
		return errEnough
	}
	return r.chunks(ctx, f, in)
}

// look opens a file and says what it is.
func (r *rereader) look(name string) (source, sourceState, error) {
	in, err := r.open(name)
	if err != nil {
		return nil, sourceState{}, err
	}
	is, err := in.State()
	if err != nil {
		in.Close()
		return nil, sourceState{}, err
	}
	return in, is, nil
}

func (r *rereader) chunks(ctx context.Context, f *File, in source) error {
	for number := f.First; number < f.First+f.Chunks(); number++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c := chunkOf(f, number)
		n, err := in.ReadAt(r.buf[:c.size], c.offset)
		if n < c.size && errors.Is(err, io.EOF) { // cut off this moment
			r.found.Changed = f.Path
			return errEnough
		}
		if n < c.size {
			return err
		}
		sum := blake3.Sum256(r.buf[:n])
		r.hash.Write(sum[:])
		r.done += int64(n)
		r.step(r.done)
	}
	return nil
}
