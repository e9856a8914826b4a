//go:build linux

package nettest

import (
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"earshot/internal/lab"
)

// receipt is one of `receipts --json`.
type receipt struct {
	Peer             struct{ Name string }
	State, At, Files string
	Content, Problem string
	Checked          bool
}

// receiptOf is the one receipt of a transfer.
func receiptOf(t *testing.T, p *person, id string) receipt {
	t.Helper()
	all := read[[]receipt](p, "receipts", id)
	if len(all) != 1 || all[0].Peer.Name != "Bob" {
		t.Fatalf("%s: receipts %+v", p.name, all)
	}
	return all[0]
}

// signedFor waits until both sides have the receipt, and compares.
func signedFor(t *testing.T, ann, bob *person, id string) {
	t.Helper()
	var sent receipt
	eventually(t, "the receipt came", func() bool {
		sent = receiptOf(t, ann, id)
		return sent.State == "saved"
	})
	if own := receiptOf(t, bob, id); own.State != "saved" || own.Content != sent.Content || own.At != sent.At {
		t.Errorf("Bob has %+v, Ann %+v", own, sent)
	}
	if sent.Files != "same" || !sent.Checked || len(sent.Content) != 64 {
		t.Errorf("Ann sees %+v", sent)
	}
}

// TestReceiptsOutlastKills kills the receiver in the moments around the end of a
// transfer, when the file gets its name and the receipt is written.
func TestReceiptsOutlastKills(t *testing.T) {
	t.Parallel() // it waits, most of the time
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	dir := t.TempDir()
	accept := []string{"--accept", "all", "--dir", dir}
	a, b := ann.listen(), bob.listen(accept...)
	acquaint(t, a, b)
	a.host.Limit("1gbit") // 25 ms for the file
	var path string
	var ids []string
	sums := map[string]bool{}
	for range 8 {
		var sum string
		path, sum = randomFile(t, "report.pdf", 3<<20)
		sums[sum] = true
		from := b.count()
		ann.run(5, "send", "Bob", path, "--wait", "1ms")
		ids = append(ids, b.waitFrom(from, "the offer", func(e event) bool { return e.Event == "offer" }).ID)
		<-time.After(mathrand.N(60 * time.Millisecond)) // wherever that is
		b.kill()
		b = bob.listen(accept...)
	}
	for _, id := range ids {
		signedFor(t, ann, bob, id)
	}
	files, err := filepath.Glob(filepath.Join(dir, "report*.pdf"))
	if err != nil || len(files) != len(ids) {
		t.Errorf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		if sum := fileSum(t, name); !sums[sum] {
			t.Errorf("%s is another, or one that came already", name)
		} else {
			delete(sums, sum)
		}
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	a.leave()
	b.leave()
	if r := receiptOf(t, ann, ids[7]); r.State != "saved" || r.Files != "changed" {
		t.Errorf("after a change, and without a running node: %+v", r)
	}
}
