package transfer

import (
	"fmt"
	"strings"
	"testing"

	"earshot/peer"
)

// laid are entries of a manifest: a folder's path ends with a slash.
func laid(paths ...string) []File {
	files := make([]File, len(paths))
	for i, p := range paths {
		files[i] = File{N: int64(i), Path: strings.TrimSuffix(p, "/")}
		if files[i].Path != p {
			files[i].Mode = peer.ModeFolder
		}
	}
	return files
}

func TestWhereTheEntriesOfAManifestMayStand(t *testing.T) {
	for name, c := range map[string]struct {
		entries []File
		refused bool // the last one
	}{
		"a file":                          {laid("a"), false},
		"folder by folder":                {laid("a/", "b", "c/", "a/x/", "a/y", "c/y", "a/x/z"), false},
		"past empty folders":              {laid("a/", "b/", "c/", "c/x"), false},
		"one name in two folders":         {laid("a/", "b/", "a/x", "b/x"), false},
		"in no folder":                    {laid("a/", "b/x"), true},
		"in a file":                       {laid("a", "a/x"), true},
		"a topmost one late":              {laid("a/", "a/x", "b"), true},
		"a folder that was gone past":     {laid("a/", "b/", "b/x", "a/x"), true},
		"apart from the others there":     {laid("a/", "b/", "a/x", "b/x", "a/y"), true},
		"a name twice":                    {laid("a/", "a/x", "a/x"), true},
		"a folder twice":                  {laid("a/", "a/"), true},
		"names that are one elsewhere":    {laid("a/", "a/Straße", "a/STRASSE"), true},
		"a folder and a file of one name": {laid("a/", "a/x/", "a/X"), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlaces()
			for i := range c.entries {
				err := p.put(&c.entries[i])
				if want := c.refused && i == len(c.entries)-1; want != (err != nil) {
					t.Errorf("%s: %v", c.entries[i].Path, err)
				}
			}
		})
	}
}

func TestEachEntryKnowsItsTopmostOne(t *testing.T) {
	p := newPlaces()
	files := laid("a/", "b/", "c", "a/x/", "b/x/", "a/x/y", "b/x/y")
	for i, want := range []int64{0, 1, 2, 0, 1, 0, 1} {
		if err := p.put(&files[i]); err != nil || files[i].Top != want {
			t.Errorf("%s lies in entry %d, %v, want %d", files[i].Path, files[i].Top, err, want)
		}
	}
}

func TestAFullFolderLeavesNothingBehind(t *testing.T) {
	p := newPlaces()
	files := laid("many/", "few/")
	for i := range 40_000 {
		files = append(files, File{Path: fmt.Sprint("many/", i)})
	}
	files = append(files, File{Path: "few/7"})
	for i := range files {
		if err := p.put(&files[i]); err != nil {
			t.Fatal(err)
		}
	}
	if p.names.count != 1 || cap(p.names.buckets[0]) > 8 {
		t.Errorf("%d names, a bucket for %d", p.names.count, cap(p.names.buckets[0]))
	}
	twin := File{Path: "few/7"}
	if p.put(&twin) == nil {
		t.Error("the same name is taken again")
	}
}

func TestManyNamesInAFolderAreLookedThroughQuickly(t *testing.T) {
	const many = 400_000
	p := newPlaces()
	for i := range many {
		f := File{N: int64(i), Path: fmt.Sprint(i)}
		if err := p.put(&f); err != nil {
			t.Fatal(err)
		}
	}
	longest := 0
	for _, bucket := range p.names.buckets {
		longest = max(longest, len(bucket))
	}
	if p.names.count != many || longest > 2*fullBucket {
		t.Errorf("%d names, %d of them looked through for one", p.names.count, longest)
	}
	for _, i := range []int{0, many / 2, many - 1} {
		if p.put(&File{Path: fmt.Sprint(i)}) == nil {
			t.Errorf("%d is taken again", i)
		}
	}
}
