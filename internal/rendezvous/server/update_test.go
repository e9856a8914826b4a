package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"earshot/internal/rendezvous"
)

// TestManyWriteAtOnce has many write at the same time, some of them wrongly: what was
// right is there, and of the rest nothing.
func TestManyWriteAtOnce(t *testing.T) {
	directoryOnBoth(t, func(t *testing.T, d *directory) {
		var mu sync.Mutex
		told := map[kind]int{}
		d.watch(func(changes []change) {
			mu.Lock()
			defer mu.Unlock()
			for _, c := range changes {
				told[c.kind]++
			}
		})
		wrong := errors.New("wrong")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		const many = 100
		var wg sync.WaitGroup
		for n := range many {
			wg.Go(func() {
				_, err := d.register(t.Context(), newAccount{user: fmt.Sprintf("user%d", n/2), policy: RegisterOpen}) // each twice
				var r *refusal
				if err != nil && (!errors.As(err, &r) || r.code != rendezvous.CodeTaken) {
					t.Errorf("user%d: %v", n/2, err)
				}
			})
			wg.Go(func() {
				err := d.update(t.Context(), func(t *tx) error {
					t.tell(change{kind: servers})
					if err := t.run("DELETE FROM account"); err != nil {
						return err
					}
					return wrong
				})
				if !errors.Is(err, wrong) {
					t.Errorf("got %v", err)
				}
			})
			wg.Go(func() {
				if err := d.update(t.Context(), func(t *tx) error { return t.run("INSERT INTO nothing VALUES (1)") }); err == nil {
					t.Error("a statement that is none")
				}
				if err := d.update(gone, func(t *tx) error { return t.run("DELETE FROM account") }); !errors.Is(err, context.Canceled) {
					t.Errorf("for somebody who is gone: %v", err)
				}
			})
		}
		wg.Wait()
		all, err := d.accounts(t.Context())
		if err != nil || len(all) != many/2 {
			t.Errorf("%d accounts, %v; want %d", len(all), err, many/2)
		}
		if told[face] != many/2 || told[servers] != 0 {
			t.Errorf("told %v, want of %d accounts", told, many/2)
		}
	})
}
