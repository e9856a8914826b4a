package transfer

import (
	"hash/maphash"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// index finds the files of a manifest that is complete by their folded paths. It
// reads on only as far as it has to, and keeps of each file what a newer version of
// it is compared with: some 20 MB for as many as are remembered (see
// maxEarlierFiles).
type index struct {
	store Store
	id    uuid.UUID
	seed  maphash.Seed
	known map[uint64]former
	next  int64 // to be read
	whole bool  // all were read
	deep  bool  // all topmost entries were
}

// former is what was known of a file when it was received.
type former struct {
	n, size int64
	time    time.Time
	folder  bool
	final   string
}

func newIndex(store Store, id uuid.UUID) *index {
	return &index{store: store, id: id, seed: maphash.MakeSeed(), known: map[uint64]former{}}
}

// find finds a file by its cleaned path.
func (x *index) find(path string) (f former, ok bool, err error) {
	path = peer.FoldName(path)
	key := maphash.String(x.seed, path)
	top := !strings.Contains(path, "/")
	for {
		if f, ok = x.known[key]; ok || x.whole || top && x.deep {
			return f, ok, nil
		}
		if err := x.read(); err != nil {
			return former{}, false, err
		}
	}
}

// read takes in a page.
func (x *index) read() error {
	files, err := x.store.Files(x.id, x.next, maxPage)
	x.whole = err == nil && len(files) == 0
	for i := range files {
		f := &files[i]
		x.known[maphash.String(x.seed, peer.FoldName(f.Path))] = former{f.N, f.Size, f.Time, isFolder(f), f.Final}
		x.deep = x.deep || strings.Contains(f.Path, "/")
		x.next = f.N + 1
	}
	return err
}
