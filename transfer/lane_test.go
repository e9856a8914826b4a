package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"earshot/transfer"
)

// wide is two devices of which Bob receives over two connections, whatever it is.
func wide(t *testing.T) (w *world, ann, bob *device) {
	w, ann, bob = pair(t)
	bob.close()
	bob.wide = 1
	bob.start()
	return w, ann, bob
}

// mixed is a folder with a large file, some of one chunk and a little, and many small
// ones.
func mixed(t *testing.T) string {
	t.Helper()
	content := map[string]string{"large": noise(9*mib + 5), "hole": strings.Repeat("\x00", 3*mib), "empty": ""}
	for i := range 5 {
		content[fmt.Sprintf("some/%d", i)] = noise(mib + 1000*i)
	}
	for i := range 300 {
		content[fmt.Sprintf("many/%d", i)] = noise(i * 37)
	}
	dir := filepath.Join(t.TempDir(), "mixed")
	tree(t, dir, content)
	return dir
}

// dialled is how many connections there were.
func (w *world) dialled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns) / 2
}

// leaky ends after so many bytes were read from it.
type leaky struct {
	net.Conn
	left atomic.Int64
}

func (l *leaky) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if l.left.Add(-int64(n)) < 0 {
		l.Conn.Close()
		return 0, errors.New("cut")
	}
	return n, err
}

func TestALargeTransferComesOverTwoConnections(t *testing.T) {
	w, ann, bob := wide(t)
	dir := mixed(t)
	offer := ann.offer(bob, dir)
	bob.accept(offer.ID)
	bob.state(offer.ID, transfer.Done)
	same(t, filepath.Join(bob.dir, "mixed"), dir)
	if n := w.dialled(); n != 2 {
		t.Errorf("%d connections", n)
	}
	if over := w.sent.Load() - offer.Bytes; over > offer.Bytes/50+100_000 {
		t.Errorf("%d bytes more than there are", over)
	}
}

func TestASmallOneNeedsNoSecondConnection(t *testing.T) {
	w, ann, bob := pair(t)
	offer := ann.offer(bob, file(t, "a", 3*mib))
	bob.accept(offer.ID)
	bob.state(offer.ID, transfer.Done)
	if n := w.dialled(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestOneOfTwoConnectionsIsCut cuts the first or the second one at random places, and
// has it go on over one.
func TestOneOfTwoConnectionsIsCut(t *testing.T) {
	for range 6 {
		w, ann, bob := wide(t)
		which, at := 1+rand.IntN(2), rand.Int64N(8*mib)
		var n atomic.Int64
		w.wrap = func(c net.Conn) net.Conn {
			if n.Add(1) != int64(which) {
				return c
			}
			l := &leaky{Conn: c}
			l.left.Store(at)
			return l
		}
		dir := mixed(t)
		offer := ann.offer(bob, dir)
		bob.accept(offer.ID)
		bob.state(offer.ID, transfer.Done)
		same(t, filepath.Join(bob.dir, "mixed"), dir)
		if made := w.dialled(); made < 2 || made > 4 {
			t.Errorf("connection %d cut at %d: %d connections", which, at, made)
		}
	}
}

// TestNoSecondConnectionIsNoTrouble refuses it: everything comes over the first one.
func TestNoSecondConnectionIsNoTrouble(t *testing.T) {
	w, ann, bob := wide(t)
	var dials atomic.Int64
	w.refuse = func(context.Context) error {
		if dials.Add(1) == 2 {
			return errors.New("no")
		}
		return nil
	}
	dir := mixed(t)
	offer := ann.offer(bob, dir)
	bob.accept(offer.ID)
	bob.state(offer.ID, transfer.Done)
	same(t, filepath.Join(bob.dir, "mixed"), dir)
	if dials.Load() != 2 || w.dialled() != 1 {
		t.Errorf("%d dials, %d connections", dials.Load(), w.dialled())
	}
	for _, state := range bob.history(offer.ID) {
		if state == transfer.Interrupted {
			t.Error("it was interrupted")
		}
	}
}
