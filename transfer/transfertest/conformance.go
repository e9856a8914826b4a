package transfertest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
)

// StoreConformance runs what every transfer.Store must do. Each call of open gives
// the same, at first empty, database, as after a restart; the one before is of no
// use any more then.
func StoreConformance(t *testing.T, open func(t *testing.T) transfer.Store) {
	s := open(t)
	one, two := fullTransfer(1), fullTransfer(2)
	must(t, s.SaveTransfer(two))
	must(t, s.SaveTransfer(one))
	s = open(t)
	t.Run("transfers come back whole, the oldest first", func(t *testing.T) {
		checkTransfers(t, s, one, two)
	})
	t.Run("a transfer is replaced", func(t *testing.T) {
		one.State, one.Reason, one.Settled, one.Done = transfer.Done, "", true, one.Bytes
		must(t, s.SaveTransfer(one))
		checkTransfers(t, s, one, two)
	})
	t.Run("volatile figures are not kept", func(t *testing.T) {
		busy := one
		busy.Rate, busy.Left, busy.Checked = 5, time.Second, 7
		must(t, s.SaveTransfer(busy))
		checkTransfers(t, s, one, two)
	})
	t.Run("files", func(t *testing.T) { checkFiles(t, s, one.ID, two.ID) })
	s = open(t)
	t.Run("files are there after a restart", func(t *testing.T) {
		if got := all(t, s, one.ID); len(got) != 1500 || !sameFile(got[1499], fullFile(1499)) {
			t.Errorf("%d files", len(got))
		}
	})
	t.Run("a dropped transfer takes its files along", func(t *testing.T) {
		must(t, s.DropTransfer(one.ID))
		must(t, s.DropTransfer(uuid.New()))
		checkTransfers(t, s, two)
		if got := all(t, s, one.ID); len(got) != 0 {
			t.Errorf("%d files are left", len(got))
		}
	})
}

func checkFiles(t *testing.T, s transfer.Store, id, other uuid.UUID) {
	var files []transfer.File
	for n := range 1500 {
		files = append(files, fullFile(n))
	}
	must(t, s.AddFiles(id, files[:1000]))
	if err := s.AddFiles(id, []transfer.File{fullFile(1000), fullFile(1002)}); err == nil {
		t.Error("a number that is left out is not refused")
	}
	must(t, s.AddFiles(id, nil))
	must(t, s.AddFiles(id, files[1000:]))
	must(t, s.AddFiles(other, files[:1])) // the same path in another transfer
	got := all(t, s, id)
	if len(got) != len(files) {
		t.Fatalf("%d files, want %d", len(got), len(files))
	}
	for n := range got {
		if !sameFile(got[n], files[n]) {
			t.Fatalf("file %d:\n got %+v\nwant %+v", n, got[n], files[n])
		}
	}
	if page, err := s.Files(id, 1490, 5); err != nil || len(page) != 5 || page[0].N != 1490 {
		t.Errorf("a page from 1490 on: %v, %v", page, err)
	}
	if page, err := s.Files(id, 1500, 5); err != nil || len(page) != 0 {
		t.Errorf("behind the end: %v, %v", page, err)
	}
	for from := 108; from < 1408; from += 100 { // also where one page ends and the next begins
		if page, err := s.Folders(id, int64(from), 2); err != nil || len(page) == 0 || len(page) > 2 || !sameFile(page[0], files[from+99]) || !sameFile(page[len(page)-1], files[from-1+100*len(page)]) {
			t.Errorf("folders from %d on: %v, %v", from, page, err)
		}
	}
	if page, err := s.Folders(id, 1408, 5); err != nil || len(page) != 0 {
		t.Errorf("behind the last folder: %v, %v", page, err)
	}
	must(t, s.SetFinals(id, []transfer.Final{{N: 5, Name: "report (2).pdf", Placeholder: true}, {N: 6, Name: "x"}}))
	want := files[5]
	want.Final, want.Placeholder = "report (2).pdf", true
	if got := oneFile(t, s, id, 5); !sameFile(got, want) {
		t.Errorf("after a final name was set: %+v, want %+v", got, want)
	}
	if err := s.SetFinals(id, []transfer.Final{{N: 1500, Name: "x"}}); err == nil {
		t.Error("a final name of no file is not refused")
	}
	plan := transfer.Plan{Base: "photos (2)/a.jpg", BaseTime: time.Unix(1_500_000_000, 7), Same: true, Own: true, Placed: true, Merge: true}
	must(t, s.SetPlans(id, map[int64]transfer.Plan{8: plan, 9: {Merge: true}}))
	page, err := s.Files(id, 8, 2)
	must(t, err)
	if len(page) != 2 || !page[0].BaseTime.Equal(plan.BaseTime) || page[1].Plan != (transfer.Plan{Merge: true}) {
		t.Fatalf("plans: %+v", page)
	}
	if page[0].BaseTime = plan.BaseTime; page[0].Plan != plan {
		t.Errorf("plan: %+v, want %+v", page[0].Plan, plan)
	}
	must(t, s.DropPlans(id))
	if f := oneFile(t, s, id, 8); f.Plan != (transfer.Plan{}) {
		t.Errorf("after its plan was dropped: %+v", f.Plan)
	}
	if f := oneFile(t, s, id, 5); !sameFile(f, want) {
		t.Errorf("after plans were dropped a name is %+v, want %+v", f, want)
	}
	must(t, s.DropFiles(other))
	if got := all(t, s, other); len(got) != 0 {
		t.Errorf("%d dropped files are there", len(got))
	}
	must(t, s.AddFiles(other, files[:1]))
}

func oneFile(t *testing.T, s transfer.Store, id uuid.UUID, n int64) transfer.File {
	t.Helper()
	files, err := s.Files(id, n, 1)
	must(t, err)
	if len(files) != 1 || files[0].N != n {
		t.Fatalf("file %d: %+v", n, files)
	}
	return files[0]
}

// all reads the files of a transfer page by page.
func all(t *testing.T, s transfer.Store, id uuid.UUID) (files []transfer.File) {
	t.Helper()
	for {
		page, err := s.Files(id, int64(len(files)), 512)
		must(t, err)
		if len(page) == 0 {
			return files
		}
		files = append(files, page...)
	}
}

func checkTransfers(t *testing.T, s transfer.Store, want ...transfer.Transfer) {
	t.Helper()
	got, err := s.Transfers()
	must(t, err)
	if len(got) != len(want) {
		t.Fatalf("%d transfers, want %d", len(got), len(want))
	}
	for i := range got {
		if !got[i].Offered.Equal(want[i].Offered) {
			t.Errorf("transfer %d was offered %v, want %v", i, got[i].Offered, want[i].Offered)
		}
		got[i].Offered = want[i].Offered
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("transfer %d:\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

func sameFile(a, b transfer.File) bool {
	return a.Time.Equal(b.Time) && reflect.DeepEqual(untimed(a), untimed(b))
}

func untimed(f transfer.File) transfer.File {
	f.Time = time.Time{}
	return f
}

// fullTransfer has a value in every field that is kept.
func fullTransfer(n byte) transfer.Transfer {
	return transfer.Transfer{
		Offer: transfer.Offer{
			ID: uuid.UUID{n}, Name: "写真 \u202e", Files: 1500, Bytes: 1 << 50, Manifest: peer.Hash{1, n}, Program: true,
		},
		Peer: peer.ID{9, n}, Direction: transfer.Receiving, State: transfer.Paused, Reason: transfer.DiskFull,
		Error: "no room", Offered: time.Unix(1_700_000_000+int64(n), 123_456_789), Done: 1 << 40,
		Dir: "/home/ann/Downloads", Path: "/home/ann/Downloads/写真", Renamed: "写真\x1b", Skipped: "1 link (a)",
		Content: peer.Hash{2, n}, Confirmed: transfer.Signed,
		Entries: 1600, Holes: 1 << 33, Limit: 1 << 20, Conflict: transfer.OverwriteOwn, Compared: true, Asking: true, Accepted: true, Listed: true, PausedOwn: true, PausedFar: true, Parts: true, Settled: false,
	}
}

// fullFile has a value in every field but those of SetFinal.
func fullFile(n int) transfer.File {
	mode := peer.ModeProgram
	if n%100 == 7 {
		mode = peer.ModeFolder
	}
	return transfer.File{
		N: int64(n), Path: fmt.Sprintf("Folder/%d", n), Wire: fmt.Sprintf("Folder/%d*", n),
		Size: int64(n) << 30, Time: time.Unix(1_600_000_000, int64(n)), Mode: mode,
		First: int64(n) << 11, Start: int64(n) << 31, Top: int64(n / 2), Source: fmt.Sprintf("/src/%d", n),
		Stamp: transfer.Stamp{Changed: -1, Device: 1<<64 - 1, Inode: 1<<63 + uint64(n)}, Holes: int64(n) << 12,
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
