package store

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
	"earshot/transfer"
)

func someTransfer(n byte) transfer.Transfer {
	return transfer.Transfer{
		Offer: transfer.Offer{
			ID: uuid.UUID{n}, Name: "Fotos \x1b", Files: 2, Bytes: 1 << 40, Manifest: peer.Hash{9}, Program: true,
		},
		Peer: bob.ID(), Direction: transfer.Receiving, State: transfer.Paused, Reason: transfer.DiskFull,
		Error: "no room", Offered: time.Unix(0, start*1e6+int64(n)), Done: 17,
		Dir: "/tmp/x", Path: "/tmp/x/Fotos", Renamed: "Fotos:", Skipped: "one link", Entries: 3,
		Content: peer.Hash{8}, Confirmed: transfer.Invalid,
		Accepted: true, Listed: true, PausedOwn: true, PausedFar: true, Parts: true, Settled: true,
	}
}

func someFile(n int64) transfer.File {
	return transfer.File{
		N: n, Path: fmt.Sprint("A/", n), Wire: "A:", Size: 5, Time: time.Unix(1, 999),
		Mode: peer.ModeProgram, First: n, Start: 5 * n, Top: n / 2, Source: "/home/x",
		Stamp: transfer.Stamp{Changed: -1, Device: math.MaxUint64, Inode: 1 << 63}, Holes: 3,
	}
}

func TestTransfers(t *testing.T) {
	db := mustOpen(t, newPath(t))
	s := db.TransferStore()
	first, second := someTransfer(2), someTransfer(1)
	second.Offered = first.Offered.Add(time.Second)
	for _, tr := range []transfer.Transfer{second, first} {
		if err := s.SaveTransfer(tr); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want ...transfer.Transfer) {
		t.Helper()
		got, err := s.Transfers()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
	check(first, second)
	if err := s.AddFiles(first.ID, []transfer.File{someFile(0)}); err != nil {
		t.Fatal(err)
	}
	second.Rate = 5 // not kept
	first = transfer.Transfer{Offer: transfer.Offer{ID: first.ID}, Offered: first.Offered}
	for _, tr := range []transfer.Transfer{first, second} {
		if err := s.SaveTransfer(tr); err != nil {
			t.Fatal(err)
		}
	}
	second.Rate = 0
	check(first, second)
	if files, err := s.Files(first.ID, 0, 10); err != nil || len(files) != 1 {
		t.Errorf("saving it again leaves files %v, %v", files, err)
	}
	for range 2 {
		if err := s.DropTransfer(first.ID); err != nil {
			t.Fatal(err)
		}
	}
	check(second)
	if files, err := s.Files(first.ID, 0, 10); err != nil || len(files) != 0 {
		t.Errorf("files of a forgotten transfer: %v, %v", files, err)
	}
}

func TestOffersWithoutTransfer(t *testing.T) {
	db := mustOpen(t, newPath(t))
	b, a := &author{Identity: bob, with: alice, log: 7}, &author{Identity: alice, with: bob, log: db.Log()}
	lost, known := b.offer(t, "lost.txt"), b.offer(t, "known.txt")
	theirs := []chat.Entry{lost, known}
	for i := range 600 { // more than any page of history
		theirs = append(theirs, b.write(t, fmt.Sprint("later ", i)))
	}
	ours := a.offer(t, "ours.txt")
	mustApply(t, db, chat.Batch{
		Conversations: []chat.Conversation{between(alice, bob)},
		Entries:       append(theirs, ours), Logs: []chat.Log{held(theirs...), held(ours)},
	})
	tr := someTransfer(1)
	tr.ID = known.ID
	if err := db.TransferStore().SaveTransfer(tr); err != nil {
		t.Fatal(err)
	}
	got, err := db.OffersWithoutTransfer()
	if err != nil || len(got) != 1 || got[0].ID != lost.ID || got[0].Peer != chat.DeviceParty(bob.ID()) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTransferFiles(t *testing.T) {
	db := mustOpen(t, newPath(t))
	s, id := db.TransferStore(), someTransfer(1).ID
	if err := s.SaveTransfer(someTransfer(1)); err != nil {
		t.Fatal(err)
	}
	want := []transfer.File{someFile(0), someFile(1), someFile(2), someFile(3)}
	want[3].Time, want[3].Source = time.Unix(0, 0), "/home/caf\xe9" // not UTF-8
	for _, part := range [][]transfer.File{want[:2], want[2:]} {
		if err := s.AddFiles(id, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddFiles(id, []transfer.File{someFile(9)}); err == nil {
		t.Error("a gap is not refused")
	}
	want[2].Final, want[2].Placeholder = "A (2)", false
	if err := s.SetFinals(id, []transfer.Final{{N: 2, Name: "A (2)"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetFinals(id, []transfer.Final{{N: 7, Name: "x"}}); !isUnknown(err) {
		t.Errorf("final name of no file: %v", err)
	}
	for from := range want { // those that were added together come together
		got, err := s.Files(id, int64(from), 100)
		if err != nil || !reflect.DeepEqual(got, want[from:from/2*2+2]) {
			t.Errorf("from %d on: got %+v, %v", from, got, err)
		}
	}
	if got, err := s.Files(id, 2, 1); err != nil || !reflect.DeepEqual(got, want[2:3]) {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := s.DropFiles(id); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Files(id, 0, 100); err != nil || len(got) != 0 {
		t.Errorf("dropped: %v, %v", got, err)
	}
}

func TestALostPageOfAManifestIsNotItsEnd(t *testing.T) {
	for lost, first := range map[string]int64{"the first": 0, "one between": 2} {
		t.Run(lost, func(t *testing.T) {
			db := mustOpen(t, newPath(t))
			s, id := db.TransferStore(), someTransfer(1).ID
			listed(t, s, 3)
			err := db.update("lose a page", func(tx tx) error {
				_, err := tx.exec("DELETE FROM manifest WHERE first = ?", first)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for name, list := range map[string]func(uuid.UUID, int64, int) ([]transfer.File, error){"files": s.Files, "folders": s.Folders} {
				if got, err := list(id, first, 100); err != nil || len(got) == 0 || got[0].N <= first+1 {
					t.Errorf("%s: %+v, %v, want those behind the gap", name, got, err)
				}
			}
		})
	}
}

func TestFilesOfTransfersAreReadBack(t *testing.T) {
	from, to := newPath(t), newPath(t)
	damaged, db := mustOpen(t, from), mustOpen(t, to)
	want := listed(t, damaged.TransferStore(), 2)
	want[3].Final = "A (2)"
	if err := damaged.TransferStore().SetFinals(someTransfer(1).ID, []transfer.Final{{N: 3, Name: "A (2)"}}); err != nil {
		t.Fatal(err)
	}
	mustClose(t, damaged)
	if whole, err := db.copyTables(from, to); !whole || err != nil {
		t.Errorf("whole: %v, %v", whole, err)
	}
	if got, err := db.TransferStore().Files(someTransfer(1).ID, 2, 2); err != nil || !reflect.DeepEqual(got, want[2:]) {
		t.Errorf("got %+v, %v, want %+v", got, err, want[2:])
	}
}

// listed saves a transfer with so many pages of a file and a folder.
func listed(t *testing.T, s TransferStore, pages int64) (all []transfer.File) {
	t.Helper()
	if err := s.SaveTransfer(someTransfer(1)); err != nil {
		t.Fatal(err)
	}
	for n := range pages {
		files := []transfer.File{someFile(2 * n), someFile(2*n + 1)}
		files[1].Mode = peer.ModeFolder
		if err := s.AddFiles(someTransfer(1).ID, files); err != nil {
			t.Fatal(err)
		}
		all = append(all, files...)
	}
	return all
}
