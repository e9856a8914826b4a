package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"earshot/internal/chat"
	"earshot/peer"
	"earshot/transfer"
)

// large is the size of the conversation that start-up, history and search are
// measured with.
const large = 100_000

// largeDatabase makes a closed database with one conversation of that size, all
// of bob's entries unread, and a rare word in every 10,000th.
func largeDatabase(b *testing.B) string {
	b.Helper()
	path := newPath(b)
	db := mustOpen(b, path)
	a := &author{Identity: bob, with: alice, log: 4}
	l := chat.Log{}
	for n := 0; n < large; {
		batch := chat.Batch{Conversations: []chat.Conversation{between(alice, bob)}}
		for range 1000 {
			n++
			text := fmt.Sprintf("message %d: shall we meet at the usual place before the others come?", n)
			if n%10_000 == 0 {
				text += " 会议 zanzibar"
			}
			batch.Entries = append(batch.Entries, a.write(b, text))
		}
		l = held(batch.Entries...)
		l.First = 1
		batch.Logs = []chat.Log{l}
		mustApply(b, db, batch)
	}
	mustClose(b, db)
	return path
}

func BenchmarkCommit(b *testing.B) {
	db := mustOpen(b, newPath(b))
	a := &author{Identity: alice, with: bob, log: db.Log()}
	mustApply(b, db, chat.Batch{Conversations: []chat.Conversation{between(alice, bob)}})
	for b.Loop() {
		e := a.write(b, "a message of an ordinary length, as people write them")
		mustApply(b, db, chat.Batch{Entries: []chat.Entry{e}, Logs: []chat.Log{held(e)}})
	}
}

func BenchmarkCommit1000(b *testing.B) {
	db := mustOpen(b, newPath(b))
	a := &author{Identity: alice, with: bob, log: db.Log()}
	for b.Loop() {
		b.StopTimer()
		batch := make([]chat.Entry, 1000)
		for i := range batch {
			batch[i] = a.write(b, "a message of an ordinary length, as people write them")
		}
		b.StartTimer()
		mustApply(b, db, chat.Batch{Entries: batch, Logs: []chat.Log{held(batch...)}})
	}
}

// BenchmarkSummaries is what a start reads for a list of 300 people.
func BenchmarkSummaries(b *testing.B) {
	db := mustOpen(b, newPath(b))
	for n := range 300 {
		var seed [32]byte
		seed[0], seed[1] = byte(n), byte(n>>8)
		other := peer.NewIdentity(seed)
		a := &author{Identity: other, with: alice, log: 4}
		batch := chat.Batch{Conversations: []chat.Conversation{between(alice, other)}}
		for range 20 {
			batch.Entries = append(batch.Entries, a.write(b, "hello"))
		}
		batch.Logs = []chat.Log{held(batch.Entries...)}
		mustApply(b, db, batch)
	}
	for b.Loop() {
		if all, err := db.Summaries(); len(all) != 300 || err != nil {
			b.Fatal(len(all), err)
		}
	}
}

// BenchmarkLarge is everything that is done with a large database.
func BenchmarkLarge(b *testing.B) {
	path := largeDatabase(b)
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 1 {
		b.Fatal(files, err)
	}
	b.Run("open and first screen", func(b *testing.B) {
		for b.Loop() {
			db, _, err := Open(path)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := db.Summaries(); err != nil {
				b.Fatal(err)
			}
			mustRead(b, db, Page{Conversations: []peer.Hash{between(alice, bob).ID}, Limit: 100})
			b.StopTimer()
			mustClose(b, db)
			b.StartTimer()
		}
	})
	db := mustOpen(b, path)
	conversation := between(alice, bob).ID
	middle := chat.Position{Clock: start + large/2, Author: bob.ID()}
	read := func(name string, want int, p Page) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if got := mustRead(b, db, p); len(got) != want {
					b.Fatalf("%d messages, want %d", len(got), want)
				}
			}
		})
	}
	read("newest 50", 50, Page{Conversations: []peer.Hash{conversation}})
	read("50 before the middle", 50, Page{Conversations: []peer.Hash{conversation}, Before: &middle})
	read("search a rare word", 10, Page{Search: "zanzibar"})
	read("search in Chinese", 10, Page{Search: "会议", Conversations: []peer.Hash{conversation}})
	read("search a phrase", 1, Page{Search: "message 4711"})
	read("search a word of every message", 50, Page{Search: "meet"})
	read("search it in the conversation", 50, Page{Search: "usual place", Conversations: []peer.Hash{conversation}, Before: &middle})
	b.Run("unread", func(b *testing.B) {
		for b.Loop() {
			if n, err := db.Unread(conversation); n != MaxUnread || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("reached", func(b *testing.B) {
		for b.Loop() {
			if n, err := db.Reached(conversation, chat.LogKey{Author: bob.ID(), Log: 4}, middle); n == 0 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if err := db.Check(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("message by UUID", func(b *testing.B) {
		id := mustRead(b, db, Page{Conversations: []peer.Hash{conversation}, Limit: 1})[0].ID
		for b.Loop() {
			if _, err := db.Message(peer.ID{}, id); err != nil {
				b.Fatal(err)
			}
		}
	})
	mustClose(b, db)
	b.Run("repair", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			damaged := newPath(b)
			if err := copyFile(path, damaged); err != nil {
				b.Fatal(err)
			}
			overwrite(b, damaged, 0, make([]byte, headerSize))
			b.StartTimer()
			db, notice, err := Open(damaged)
			if err != nil || notice.Saved != large {
				b.Fatal(notice, err)
			}
			mustClose(b, db)
		}
	})
}

// BenchmarkManifest keeps the 10,000 files of a transfer, reads them twice and
// forgets them.
func BenchmarkManifest(b *testing.B) {
	const count = 10_000
	s := mustOpen(b, newPath(b)).TransferStore()
	id := someTransfer(1).ID
	if err := s.SaveTransfer(someTransfer(1)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for n := int64(0); n < count; n += 500 {
			var files []transfer.File
			for i := range int64(500) {
				f := someFile(n + i)
				f.Path = fmt.Sprintf("photos/%02d/IMG_%06d.jpg", (n+i)%50, n+i)
				f.Wire = ""
				files = append(files, f)
			}
			if err := s.AddFiles(id, files); err != nil {
				b.Fatal(err)
			}
		}
		for range 2 {
			for n := int64(0); n < count; {
				files, err := s.Files(id, n, 512)
				if err != nil || len(files) == 0 {
					b.Fatal(len(files), err)
				}
				n += int64(len(files))
			}
		}
		if err := s.DropFiles(id); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/file")
}
