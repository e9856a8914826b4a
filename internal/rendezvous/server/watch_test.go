package server

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// watched is a person whose client heartbeats by itself.
type watched struct {
	mu      sync.Mutex
	friends map[string]rendezvous.Presence
	blinks  int // times that a friend was off-line after it was on-line
	stop    func()
}

// watch starts the heartbeats of a device.
func watch(t *testing.T, identity *peer.Identity, realm peer.ID, address string) *watched {
	t.Helper()
	c, err := rendezvous.NewClient(rendezvous.ClientConfig{Identity: identity, Realm: realm, Addresses: []string{address}})
	must(t, err)
	w := &watched{friends: map[string]rendezvous.Presence{}}
	run := rendezvous.NewWatch(rendezvous.WatchConfig{
		Client: c, Instance: uuid.New(), Beat: rendezvous.Beat{Addresses: []string{"10.0.0.3:7420"}, Presence: rendezvous.Online}, Notify: w.hear,
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		run.Run(ctx)
	}()
	w.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(w.stop)
	return w
}

func (w *watched) hear(event any) {
	told, ok := event.(rendezvous.Told)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range told.News.Friends {
		if w.friends[f.User] == rendezvous.Online && f.Presence == rendezvous.Offline {
			w.blinks++
		}
		w.friends[f.User] = f.Presence
	}
}

func (w *watched) waitFor(t *testing.T, friend string, want rendezvous.Presence) {
	t.Helper()
	eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.friends[friend] == want
	})
}

// TestARestartIsNotSeen restarts a server under people whose clients heartbeat: they
// come back, and nobody sees anybody go.
func TestARestartIsNotSeen(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "server")
	s := serve(t, Config{Data: data})
	ann, bob := s.person("ann", 1), s.person("bob", 2)
	befriend(t, ann, bob)
	address := s.Addr().String()
	a, b := watch(t, device(1), s.Realm(), address), watch(t, device(2), s.Realm(), address)
	a.waitFor(t, "bob", rendezvous.Online)
	b.waitFor(t, "ann", rendezvous.Online)
	s.stop()

	c := s.config
	again, err := Open(t.Context(), Config{Data: data, Listen: address, Registration: RegisterOpen, Log: c.Log, cost: cheap})
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- again.Run(ctx) }()
	eventually(t, func() bool { return again.hub.count() == 2 })
	b.stop() // says goodbye
	a.waitFor(t, "bob", rendezvous.Offline)
	a.stop()
	if a.blinks != 1 || b.blinks != 0 {
		t.Errorf("ann saw bob go %d times, bob saw ann go %d times", a.blinks, b.blinks)
	}
	cancel()
	must(t, <-ended)
}

// TestWhoDoesNotComeBackIsGoneLater starts a server after one that was killed, and two
// of three devices come back: as they were, and as another.
func TestWhoDoesNotComeBackIsGoneLater(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "server")
	s := serve(t, Config{Data: data})
	ann, bob, eve := s.person("ann", 1), s.person("bob", 2), s.person("eve", 3)
	for _, p := range []*person{ann, bob, eve} {
		p.beat(rendezvous.Online, 0)
	}
	online := func(s *service) (n int) { all, _ := s.Online(t.Context()); return len(all) }
	eventually(t, func() bool { return online(s) == 3 })
	before, err := s.Online(t.Context())
	must(t, err)
	s.stop()

	again := serve(t, Config{Data: data})
	ann, bob = &person{Client: again.client(1), t: t, instance: ann.instance}, &person{Client: again.client(2), t: t, instance: bob.instance}
	ann.beat(rendezvous.Online, maxHold)
	bob.beat(rendezvous.Away, maxHold)
	eventually(t, func() bool {
		all, _ := again.Online(t.Context())
		return len(all) == 3 && all[1].Presence == rendezvous.Away
	})
	must(t, again.directory.bury(t.Context()))
	if all, err := again.Online(t.Context()); err != nil || len(all) != 3 || all[0] != before[0] {
		t.Errorf("after the restart %+v are there, %v; before it %+v", all, err, before)
	}
	if n := again.hub.count(); n != 2 {
		t.Errorf("%d devices heartbeat, want 2", n)
	}
	again.hub.sweep(time.Now().Add(returnTime)) // eve's time is over, and theirs too
	ann.beat(rendezvous.Online, maxHold)
	bob.beat(rendezvous.Away, maxHold)
	eventually(t, func() bool { return online(again) == 2 })
}

// TestWhatIsLongAgoIsNotTakenOver has a server start long after the one before it.
func TestWhatIsLongAgoIsNotTakenOver(t *testing.T) {
	d := openTest(t, filepath.Join(t.TempDir(), "earshot.db"))
	must(t, d.take(t.Context(), id(200)))
	ann := join(t, d, "ann", 1)
	_, err := d.renew(t.Context(), nil)
	must(t, err)
	must(t, d.see(t.Context(), []sighting{{device: id(1), account: ann.ID, presence: rendezvous.Online, addresses: []string{"10.0.0.3:7420"}, address: "10.0.0.3"}}))
	next := openTest(t, d.path)
	must(t, d.update(t.Context(), func(tx *tx) error { return tx.run("UPDATE server SET lease = lease - $1", 2*returnTime.Milliseconds()) }))
	if rows, err := next.inherit(t.Context()); err != nil || len(rows) != 0 {
		t.Errorf("took over %+v, %v", rows, err)
	}
	must(t, d.update(t.Context(), func(tx *tx) error { return tx.run("UPDATE server SET lease = lease + $1", returnTime.Milliseconds()) }))
	rows, err := next.inherit(t.Context())
	if err != nil || len(rows) != 1 || rows[0].device != id(1) || rows[0].account != ann.ID || len(rows[0].addresses) != 1 {
		t.Errorf("took over %+v, %v", rows, err)
	}
}

func TestStrangersDoNotFillTheServer(t *testing.T) {
	t.Parallel()
	s := serve(t, Config{})
	ann := s.person("ann", 1)
	var silent []net.Conn
	defer func() {
		for _, conn := range silent {
			conn.Close()
		}
	}()
	for range maxAddressStrangers + 50 {
		conn, err := net.Dial("tcp", s.Addr().String())
		must(t, err)
		silent = append(silent, conn)
	}
	eventually(t, func() bool { return s.gate.count() >= maxAddressStrangers })
	if n := s.gate.count(); n > maxAddressStrangers+5 {
		t.Errorf("%d connections that say nothing", n)
	}
	if _, err := ann.Me(t.Context()); err != nil { // her connection is known
		t.Errorf("ann is locked out: %v", err)
	}
	begun := time.Now()
	eventually(t, func() bool { return s.gate.count() <= 1 })
	t.Logf("the silent ones were gone after %v", time.Since(begun))
}

func TestADeviceHasSoManyConnections(t *testing.T) {
	s := serve(t, Config{})
	s.person("ann", 1)
	refused := 0
	for range maxDeviceConnections + 3 {
		if status, _ := send(t, s.dial(1), "GET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n"); status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 3 {
		t.Errorf("%d connections too many were refused", refused)
	}
}

func TestMissedNoticesAreMadeUpFor(t *testing.T) {
	database := newPostgres(t)
	one := serve(t, Config{Database: database})
	two := openTest(t, database) // another server's hands on the database
	ann := one.person("ann", 1)
	ann.beat(rendezvous.Online, 0)
	bob := join(t, two, "bob", 2)
	eventually(t, func() bool {
		n := 0
		must(t, two.update(t.Context(), func(t *tx) error {
			return t.one([]any{&n}, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")
		}))
		return n == 1
	})
	must(t, two.befriend(t.Context(), bob.ID, ann.in.Account.ID)) // while nobody listens
	for end := time.Now().Add(patience); ; {
		news := ann.beat(rendezvous.Online, time.Second)
		if len(news.Friends) == 1 && news.Friends[0].State == rendezvous.Incoming {
			break
		}
		if time.Now().After(end) {
			t.Fatal("ann was never told")
		}
	}
}
