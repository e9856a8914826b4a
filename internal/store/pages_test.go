package store

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"testing"
	"time"
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

// TestPageOfLoops: a page whose rows are all the same one, which spills onto
// pages that go round in a circle, takes no time.
func TestPageOfLoops(t *testing.T) {
	path := newPath(t)
	const cell, size, local = pageSize - 512, 0xffff, 489 // what of such a row is in the cell
	page, circle := make([]byte, pageSize), make([]byte, pageSize)
	page[0] = leafPage
	binary.BigEndian.PutUint16(page[3:], math.MaxUint16)
	for at := leafHeaderSize; at < cell; at += 2 {
		binary.BigEndian.PutUint16(page[at:], cell)
	}
	copy(page[cell:], []byte{0x83, 0xff, 0x7f, 1}) // 65,535 bytes, row 1
	binary.BigEndian.PutUint32(page[cell+4+local:], 2)
	binary.BigEndian.PutUint32(circle, 2)
	if err := os.WriteFile(path, append(bytes.Clone(page), circle...), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := openPages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if payload, ok := p.payload(page[cell+4:], size); !ok || len(payload) != size {
		t.Fatal("the circle is not followed: this tests nothing")
	}
	began := time.Now()
	p.rows(page)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	} else {
		t.Logf("took %v", took)
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
		f.Add(b[:min(len(b), walHeaderSize+3*(frameHeaderSize+pageSize))])
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
