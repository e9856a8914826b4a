package transfer

import (
	"github.com/zeebo/blake3"

	"earshot/peer"
)

// older reads the older version of the file that is written, for pieces that need
// not be fetched, and hashes chunks in which such pieces are. It belongs to the
// goroutine that writes.
type older struct {
	disk   disk
	file   *File // whose older version is open
	in     diskFile
	hasher *blake3.Hasher
	data   []byte
	failed bool // of the chunk: something of it could not be read
}

// read reads a piece. What cannot be read, or is not what was compared with the
// sender's file, is zeros, and its chunk will be wrong.
func (o *older) read(p piece) []byte {
	if o.data == nil {
		o.data = make([]byte, peer.PieceSize)
	}
	if err := o.fill(p, o.data[:p.size]); err != nil {
		o.failed = true
		return zeros[:p.size]
	}
	return o.data[:p.size]
}

func (o *older) fill(p piece, data []byte) error {
	if o.file == nil || o.file.N != p.file.N {
		o.close()
		in, err := openRegular(o.disk, p.file.Base)
		if err != nil {
			return err
		}
		o.file, o.in = p.file, in
	}
	if _, err := o.in.ReadAt(data, p.from); err != nil {
		return err
	}
	is, err := o.in.Stat()
	if err == nil && !is.ModTime().Equal(p.file.BaseTime) {
		err = errChanged
	}
	return err
}

// sum takes in the next piece of a chunk, and is the hash of the chunk that ends
// with it; wrong where it is not what the sender has.
func (o *older) sum(p piece, data []byte) (sum [sumSize]byte, wrong bool) {
	if o.hasher == nil {
		o.hasher = blake3.New()
	}
	if p.at == 0 {
		o.hasher.Reset()
	}
	o.hasher.Write(data)
	if !p.isLast() {
		return sum, false
	}
	o.hasher.Sum(sum[:0])
	wrong, o.failed = o.failed, false
	if i := p.offset / peer.ChunkSize; p.plan.sums != nil {
		wrong = wrong || p.plan.sums[i] != sum
	}
	return sum, wrong
}

func (o *older) close() {
	if o.in != nil {
		o.in.Close()
	}
	o.file, o.in = nil, nil
}
