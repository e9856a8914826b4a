package transfer

import (
	"bytes"

	"github.com/zeebo/blake3"

	"earshot/peer"
)

// zeros is a piece of nothing. It is never written to.
var zeros [peer.PieceSize]byte

// isZero reports whether data, of at most a piece, is all zero.
func isZero(data []byte) bool {
	return data[0] == 0 && bytes.Equal(data, zeros[:len(data)])
}

// sumOfZeros is the hash of so many bytes of zero, at most a piece.
func sumOfZeros(size int) [sumSize]byte { return blake3.Sum256(zeros[:size]) }
