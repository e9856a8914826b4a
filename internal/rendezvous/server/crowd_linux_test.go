package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

const (
	// acquaintances is how many friends each account has.
	acquaintances = 10
	// household is how many devices of a crowd share an address: below what the
	// server takes from one while it knows none of them.
	household = 200
	// shyness is how many of a crowd sign in at once at first.
	shyness = 64
)

// member is one of a crowd: an account with one device that heartbeats.
type member struct {
	*rendezvous.Watch
	account  uuid.UUID
	identity *peer.Identity
	beat     rendezvous.Beat
	back     atomic.Int64 // when a server told it everything last, in Unix nanoseconds
}

// crowd is many devices in this process at one server.
type crowd struct {
	b       *testing.B
	server  *program
	realm   peer.ID
	members []*member
	spare   []*member // are in the database, and do not heartbeat

	mu     sync.Mutex
	toggle map[uuid.UUID]toggle // of those whose friends wait for their new presence
	heard  []time.Duration      // how long that took, friend by friend
	gone   map[uuid.UUID]bool   // whom a friend saw go
}

// toggle is a change of presence.
type toggle struct {
	to rendezvous.Presence
	at time.Time
}

// newCrowd puts accounts with friends into a new database, some more than will
// heartbeat, and builds the server.
func newCrowd(b *testing.B, members, spare int) *crowd {
	b.Helper()
	c := &crowd{b: b, toggle: map[uuid.UUID]toggle{}, gone: map[uuid.UUID]bool{}}
	data := b.TempDir()
	all := make([]*member, members+spare)
	for i := range all {
		all[i] = &member{identity: peer.NewIdentity([32]byte{byte(i), byte(i >> 8), 8}), account: uuid.New()}
	}
	c.members, c.spare = all[:members], all[members:]
	d, err := openDirectory(b.Context(), filepath.Join(data, databaseFile))
	must(b, err)
	defer d.close()
	realm, err := openRealm(b.Context(), d, data)
	must(b, err)
	c.realm = realm.ID()
	c.settle(d, all)
	c.server = build(b, data)
	return c
}

// settle writes the accounts, whose passwords are all the same. Each is a friend of
// those beside it in a ring.
func (c *crowd) settle(d *directory, all []*member) {
	c.b.Helper()
	hash, err := newHasher(usual).hash(c.b.Context(), password)
	must(c.b, err)
	c.insert(d, len(all), func(t *tx, i int) error {
		m, device := all[i], all[i].identity.ID()
		return errors.Join(
			t.run("INSERT INTO account (id, user_name, name, sought, team, password) VALUES ($1, $2, $2, $2, 'crowd', $3)", m.account[:], fmt.Sprintf("user%d", i), hash),
			t.run("INSERT INTO device (id, account, serial, since, seen) VALUES ($1, $2, $3, 0, 0)", device[:], m.account[:], i+1))
	})
	c.insert(d, len(c.members)*acquaintances, func(t *tx, n int) error {
		of, step := n/acquaintances, n%acquaintances-acquaintances/2
		if step >= 0 {
			step++
		}
		other := (of + step + len(c.members)) % len(c.members)
		return t.run("INSERT INTO friendship (account, other) VALUES ($1, $2)", c.members[of].account[:], c.members[other].account[:])
	})
}

// insert calls write for each of n rows, some in a transaction.
func (c *crowd) insert(d *directory, n int, write func(t *tx, i int) error) {
	c.b.Helper()
	const batch = 1000 // a transaction must not take long
	for from := 0; from < n; from += batch {
		must(c.b, d.update(c.b.Context(), func(t *tx) error {
			for i := from; i < min(from+batch, n); i++ {
				if err := write(t, i); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// client speaks to the server from an address of this machine.
func (c *crowd) client(identity *peer.Identity, from net.IP) *rendezvous.Client {
	c.b.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	client, err := rendezvous.NewClient(rendezvous.ClientConfig{Identity: identity, Realm: c.realm, Addresses: []string{c.server.address}, Dial: dialer.DialContext})
	must(c.b, err)
	return client
}

// gather has all members heartbeat until the benchmark ends.
func (c *crowd) gather() {
	c.b.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.b.Context()))
	var wg sync.WaitGroup
	c.b.Cleanup(wg.Wait)
	c.b.Cleanup(cancel)
	begun := time.Now()
	for i, m := range c.members {
		m.beat = rendezvous.Beat{Addresses: []string{fmt.Sprintf("10.%d.%d.3:7420", i>>8, i&255)}, Presence: rendezvous.Online}
		m.Watch = rendezvous.NewWatch(rendezvous.WatchConfig{
			Client: c.client(m.identity, net.IPv4(127, 1, 0, byte(1+i/household))), Instance: uuid.New(), Beat: m.beat,
			Notify: func(event any) { c.notice(m, event) },
		})
		wg.Go(func() { m.Run(ctx) })
		if i >= shyness {
			c.wait(c.members[i-shyness:i-shyness+1], begun)
		}
	}
	c.wait(c.members, begun)
}

// notice takes what a member was told.
func (c *crowd) notice(m *member, event any) {
	told, ok := event.(rendezvous.Told)
	if !ok {
		return
	}
	now := time.Now()
	if told.News.Whole {
		m.back.Store(now.UnixNano())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range told.News.Friends {
		if f.Presence == rendezvous.Offline {
			c.gone[f.Account] = true
		}
		if t, waited := c.toggle[f.Account]; waited && t.to == f.Presence {
			c.heard = append(c.heard, now.Sub(t.at))
		}
	}
}

// wait waits until a server has told all of them everything since then, and gives
// when it told the last one.
func (c *crowd) wait(members []*member, since time.Time) (last time.Time) {
	c.b.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Minute); ; <-tick.C {
		var missing int
		if last, missing = lastBack(members, since); missing == 0 {
			return last
		}
		if time.Now().After(end) {
			c.b.Fatalf("%d of %d are not there", missing, len(members))
		}
	}
}

// lastBack is when the last one was told, and how many were not since then.
func lastBack(members []*member, since time.Time) (last time.Time, missing int) {
	for _, m := range members {
		back := time.Unix(0, m.back.Load())
		if back.Before(since) {
			missing++
		}
		if back.After(last) {
			last = back
		}
	}
	return last, missing
}
