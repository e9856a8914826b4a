package chat_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/peer"
)

// TestRun uses replicas as the node does: with goroutines, and their methods
// called from others.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a, b := newRunner(t, 1), newRunner(t, 2)
	a.other, b.other = b, a
	var wg sync.WaitGroup
	for _, r := range []*runner{a, b} {
		wg.Go(func() {
			if err := r.Replica.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	a.Up(b.id, netip.Addr{})
	b.Up(a.id, netip.Addr{})
	b.Accept(a.id)
	const n = 300
	for i := range n {
		a.Write(chat.Draft{To: b.id, Kind: chat.KindText, Body: chat.Text{Text: fmt.Sprint(i)}}, func(_ chat.Entry, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	<-a.delivered(n)
	synced := make(chan error, 1)
	b.Sync(func(err error) { synced <- err })
	if err := <-synced; err != nil {
		t.Error(err)
	}
	cancel()
	wg.Wait()
	a.Write(chat.Draft{To: b.id}, func(_ chat.Entry, err error) { synced <- err })
	if err := <-synced; err != chat.ErrStopped {
		t.Errorf("a draft after the end: %v", err)
	}
	a.Sync(func(err error) { synced <- err })
	if err := <-synced; err != chat.ErrStopped {
		t.Errorf("sync after the end: %v", err)
	}
}

// runner is a replica whose network is a direct call.
type runner struct {
	*chat.Replica
	id    peer.ID
	disk  *chattest.Memory
	other *runner

	mu   sync.Mutex
	last uint64
	want uint64
	all  chan struct{}
}

func newRunner(t testing.TB, n byte) *runner {
	r := &runner{id: identity(n).ID(), disk: chattest.NewMemory(), all: make(chan struct{})}
	var err error
	r.Replica, err = chat.New(chat.Config{Identity: identity(n), Store: r.disk, Network: r, Notify: r.notify})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *runner) Send(to peer.ID, m peer.Message) bool {
	r.other.Receive(r.id, m, func() {})
	return true
}

func (r *runner) notify(e chat.Event) {
	if p, ok := e.(chat.Progress); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.last = p.Now.Last
		r.check()
	}
}

// delivered is closed once the peer has n entries of this device.
func (r *runner) delivered(n uint64) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.want = n
	r.check()
	return r.all
}

func (r *runner) check() {
	if r.want > 0 && r.last >= r.want {
		r.want = 0
		close(r.all)
	}
}
