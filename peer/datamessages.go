package peer

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// The messages of data connections. The receiver of an offer opens the
// connection, or has the sender open it with DialBack, and asks with Read; the
// sender answers with Manifest, Chunk and Gone, in the order in which it was
// asked.

// FileMode says what an entry of a manifest is.
type FileMode uint8

// The modes of an entry.
const (
	ModeFile    FileMode = 0
	ModeProgram FileMode = 1 // a file whose owner may execute it
	ModeFolder  FileMode = 2
)

// Manifest is one page of what an offer consists of.
type Manifest struct {
	Offer   uuid.UUID       `cbor:"1,keyasint"`
	First   uint64          `cbor:"2,keyasint"` // number of the first entry here, counted from 0
	Entries []ManifestEntry `cbor:"3,keyasint"`
	More    bool            `cbor:"4,keyasint,omitempty"` // another page follows
	Holes   uint64          `cbor:"5,keyasint,omitempty"` // bytes of these entries that are holes at the sender: a hint
}

// ManifestEntry is a file or a folder. A folder comes before what is in it. The
// manifest hash of an offer is made of the deterministic encodings of its
// entries, so their form never changes.
type ManifestEntry struct {
	_    struct{} `cbor:",toarray"`
	Path []string // 1 to 16 segments
	Size uint64   // 0 for a folder
	Time int64    // modified, in nanoseconds since 1970 UTC
	Mode FileMode
}

// Read asks for a page of the manifest, for bytes of the files or for the recipes
// of some: one of the three.
type Read struct {
	Offer   uuid.UUID   `cbor:"1,keyasint"`
	Ranges  []ReadRange `cbor:"2,keyasint,omitempty"`
	Hashes  bool        `cbor:"3,keyasint,omitempty"` // each piece shall carry its hash
	Page    *uint64     `cbor:"4,keyasint,omitempty"` // the entry that the page begins with
	Recipes []uint64    `cbor:"5,keyasint,omitempty"` // numbers of files
	Slices  bool        `cbor:"6,keyasint,omitempty"` // the recipes shall have slices
}

// ReadRange is a range of bytes: Length of them from Offset in one file on, and
// at its end on from the beginning of the next file that has any.
type ReadRange struct {
	_      struct{} `cbor:",toarray"`
	File   uint64   // number of its entry in the manifest
	Offset uint64
	Length uint64
}

// Chunk is a piece of one file: from Offset to the next multiple of [PieceSize],
// to the end of the file or to that of what was asked for.
type Chunk struct {
	Offer  uuid.UUID `cbor:"1,keyasint"`
	File   uint64    `cbor:"2,keyasint"`
	Offset uint64    `cbor:"3,keyasint"`
	Hash   *Hash     `cbor:"4,keyasint,omitempty"` // BLAKE3 of the bytes
	Data   []byte    `cbor:"5,keyasint,omitempty"`
	Zeros  uint64    `cbor:"6,keyasint,omitempty"` // in place of Data: so many bytes of zero
}

// Size is how many bytes of the file the chunk is.
func (c Chunk) Size() uint64 { return uint64(len(c.Data)) + c.Zeros }

const (
	// ChunkSize is the unit in which files are hashed and kept, in bytes.
	ChunkSize = 1 << 20
	// PieceSize is the unit in which they are read, sent and written: what was
	// just decrypted or read is still in a processor's cache when it is hashed.
	PieceSize = 128 << 10
)

// Recipe is, or begins, what a file is made of, so that a receiver who has an older
// version need not fetch all of it. The answer for one file may take several
// frames.
type Recipe struct {
	Offer uuid.UUID `cbor:"1,keyasint"`
	File  uint64    `cbor:"2,keyasint"`
	// Sums are the BLAKE3 of the next chunks of the file, 32 bytes each.
	Sums []byte `cbor:"3,keyasint,omitempty"`
	// Slices are the next slices: for each a big-endian u32, its length, and the
	// first 8 bytes of its BLAKE3. They are there only where they were asked for.
	Slices []byte `cbor:"4,keyasint,omitempty"`
	More   bool   `cbor:"5,keyasint,omitempty"` // another frame follows
}

// Gone says that the sender cannot serve an offer (any more). It is the last
// frame of a connection.
type Gone struct {
	Offer  uuid.UUID `cbor:"1,keyasint"`
	Reason string    `cbor:"2,keyasint"`           // as in [OfferState]
	File   uint64    `cbor:"3,keyasint,omitempty"` // where one file is the reason
}

func (Manifest) Type() Type { return TypeManifest }
func (Read) Type() Type     { return TypeRead }
func (Chunk) Type() Type    { return TypeChunk }
func (Gone) Type() Type     { return TypeGone }
func (Recipe) Type() Type   { return TypeRecipe }

func init() {
	decoders[TypeManifest] = decode[Manifest]
	decoders[TypeRead] = decode[Read]
	decoders[TypeChunk] = decode[Chunk]
	decoders[TypeGone] = decode[Gone]
	decoders[TypeRecipe] = decode[Recipe]
}

// ChunkHead is at least what [AppendChunkHead] adds to a buffer, in bytes.
const ChunkHead = 96

// AppendChunkHead adds to b the frame of a chunk up to where its data begins:
// the caller lets exactly size bytes follow, and a piece is never copied to be
// encoded. Where hashed is set, hash is the place in the result that the 32
// bytes of the data's BLAKE3 are to be written to.
func AppendChunkHead(b []byte, c Chunk, size int, hashed bool) (head []byte, hash int) {
	start := len(b)
	b = append(b, 0, 0, 0, 0, byte(TypeChunk))
	pairs := byte(4)
	if hashed {
		pairs = 5
	}
	b = append(b, 0xa0|pairs, 0x01, 0x50)
	b = append(b, c.Offer[:]...)
	b = appendCBORHead(append(b, 0x02), cborUint, c.File)
	b = appendCBORHead(append(b, 0x03), cborUint, c.Offset)
	if hashed {
		b = append(b, 0x04, 0x58, 32)
		hash = len(b)
		b = append(b, make([]byte, 32)...)
	}
	b = appendCBORHead(append(b, 0x05), cborBytes, uint64(size))
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4+size))
	return b, hash
}

// ParseChunk reads the payload of a chunk. Unlike [Decode] it copies nothing in
// the usual form: Data is a part of the payload.
func ParseChunk(payload []byte) (Chunk, error) {
	if c, ok := parsePlainChunk(payload); ok {
		return c, nil
	}
	m, err := Decode(TypeChunk, payload)
	if err != nil {
		return Chunk{}, err
	}
	return m.(Chunk), nil
}

// parsePlainChunk reads a chunk with data as AppendChunkHead writes it, and
// nothing else.
func parsePlainChunk(b []byte) (c Chunk, ok bool) {
	r := cborReader{b: b, ok: true}
	pairs := r.head(cborMap)
	r.key(1)
	copy(c.Offer[:], r.bytes(len(c.Offer)))
	r.key(2)
	c.File = r.head(cborUint)
	r.key(3)
	c.Offset = r.head(cborUint)
	if pairs == 5 {
		r.key(4)
		c.Hash = new(Hash)
		copy(c.Hash[:], r.bytes(len(c.Hash)))
	}
	r.key(5)
	c.Data = r.bytes(-1)
	return c, r.ok && len(r.b) == 0 && len(c.Data) > 0 && (pairs == 4 || pairs == 5)
}

// The major types of CBOR (RFC 8949, section 3.1) that a chunk is made of.
const (
	cborUint  = 0 << 5
	cborBytes = 2 << 5
	cborMap   = 5 << 5
)

// appendCBORHead adds the shortest head of an item.
func appendCBORHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

// cborReader reads items in their shortest form; ok turns false for good at the
// first that is not as expected.
type cborReader struct {
	b  []byte
	ok bool
}

// head reads the head of an item of that major type.
func (r *cborReader) head(major byte) (n uint64) {
	if len(r.b) == 0 || r.b[0]&0xe0 != major {
		r.ok = false
		return 0
	}
	info := r.b[0] & 0x1f
	r.b = r.b[1:]
	if info < 24 {
		return uint64(info)
	}
	size := 1 << (info - 24)
	if info > 27 || len(r.b) < size {
		r.ok = false
		return 0
	}
	for _, c := range r.b[:size] {
		n = n<<8 | uint64(c)
	}
	r.b = r.b[size:]
	least := uint64(24)
	if size > 1 {
		least = 1 << (4 * size) // what half the bytes could not hold
	}
	r.ok = r.ok && n >= least
	return n
}

// key reads a key of a map.
func (r *cborReader) key(want uint64) {
	r.ok = r.head(cborUint) == want && r.ok
}

// bytes reads a byte string of so many bytes; -1: any number.
func (r *cborReader) bytes(want int) []byte {
	n := r.head(cborBytes)
	if !r.ok || n > uint64(len(r.b)) || want >= 0 && n != uint64(want) {
		r.ok = false
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}
