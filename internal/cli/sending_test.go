package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

func TestMessages(t *testing.T) {
	bob := person(2, "Bob")
	f := newFake(bob)
	f.onWrite = deliver
	c := newCall(t, f)
	c.run(0, "msg", "Bob", "two", "words", "--json").prints(`{"id":"01000000-0000-0000-0000-000000000000","state":"delivered"}` + "\n")
	c.stdin = strings.NewReader("from a pipe\nwith lines\n")
	c.run(0, "msg", "Bob", "-")
	c.run(0, "msg", "Bob", "--", "-x", "--json")
	prefix := "write " + bob.ID.String()[:4] + " "
	c.does(prefix+"two words", prefix+"from a pipe\nwith lines", prefix+"-x --json")
}

func TestMessagesThatWait(t *testing.T) {
	c := newCall(t, newFake(person(2, "Bob")))
	c.run(codeLater, "msg", "Bob", "hi", "--wait", "1ms", "--json").prints(`{"id":"01000000-0000-0000-0000-000000000000","state":"queued"}`+"\n").
		complains("The message for Bob is queued.", "The Earshot that runs here delivers it as soon as it can.")

	c.fake.onWrite = func(f *fake, m node.Message) {
		m.Why = peer.Line("waiting for an answer", 0)
		f.publish(node.Event{Kind: node.StateChanged, Message: &m})
	}
	c.run(codeLater, "msg", "Bob", "hi", "--wait", "20ms").prints("").complains("The message for Bob is queued")

	c.fake.stands = node.Delivered
	c.fake.onWrite = func(f *fake, m node.Message) { f.publish(node.Event{Kind: node.Resync}) }
	c.run(codeDone, "msg", "Bob", "hi", "--wait", "0")

	// Who gives up looks once more.
	c.fake.onWrite = nil
	c.run(codeDone, "msg", "Bob", "hi", "--wait", "1ms").prints("Delivered to Bob.\n")
	c.fake.stands, c.fake.why = node.Queued, peer.Line("Bob is away", 0)
	c.run(codeLater, "msg", "Bob", "hi", "--wait", "1ms").complains("The message for Bob is queued: Bob is away.")

	ctx, interrupt := context.WithCancel(t.Context())
	c.ctx = ctx
	c.fake.why = peer.Text{}
	c.fake.onWrite = func(*fake, node.Message) { interrupt() }
	c.run(codeLater, "msg", "Bob", "hi").complains("Interrupted. The message for Bob is queued.")
}

func TestMessagesThatMakeNoSense(t *testing.T) {
	c := newCall(t, newFake(person(2, "Bob")))
	c.run(codeUsage, "msg", "Bob").complains("earshot msg --help")
	c.run(codeUsage, "msg", "Bob", " ").complains("nothing to send")
	c.run(codeUsage, "msg", "Bob", "a\xffb").complains("not UTF-8")
	c.run(codeUsage, "msg", "Bob", strings.Repeat("x", maxText+1)).complains("32 KiB", "earshot send")
	c.stdin = strings.NewReader(strings.Repeat("x", maxText+1))
	c.run(codeUsage, "msg", "Bob", "-").complains("32 KiB")
	c.does()
	c.fake.fail = node.ErrKeyChanged
	c.run(codeFailed, "msg", "Bob", "hi").complains("that device shows the name or the account of a verified contact, but is another one.", "compare the safety number")
}

func TestReadingAMessageCanBeInterrupted(t *testing.T) {
	c := newCall(t, newFake(person(2, "Bob")))
	in, typing := io.Pipe()
	defer typing.Close()
	c.stdin = in
	ctx, interrupt := context.WithCancel(t.Context())
	c.ctx = ctx
	go func() {
		_, _ = io.WriteString(typing, "half a mess") // it is being read
		interrupt()
	}()
	c.run(codeLater, "msg", "Bob", "-").complains("Interrupted.").does()
}

// file makes a file to send.
func file(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "report.pdf")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSendEndsAsTheTransferEnds(t *testing.T) {
	const id = "81000000-0000-0000-0000-000000000000"
	for _, c := range []struct {
		state, reason string
		code          int
		says          string
	}{
		{stateDone, "", codeDone, ""},
		{stateDeclined, "by peer", codeRefuse, "report.pdf (1.0 MB): declined by Bob."},
		{stateDeclined, "limit", codeRefuse, "too many offers"},
		{stateCancelled, "by peer", codeRefuse, "cancelled by Bob."},
		{stateCancelled, "by me", codeFailed, "cancelled by you."},
		{stateFailed, "source changed", codeFailed, "failed: the file changed since it was offered"},
		{stateInterrupted, "peer away", codeLater, "waiting for Bob. The Earshot that runs here goes on with it;"},
		{statePaused, "disk full", codeLater, "paused: the disk is full at Bob."},
	} {
		t.Run(c.state+" "+c.reason, func(t *testing.T) {
			f := newFake(person(2, "Bob"))
			f.onOffer = become(c.state, c.reason)
			path := file(t)
			call := newCall(t, f).run(c.code, "send", "Bob", path, "--wait", "50ms", "--json")
			call.prints(`{"id":"` + id + `","state":"` + c.state + `"}` + "\n").does("offer " + id2[:4] + " " + path)
			if c.says != "" {
				call.complains(c.says)
				newCall(t, f).run(c.code, "send", "Bob", path, "--wait", "50ms").prints("").complains(c.says)
			}
		})
	}
	f := newFake(person(2, "Bob"))
	f.onOffer = become(stateDone, "")
	newCall(t, f).run(0, "send", "Bob", file(t)).prints("report.pdf (1.0 MB): saved by Bob.\n")
}

// What a person has to do for it to go on is said at once and once, also where
// the command would wait for ever.
func TestSendSaysWhatKeepsAFile(t *testing.T) {
	f := newFake(person(2, "Bob"))
	f.onOffer = func(f *fake, tr node.Transfer) {
		tr.State, tr.Reason, tr.Error = stateInterrupted, "peer away", peer.Line("Nobody gets through. Open TCP port 7420.", 0)
		for range 3 {
			f.publish(node.Event{Kind: node.TransferMoved, Transfer: &tr})
		}
		become(stateDone, "")(f, tr)
	}
	const said = "earshot: report.pdf (1.0 MB): interrupted: Nobody gets through. Open TCP port 7420.\n"
	call := newCall(t, f).run(codeDone, "send", "Bob", file(t))
	if got := call.stderr.String(); got != said {
		t.Errorf("said %q", got)
	}
	f = newFake(person(2, "Bob"))
	f.onOffer = func(f *fake, tr node.Transfer) {
		tr.Error = peer.Line("Nobody gets through. Open TCP port 7420.", 0)
		become(stateInterrupted, "peer away")(f, tr)
	}
	newCall(t, f).run(codeLater, "send", "Bob", file(t), "--wait", "50ms").complains("interrupted: Nobody gets through. Open TCP port 7420. \"earshot transfers\"")
}

// TestWhatIsLeftWaitsForThisMachine gives up in a command whose node ends with it.
func TestWhatIsLeftWaitsForThisMachine(t *testing.T) {
	f := newFake(person(2, "Bob"))
	f.self.Passing = true
	c := newCall(t, f)
	c.run(codeLater, "send", "Bob", file(t), "--wait", "1ms").complains("It goes on when Earshot runs here again and Bob is there;")
	c.run(codeLater, "msg", "Bob", "hi", "--wait", "1ms").complains("It is delivered when Earshot runs here again and Bob is there.")
}

func TestSendToSeveral(t *testing.T) {
	f := newFake(person(2, "Bob"), person(3, "Carl"), person(4, "Doe, Dora"))
	f.onOffer = func(f *fake, t node.Transfer) {
		state, reason := stateDone, ""
		if t.Peer.ID == seeded(3) {
			state, reason = stateDeclined, "by peer"
		}
		become(state, reason)(f, t)
	}
	c := newCall(t, f).run(codeRefuse, "send", "Bob", file(t), "--to", "Doe, Dora", "--to", "Carl", "--to", "bob", "--json")
	if got := strings.Count(c.stdout.String(), "\n"); got != 3 {
		t.Errorf("printed %d lines:\n%s", got, c.stdout.String())
	}
	before := len(f.calls())
	c.run(codeWho, "send", "Bob", file(t), "--to", "Nobody")
	if len(f.calls()) != before {
		t.Error("offered to one of two although the other is unknown")
	}
	c.run(codeFailed, "send", "Bob", "/does/not/exist").complains(`There is no file or folder "/does/not/exist".`)
}

// TestSendSaysWhatItLeftOut offers a folder that is not sent whole.
func TestSendSaysWhatItLeftOut(t *testing.T) {
	f := newFake(person(2, "Bob"))
	f.skips = peer.Line("1 link (passwd), 1 pipe (queue)", 0)
	f.onOffer = func(f *fake, t node.Transfer) { become(stateDone, "")(f, t) }
	const said = "Left out of report.pdf, as it cannot be sent: 1 link (passwd), 1 pipe (queue)."
	c := newCall(t, f).run(0, "send", "Bob", file(t), "--json").complains(said)
	if !strings.Contains(c.stdout.String(), `"state":"done","skipped":"1 link (passwd), 1 pipe (queue)"}`) {
		t.Errorf("printed %s", c.stdout.String())
	}
	c = newCall(t, f)
	c.stdin = strings.NewReader("/to Bob\n/send " + file(t) + "\n")
	c.run(0, "--plain").complains(said)
}

func TestSendInterrupted(t *testing.T) {
	f := newFake(person(2, "Bob"))
	c := newCall(t, f)
	ctx, interrupt := context.WithCancel(t.Context())
	c.ctx = ctx
	f.onOffer = func(*fake, node.Transfer) { interrupt() }
	c.run(codeLater, "send", "Bob", file(t)).complains("Interrupted. report.pdf (1.0 MB): waits for Bob to accept it.")
}

func TestBar(t *testing.T) {
	tr := node.Transfer{Direction: node.Sending, Name: peer.Line("report.pdf", 0), Bytes: 1000, Done: 420, State: stateActive, Rate: 38_200_000, Left: 7 * time.Second, Peer: node.Ref{Name: peer.Line("Bob", 0)}}
	waiting := tr
	waiting.State = stateOffered
	waiting.Done = 0
	long := tr
	long.Name = peer.Line(strings.Repeat("合", 60), 200)
	for _, c := range []struct {
		width     int
		transfers []node.Transfer
		want      string
	}{
		{80, []node.Transfer{tr}, "report.pdf  ████░░░░░░  42%  38.2 MB/s  0:07"},
		{80, []node.Transfer{waiting}, "report.pdf  ░░░░░░░░░░   0%  waits for Bob to accept it"},
		{80, []node.Transfer{tr, tr}, "report.pdf  ████░░░░░░  42%  76.4 MB/s  0:07"},
		{30, []node.Transfer{long}, "合合合…  ████░░░░░░  42%  38…"},
	} {
		b := &bar{width: func() int { return c.width }, full: "█", empty: "░"}
		if got := b.line(c.transfers); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestBarIsDrawnFourTimesASecond(t *testing.T) {
	var out strings.Builder
	now := time.Unix(0, 0)
	b := &bar{w: &out, width: func() int { return 80 }, now: func() time.Time { return now }, full: "#", empty: "."}
	tr := node.Transfer{Name: peer.Line("a", 0), Bytes: 100, State: stateActive}
	for range 100 {
		tr.Done++
		b.draw([]node.Transfer{tr})
		now = now.Add(10 * time.Millisecond)
	}
	if got := strings.Count(out.String(), "\r"); got != 4 {
		t.Errorf("drawn %d times in a second", got)
	}
	tr.State = stateInterrupted
	b.draw([]node.Transfer{tr})
	if got := strings.Count(out.String(), "\r"); got != 5 {
		t.Error("a change of state was not drawn at once")
	}
}
