package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

const (
	// maxAsked bounds the pieces of small files in the window.
	maxAsked = 1024
	// roomEvery is how many bytes are written between two looks at the free space.
	roomEvery = 64 << 20
	// askAgain is how much of the window must be free before more is asked for, so
	// that small files share a request; of a small window a quarter.
	askAgain = peer.ChunkSize
	// buffers is in how many batches of pieces the bytes of one transfer come, at
	// most: some 2 MiB.
	buffers = 4
)

// errMismatch says that the other side sent something else than was asked for.
var errMismatch = fmt.Errorf("%w: not what was asked for", errProtocol)

// goneError is what the sender said when it could not serve any more.
type goneError struct{ reason Reason }

func (e *goneError) Error() string { return "the sender: " + string(e.reason) }

// piece is a part of a chunk: what is asked for, sent and written in one go.
type piece struct {
	chunk
	at   int // where in the chunk
	size int
	from int64 // in the older version of the file; fromSender, or placed
	plan *plan // where some pieces of the chunk may come from an older version
	// Of the time it was asked for: when that was, and how many bytes were to come
	// before its end.
	asked time.Time
	ahead int64
	lane  *lane // that it comes over
	turn  bool  // what follows may come over another one
}

// rest is how many bytes of the chunk follow.
func (p piece) rest() int { return p.chunk.size - p.at - p.size }

// isLast reports whether the chunk ends with the piece.
func (p piece) isLast() bool { return p.rest() == 0 }

func (p piece) start() int64 { return p.chunk.start() + int64(p.at) }

// pull receives a transfer over its connections. A goroutine for each of them reads
// and hashes while another one asks, writes and keeps the journal.
type pull struct {
	lanes  []*lane
	land   *landing
	offer  Offer
	limits limits
	room   func() error // checks now and then whether there is room for the rest

	window   *window
	enough   atomic.Int64 // bytes that the reader hands over at once
	open     []piece      // to be written: the writer's own list
	openSize int64        // of those that the sender was asked for
	begun    int64        // written of the chunk that is not complete
	next     *piece       // taken from the landing, waits for room in the window
	ended    bool         // the landing had none, the last time
	unsized  int64        // bytes written since the room was checked
	lane     *lane        // of the run that is being asked for
	left     int64        // bytes until the next one
}

// received are pieces on their way from the reader to the writer, in order.
type received struct {
	buf    []byte
	pieces []arrival
	at     time.Time // when the last one came
}

// arrival is one piece that came.
type arrival struct {
	piece
	data  []byte // part of the buffer; nil: zeros
	sum   [sumSize]byte
	wrong bool // a repair of the chunk does not have the hash that came with it
}

func newPull(r *receipt, l *landing) *pull {
	p := &pull{
		land: l, offer: r.t.Offer, limits: r.limits, room: r.room, window: r.window,
	}
	for _, w := range r.wires() {
		p.lanes = append(p.lanes, newLane(w))
	}
	return p
}

// run receives until nothing is missing that is known of, or a connection ends.
// Without an error the connections are ready for more.
func (p *pull) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(p.lanes)+1)
	for _, l := range p.lanes {
		defer context.AfterFunc(ctx, l.wire.abort)() // wakes whoever waits for the network
		go func() { ended <- p.read(ctx, l) }()
	}
	go func() {
		err := p.write(ctx)
		for _, l := range p.lanes {
			close(l.asked)
		}
		ended <- err
	}()
	var err error
	for range cap(ended) {
		if next := <-ended; err == nil && next != nil { // the first one tells the cause
			err = next
			cancel()
		}
	}
	if kept := p.keep(); kept != nil && err == nil {
		err = kept
	}
	return err
}

// keep leaves the landing as another connection can go on with it.
func (p *pull) keep() error {
	if p.next != nil {
		p.open = append(p.open, *p.next)
	}
	p.land.giveBack(p.open)
	if err := p.land.flush(); err != nil {
		return err
	}
	return p.land.restart()
}

// write asks for pieces, and writes what came of them.
func (p *pull) write(ctx context.Context) error {
	for {
		if err := p.ask(); err != nil {
			return err
		}
		if err := p.takeOwn(); err != nil {
			return err
		}
		if len(p.open) == 0 {
			if err := p.land.flush(); err != nil || p.ended {
				return err
			}
			continue
		}
		l := p.open[0].lane
		r, err := p.receive(ctx, l)
		if err != nil {
			return err
		}
		if err := p.takeAll(l, r); err != nil {
			return err
		}
	}
}

// receive waits for the next pieces that come over a connection.
func (p *pull) receive(ctx context.Context, l *lane) (received, error) {
	select {
	case r := <-l.arrived:
		return r, nil
	default:
	}
	// Nothing more is at hand: what waits for the journal goes there now.
	if err := p.land.flush(); err != nil {
		return received{}, err
	}
	select {
	case r := <-l.arrived:
		return r, nil
	case <-ctx.Done():
		return received{}, ctx.Err()
	}
}

func (p *pull) takeAll(l *lane, r received) error {
	defer func() { l.free <- r }() // has room for every buffer
	p.window.arrived(r.pieces[len(r.pieces)-1].piece, r.at)
	for rest := r.pieces; len(rest) > 0; {
		if err := p.takeOwn(); err != nil {
			return err
		}
		if small := p.small(rest); len(small) > 0 {
			if err := p.takeSmall(small); err != nil {
				return err
			}
			rest = rest[len(small):]
			continue
		}
		if err := p.take(rest[0]); err != nil {
			return err
		}
		rest = rest[1:]
	}
	return nil
}

// takeOwn writes the pieces that come next and are here already.
func (p *pull) takeOwn() error {
	for len(p.open) > 0 && p.open[0].from != fromSender {
		c := p.open[0]
		if c.from == placed {
			if err := p.land.place(c.file); err != nil {
				return err
			}
			p.open = p.open[1:]
			continue
		}
		if err := p.take(arrival{piece: c, data: p.land.older.read(c)}); err != nil {
			return err
		}
	}
	return nil
}

// take writes one piece that comes next, and with the last one of a chunk keeps that.
func (p *pull) take(got arrival) error {
	if err := p.land.write(got.piece, got.data); err != nil {
		return err
	}
	if got.plan != nil {
		data := got.data
		if data == nil {
			data = zeros[:got.size]
		}
		got.sum, got.wrong = p.land.older.sum(got.piece, data)
	}
	return p.taken(&got)
}

// taken counts a piece that was written.
func (p *pull) taken(got *arrival) error {
	if got.from == fromSender {
		p.openSize -= int64(got.size)
		got.lane.open -= int64(got.size)
	}
	if p.begun += int64(got.size); got.isLast() {
		if err := p.land.written(got.chunk, got.sum, got.wrong); err != nil {
			return err
		}
		p.begun = 0
	}
	p.open = p.open[1:]
	if p.unsized += int64(got.size); p.unsized >= roomEvery {
		p.unsized = 0
		return p.room()
	}
	return nil
}

// space is how many more bytes may be asked for: as many as the window lets, and no
// more than may be lost when this process is killed.
func (p *pull) space() int64 {
	return min(p.window.size-p.openSize, maxWindow-p.openSize-p.begun-p.land.held)
}

// ask fills the window.
func (p *pull) ask() error {
	if len(p.open) > 0 && (p.space() < min(askAgain, p.window.size/4) || len(p.open) > maxAsked/2) {
		return nil
	}
	now := time.Now()
	p.enough.Store(p.window.size / 4)
	for len(p.open) < maxAsked {
		c, ok, err := p.following()
		if err != nil {
			return err
		}
		if p.ended = !ok; p.ended || c.from == fromSender && int64(c.size) > p.space() {
			break
		}
		p.next = nil
		if c.from == fromSender {
			p.openSize += int64(c.size)
			c.asked, c.ahead = now, p.openSize
			p.lead(&c)
		}
		p.open = append(p.open, c)
	}
	for _, l := range p.lanes {
		for _, read := range requests(p.offer.ID, l.asking) {
			if err := l.wire.send(read); err != nil {
				return err
			}
		}
		l.asking = l.asking[:0]
	}
	return nil
}

// following is the piece to get next, which may have to wait for room in the
// window.
func (p *pull) following() (c piece, ok bool, err error) {
	if p.next == nil {
		if c, ok, err = p.land.next(); !ok || err != nil {
			return c, false, err
		}
		p.next = &c
	}
	return *p.next, true, nil
}

// requests are the messages that ask for pieces in this order.
func requests(offer uuid.UUID, pieces []piece) []peer.Read {
	var reads []peer.Read
	end := int64(-1) // of the last range
	for _, c := range pieces {
		last := len(reads) - 1
		if last < 0 || reads[last].Hashes != c.repair {
			reads = append(reads, peer.Read{Offer: offer, Hashes: c.repair})
			last, end = last+1, -1
		}
		ranges := &reads[last].Ranges
		if c.start() == end {
			(*ranges)[len(*ranges)-1].Length += uint64(c.size)
		} else {
			offset := uint64(c.offset) + uint64(c.at)
			*ranges = append(*ranges, peer.ReadRange{File: uint64(c.file.N), Offset: offset, Length: uint64(c.size)})
		}
		end = c.start() + int64(c.size)
	}
	return reads
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
