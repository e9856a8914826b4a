package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"earshot/peer"
)

const (
	// window is what is asked for and not in the journal yet, in bytes: what is
	// sent once more after a kill. Four chunks keep reading, sending, hashing and
	// writing busy at the same time.
	window = 4 * peer.ChunkSize
	// maxAsked bounds the chunks of small files in the window.
	maxAsked = 1024
	// roomEvery is how many bytes are written between two looks at the free space.
	roomEvery = 64 << 20
	// askAgain is how much of the window must be free before more is asked for, so
	// that small files share a request.
	askAgain = peer.ChunkSize
	// buffers is how many chunks of one transfer are in memory at most: 5 MiB.
	buffers = 5
)

// errMismatch says that the other side sent something else than was asked for.
var errMismatch = fmt.Errorf("%w: not what was asked for", errProtocol)

// goneError is what the sender said when it could not serve any more.
type goneError struct{ reason Reason }

func (e *goneError) Error() string { return "the sender: " + string(e.reason) }

// pull is one connection on which a transfer is received. One goroutine reads and
// hashes while another asks, writes and keeps the journal.
type pull struct {
	wire  *wire
	land  *landing
	offer Offer
	room  func() error // checks now and then whether there is room for the rest

	asked    chan chunk    // what will come, in order
	arrived  chan received // what came
	free     chan []byte   // buffers
	open     []chunk       // asked for and not written yet: the writer's own list
	openSize int64
	ahead    *chunk // taken from the landing, not asked for yet
	unsized  int64  // bytes written since the room was checked
}

// received is a chunk on its way from the reader to the writer.
type received struct {
	buf   []byte // to be given back
	data  []byte // part of buf
	sum   [sumSize]byte
	wrong bool // a repair that does not have the hash that came with it
}

func newPull(w *wire, l *landing, o Offer, room func() error) *pull {
	p := &pull{
		wire: w, land: l, offer: o, room: room,
		asked:   make(chan chunk, maxAsked),
		arrived: make(chan received, buffers),
		free:    make(chan []byte, buffers),
	}
	for range buffers {
		p.free <- make([]byte, frameHead+peer.DataFrame)
	}
	return p
}

// run receives until nothing is missing that is known of, or the connection ends.
func (p *pull) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, p.wire.abort) // wakes whoever waits for the network
	defer stop()
	group.Go(func() error { return p.read(ctx) })
	group.Go(func() error {
		defer close(p.asked)
		return p.write(ctx)
	})
	err := group.Wait()
	if kept := p.keep(); kept != nil && err == nil {
		err = kept
	}
	return err
}

// keep leaves the landing as another connection can go on with it.
func (p *pull) keep() error {
	if p.ahead != nil {
		p.open = append(p.open, *p.ahead)
	}
	for _, c := range p.open {
		if c.repair {
			p.land.again(c)
		}
	}
	if err := p.land.flush(); err != nil {
		return err
	}
	return p.land.restart()
}

// write asks for chunks, and writes what came of them.
func (p *pull) write(ctx context.Context) error {
	for {
		if err := p.ask(); err != nil {
			return err
		}
		if len(p.open) == 0 {
			return p.land.flush()
		}
		var r received
		select {
		case r = <-p.arrived:
		default:
			// Nothing more is at hand: what waits for the journal goes there now.
			if err := p.land.flush(); err != nil {
				return err
			}
			select {
			case r = <-p.arrived:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := p.take(r); err != nil {
			return err
		}
	}
}

// take writes one chunk.
func (p *pull) take(r received) error {
	defer func() { p.free <- r.buf }()
	c := p.open[0]
	p.open = p.open[1:]
	p.openSize -= int64(c.size)
	if r.wrong {
		p.land.wrong(c)
		return nil
	}
	if err := p.land.write(c, r.data, r.sum); err != nil {
		p.open = append(p.open, c) // was not kept
		return err
	}
	if p.unsized += int64(c.size); p.unsized >= roomEvery {
		p.unsized = 0
		return p.room()
	}
	return nil
}

// ask fills the window.
func (p *pull) ask() error {
	if len(p.open) > 0 && (p.openSize+p.land.held > window-askAgain || len(p.open) > maxAsked/2) {
		return nil
	}
	var chunks []chunk
	for len(p.open) < maxAsked {
		c, ok, err := p.following()
		if err != nil {
			return err
		}
		if !ok || p.openSize+p.land.held+int64(c.size) > window {
			break
		}
		p.ahead = nil
		p.open = append(p.open, c)
		p.openSize += int64(c.size)
		chunks = append(chunks, c)
		p.asked <- c
	}
	for _, read := range requests(p.offer.ID, chunks) {
		if err := p.wire.send(read); err != nil {
			return err
		}
	}
	return nil
}

// following is the chunk to ask for next, which may have to wait for room in the
// window.
func (p *pull) following() (c chunk, ok bool, err error) {
	if p.ahead == nil {
		if c, ok, err = p.land.next(); !ok || err != nil {
			return c, false, err
		}
		p.ahead = &c
	}
	return *p.ahead, true, nil
}

// requests are the messages that ask for chunks in this order.
func requests(offer uuid.UUID, chunks []chunk) []peer.Read {
	var reads []peer.Read
	end := int64(-1) // of the last range
	for _, c := range chunks {
		last := len(reads) - 1
		if last < 0 || reads[last].Hashes != c.repair {
			reads = append(reads, peer.Read{Offer: offer, Hashes: c.repair})
			last, end = last+1, -1
		}
		ranges := &reads[last].Ranges
		if c.start() == end {
			(*ranges)[len(*ranges)-1].Length += uint64(c.size)
		} else {
			*ranges = append(*ranges, peer.ReadRange{File: uint64(c.file.N), Offset: uint64(c.offset), Length: uint64(c.size)})
		}
		end = c.start() + int64(c.size)
	}
	return reads
}

// read takes in and hashes what was asked for.
func (p *pull) read(ctx context.Context) error {
	for {
		var c chunk
		var ok bool
		select {
		case c, ok = <-p.asked:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !ok {
			return nil
		}
		var buf []byte
		select {
		case buf = <-p.free:
		case <-ctx.Done():
			return ctx.Err()
		}
		r, err := p.chunk(c, buf)
		if err != nil {
			return err
		}
		p.arrived <- r // has room for every buffer
	}
}

// chunk reads the frame that must bring c.
func (p *pull) chunk(c chunk, buf []byte) (received, error) {
	payload, err := receiveFrame(p.wire, buf, peer.TypeChunk)
	if err != nil {
		return received{}, err
	}
	got, err := peer.ParseChunk(payload)
	if err != nil {
		return received{}, fmt.Errorf("%w: %w", errProtocol, err)
	}
	if got.Offer != p.offer.ID || got.File != uint64(c.file.N) || got.Offset != uint64(c.offset) ||
		len(got.Data) != c.size || c.repair && got.Hash == nil {
		return received{}, errMismatch
	}
	r := received{buf: buf, data: got.Data, sum: blake3.Sum256(got.Data)}
	if r.wrong = got.Hash != nil && *got.Hash != peer.Hash(r.sum); r.wrong && !c.repair {
		return received{}, errMismatch // nobody asked for it, and the journal has no gaps
	}
	return r, nil
}

// receiveFrame is the payload of the next frame, which must be of that type. What
// may be skipped is, and a Gone is a *goneError.
func receiveFrame(w *wire, buf []byte, want peer.Type) ([]byte, error) {
	for {
		kind, payload, err := w.receive(buf)
		if err != nil || kind == want {
			return payload, err
		}
		m, err := peer.Decode(kind, payload)
		switch m := m.(type) {
		case peer.Gone:
			return nil, &goneError{Reason(m.Reason)}
		default:
			if !errors.Is(err, peer.ErrSkip) {
				return nil, fmt.Errorf("%w: frame of type %#02x", errProtocol, uint8(kind))
			}
		}
	}
}
