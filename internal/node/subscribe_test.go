package node

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// next takes what is ready; it fails the test when nothing comes.
func next(t *testing.T, s Subscription) []Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	events, err := s.Next(ctx)
	if err != nil {
		t.Fatalf("next: %v", err)
	}
	return events
}

func transferEvent(id uuid.UUID, state string, done int64) Event {
	return Event{Kind: TransferMoved, Transfer: &Transfer{ID: id, State: state, Done: done}}
}

func personEvent(kind EventKind, b byte, unread int) Event {
	return Event{Kind: kind, Person: &Person{ID: peer.ID{b}, Unread: unread}}
}

func TestFeedKeepsOnlyTheNewestReportOfOneThing(t *testing.T) {
	f := NewFeed(func() {})
	a, b := uuid.New(), uuid.New()
	for i := range int64(10) {
		f.Publish(transferEvent(a, "active", i))
		f.Publish(transferEvent(b, "active", i))
	}
	f.Publish(transferEvent(a, "done", 10))
	f.Publish(transferEvent(a, "done", 11))
	f.Publish(personEvent(PeerChanged, 1, 1))
	f.Publish(personEvent(PeerChanged, 1, 2))
	f.Publish(personEvent(PeerDown, 1, 2))
	f.Publish(personEvent(PeerChanged, 1, 3))
	f.Publish(personEvent(PeerChanged, 2, 1))

	type seen struct {
		kind EventKind
		done int64 // or unread
	}
	want := []seen{
		{TransferMoved, 9}, {TransferMoved, 9}, {TransferMoved, 11},
		{PeerChanged, 2}, {PeerDown, 2}, {PeerChanged, 3}, {PeerChanged, 1},
	}
	events := next(t, f)
	if len(events) != len(want) {
		t.Fatalf("got %d events, want %d: %+v", len(events), len(want), events)
	}
	for i, e := range events {
		got := seen{kind: e.Kind}
		if e.Transfer != nil {
			got.done = e.Transfer.Done
		} else {
			got.done = int64(e.Person.Unread)
		}
		if got != want[i] {
			t.Errorf("event %d: got %v, want %v", i, got, want[i])
		}
	}

	f.Publish(transferEvent(a, "done", 12))
	if events := next(t, f); len(events) != 1 || events[0].Transfer.Done != 12 {
		t.Errorf("after everything was taken: %+v", events)
	}
}

func TestFeedComesInBatches(t *testing.T) {
	f := NewFeed(func() {})
	for i := range maxBatch + 10 {
		f.Publish(personEvent(PeerUp, byte(i), i))
	}
	f.Publish(personEvent(PeerChanged, 7, 1))
	if got := len(next(t, f)); got != maxBatch {
		t.Errorf("first batch has %d events, want %d", got, maxBatch)
	}
	f.Publish(personEvent(PeerChanged, 7, 2)) // replaces the one that is queued still
	rest := next(t, f)
	if len(rest) != 11 || rest[10].Person.Unread != 2 {
		t.Errorf("the rest: %d events", len(rest))
	}
}

func TestFeedTellsASlowReaderToReadAnew(t *testing.T) {
	f := NewFeed(func() {})
	for range maxBehind + 1 {
		f.Publish(Event{Kind: MessageAdded, Message: &Message{}})
	}
	f.Publish(Event{Kind: Failed, Error: peer.Line("after it", 0)})
	events := next(t, f)
	if len(events) != 2 || events[0].Kind != Resync || events[1].Kind != Failed {
		t.Errorf("got %d events, first %q", len(events), events[0].Kind)
	}
}

func TestFeedEndsAfterWhatIsQueued(t *testing.T) {
	closed := 0
	f := NewFeed(func() { closed++ })
	f.Publish(Event{Kind: Ready})
	f.End()
	f.Publish(Event{Kind: Failed})
	if events := next(t, f); len(events) != 1 || events[0].Kind != Ready {
		t.Errorf("got %+v", events)
	}
	for range 2 {
		if _, err := f.Next(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("after the end: %v", err)
		}
	}
	f.Close()
	f.Close()
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

func TestFeedWaitsUntilItsContextEnds(t *testing.T) {
	f := NewFeed(func() {})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWhoGaveUpLeavesNoFeed(t *testing.T) {
	a := start(t, "Ann")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if sub, err := a.Subscribe(ctx); err == nil {
		sub.Close()
		t.Error("a subscription for nobody")
	}
	feeds, err := ask(t.Context(), a.Node, func() (int, error) { return len(a.feeds), nil })
	if err != nil || feeds > 0 {
		t.Errorf("%d feeds are left, %v", feeds, err)
	}
}
