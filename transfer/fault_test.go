package transfer_test

import (
	"errors"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"earshot/transfer"
)

var errFault = errors.New("injected fault")

// TestAFaultAnywhereIsSurvived lets the n-th call fail, for n = 1, 2, 3 … until the
// scenario passes untouched, once with every kind of call. Whatever fails, in the
// end everything is there once, or the transfer has failed with nothing left.
func TestAFaultAnywhereIsSurvived(t *testing.T) {
	src := filepath.Join(t.TempDir(), "d")
	tree(t, src, map[string]string{"a": noise(2*mib + 3), "e/b": noise(900), "f/": "", "c": ""})
	stop := 1 // with every n
	if raceEnabled || testing.Short() {
		stop = 5
	}
	for name, c := range map[string]struct {
		inject func(w *world, ann, bob *device, fail func(op string) error)
		least  int // calls that there were when this was written
	}{
		"the receiver's disk": {func(_ *world, _, bob *device, fail func(string) error) {
			bob.onDisk = func(op, _ string) error { return fail(op) }
		}, 40},
		"the sender's files": {func(_ *world, ann, _ *device, fail func(string) error) {
			ann.onSource = func(op, _ string) error { return fail(op) }
		}, 6},
		"the receiver's store": {func(_ *world, _, bob *device, fail func(string) error) {
			bob.store.Before(fail)
		}, 8},
		"the sender's store": {func(_ *world, ann, _ *device, fail func(string) error) {
			ann.store.Before(fail)
		}, 2},
		"the connection": {func(w *world, _, _ *device, fail func(string) error) {
			w.wrap = func(c net.Conn) net.Conn { return &faultyConn{c, fail} }
		}, 15},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting for the next try
			for n := 1; ; n += stop {
				w, ann, bob := pair(t)
				var calls atomic.Int64
				var failed atomic.Bool
				var armed atomic.Bool
				fail := func(string) error {
					if armed.Load() && calls.Add(1) == int64(n) {
						failed.Store(true)
						return errFault
					}
					return nil
				}
				offer := ann.offer(bob, src)
				ann.close()
				bob.close()
				c.inject(w, ann, bob, fail)
				start := func(d *device) { // thawing takes the fault out of a store
					d.start()
					c.inject(w, ann, bob, fail)
				}
				start(ann)
				start(bob)
				armed.Store(true)
				do(t, func(reply func(error)) { bob.engine.Accept(offer.ID, bob.dir, transfer.Keep, reply) }) // may be what fails
				final := func(t transfer.Transfer) bool { return t.State.Final() }
				b := bob.wait(offer.ID, "the end after fault "+strconv.Itoa(n), final)
				a := ann.wait(offer.ID, "the end after fault "+strconv.Itoa(n), final)
				if a.State != transfer.Done || b.State != transfer.Done {
					t.Fatalf("call %d: %s %s %q and %s %s", n, a.State, a.Reason, a.Error, b.State, b.Reason)
				}
				same(t, b.Path, src)
				bob.restart(nil) // removes what could not be removed then
				bob.clean(offer.ID)
				if names := bob.finals(); len(names) != 1 {
					t.Fatalf("call %d: there is %v", n, names)
				}
				ann.close()
				bob.close()
				if !failed.Load() {
					t.Logf("%d calls", n-1)
					if n-1 < c.least {
						t.Errorf("%d calls, there were %d", n-1, c.least)
					}
					return
				}
			}
		})
	}
}

// faultyConn asks before each call.
type faultyConn struct {
	net.Conn
	fail func(op string) error
}

func (c *faultyConn) Read(b []byte) (int, error) {
	if err := c.fail("read"); err != nil {
		c.Conn.Close()
		return 0, err
	}
	return c.Conn.Read(b[:min(len(b), 300<<10)])
}

func (c *faultyConn) Write(b []byte) (int, error) {
	if err := c.fail("write"); err != nil {
		c.Conn.Close()
		return 0, err
	}
	return c.Conn.Write(b)
}
