package cli

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

const (
	sentID = "019b76da-b900-7000-8000-000000000002" // of moving
	textID = "00000000-0000-0000-0000-000000000001" // of spoken
)

// signedBy2 is the right receipt of Bob's.
func signedBy2() node.Receipt {
	return node.Receipt{
		Peer: node.Ref{ID: seeded(2), Name: peer.DisplayName("Bob")}, State: node.Saved,
		At: time.Date(2026, 3, 12, 10, 4, 5, 0, time.Local), Content: "9f2c",
	}
}

func TestReceiptsOfAMessage(t *testing.T) {
	f := spoken(2)
	f.receipts = []node.Receipt{{Peer: node.Ref{ID: seeded(2), Name: peer.DisplayName("Bob")}, State: "queued", Problem: peer.Line("Bob is away", 0)}}
	c := newCall(t, f)
	c.run(0, "receipts", textID).prints("Bob: queued (Bob is away)\n")
	c.run(0, "receipts", textID, "--json").prints(`[{"peer":{"id":"` + id2 + `","name":"Bob"},"state":"queued","at":"","problem":"Bob is away"}]` + "\n")
	c.does("receipts "+textID[:13], "receipts "+textID[:13])
	c.run(codeFailed, "receipts", "0000").complains(`"0000" may be one of 2.`, "Bob: message 1", "Say more of its ID.")
	c.run(codeFailed, "receipts", "000").complains(`There is no message or transfer "000".`)
	c.run(codeUsage, "receipts")
	f.fail = node.ErrNoSuchMessage
	c.run(codeFailed, "receipts", textID).complains("There is no such message any more.")
}

func TestReceiptsOfFiles(t *testing.T) {
	for _, test := range []struct {
		files node.FilesCheck
		code  int
		says  string
	}{
		{node.FilesCheck{State: node.FilesSame}, 0, "The files here are the same: they were read again just now."},
		{node.FilesCheck{State: node.FilesChanged, File: peer.Line("a.jpg", 0)}, 0, "The files here have changed since: a.jpg."},
		{node.FilesCheck{State: node.FilesGone, File: peer.Line("a.jpg", 0)}, 0, "The files here are gone: a.jpg."},
		{node.FilesCheck{State: node.FilesUnlisted}, 0, "The files here were not compared: which they were is kept for up to 10,000 of them."},
		{node.FilesCheck{State: node.FilesOther}, codeFailed, "THE FILES HERE ARE OTHERS: they have not changed since they were offered, but what was signed is not their content."},
	} {
		f := moving()
		f.receipts, f.files = []node.Receipt{signedBy2()}, test.files
		c := newCall(t, f)
		c.run(test.code, "receipts", sentID[:13]).prints("photos (9 files, 1.0 MB)\n" +
			"Bob: saved 2026-03-12 10:04:05, signed by " + seeded(2).Grouped() + "\n" +
			"  The receipt is right: the signature, its place in the log, and that it is about this offer.\n" +
			"  Content 9f2c\n  " + test.says + "\n")
		c.does("receipts "+sentID[:13], "files "+sentID[:13])
		c.run(test.code, "receipts", sentID, "--json")
		file := ""
		if !test.files.File.IsZero() {
			file = `,"file":"a.jpg"`
		}
		c.prints(`[{"peer":{"id":"` + id2 + `","name":"Bob"},"state":"saved","at":"` + signedBy2().At.Format(time.RFC3339) +
			`","checked":true,"content":"9f2c","files":"` + string(test.files.State) + `"` + file + "}]\n")
	}
}

func TestAReceiptThatIsNotValid(t *testing.T) {
	f := moving()
	bad := signedBy2()
	bad.State, bad.Content, bad.Problem = node.Invalid, "", peer.Line("it is about other files\x1b[2J", 0)
	f.receipts = []node.Receipt{bad}
	c := newCall(t, f)
	c.run(codeFailed, "receipts", sentID)
	if out := c.stdout.String(); !strings.Contains(out, "Bob: NOT VALID, signed") || !strings.Contains(out, "no receipt for this offer: it is about other files") || strings.Contains(out, "saved") || strings.Contains(out, "\x1b") {
		t.Errorf("said %q", out)
	}
	c.does("receipts " + sentID[:13]) // there is nothing to compare files with
	c.run(codeFailed, "receipts", sentID, "--json")
	if out := c.stdout.String(); !strings.Contains(out, `"state":"invalid"`) || !strings.Contains(out, `"checked":false`) {
		t.Errorf("said %q", out)
	}
}

func TestTheReceiversOwnReceipt(t *testing.T) {
	f := moving()
	f.receipts = []node.Receipt{signedBy2()}
	c := newCall(t, f).run(0, "receipts", "019b76da-a8")
	c.does("receipts 019b76da-a800") // the files are not read: they are the receiver's own
	if out := c.stdout.String(); !strings.HasPrefix(out, "plan.pdf (2.0 kB)\nBob: saved") || strings.Contains(out, "files here") {
		t.Errorf("said %q", out)
	}
}

// TestAReceiptThatIsOnItsWay is waited for by a node that has just started, and not
// by one that had the time.
func TestAReceiptThatIsOnItsWay(t *testing.T) {
	f := moving()
	f.self.Started = time.Now()
	f.transfers[1].State = stateDone
	f.receipts = []node.Receipt{{Peer: signedBy2().Peer, State: stateDone}}
	c := newCall(t, f)
	go func() {
		<-f.heard
		f.mu.Lock()
		f.receipts = []node.Receipt{signedBy2()}
		f.mu.Unlock()
		f.publish(node.Event{Kind: node.ReceiptNoted, Transfer: &f.transfers[1]})
	}()
	c.run(0, "receipts", sentID, "--json")
	if out := c.stdout.String(); !strings.Contains(out, `"state":"saved"`) {
		t.Errorf("said %q", out)
	}
	f.self.Started = time.Now().Add(-time.Hour)
	f.receipts = []node.Receipt{{Peer: signedBy2().Peer, State: stateDone}}
	c.run(0, "receipts", sentID).prints("photos (9 files, 1.0 MB)\nBob: done\n")
}

// TestSendLetsReceiptsComeIn before its own node ends.
func TestSendLetsReceiptsComeIn(t *testing.T) {
	f := moving()
	f.transfers[1].State = stateDone
	sub, err := f.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := newSending(&Program{})
	s.add(f.transfers[1])
	go func() {
		f.mu.Lock()
		f.transfers[1].Receipt = "signed"
		f.mu.Unlock()
		f.publish(node.Event{Kind: node.ReceiptNoted, Transfer: &f.transfers[1]})
	}()
	s.awaitReceipts(t.Context(), f, sub)
	if s.unsigned() {
		t.Error("did not wait for the receipt")
	}
}

// TestReadingAgainIsShown draws a bar until the answer is there.
func TestReadingAgainIsShown(t *testing.T) {
	f := moving()
	f.files = node.FilesCheck{State: node.FilesSame}
	f.reading = []node.Reading{{ID: uuid.New(), Done: 9}, {ID: f.transfers[1].ID, Done: 1 << 19, Bytes: 1 << 20}}
	var out strings.Builder
	now := time.Unix(0, 0)
	b := &bar{w: &out, width: func() int { return 80 }, full: "#", empty: ".", now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}}
	check, err := watchCheck(t.Context(), f, f.transfers[1], b)
	if err != nil || check.State != node.FilesSame || !strings.HasPrefix(out.String(), "\rphotos  ..........   0%  verifying") {
		t.Errorf("%+v, %v, drew %q", check, err, out.String())
	}
	f.fail = errors.New("no disk")
	if _, err := watchCheck(t.Context(), f, f.transfers[1], b); err == nil {
		t.Error("the error was lost")
	}
}
