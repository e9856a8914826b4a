package cli

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// happenings are one event of each kind.
func happenings() []node.Event {
	bob := person(2, "Bob")
	ref := node.Ref{ID: bob.ID, Name: bob.Name}
	text := node.Message{ID: uuid.UUID{2}, Conversation: node.Direct(bob.ID), From: ref, Text: peer.Body("hello\nthere"), State: node.Delivered, Request: true}
	mine := node.Message{ID: uuid.UUID{3}, Conversation: node.Direct(bob.ID), Mine: true, Text: peer.Body("mine"), State: node.Read}
	offer := node.Message{ID: uuid.UUID{4}, Conversation: node.Direct(bob.ID), From: ref, Offer: &node.Offer{ID: uuid.UUID{4}, Name: peer.Line("photos", 0), Files: 3, Bytes: 2_500_000}}
	active := node.Transfer{ID: uuid.UUID{4}, Direction: node.Receiving, Peer: ref, Name: peer.Line("photos", 0), Files: 3, Bytes: 2_500_000, Done: 5, State: stateActive, Rate: 7}
	more, done := active, active
	more.Done = 6
	done.State, done.Path = stateDone, "/srv/photos"
	noted, own := done, done
	noted.Direction, noted.Path, noted.Receipt, own.Receipt = node.Sending, "", "signed", "signed"
	return []node.Event{
		{Kind: node.PeerUp, Person: &bob}, {Kind: node.MessageAdded, Message: &text}, {Kind: node.MessageAdded, Message: &mine},
		{Kind: node.StateChanged, Message: &mine, Peer: &ref}, {Kind: node.OfferReceived, Message: &offer},
		{Kind: node.TransferMoved, Transfer: &active}, {Kind: node.TransferMoved, Transfer: &more}, {Kind: node.TransferMoved, Transfer: &done},
		{Kind: node.ReceiptNoted, Transfer: &own}, {Kind: node.ReceiptNoted, Transfer: &noted}, {Kind: node.FilesRead, Reading: &node.Reading{}},
		{Kind: node.PeerChanged, Person: &bob}, {Kind: node.PeerDown, Person: &bob}, {Kind: node.Failed, Error: peer.Line("disk full", 0)}, {Kind: node.Resync},
	}
}

// listened runs `listen` over the events and returns its lines.
func listened(t *testing.T, events []node.Event, args ...string) []string {
	t.Helper()
	f := newFake()
	c := newCall(t, f)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	c.ctx = ctx
	at := time.Date(2026, 3, 12, 14, 2, 0, 0, time.Local)
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-f.heard
		for _, e := range events {
			e.At = at
			f.publish(e)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, feed := range f.feeds {
			feed.End()
		}
	}()
	c.run(codeFailed, append([]string{"listen"}, args...)...).complains("Earshot was quit")
	<-done
	return strings.Split(strings.TrimSuffix(c.stdout.String(), "\n"), "\n")
}

func TestListenTellsInWords(t *testing.T) {
	want := []string{
		"Ann is reachable on port 7420", "Bob is here", "Bob: hello", "      | there  (a stranger: not in your contacts)",
		"Bob wants to send you photos (3 files, 2.5 MB): earshot accept 04000000-0000", "photos: receiving",
		"photos: saved as /srv/photos", "photos: saved by Bob, receipt signed", "Bob left", "! disk full", "! " + lost,
	}
	got := listened(t, happenings())
	for i := range got {
		got[i] = strings.TrimPrefix(got[i], "14:02 ")
		if i == 0 {
			got[i] = got[i][strings.Index(got[i], " ")+1:] // the fake's start has no time
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestListenDoesNotAskForWhatItAccepts tells of an offer that the rule said yes to.
func TestListenDoesNotAskForWhatItAccepts(t *testing.T) {
	offer := happenings()[4]
	m := *offer.Message
	accepted := *m.Offer
	accepted.Accepted = true
	m.Offer, offer.Message = &accepted, &m
	if got := listened(t, []node.Event{offer}, "--accept", "all"); got[1] != "14:02 Bob sends you photos (3 files, 2.5 MB): accepted" {
		t.Errorf("told %q", got[1])
	}
	if got := listened(t, []node.Event{offer}, "--json"); !strings.HasSuffix(got[1], `"bytes":2500000,"accepted":true}`) {
		t.Errorf("scripts read %s", got[1])
	}
}

// TestWhoShowsTheNameOfAnotherIsMarked tells everything of a device that took the
// name of a verified contact.
func TestWhoShowsTheNameOfAnotherIsMarked(t *testing.T) {
	bob := person(2, "Bob")
	bob.Imitates = true
	events := happenings()
	for i, e := range events {
		switch {
		case e.Person != nil:
			events[i].Person = &bob
		case e.Message != nil && !e.Message.Mine:
			m := *e.Message
			m.From = refTo(bob)
			events[i].Message = &m
		case e.Transfer != nil:
			tr := *e.Transfer
			tr.Peer = refTo(bob)
			events[i].Transfer = &tr
		}
	}
	marked := "Bob (" + id2[:8] + ", not verified)"
	out := strings.Join(listened(t, events), "\n")
	for _, want := range []string{" is here\n", ": hello\n", " wants to send you photos", " left\n"} {
		if !strings.Contains(out, marked+want) {
			t.Errorf("no %q in\n%s", marked+want, out)
		}
	}
	if out := strings.Join(listened(t, events[:2], "--json"), "\n"); strings.Count(out, `"name":"Bob","imitates":true}`) != 2 {
		t.Errorf("scripts read\n%s", out)
	}
	f := newFake(bob)
	f.history, f.transfers = []node.Message{*events[1].Message}, []node.Transfer{*events[5].Transfer}
	c := newCall(t, f)
	c.run(codeDone, "history", id2)
	if !strings.Contains(c.stdout.String(), marked+": hello\n") {
		t.Errorf("history: %s", c.stdout.String())
	}
	c.run(codeDone, "transfers")
	if !strings.Contains(c.stdout.String(), "from "+marked) {
		t.Errorf("transfers: %s", c.stdout.String())
	}
}

// TestProgramsAreMarked wherever somebody sees an offer.
func TestProgramsAreMarked(t *testing.T) {
	events := happenings()
	offer, several := *events[4].Message, *events[4].Message
	offer.Offer = &node.Offer{ID: uuid.UUID{4}, Name: peer.Line("setup.exe", 0), Files: 1, Bytes: 1_200_000, Program: true}
	several.Offer = &node.Offer{ID: uuid.UUID{5}, Name: peer.Line("tools", 0), Files: 3, Bytes: 1_200_000, Program: true}
	moved := *events[5].Transfer
	moved.Name, moved.Files, moved.Bytes, moved.Program, moved.State = peer.Line("setup.exe", 0), 1, 1_200_000, true, stateOffered
	const marked = "setup.exe (1.2 MB, a program)"
	out := strings.Join(listened(t, []node.Event{{Kind: node.OfferReceived, Message: &offer}, {Kind: node.OfferReceived, Message: &several}}), "\n")
	for _, want := range []string{"Bob wants to send you " + marked + ": earshot accept", "tools (3 files, 1.2 MB, a program among them)"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	out = strings.Join(listened(t, []node.Event{{Kind: node.OfferReceived, Message: &offer}, {Kind: node.TransferMoved, Transfer: &moved}}, "--json"), "\n")
	if strings.Count(out, `"program":true`) != 2 {
		t.Errorf("scripts read\n%s", out)
	}
	f := newFake(person(2, "Bob"))
	f.history, f.transfers = []node.Message{offer}, []node.Transfer{moved}
	c := newCall(t, f)
	for _, args := range [][]string{{"history", "Bob"}, {"transfers"}, {"accept", "0400"}, {"decline", "0400"}} {
		if c.run(0, args...); !strings.Contains(c.stdout.String(), marked) {
			t.Errorf("%s: %s", args, c.stdout.String())
		}
	}
	for _, args := range [][]string{{"history", "Bob", "--json"}, {"transfers", "--json"}} {
		if c.run(0, args...); !strings.Contains(c.stdout.String(), `"program":true`) {
			t.Errorf("%s: %s", args, c.stdout.String())
		}
	}
}

func TestListenForScripts(t *testing.T) {
	at := time.Date(2026, 3, 12, 14, 2, 0, 0, time.Local).Format(time.RFC3339Nano)
	bob := `{"id":"` + id2 + `","name":"Bob"}`
	const zeros = "-0000-0000-0000-000000000000"
	moved := `"direction":"receive","peer":` + bob + `,"name":"photos","files":3,"bytes":2500000,`
	want := []string{
		`{"event":"peer_up","at":"AT","peer":` + bob + `}`,
		`{"event":"message","at":"AT","id":"02000000` + zeros + `","from":` + bob + `,"conversation":"` + id2 + `","text":"hello\nthere","request":true}`,
		`{"event":"state","at":"AT","id":"03000000` + zeros + `","peer":` + bob + `,"state":"read"}`,
		`{"event":"offer","at":"AT","id":"04000000` + zeros + `","from":` + bob + `,"name":"photos","files":3,"bytes":2500000}`,
		`{"event":"transfer","at":"AT","id":"04000000` + zeros + `",` + moved + `"done":5,"state":"active","reason":"","rate":7}`,
		`{"event":"transfer","at":"AT","id":"04000000` + zeros + `",` + moved + `"done":6,"state":"active","reason":"","rate":7}`,
		`{"event":"transfer","at":"AT","id":"04000000` + zeros + `",` + moved + `"done":5,"state":"done","reason":"","rate":7,"path":"/srv/photos"}`,
		`{"event":"receipt","at":"AT","id":"04000000` + zeros + `","peer":` + bob + `,"state":"signed"}`,
		`{"event":"peer_down","at":"AT","peer":` + bob + `}`,
		`{"event":"error","at":"AT","error":"disk full"}`,
	}
	got := listened(t, happenings()[:14], "--json")
	var ready struct {
		Event, ID, Name, At string
		Port                int
	}
	if err := json.Unmarshal([]byte(got[0]), &ready); err != nil || ready.Event != "ready" || ready.ID != id1 || ready.Name != "Ann" || ready.Port != 7420 {
		t.Errorf("ready: %s, %v", got[0], err)
	}
	for i := range got {
		got[i] = strings.Replace(got[i], at, "AT", 1)
	}
	// Progress that is not read in time comes as the newest alone.
	if strings.Join(got[1:], "\n") != strings.Join(want, "\n") && strings.Join(got[1:], "\n") != strings.Join(append(want[:4:4], want[5:]...), "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got[1:], "\n"), strings.Join(want, "\n"))
	}
}

func TestListenEndsWellWhenInterrupted(t *testing.T) {
	c := newCall(t, newFake())
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	c.ctx = ctx
	c.run(codeDone, "listen", "--accept", "verified", "--dir", "in")
	if r := c.roles[0]; !r.alone || !r.lasting || r.rule != node.AcceptVerified || !strings.HasSuffix(r.dir, "/cli/in") {
		t.Errorf("listened as %+v", r)
	}
	c.run(codeUsage, "listen", "--accept", "everybody").complains("none, verified, friends or all")
}

// TestListenEndsWellWhenInterruptedEarly interrupts it while it waits for a
// command's node to end, and before it has looked for one.
func TestListenEndsWellWhenInterruptedEarly(t *testing.T) {
	f := newFake()
	f.self.Passing = true
	c := newCall(t, f)
	c.real = true
	attended(t, c.home, f)
	for _, after := range []time.Duration{0, 10 * time.Millisecond} {
		ctx, interrupt := context.WithTimeout(t.Context(), after)
		c.ctx = ctx
		c.run(codeDone, "listen").prints("")
		interrupt()
	}
}

// TestListenSaysWhatItWaitsFor lets a command's node not make room.
func TestListenSaysWhatItWaitsFor(t *testing.T) {
	f := newFake()
	f.self.Passing, f.self.PID = true, 4711
	c := newCall(t, f)
	c.real = true
	attended(t, c.home, f)
	ctx, interrupt := context.WithTimeout(t.Context(), mentionAfter+10*between)
	defer interrupt()
	c.ctx = ctx
	c.run(codeDone, "listen").prints("").complains("Waiting for process 4711, which uses profile default …\n")
}

// TestOutputHasNoControls hands every command names and texts that would disturb
// a terminal.
func TestOutputHasNoControls(t *testing.T) {
	const nasty = "\x1b[2J\x1b]0;x\a\u009b31m\u202egnp\r\n12:01 <boss> pay"
	bob := person(2, nasty)
	message := node.Message{ID: uuid.UUID{2}, From: node.Ref{ID: bob.ID, Name: bob.Name}, Text: peer.Body(nasty)}
	transfer := node.Transfer{ID: uuid.UUID{9}, Direction: node.Receiving, Peer: message.From, Name: peer.Line(nasty, 0), State: stateDone, Path: "/srv/\x1b[2J\u009b", Error: peer.Body(nasty)}
	f := newFake(bob)
	f.history, f.transfers = []node.Message{message}, []node.Transfer{transfer}
	c := newCall(t, f)
	check := func(where, out string) {
		t.Helper()
		if i := strings.IndexFunc(out, func(r rune) bool { return unicode.IsControl(r) && r != '\n' || r == '\u202e' }); i >= 0 {
			t.Errorf("%s printed %q", where, out)
		}
		if strings.Contains(out, "\n12:01") {
			t.Errorf("%s printed a line that is not its own: %q", where, out)
		}
	}
	for _, args := range [][]string{
		{"peers"}, {"peers", "--json"}, {"transfers"}, {"transfers", "--json"}, {"history", id2}, {"history", id2, "--json"},
		{"id", id2}, {"id", id2, "--json"},
	} {
		t.Run(strings.Join(args, " ")+"/T-01", func(t *testing.T) {
			c.t = t
			c.run(0, args...)
			check(args[0], c.stdout.String()+c.stderr.String())
		})
	}
	t.Run("errors/T-01", func(t *testing.T) {
		c.t = t
		c.run(codeWho, "msg", nasty+"?", "hi")
		check("msg", c.stderr.String())
		c.run(codeUsage, nasty)
		check("an unknown command", c.stderr.String())
		c.run(codeUsage, "--port", nasty, "peers")
		check("a flag", c.stderr.String())
		c.run(codeFailed, "accept", nasty)
		check("accept", c.stderr.String())
		c.run(codeUsage, "--profile", nasty, "peers")
		check("a profile", c.stderr.String())
	})
	for _, args := range [][]string{nil, {"--json"}} {
		t.Run("listen "+strings.Join(args, "")+"/T-01", func(t *testing.T) {
			out := listened(t, []node.Event{
				{Kind: node.PeerUp, Person: &bob}, {Kind: node.MessageAdded, Message: &message}, {Kind: node.TransferMoved, Transfer: &transfer}, {Kind: node.Failed, Error: peer.Body(nasty)},
			}, args...)
			check("listen", strings.Join(out, "\n"))
		})
	}
}
