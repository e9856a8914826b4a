package transfer

import (
	"encoding/binary"
	"math/bits"
	"sync"

	"github.com/zeebo/blake3"
)

// A file that changed is sent as what changed. Both sides cut their version into
// slices at places that the content itself decides (FastCDC: Xia et al., USENIX ATC
// 2016), so that a byte inserted at the beginning moves no other cut: slices that
// both have are not sent. The sender need not know what the receiver has, and the
// receiver asks for the rest as for any other bytes.
//
// How long slices are depends on the size of the sender's file alone: 32 KiB on
// average, more for a file of which there would be more than 256 Ki.
const (
	minSlice  = 32 << 10
	maxSlices = 256 << 10
	// sliceHash is how many bytes of a slice's BLAKE3 are told. Two slices that agree
	// in them and not in the rest are found out by the hash of the chunk they end up
	// in.
	sliceHash = 8
)

// slice is one piece of a file.
type slice struct {
	offset int64
	size   int
	hash   uint64
}

// slicing says where a file of the sender is cut.
type slicing struct {
	least, mean, most int
	before, after     uint64 // masks of the rolling hash, up to the mean and beyond
}

// slicingOf is the slicing for a file of that size at the sender.
func slicingOf(size int64) slicing {
	mean := minSlice
	for int64(mean)*maxSlices < size {
		mean *= 2
	}
	n := bits.Len(uint(mean)) - 1
	return slicing{least: mean / 4, mean: mean, most: 4 * mean, before: topBits(n + 1), after: topBits(n - 1)}
}

// topBits is a mask of the n highest bits: the lower ones of the rolling hash know
// the last few bytes only.
func topBits(n int) uint64 { return ^uint64(0) << (64 - n) }

// gear is the table of the rolling hash: for each byte the first eight bytes of
// BLAKE3("earshot slices v1\x00" ‖ byte), big-endian.
var gear = sync.OnceValue(func() *[256]uint64 {
	var table [256]uint64
	for b := range table {
		sum := blake3.Sum256(append([]byte("earshot slices v1\x00"), byte(b)))
		table[b] = binary.BigEndian.Uint64(sum[:])
	}
	return &table
})

// cut is the length of the slice that data begins with. All of data is one where it
// ends before a cut.
func (s *slicing) cut(data []byte) int {
	data = data[:min(len(data), s.most)]
	if len(data) <= s.least {
		return len(data)
	}
	table := gear()
	var h uint64
	middle := min(len(data), s.mean)
	for i := s.least; i < middle; i++ {
		if h = h<<1 + table[data[i]]; h&s.before == 0 {
			return i + 1
		}
	}
	for i := middle; i < len(data); i++ {
		if h = h<<1 + table[data[i]]; h&s.after == 0 {
			return i + 1
		}
	}
	return len(data)
}

// slicer cuts what is written to it.
type slicer struct {
	slicing
	found  func(slice) // is called for each slice, in order; nil: nothing is cut
	buf    []byte
	offset int64
}

// write takes the next bytes of the file.
func (s *slicer) write(b []byte) {
	if s.found == nil {
		return
	}
	s.buf = append(s.buf, b...)
	from := 0
	for len(s.buf)-from >= s.most {
		n := s.cut(s.buf[from:])
		s.slice(s.buf[from : from+n])
		from += n
	}
	s.buf = append(s.buf[:0], s.buf[from:]...)
}

// end cuts what is left.
func (s *slicer) end() {
	for len(s.buf) > 0 {
		n := s.cut(s.buf)
		s.slice(s.buf[:n])
		s.buf = s.buf[n:]
	}
}

func (s *slicer) slice(data []byte) {
	sum := blake3.Sum256(data)
	s.found(slice{offset: s.offset, size: len(data), hash: binary.BigEndian.Uint64(sum[:sliceHash])})
	s.offset += int64(len(data))
}
