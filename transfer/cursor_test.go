package transfer

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"earshot/peer"
)

// pagedStore gives the files of a manifest as they were added, so many together, and
// counts how often it is asked. One page of them may be lost.
type pagedStore struct {
	memory
	together int64
	lost     int64 // the first of the page, 0 for none
	asked    int
}

func (s *pagedStore) Files(_ uuid.UUID, from int64, limit int) ([]File, error) {
	s.asked++
	if s.lost > 0 && from >= s.lost && from < s.lost+s.together {
		from = s.lost + s.together
	}
	end := min(from-from%s.together+s.together, from+int64(limit))
	return s.files[min(from, int64(len(s.files))):min(end, int64(len(s.files)))], nil
}

// newPagedStore has that many files of two chunks each, and an empty one after each.
func newPagedStore(files int) *pagedStore {
	s := &pagedStore{together: maxPage}
	for range files {
		s.files = append(s.files, File{Size: 2 * peer.ChunkSize}, File{})
	}
	newListing().number(s.files)
	return s
}

func TestTheFileOfAChunkIsFoundWithFewLooks(t *testing.T) {
	s := newPagedStore(50_000)
	entries := int64(len(s.files))
	c := cursor{store: s}
	find := func(number int64) {
		t.Helper()
		if f, err := c.holding(number, entries); err != nil || f.N != number/2*2 {
			t.Fatalf("chunk %d: %+v, %v", number, f, err)
		}
	}
	for number := range entries {
		find(number)
	}
	if pages := len(s.files)/maxPage + 1; s.asked > pages+20 {
		t.Errorf("in order: %d looks at the store for %d pages", s.asked, pages)
	}
	for _, number := range []int64{0, entries - 1, 1, entries / 3, entries / 3 * 2, 77, entries / 2} {
		find(number)
	}
	if f, err := c.holding(entries, entries); err == nil {
		t.Errorf("a chunk behind the end is in %+v", f)
	}
}

func TestFilesThatTheStoreLostAreMissed(t *testing.T) {
	s := newPagedStore(5 * maxPage)
	s.lost = 2 * maxPage
	for name, do := range map[string]func(c *cursor) error{
		"one of them":  func(c *cursor) error { _, _, err := c.file(s.lost + 3); return err },
		"a chunk":      func(c *cursor) error { _, err := c.holding(s.lost+3, int64(len(s.files))); return err },
		"all":          func(c *cursor) error { return c.each(func(*File) error { return nil }) },
		"what to pull": func(c *cursor) error { return lookFrom(c, s.lost) },
		"the last one": func(c *cursor) error { return lookFrom(c, int64(len(s.files))) },
	} {
		if err := do(&cursor{store: s}); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// lookFrom looks for what is to get from a file on.
func lookFrom(c *cursor, from int64) error {
	l := &landing{walk: *c, entries: from + 1, file: from}
	_, _, err := l.nextChunk()
	return err
}
