package transfer

import (
	"context"
	"fmt"
	"time"

	"github.com/zeebo/blake3"

	"earshot/peer"
)

// This file is the reading half of a pull.

// reader takes in what was asked for, piece by piece, and hashes it while it is
// still in the processor's cache.
type reader struct {
	*pull
	*lane
	batch  received
	used   int // bytes of batch.buf
	hasher *blake3.Hasher
	wrong  bool // of the chunk that is read
}

// read reads from a connection until nothing is asked for any more.
func (p *pull) read(ctx context.Context, l *lane) error {
	r := &reader{pull: p, lane: l, hasher: blake3.New()}
	for {
		var c piece
		var ok bool
		select {
		case c, ok = <-l.asked:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !ok {
			return nil
		}
		if err := r.fetch(ctx, c); err != nil {
			return err
		}
		if c.turn || len(l.asked) == 0 || int64(r.used) >= p.enough.Load() {
			r.hand()
		}
	}
}

// hand gives what was read to the writer.
func (r *reader) hand() {
	r.batch.at = time.Now()
	r.arrived <- r.batch // has room for every buffer
	r.batch, r.used = received{}, 0
}

// fetch reads one piece behind those that are in the batch already, where it has
// room for it.
func (r *reader) fetch(ctx context.Context, c piece) error {
	if r.batch.buf != nil && len(r.batch.buf)-r.used < frameHead+peer.ChunkHead+c.size {
		r.hand()
	}
	if r.batch.buf == nil {
		select {
		case r.batch = <-r.free:
			r.batch.pieces = r.batch.pieces[:0]
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	payload, err := receiveFrame(r.wire, r.batch.buf[r.used:], peer.TypeChunk)
	if err != nil {
		return err
	}
	r.used += frameHead + len(payload)
	if err := r.limits.wait(ctx, len(payload)); err != nil {
		return err
	}
	got, err := r.check(c, payload)
	if err != nil {
		return err
	}
	r.batch.pieces = append(r.batch.pieces, got)
	return nil
}

// check makes sure that a payload is what was asked for, and hashes it.
func (r *reader) check(c piece, payload []byte) (arrival, error) {
	got, err := peer.ParseChunk(payload)
	if err != nil {
		return arrival{}, fmt.Errorf("%w: %w", errProtocol, err)
	}
	if got.Offer != r.offer.ID || got.File != uint64(c.file.N) || got.Offset != uint64(c.offset)+uint64(c.at) ||
		got.Size() != uint64(c.size) || got.Zeros > 0 && len(got.Data) > 0 || c.repair && got.Hash == nil {
		return arrival{}, errMismatch
	}
	data := got.Data
	if got.Zeros > 0 {
		data = zeros[:got.Zeros]
	}
	wrong := got.Hash != nil && *got.Hash != peer.Hash(blake3.Sum256(data))
	if wrong && !c.repair {
		return arrival{}, errMismatch // nobody asked for it, and the journal has no gaps
	}
	r.wrong = wrong || r.wrong && c.at > 0
	a := arrival{piece: c, data: got.Data, wrong: r.wrong}
	if c.plan == nil { // else the writer does, who has all of the chunk
		a.sum = r.sum(c, data)
	}
	return a, nil
}

// sum is the hash of the chunk that ends with the piece.
func (r *reader) sum(c piece, data []byte) (sum [sumSize]byte) {
	if c.at == 0 && c.isLast() {
		return blake3.Sum256(data)
	}
	if c.at == 0 {
		r.hasher.Reset()
	}
	r.hasher.Write(data)
	if c.isLast() {
		r.hasher.Sum(sum[:0])
	}
	return sum
}
