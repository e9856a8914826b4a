package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"earshot/peer"
)

const (
	// maxRequests bounds the requests of a connection that wait to be answered.
	maxRequests = 64
	// maxRanges bounds the ranges of a request.
	maxRanges = 2 * maxAsked
	// batches is how many buffers a connection is served with: some 2 MiB, so that
	// reading goes on while the network, or the disk, has to be waited for.
	batches = 4
	// batchSize is a buffer: a few pieces, since each goes from one goroutine to
	// another, which costs as much as reading 64 KiB.
	batchSize = 4 * (frameHead + peer.DataFrame)
	// manifestBytes is about how much of a manifest is sent in one frame.
	manifestBytes = 64 << 10
)

var (
	// errChanged says that a file is not what it was when it was offered.
	errChanged = errors.New("changed since it was offered")
	// errUnread says that the receiver took nothing for too long.
	errUnread = errors.New("the receiver does not read")
	// errAsked says that the receiver asked for something that is not there.
	errAsked = fmt.Errorf("%w: no such bytes", errProtocol)
)

// server answers what one receiver asks for on one connection. One goroutine takes
// the requests, one reads files, one sends.
type server struct {
	wire   *wire
	store  Store
	t      Transfer
	limits limits

	requests chan peer.Read
	free     chan []byte
	full     chan []byte

	batch   []byte // what is being filled, nil for none
	files   cursor
	sources sources
	in      openSource
}

// openSource is the file that is being read.
type openSource struct {
	file *File
	source
}

// sourceError says which file cannot be sent, and whether it changed.
type sourceError struct {
	file   *File
	reason Reason
	err    error
}

func (e *sourceError) Error() string { return fmt.Sprintf("read %s: %v", e.file.Source, e.err) }
func (e *sourceError) Unwrap() error { return e.err }

func newServer(w *wire, t Transfer, cfg *Config) *server {
	s := &server{
		wire: w, store: cfg.Store, t: t, sources: sources{wrap: cfg.wrapSource},
		requests: make(chan peer.Read, maxRequests),
		free:     make(chan []byte, batches),
		full:     make(chan []byte, batches),
		files:    cursor{store: cfg.Store, id: t.ID},
	}
	for range batches {
		s.free <- make([]byte, 0, batchSize)
	}
	return s
}

// run answers first and what follows until the receiver closes the connection.
func (s *server) run(ctx context.Context, first peer.Read) error {
	group, inner := errgroup.WithContext(ctx)
	s.requests <- first
	over := make(chan struct{})
	context.AfterFunc(inner, func() {
		defer close(over)
		if isSourceError(context.Cause(inner)) { // that is still to be said
			s.wire.read.stop()
		} else {
			s.wire.abort()
		}
	})
	group.Go(func() error {
		defer close(s.requests)
		return s.take(inner)
	})
	group.Go(func() error {
		defer close(s.full)
		defer s.sources.close()
		defer s.use(nil)
		return s.answer(inner)
	})
	group.Go(func() error { return s.send(ctx) })
	err := group.Wait()
	<-over
	return err
}

func isSourceError(err error) bool {
	var source *sourceError
	return errors.As(err, &source)
}

// take receives the requests.
func (s *server) take(ctx context.Context) error {
	s.wire.read.change(idleTime)
	buf := make([]byte, frameHead+peer.ControlFrame)
	for {
		read, err := receiveRead(s.wire, buf)
		if err != nil {
			return err
		}
		if read.Offer != s.t.ID {
			return fmt.Errorf("%w: another offer on the same connection", errProtocol)
		}
		select {
		case s.requests <- read:
		case <-ctx.Done():
			return ctx.Err()
		default:
			return fmt.Errorf("%w: too many requests at once", errProtocol)
		}
	}
}

// receiveRead is the next request.
func receiveRead(w *wire, buf []byte) (peer.Read, error) {
	payload, err := receiveFrame(w, buf, peer.TypeRead)
	if err != nil {
		return peer.Read{}, err
	}
	m, err := peer.Decode(peer.TypeRead, payload)
	if err != nil {
		return peer.Read{}, fmt.Errorf("%w: %w", errProtocol, err)
	}
	read := m.(peer.Read)
	return read, checkRead(read)
}

// checkRead is the error of a request that no receiver makes.
func checkRead(read peer.Read) error {
	asks := 0
	for _, one := range []bool{read.Page != nil, len(read.Ranges) > 0, len(read.Recipes) > 0} {
		if one {
			asks++
		}
	}
	if asks != 1 || len(read.Ranges) > maxRanges || len(read.Recipes) > maxRecipes {
		return fmt.Errorf("%w: a request for everything or nothing", errProtocol)
	}
	return nil
}

// send writes what was read, to the last byte also where no more can be read.
func (s *server) send(ctx context.Context) error {
	for b := range s.full {
		for rest := b; len(rest) > 0; {
			now := len(rest)
			if s.limits.are() {
				now = min(now, share)
			}
			if err := s.limits.wait(ctx, now); err != nil {
				return err
			}
			if _, err := s.wire.Write(rest[:now]); err != nil {
				return unsent(err)
			}
			rest = rest[now:]
		}
		if len(s.full) == 0 || s.limits.are() {
			if err := s.wire.flush(); err != nil {
				return unsent(err)
			}
		}
		s.free <- b[:0] // has room for every buffer
	}
	return nil
}

// unsent is the error of a connection that does not take what is written.
func unsent(err error) error {
	if isStall(err) {
		err = fmt.Errorf("%w: %w", errUnread, err)
	}
	return &lostError{err}
}

// answer reads what is asked for, in the order of the requests.
func (s *server) answer(ctx context.Context) error {
	for read := range s.requests {
		err := s.one(ctx, read)
		if err == nil && len(s.requests) == 0 {
			err = s.pass(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *server) one(ctx context.Context, read peer.Read) error {
	if read.Page != nil {
		return s.page(ctx, *read.Page)
	}
	for _, n := range read.Recipes {
		if err := s.recipe(ctx, n, read.Slices); err != nil {
			return err
		}
	}
	for _, r := range read.Ranges {
		if err := s.bytes(ctx, r, read.Hashes); err != nil {
			return err
		}
	}
	return nil
}

// room is a buffer with room for n more bytes.
func (s *server) room(ctx context.Context, n int) error {
	if s.batch != nil && cap(s.batch)-len(s.batch) < n {
		if err := s.pass(ctx); err != nil {
			return err
		}
	}
	if s.batch != nil {
		return nil
	}
	select {
	case s.batch = <-s.free:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pass hands what was read to the goroutine that sends.
func (s *server) pass(ctx context.Context) error {
	if s.batch == nil {
		return nil
	}
	select {
	case s.full <- s.batch:
		s.batch = nil
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// page answers with a page of the manifest.
func (s *server) page(ctx context.Context, from uint64) error {
	if from >= uint64(s.t.Entries) {
		return errAsked
	}
	m := peer.Manifest{Offer: s.t.ID, First: from, More: true}
	for size := 0; size < manifestBytes && len(m.Entries) < maxPage; {
		n := int64(from) + int64(len(m.Entries))
		f, ok, err := s.files.file(n)
		if err != nil {
			return err
		}
		if !ok || n >= s.t.Entries {
			break
		}
		m.Entries = append(m.Entries, f.entry())
		m.Holes += uint64(f.Holes)
		size += len(f.sentAs()) + 32
	}
	m.More = int64(from)+int64(len(m.Entries)) < s.t.Entries
	if err := s.room(ctx, frameHead+peer.DataFrame); err != nil {
		return err
	}
	b, err := peer.Append(s.batch, m)
	if err != nil {
		return err
	}
	s.batch = b
	return nil
}

// bytes answers with the pieces of one range.
func (s *server) bytes(ctx context.Context, r peer.ReadRange, hashes bool) error {
	n, offset, left := int64(r.File), int64(r.Offset), int64(r.Length)
	if r.File > maxEntries || r.Offset > maxBytes || r.Length > maxBytes || left == 0 {
		return errAsked
	}
	for left > 0 {
		f, ok, err := s.files.file(n)
		if err != nil {
			return err
		}
		if !ok || offset > f.Size {
			return errAsked
		}
		if offset == f.Size {
			n, offset = n+1, 0
			continue
		}
		whole := peer.PieceSize - offset%peer.PieceSize
		size := min(whole, f.Size-offset, left)
		if err := s.piece(ctx, f, offset, int(size), hashes); err != nil {
			return err
		}
		offset, left = offset+size, left-size
	}
	return nil
}

// readPiece reads bytes of a file, which is still what was offered.
func (s *server) readPiece(f *File, data []byte, offset int64) error {
	if err := s.use(f); err != nil {
		return err
	}
	if n, err := s.in.ReadAt(data, offset); n < len(data) {
		return s.broken(f, err)
	}
	return s.unchanged()
}

// piece reads bytes of a file straight to where they are sent from.
func (s *server) piece(ctx context.Context, f *File, offset int64, size int, hashes bool) error {
	if err := s.room(ctx, peer.ChunkHead+size); err != nil {
		return err
	}
	c := peer.Chunk{Offer: s.t.ID, File: uint64(f.N), Offset: uint64(offset)}
	b, hash := peer.AppendChunkHead(s.batch, c, size, hashes)
	data := b[len(b) : len(b)+size]
	if err := s.readPiece(f, data, offset); err != nil {
		return err
	}
	if size == peer.PieceSize && isZero(data) {
		return s.zeros(c, size, hashes)
	}
	if hashes {
		sum := blake3.Sum256(data)
		copy(b[hash:], sum[:])
	}
	s.batch = b[:len(b)+size]
	return nil
}

// zeros answers with a piece that is empty: not its bytes, their number is sent,
// and the receiver can leave a hole for it.
func (s *server) zeros(c peer.Chunk, size int, hashes bool) (err error) {
	c.Zeros = uint64(size)
	if hashes {
		hash := peer.Hash(sumOfZeros(size))
		c.Hash = &hash
	}
	s.batch, err = peer.Append(s.batch, c)
	return err
}

// use opens a file for reading, and makes sure that it is the one that was offered.
func (s *server) use(f *File) error {
	if s.in.file != nil && f != nil && s.in.file.N == f.N {
		return nil
	}
	if s.in.file != nil {
		s.in.Close()
	}
	s.in = openSource{}
	if f == nil {
		return nil
	}
	in, err := s.sources.open(f.Source)
	if err != nil {
		return s.broken(f, err)
	}
	s.in = openSource{f, in}
	return s.unchanged()
}

// unchanged compares the open file with what was offered. It is done before the
// first read and after each: a change during a read, or since the one before it,
// shows in the next comparison, and what was read then is not sent.
func (s *server) unchanged() error {
	f := s.in.file
	is, err := s.in.State()
	if err != nil {
		return s.broken(f, err)
	}
	if !is.same(f.state()) {
		return &sourceError{f, SourceChanged, errChanged}
	}
	return nil
}

// broken decides what it means that a file cannot be read. One that is gone, or
// something else now, has changed; anything else may pass.
func (s *server) broken(f *File, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotRegular) || errors.Is(err, io.EOF) {
		return &sourceError{f, SourceChanged, err}
	}
	return &sourceError{f, SourceUnreadable, err}
}

// refuse tells the receiver why nothing more comes, after what was sent already,
// and closes.
func refuse(w *wire, gone peer.Gone) {
	if w.send(gone) == nil {
		w.linger()
	}
	w.abort()
}
