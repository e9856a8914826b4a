package store

import (
	"bytes"
	"os"
	"testing"
)

// TestPagesFindEveryRow reads a sound database without its structure.
func TestPagesFindEveryRow(t *testing.T) {
	path, want := closedDatabase(t)
	p, err := openPages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	found := make(map[string]bool)
	conversations := 0
	err = p.each(func(page []byte) error {
		for _, r := range p.rows(page) {
			if e, ok := entryOf(r); ok && e.Verify() == nil {
				found[string(e.Raw)] = true
			}
			if _, ok := conversationOf(r); ok {
				conversations++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range want {
		if !found[string(e.Raw)] {
			t.Errorf("entry %d was not found", e.Number)
		}
	}
	if len(found) != len(want) || conversations != 1 {
		t.Errorf("%d entries and %d conversations, want %d and 1", len(found), conversations, len(want))
	}
}

// FuzzPages: garbage in a page must not crash or stall whoever looks at it.
func FuzzPages(f *testing.F) {
	path := newPath(f)
	db := mustOpen(f, path)
	fill(f, db, 20)
	mustClose(f, db)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	leaves := 0
	for at := 0; at < len(whole); at += pageSize {
		if whole[at] == leafPage {
			f.Add(whole[at : at+pageSize])
			leaves++
		}
	}
	if leaves == 0 {
		f.Fatal("no leaf pages to begin with")
	}
	p, err := openPages(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(p.close)
	f.Fuzz(func(t *testing.T, b []byte) {
		page := make([]byte, pageSize)
		copy(page, b)
		page[0] = leafPage
		for _, r := range p.rows(page) {
			entryOf(r)
			conversationOf(r)
		}
	})
}

// FuzzWAL: the same for a -wal and a -shm file.
func FuzzWAL(f *testing.F) {
	path := newPath(f)
	db := mustOpen(f, path)
	fill(f, db, 3)
	for _, suffix := range []string{"-wal", "-shm"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var w wal
		if err := w.read(bytes.NewReader(b)); err != nil {
			t.Error(err)
		}
		if len(b) >= 100 {
			parseIndex(b[:100]).misses(w)
		}
		judged := found{size: int64(len(b))}
		judged.judge(b)
	})
}
