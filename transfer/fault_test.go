package transfer_test

import (
	"errors"
	"maps"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"earshot/transfer"
)

var errFault = errors.New("injected fault")

// faults are what can fail, and how many calls there were at least when this was
// written, in the plain scenario.
var faults = map[string]struct {
	inject func(w *world, ann, bob *device, fail func(op string) error)
	least  int
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
}

// scenario is a transfer in which something fails.
type scenario struct {
	// begin makes what is there before, and returns what is offered.
	begin    func(t *testing.T, ann, bob *device) (paths []string)
	conflict transfer.Conflict
	// check looks at what is there in the end.
	check func(t *testing.T, bob *device, at transfer.Transfer)
	// sample is of how many reads and writes, behind the first ones, one may fail:
	// there are many that are alike.
	sample int64
}

// TestAFaultAnywhereIsSurvived lets the n-th call fail, for n = 1, 2, 3 … until the
// scenario passes untouched, once with every kind of call. Whatever fails, in the
// end everything is there once, or the transfer has failed with nothing left.
func TestAFaultAnywhereIsSurvived(t *testing.T) {
	src := filepath.Join(t.TempDir(), "d")
	tree(t, src, map[string]string{"a": noise(2*mib + 3), "e/b": noise(900), "f/": "", "c": ""})
	plain := scenario{
		begin: func(*testing.T, *device, *device) []string { return []string{src} },
		check: func(t *testing.T, bob *device, at transfer.Transfer) {
			same(t, at.Path, src)
			if names := bob.finals(); len(names) != 1 {
				t.Errorf("there is %v", names)
			}
		},
		conflict: transfer.Keep, sample: 1,
	}
	stop := 1 // with every n
	if raceEnabled || testing.Short() {
		stop = 5
	}
	for name, c := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting for the next try
			for n := 1; ; n += stop {
				w, ann, bob := pair(t)
				if plain.survives(t, w, ann, bob, c.inject, n) {
					continue
				}
				t.Logf("%d calls", n-1)
				if n-1 < c.least {
					t.Errorf("%d calls, there were %d", n-1, c.least)
				}
				return
			}
		})
	}
}

// TestAFaultWhereSomethingIsThereAlready is the same with what was there before, in
// simulated time.
func TestAFaultWhereSomethingIsThereAlready(t *testing.T) {
	old := noise(9 * mib) // no small file, so what changed of it is found out
	stop := 1
	if raceEnabled || testing.Short() {
		stop = 7
	}
	for name, s := range map[string]scenario{
		"a newer version": {
			begin: func(t *testing.T, ann, bob *device) []string {
				path := filepath.Join(t.TempDir(), "disk.img")
				write(t, path, old)
				bob.clean(bob.receive(ann, transfer.Keep, path).ID)
				write(t, path, old[:4*mib], "inserted", old[4*mib:])
				return []string{path}
			},
			conflict: transfer.OverwriteOwn,
			check: func(t *testing.T, bob *device, _ transfer.Transfer) {
				is := old[:4*mib] + "inserted" + old[4*mib:]
				wantEither(t, bob.dir, map[string]string{"disk.img": is}, map[string]string{"disk.img": old, "disk (2).img": is})
			},
			sample: 16,
		},
		"the same": {
			begin: func(t *testing.T, ann, bob *device) []string {
				path := filepath.Join(t.TempDir(), "d")
				tree(t, path, map[string]string{"a": old[:70_000], "e/b": old[:900], "f/": "", "c": ""})
				bob.clean(bob.receive(ann, transfer.Keep, path).ID)
				return []string{path}
			},
			conflict: transfer.Keep,
			check: func(t *testing.T, bob *device, _ transfer.Transfer) {
				once := map[string]string{"d/a": old[:70_000], "d/e/b": old[:900], "d/c": ""}
				twice := maps.Clone(once)
				for name, text := range once {
					twice["d (2)"+name[1:]] = text
				}
				wantEither(t, bob.dir, once, twice)
			},
			sample: 1,
		},
		"two connections": {
			begin: func(t *testing.T, _, bob *device) []string {
				bob.close()
				bob.wide = 1
				bob.start()
				path := filepath.Join(t.TempDir(), "y")
				tree(t, path, map[string]string{"a": old[:2*mib+7], "b": old[:mib], "c/d": old[:50_000], "c/e": old[:3*mib]})
				return []string{path}
			},
			conflict: transfer.Keep,
			check: func(t *testing.T, bob *device, _ transfer.Transfer) {
				want := map[string]string{"y/a": old[:2*mib+7], "y/b": old[:mib], "y/c/d": old[:50_000], "y/c/e": old[:3*mib]}
				wantEither(t, bob.dir, want, want)
			},
			sample: 16,
		},
		"a folder that is merged": {
			begin: func(t *testing.T, _, bob *device) []string {
				tree(t, bob.dir, map[string]string{"x/a": "old", "x/mine": "mine", "x/sub/d": "old"})
				path := filepath.Join(t.TempDir(), "x")
				tree(t, path, map[string]string{"a": "new a", "b": "b", "sub/c": "c", "sub/d": "d", "e": ""})
				return []string{path}
			},
			conflict: transfer.Overwrite,
			check: func(t *testing.T, bob *device, _ transfer.Transfer) {
				wantContents(t, bob.dir, map[string]string{
					"x/a": "new a", "x/b": "b", "x/sub/c": "c", "x/sub/d": "d", "x/e": "", "x/mine": "mine",
				})
			},
			sample: 1,
		},
		"names that are taken": {
			begin: func(t *testing.T, _, bob *device) []string {
				tree(t, bob.dir, map[string]string{"plan.txt": "mine", "x/mine": "mine"})
				dir := t.TempDir()
				tree(t, dir, map[string]string{"plan.txt": "plan", "x/a": "a"})
				return []string{filepath.Join(dir, "plan.txt"), filepath.Join(dir, "x")}
			},
			conflict: transfer.Keep,
			check: func(t *testing.T, bob *device, _ transfer.Transfer) {
				wantContents(t, bob.dir, map[string]string{
					"plan.txt": "mine", "x/mine": "mine", "plan (2).txt": "plan", "x (2)/a": "a",
				})
			},
			sample: 1,
		},
		"names that are skipped": {
			begin: func(t *testing.T, _, bob *device) []string {
				tree(t, bob.dir, map[string]string{"plan.txt": "mine", "x/a": "mine"})
				dir := t.TempDir()
				tree(t, dir, map[string]string{"plan.txt": "plan", "x/a": "a", "x/b": "b"})
				return []string{filepath.Join(dir, "plan.txt"), filepath.Join(dir, "x")}
			},
			conflict: transfer.Skip,
			check: func(t *testing.T, bob *device, _ transfer.Transfer) {
				wantContents(t, bob.dir, map[string]string{"plan.txt": "mine", "x/a": "mine", "x/b": "b"})
			},
			sample: 1,
		},
	} {
		for what, c := range faults {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n += stop {
					var more bool
					simulated(t, func(t *testing.T, w *world, ann, bob *device) {
						more = s.survives(t, w, ann, bob, c.inject, n)
					})
					if t.Failed() {
						return
					}
					if !more {
						t.Logf("%d calls", n-1)
						if n == 1 {
							t.Error("nothing can fail")
						}
						return
					}
				}
			})
		}
	}
}

// wantEither wants a folder to hold one or the other: what cannot be looked at here
// is received as if it were not known, and lies beside it then.
func wantEither(t *testing.T, dir string, one, other map[string]string) {
	t.Helper()
	if maps.Equal(contents(t, dir), other) {
		one = other
	}
	wantContents(t, dir, one)
}

// survives plays a scenario in which the n-th call fails, and reports whether there
// was one.
func (s scenario) survives(t *testing.T, w *world, ann, bob *device, inject func(*world, *device, *device, func(string) error), n int) bool {
	t.Helper()
	var calls, alike atomic.Int64
	var failed, armed atomic.Bool
	var what string
	passes := func(op string) bool {
		if op != "read" && op != "write" {
			return false
		}
		at := alike.Add(1)
		return at > 20 && at%s.sample != 0
	}
	fail := func(op string) error {
		switch {
		case !armed.Load(), passes(op):
			return nil
		case calls.Add(1) == int64(n):
			what = op
			failed.Store(true)
			return errFault
		}
		return nil
	}
	offer := ann.offer(bob, s.begin(t, ann, bob)...)
	ann.close()
	bob.close()
	inject(w, ann, bob, fail)
	for _, d := range []*device{ann, bob} {
		d.start()
		inject(w, ann, bob, fail) // thawing takes the fault out of a store
	}
	armed.Store(true)
	do(t, func(reply func(error)) { bob.engine.Accept(offer.ID, bob.dir, s.conflict, reply) }) // may be what fails
	final := func(t transfer.Transfer) bool { return t.State.Final() }
	b := bob.wait(offer.ID, "the end after fault "+strconv.Itoa(n), final)
	a := ann.wait(offer.ID, "the end after fault "+strconv.Itoa(n), final)
	if a.State != transfer.Done || b.State != transfer.Done {
		t.Fatalf("call %d, %s: %s %s %q and %s %s", n, what, a.State, a.Reason, a.Error, b.State, b.Reason)
	}
	bob.restart(nil) // removes what could not be removed then
	bob.clean(offer.ID)
	if s.check(t, bob, b); t.Failed() {
		t.Fatalf("after call %d, %s", n, what)
	}
	ann.close()
	bob.close()
	return failed.Load()
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
