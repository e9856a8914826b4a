package transfer

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/google/uuid"

	"earshot/peer"
)

// cursor reads the files of a manifest, mostly in order, a page at a time.
type cursor struct {
	store Store
	id    uuid.UUID
	page  []File
}

// file is number n of the manifest; ok is false behind the last one. It stays
// valid when the cursor moves on.
func (c *cursor) file(n int64) (f *File, ok bool, err error) {
	if len(c.page) == 0 || n < c.page[0].N || n > c.page[len(c.page)-1].N {
		files, err := c.store.Files(c.id, n, maxPage)
		if err != nil || len(files) == 0 {
			return nil, false, err
		}
		c.page = files
	}
	if c.page[0].N > n {
		return nil, false, c.missing(n)
	}
	if f = &c.page[n-c.page[0].N]; f.N != n {
		return nil, false, c.missing(n)
	}
	return f, true, nil
}

func (c *cursor) missing(n int64) error {
	return fmt.Errorf("manifest of %s: file %d is missing in the store", c.id, n)
}

// each calls do with every file in order. It reads a page ahead.
func (c *cursor) each(do func(f *File) error) error {
	var ahead aside
	defer ahead.wait()
	var next []File
	load := func(from int64) error {
		return ahead.begin(func() (err error) {
			next, err = c.store.Files(c.id, from, maxPage)
			return err
		})
	}
	load(0)
	for n := int64(0); ; {
		if err := ahead.wait(); err != nil || len(next) == 0 {
			return err
		}
		c.page = next
		load(n + int64(len(c.page)))
		for i := range c.page {
			f := &c.page[i]
			if f.N != n {
				return c.missing(n)
			}
			if err := do(f); err != nil {
				return err
			}
			n++
		}
	}
}

// tops calls do with every topmost entry in order. They come first in a manifest.
func (c *cursor) tops(do func(f *File) error) error {
	within := errors.New("within a folder")
	err := c.each(func(f *File) error {
		if strings.Contains(f.Path, "/") {
			return within
		}
		return do(f)
	})
	if err == within {
		return nil
	}
	return err
}

// holding is the file that a chunk lies in, of a manifest with that many entries. The
// page behind the last one is looked at first: mostly it is there.
func (c *cursor) holding(number, entries int64) (*File, error) {
	low, high := int64(0), entries // it is one of these
	at := entries / 2
	if last := len(c.page) - 1; last >= 0 && c.page[last].N+1 < entries {
		at = c.page[last].N + 1
	}
	for {
		if f := c.near(number); f != nil {
			return f, nil
		}
		if low >= high {
			return nil, fmt.Errorf("find chunk %d of %s: behind the end", number, c.id)
		}
		_, ok, err := c.file(at)
		if err == nil && !ok {
			err = c.missing(at)
		}
		if err != nil {
			return nil, fmt.Errorf("find chunk %d: %w", number, err)
		}
		if number < c.page[0].First {
			high = c.page[0].N
		} else if c.near(number) == nil {
			low = c.page[len(c.page)-1].N + 1
		}
		at = low + (high-low)/2
	}
}

// near is the file that a chunk lies in where the cursor has it at hand, else nil.
func (c *cursor) near(number int64) *File {
	i := sort.Search(len(c.page), func(i int) bool { return c.page[i].First+c.page[i].Chunks() > number })
	if i == len(c.page) || c.page[i].First > number {
		return nil
	}
	return &c.page[i]
}

// chunk is a piece of one file: what is asked for, hashed and kept as a whole.
type chunk struct {
	file   *File
	number int64 // through all files of the transfer
	offset int64 // in the file
	size   int
	repair bool // replaces one that is in the journal already
}

// chunkOf is the chunk of that number, which lies in f.
func chunkOf(f *File, number int64) chunk {
	offset := (number - f.First) * peer.ChunkSize
	return chunk{file: f, number: number, offset: offset, size: int(min(peer.ChunkSize, f.Size-offset))}
}

// start is how many bytes of the transfer come before the chunk.
func (c chunk) start() int64 { return c.file.Start + c.offset }
