package transfer

import (
	"context"

	"github.com/zeebo/blake3"

	"earshot/peer"
)

// verifier hashes what was on disk when a transfer went on, and compares it with
// the journal, while what is missing is received beside it. It reads through files
// of its own.
type verifier struct {
	*landing
	walk cursor
	file *File
	in   diskFile // of file, nil where it cannot be opened
	sums []byte   // of the chunks from number at on
	at   int64
	data []byte
}

// sumsPage is how many hashes are read of the journal at once.
const sumsPage = 1024

// verify checks every chunk that was there at the start. What is not right any more
// will be asked for again. It fails only where the manifest or the journal cannot
// be read, or ctx ends.
func (l *landing) verify(ctx context.Context) error {
	v := &verifier{
		landing: l,
		walk:    cursor{store: l.store, id: l.id},
		data:    make([]byte, peer.ChunkSize),
	}
	defer v.moved.verifying.Store(false)
	defer v.open(nil)
	for number := int64(0); number < l.old; number++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := v.chunk(number); err != nil {
			return err
		}
	}
	close(l.verified)
	return nil
}

func (v *verifier) chunk(number int64) error {
	f, err := v.walk.holding(number, v.entries)
	if err != nil {
		return err
	}
	if f.Placed {
		v.moved.checked.Add(int64(chunkOf(f, number).size))
		return nil
	}
	if v.file == nil || v.file.N != f.N {
		if err := v.open(f); err != nil {
			return err
		}
	}
	want, err := v.sum(number)
	if err != nil {
		return err
	}
	c := chunkOf(f, number)
	if !v.right(c, want) {
		v.moved.done.Add(-int64(c.size))
		v.wrong(c)
	}
	v.moved.checked.Add(int64(c.size))
	return nil
}

// open opens the part of f. One that cannot be opened has only wrong chunks.
func (v *verifier) open(f *File) error {
	if v.in != nil {
		v.in.Close()
	}
	v.file, v.in = f, nil
	if f == nil {
		return nil
	}
	name := partOf(v.id, f)
	in, err := openRegular(v.disk, name)
	if err != nil {
		return nil
	}
	if err := trim(in, f.Size); err != nil {
		in.Close()
		return nil
	}
	v.in = in
	return nil
}

// trim cuts off what an earlier file left behind the end of a part.
func trim(part diskFile, size int64) error {
	info, err := part.Stat()
	if err == nil && info.Size() > size {
		err = part.Truncate(size)
	}
	return err
}

// sum is the hash of a chunk in the journal.
func (v *verifier) sum(number int64) (sum [sumSize]byte, err error) {
	if number < v.at || number >= v.at+int64(len(v.sums)/sumSize) {
		v.at = number
		v.sums = make([]byte, min(sumsPage, v.old-number)*sumSize)
		if n, err := v.journal.ReadAt(v.sums, number*sumSize); n < len(v.sums) {
			return sum, err
		}
	}
	copy(sum[:], v.sums[(number-v.at)*sumSize:])
	return sum, nil
}

// right reports whether a chunk is on disk as it was received.
func (v *verifier) right(c chunk, want [sumSize]byte) bool {
	if v.in == nil {
		return false
	}
	n, _ := v.in.ReadAt(v.data[:c.size], c.offset)
	return n == c.size && blake3.Sum256(v.data[:n]) == want
}
