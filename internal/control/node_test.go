package control

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"earshot/internal/node"
	"earshot/internal/profile"
)

// run runs a node on 127.0.0.1 until the test ends.
func run(t *testing.T, name string) *node.Node {
	t.Helper()
	p, err := profile.Open(t.TempDir(), "default")
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(node.Config{Profile: p, Name: name, Dir: filepath.Join(t.TempDir(), "files"), Interfaces: []string{"none"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, n.Close()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// TestANodeIsTheSameNearAndFar runs one story on a node, then on one that is used
// through its socket.
func TestANodeIsTheSameNearAndFar(t *testing.T) {
	t.Run("near", func(t *testing.T) {
		story(t, run(t, "Ann"), run(t, "Bob"))
	})
	t.Run("far", func(t *testing.T) {
		pathA, _ := serve(t, run(t, "Ann"))
		pathB, _ := serve(t, run(t, "Bob"))
		story(t, dial(t, pathA), dial(t, pathB))
	})
}

// story is what two people do: they meet, write, read, send a file, verify.
func story(t *testing.T, a, b Node) {
	ctx := t.Context()
	atA, atB := follow(t, a), follow(t, b)
	selfA, selfB := atA(node.Ready).Self, atB(node.Ready).Self
	if err := a.Connect(ctx, "127.0.0.1:"+strconv.Itoa(int(selfB.Port))); err != nil {
		t.Fatal(err)
	}
	if p := atA(node.PeerUp).Person; p.ID != selfB.ID || p.Name.String() != "Bob" || !p.Online {
		t.Errorf("up: %+v", p)
	}
	atB(node.PeerUp)

	m, err := a.Write(ctx, node.Direct(selfB.ID), "hello")
	if err != nil {
		t.Fatal(err)
	}
	got := atB(node.MessageAdded).Message
	if got.ID != m.ID || got.Text.String() != "hello" || got.Position != m.Position || !got.At.Equal(m.At) {
		t.Errorf("got %+v, want %+v", got, m)
	}
	if e := atA(node.StateChanged); e.Message.ID != m.ID || e.Message.State != node.Delivered || e.Peer.ID != selfB.ID {
		t.Errorf("state: %+v", e)
	}
	if err := errors.Join(b.Accept(ctx, selfA.ID), b.MarkRead(ctx, node.Direct(selfA.ID), got.Position)); err != nil {
		t.Fatal(err)
	}
	if e := atA(node.StateChanged); e.Message.State != node.Read {
		t.Errorf("state: %+v", e)
	}
	history, err := b.History(ctx, node.History{Conversation: node.Direct(selfA.ID), Limit: 10})
	if err != nil || len(history) != 1 || history[0].State != node.Read {
		t.Errorf("history: %+v, %v", history, err)
	}

	path, content := filepath.Join(t.TempDir(), "a.txt"), []byte("what is in it")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	offer, err := a.Offer(ctx, node.Direct(selfB.ID), []string{path})
	if err != nil {
		t.Fatal(err)
	}
	if e := atB(node.OfferReceived); e.Message.Offer.ID != offer.ID {
		t.Errorf("offer: %+v", e.Message)
	}
	atB(node.TransferMoved) // offered
	if err := b.Answer(ctx, offer.ID, node.Answer{Accept: true}); err != nil {
		t.Fatal(err)
	}
	for state := ""; state != "done"; {
		state = atA(node.TransferMoved).Transfer.State
	}
	transfers, err := b.Transfers(ctx)
	if err != nil || len(transfers) != 1 {
		t.Fatalf("transfers: %+v, %v", transfers, err)
	}
	if saved, err := os.ReadFile(transfers[0].Path); err != nil || !bytes.Equal(saved, content) {
		t.Errorf("saved %q, %v", saved, err)
	}

	if err := a.Verify(ctx, selfB.ID, true); err != nil {
		t.Fatal(err)
	}
	people, err := a.People(ctx)
	if err != nil || len(people) != 1 || !people[0].Verified {
		t.Errorf("people: %+v, %v", people, err)
	}
	if _, err := a.Write(ctx, "nobody", "x"); !errors.Is(err, node.ErrNoSuchPeer) {
		t.Errorf("writing to nobody: %v", err)
	}
}

// follow subscribes and returns how to wait for the next event of a kind.
func follow(t *testing.T, n Node) func(node.EventKind) node.Event {
	t.Helper()
	sub, err := n.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sub.Close)
	var queue []node.Event
	return func(kind node.EventKind) node.Event {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for {
			for i, e := range queue {
				if e.Kind == kind {
					queue = queue[i+1:]
					return e
				}
			}
			queue = nil
			events, err := sub.Next(ctx)
			if err != nil {
				t.Fatalf("no event %s: %v", kind, err)
			}
			queue = events
		}
	}
}
