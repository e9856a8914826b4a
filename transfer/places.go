package transfer

import (
	"errors"
	"fmt"
	"hash/maphash"
	"path"
	"slices"

	"earshot/peer"
)

// errTwin says that two files in a folder have names that are one on some system.
var errTwin = errors.New("another one there has the same name")

// places holds a manifest to its order: the topmost entries come first, then what is
// in each folder, the folders in the order in which they came themselves. So a name
// that is there twice is found among those of one folder, and no list of all paths
// is needed, of which there may be millions. What is kept of a path is its hash: the
// seed is drawn anew, so that nobody can make two with the same.
type places struct {
	seed    maphash.Seed
	folder  string  // what is in it comes now; "." at first
	top     int64   // the topmost entry that it lies in
	names   nameSet // in it
	waiting []place // folders of which what is in them is to come
}

type place struct {
	path uint64
	top  int64
}

func newPlaces() *places {
	return &places{seed: maphash.MakeSeed(), folder: "."}
}

// put takes in the next file, which has its number, and says which topmost entry it
// lies in. It refuses what lies in no folder that came before it, so also in a file,
// and what comes apart from the others in its folder.
func (p *places) put(f *File) error {
	if parent := path.Dir(f.Path); parent != p.folder && !p.enter(parent) {
		return fmt.Errorf("%q lies in no folder of which it is the turn", f.Path)
	}
	if !p.names.add(maphash.String(p.seed, peer.FoldName(path.Base(f.Path)))) {
		return fmt.Errorf("%q: %w", f.Path, errTwin)
	}
	if f.Top = p.top; p.folder == "." {
		f.Top = f.N
	}
	if f.Mode == peer.ModeFolder {
		p.waiting = append(p.waiting, place{maphash.String(p.seed, f.Path), f.Top})
	}
	return nil
}

// enter goes on to a folder, past those in which there is nothing.
func (p *places) enter(folder string) bool {
	path := maphash.String(p.seed, folder)
	for len(p.waiting) > 0 {
		next := p.waiting[0]
		p.waiting = p.waiting[1:]
		if next.path == path {
			p.folder, p.top = folder, next.top
			p.names.clear()
			return true
		}
	}
	return false
}

const (
	// firstBuckets is for the folders that people have.
	firstBuckets = 1024
	// fullBucket is about how many hashes are looked through for one.
	fullBucket = 256
)

// nameSet is a set of hashes. One folder may hold millions of files, so it takes
// little more than the hashes themselves: a map of them takes three times that.
type nameSet struct {
	count   int
	buckets [][]uint64
}

// add reports whether the hash was not in the set.
func (s *nameSet) add(hash uint64) bool {
	if s.count >= fullBucket*len(s.buckets) {
		s.grow()
	}
	bucket := s.bucket(hash)
	if slices.Contains(*bucket, hash) {
		return false
	}
	*bucket = append(*bucket, hash)
	s.count++
	return true
}

func (s *nameSet) bucket(hash uint64) *[]uint64 { return &s.buckets[hash%uint64(len(s.buckets))] }

// grow makes more buckets, so that many names take no longer than few.
func (s *nameSet) grow() {
	old := s.buckets
	s.buckets = make([][]uint64, max(firstBuckets, 8*len(old)))
	for i, hashes := range old {
		old[i] = nil
		for _, hash := range hashes {
			bucket := s.bucket(hash)
			*bucket = append(*bucket, hash)
		}
	}
}

// clear keeps the room of a small set for the next one.
func (s *nameSet) clear() {
	if s.count > 16*firstBuckets {
		s.buckets = nil
	}
	s.count = 0
	for i := range s.buckets {
		s.buckets[i] = s.buckets[i][:0]
	}
}
