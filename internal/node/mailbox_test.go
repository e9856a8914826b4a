package node

import (
	"sync"
	"testing"
)

func TestMailboxKeepsTheOrderOfEachSender(t *testing.T) {
	const senders, each = 4, 500
	box := newMailbox()
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				box.put([2]int{s, i})
			}
		})
	}
	var last [senders]int
	for got := 0; got < senders*each; {
		<-box.wake
		for _, e := range box.take() {
			v := e.([2]int)
			if v[1] != last[v[0]] {
				t.Fatalf("sender %d: got %d, want %d", v[0], v[1], last[v[0]])
			}
			last[v[0]]++
			got++
		}
	}
	wg.Wait()
}

func TestClosedMailboxRefuses(t *testing.T) {
	box := newMailbox()
	box.put(1)
	if left := box.close(); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	if box.put(2) {
		t.Error("a closed mailbox took an event")
	}
}
