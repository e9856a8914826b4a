package transfer

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"

	"earshot/peer"
)

const (
	// sumSize is a chunk's hash in the journal.
	sumSize = 32
	// journalBatch is how many hashes of small files wait at most to be written to
	// the journal at once.
	journalBatch = 64
	// maxRepairs is how often a chunk is fetched again before the disk, or the
	// sender's, is called broken.
	maxRepairs = 3
)

// errDamaged says that a chunk is wrong however often it is fetched.
var errDamaged = errors.New("the same part of a file is damaged each time it is written or read")

// landing is what one transfer has on this disk: a part for each topmost entry of
// the manifest (a file, or a folder with what belongs in it) and the journal, which
// holds the BLAKE3 of each chunk, appended after the chunk was written. Chunks come
// in order; those that turn out to be wrong later are asked for again.
//
// One goroutine at a time asks and writes (next, write, flush), another one may
// verify; the mutex guards what they share.
type landing struct {
	disk     disk
	store    Store
	id       uuid.UUID
	entries  int64 // of the manifest
	chunks   int64 // in all files
	conflict Conflict
	journal  diskFile
	moved    *progress

	kept    int64  // chunks in the journal
	pending []byte // hashes of chunks that were written after those
	held    int64  // bytes of the chunks in pending
	walk    cursor // for asking
	file    int64  // the file that walk is at
	asked   int64  // the next chunk to ask for
	cut     piece  // what was given of the chunk before it
	plan    *plan  // the last one that was made
	older   older
	out     openPart
	folder  folder // of the part that was opened last
	hands   [maxHands]hand
	saver   saver
	check   []byte // for reading back what was repaired

	mu       sync.Mutex
	bad      []int64       // chunks to be fetched again
	tries    map[int64]int // how often each was
	found    chan struct{} // holds a token when bad was added to
	verified chan struct{} // closed when all that was there at the start is checked
	old      int64         // chunks that were there at the start
}

// openLanding opens what is there of a transfer, or begins it.
func openLanding(d disk, store Store, t Transfer, moved *progress) (*landing, error) {
	l := &landing{
		disk: d, store: store, id: t.ID, entries: t.Entries, conflict: t.Conflict, moved: moved,
		walk: cursor{store: store, id: t.ID}, tries: map[int64]int{},
		found: make(chan struct{}, 1), verified: make(chan struct{}),
	}
	if err := makePartsFolder(d); err != nil {
		return nil, err
	}
	last, err := store.Files(t.ID, t.Entries-1, 1)
	if err != nil {
		return nil, err
	}
	if len(last) != 1 {
		return nil, fmt.Errorf("open parts of %s: the manifest is not in the store", t.ID)
	}
	l.chunks = last[0].First + last[0].Chunks()
	if l.journal, _, err = createOrOpen(d, journalName(t.ID), 0o600); err != nil {
		return nil, err
	}
	if err := l.rewind(); err != nil {
		l.journal.Close()
		return nil, err
	}
	l.old = l.kept
	l.saver, l.older = saver{disk: d, journal: l.journal}, older{disk: d}
	return l, nil
}

// rewind takes the journal's word for what is there.
func (l *landing) rewind() error {
	info, err := l.journal.Stat()
	if err != nil {
		return err
	}
	l.kept = min(info.Size()/sumSize, l.chunks)
	if err := l.journal.Truncate(l.kept * sumSize); err != nil {
		return err
	}
	done, err := bytesBefore(&l.walk, l.kept, l.entries)
	if err != nil {
		return err
	}
	l.moved.done.Store(done)
	return l.restart()
}

// bytesBefore is how many bytes come before a chunk, of a manifest with that many
// entries.
func bytesBefore(c *cursor, number, entries int64) (int64, error) {
	if number == 0 {
		return 0, nil
	}
	f, err := c.holding(number-1, entries)
	if err != nil {
		return 0, err
	}
	before := chunkOf(f, number-1)
	return before.start() + int64(before.size), nil
}

// restart begins to ask again behind what is in the journal.
func (l *landing) restart() error {
	l.asked, l.file, l.cut = l.kept, 0, piece{}
	l.pending, l.held = l.pending[:0], 0
	if l.asked == 0 {
		return nil
	}
	f, err := l.walk.holding(l.asked-1, l.entries)
	if err != nil {
		return err
	}
	l.file = f.N
	return nil
}

// next is the next piece to get; ok is false when there is none now. On its way it
// makes the folders and empty files that it passes. It stops before a file of which
// an older version is there and no plan was made: see [landing.unplanned].
func (l *landing) next() (p piece, ok bool, err error) {
	if l.cut.rest() == 0 {
		c, ok, err := l.nextChunk()
		if !ok || err != nil {
			return piece{}, false, err
		}
		if c.file.Placed {
			return piece{chunk: c, from: placed}, true, nil
		}
		l.cut = piece{chunk: c}
	}
	l.cut = l.plan.piece(l.cut)
	return l.cut, true, nil
}

// nextChunk is the next chunk to get, of a file that is placed the first one, in
// place of all.
func (l *landing) nextChunk() (c chunk, ok bool, err error) {
	if c, ok, err = l.nextRepair(); ok || err != nil {
		return c, ok, err
	}
	for l.file < l.entries {
		f, ok, err := l.walk.file(l.file)
		if err == nil && !ok {
			err = l.walk.missing(l.file)
		}
		if err != nil {
			return chunk{}, false, err
		}
		if l.asked < f.First+f.Chunks() {
			if !f.Placed && !l.planned(f) {
				return chunk{}, false, nil
			}
			c = chunkOf(f, l.asked)
			if l.asked++; f.Placed {
				l.asked = f.First + f.Chunks()
			}
			return c, true, nil
		}
		if f.Size == 0 && !f.Placed {
			if err := l.make(f); err != nil {
				return chunk{}, false, err
			}
		}
		l.file++
	}
	return chunk{}, false, nil
}

// nextRepair is the next chunk to be fetched again.
func (l *landing) nextRepair() (chunk, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.bad) == 0 {
		return chunk{}, false, nil
	}
	number := l.bad[0]
	if l.tries[number]++; l.tries[number] > maxRepairs {
		return chunk{}, false, fmt.Errorf("chunk %d: %w", number, errDamaged)
	}
	f, err := l.walk.holding(number, l.entries)
	if err != nil {
		return chunk{}, false, err
	}
	l.bad = l.bad[1:]
	c := chunkOf(f, number)
	c.repair = true
	return c, true, nil
}

// wrong says that a chunk that was kept is not right (any more).
func (l *landing) wrong(c chunk) {
	l.mu.Lock()
	l.bad = append(l.bad, c.number)
	l.mu.Unlock()
	select {
	case l.found <- struct{}{}:
	default:
	}
}

// giveBack takes back pieces that were asked for and did not come, and what follows
// them. That is no fault of the chunks.
func (l *landing) giveBack(open []piece) {
	given := map[int64]bool{}
	if l.cut.rest() > 0 {
		open = append(open, l.cut)
	}
	for _, p := range open {
		if !p.repair || given[p.number] {
			continue
		}
		given[p.number] = true
		l.mu.Lock()
		l.tries[p.number]--
		l.mu.Unlock()
		l.wrong(p.chunk)
	}
}

// written keeps a chunk of which the last piece was written. It counts when its
// hash is in the journal, which for small ones may wait for [landing.flush]; a wrong
// one counts when it was fetched again.
func (l *landing) written(c chunk, sum [sumSize]byte, wrong bool) error {
	switch {
	case wrong && c.repair:
		l.wrong(c)
		return nil
	case c.repair:
		return l.repaired(c, sum)
	case wrong:
		l.moved.done.Add(-int64(c.size))
		defer l.wrong(c)
	}
	if c.offset+int64(c.size) == c.file.Size {
		if err := l.closePart(true); err != nil {
			return err
		}
	}
	l.pending = append(l.pending, sum[:]...)
	l.held += int64(c.size)
	if c.size == peer.ChunkSize || len(l.pending) >= journalBatch*sumSize {
		return l.flush()
	}
	return nil
}

// place counts a file that lies where it belongs. The journal has nothing for it.
func (l *landing) place(f *File) error {
	if err := l.flush(); err != nil {
		return err
	}
	l.kept = f.First + f.Chunks()
	if err := l.journal.Truncate(l.kept * sumSize); err != nil {
		return err
	}
	l.moved.done.Add(f.Size)
	return nil
}

// flush appends to the journal what was written.
func (l *landing) flush() error {
	if len(l.pending) == 0 {
		return nil
	}
	if _, err := l.journal.WriteAt(l.pending, l.kept*sumSize); err != nil {
		return err
	}
	l.kept += int64(len(l.pending) / sumSize)
	l.moved.done.Add(l.held)
	l.pending, l.held = l.pending[:0], 0
	return l.saver.begin()
}

// repaired reads back a chunk that was written once more: a disk that loses it
// each time is found out here.
func (l *landing) repaired(c chunk, sum [sumSize]byte) error {
	if _, err := l.journal.WriteAt(sum[:], c.number*sumSize); err != nil {
		return err
	}
	if l.check == nil {
		l.check = make([]byte, peer.ChunkSize)
	}
	data := l.check[:c.size]
	if _, err := l.out.ReadAt(data, c.offset); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if blake3.Sum256(data) != sum {
		l.wrong(c)
		return nil
	}
	l.mu.Lock()
	delete(l.tries, c.number)
	l.mu.Unlock()
	l.moved.done.Add(int64(c.size))
	return nil
}

// complete reports whether every chunk is in the journal and none is known to be
// wrong.
func (l *landing) complete() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept == l.chunks && len(l.bad) == 0
}

// close closes what is open. The landing is of no use afterwards.
func (l *landing) close() {
	l.closePart(false)
	l.older.close()
	l.leave()
	l.saver.wait()
	l.journal.Close()
}

// leave closes the folders that are open.
func (l *landing) leave() {
	l.folder.leave()
	for i := range l.hands {
		l.hands[i].leave()
	}
}
