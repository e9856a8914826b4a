package transfer

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"earshot/peer"
)

// addingStore notes how many files were added together.
type addingStore struct {
	memory
	together []int
}

func (s *addingStore) AddFiles(id uuid.UUID, files []File) error {
	s.together = append(s.together, len(files))
	return s.memory.AddFiles(id, files)
}

func TestSmallPagesOfAManifestAreKeptTogether(t *testing.T) {
	for name, sizes := range map[string][]int{
		"of one":      slices.Repeat([]int{1}, 3000),
		"of most":     slices.Repeat([]int{maxPage}, 3),
		"of any size": slices.Repeat([]int{1000, 7, 300, 1}, 5),
	} {
		t.Run(name, func(t *testing.T) {
			s := &addingStore{}
			c := &checker{store: s, offer: Offer{Files: 1 << 20}, list: newListing(), places: newPlaces()}
			for _, size := range sizes {
				entries := make([]peer.ManifestEntry, size)
				for i := range entries {
					entries[i].Path = []string{fmt.Sprint(c.list.entries + int64(i))}
				}
				if err := c.page(entries, 0); err != nil {
					t.Fatal(err)
				}
			}
			waited := c.adding.wait()
			c.offer = c.list.offer()
			if err := errors.Join(waited, c.end()); err != nil || int64(len(s.files)) != c.list.entries {
				t.Errorf("%d of %d files, %v", len(s.files), c.list.entries, err)
			}
			if most := 2*len(s.files)/maxPage + 1; len(s.together) > most || slices.Max(s.together) > maxPage {
				t.Errorf("added %v", s.together)
			}
			for n, f := range s.files {
				if f.N != int64(n) || f.Path != fmt.Sprint(n) {
					t.Fatalf("%+v in place of %d", f, n)
				}
			}
		})
	}
}
