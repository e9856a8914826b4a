package peer

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/google/uuid"
)

func someHash() *Hash {
	h := Hash{1, 2, 3}
	return &h
}

// frame is a chunk as the hand-written encoder makes it.
func frame(c Chunk) []byte {
	b, at := AppendChunkHead([]byte("before"), c, len(c.Data), c.Hash != nil)
	if c.Hash != nil {
		copy(b[at:], c.Hash[:])
	}
	return append(b, c.Data...)[len("before"):]
}

func TestChunksByHandAreChunks(t *testing.T) {
	id := uuid.UUID{0xab, 15: 0xcd}
	for _, c := range []Chunk{
		{Offer: id, Data: []byte("a")},
		{Offer: id, File: 23, Offset: 24, Data: []byte("x")},
		{Offer: id, File: 255, Offset: 256, Hash: someHash(), Data: bytes.Repeat([]byte("x"), 300)},
		{Offer: id, File: 65535, Offset: 65536, Data: bytes.Repeat([]byte("x"), 70000)},
		{Offer: id, File: 1<<32 - 1, Offset: 1 << 32, Hash: someHash(), Data: bytes.Repeat([]byte("x"), PieceSize)},
		{Offer: id, File: 1<<64 - 1, Offset: 1<<64 - 1, Hash: someHash(), Data: []byte("end")},
	} {
		want, err := Append(nil, c)
		if err != nil {
			t.Fatal(err)
		}
		got := frame(c)
		if !bytes.Equal(got, want) {
			t.Errorf("file %d: % .40x, want % .40x", c.File, got, want)
		}
		if head := len(got) - len(c.Data); head > ChunkHead {
			t.Errorf("%d bytes before the data", head)
		}
		back, ok := parsePlainChunk(got[headerSize:])
		if !ok || !reflect.DeepEqual(back, c) {
			t.Errorf("file %d came back as %d, %v", c.File, back.File, ok)
		}
	}
}

func TestTheGoldenBytesOfDataMessages(t *testing.T) {
	id := uuid.UUID{0xab}
	from := uint64(7)
	const offer = "0150ab000000000000000000000000000000"
	for want, m := range map[string]Message{
		"0000002320a3" + offer + "020003818481616105" + "1a075bcd1501": Manifest{
			Offer: id, Entries: []ManifestEntry{{Path: []string{"a"}, Size: 5, Time: 123456789, Mode: ModeProgram}},
		},
		"0000001621a2" + offer + "0407":                      Read{Offer: id, Page: &from},
		"0000001f21a3" + offer + "02818301186419010003f5":    Read{Offer: id, Ranges: []ReadRange{{File: 1, Offset: 100, Length: 256}}, Hashes: true},
		"0000001d22a4" + offer + "0201030205436f6e65":        Chunk{Offer: id, File: 1, Offset: 2, Data: []byte("one")},
		"0000001e22a4" + offer + "02010302061a00020000":      Chunk{Offer: id, File: 1, Offset: 2, Zeros: PieceSize},
		"0000001c21a3" + offer + "05820119012c06f5":          Read{Offer: id, Recipes: []uint64{1, 300}, Slices: true},
		"0000001e24a5" + offer + "0201034173044174" + "05f5": Recipe{Offer: id, File: 1, Sums: []byte("s"), Slices: []byte("t"), More: true},
		"0000001f23a3" + offer + "0267726566757365640304":    Gone{Offer: id, Reason: "refused", File: 4},
	} {
		got, err := Append(nil, m)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%T: %x, %v, want %s", m, got, err, want)
		}
	}
}

// FuzzChunk: what the fast reader takes, the strict decoder takes too, as the same.
func FuzzChunk(f *testing.F) {
	for _, c := range []Chunk{
		{Data: []byte("a")},
		{Offer: uuid.UUID{9}, File: 1 << 40, Offset: 24, Hash: someHash(), Data: []byte("data")},
	} {
		f.Add(frame(c)[headerSize:])
	}
	zeros, err := Append(nil, Chunk{Zeros: PieceSize})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(zeros[headerSize:])
	f.Add([]byte{0xa6})
	f.Fuzz(func(t *testing.T, payload []byte) {
		fast, ok := parsePlainChunk(payload)
		slow, err := Decode(TypeChunk, payload)
		if !ok {
			return
		}
		if err != nil || !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%+v, %+v, %v", fast, slow, err)
		}
		again, err := Append(nil, fast)
		if err != nil || !bytes.Equal(again[headerSize:], payload) {
			t.Fatalf("% x became % x, %v", payload, again, err)
		}
	})
}
