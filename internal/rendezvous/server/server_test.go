package server

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// patience is how long a story waits for what should take moments.
const patience = 20 * time.Second

// service is a server that runs, for tests.
type service struct {
	*Server
	t    *testing.T
	stop func()
	log  *logged
}

// serve starts a server that everybody may register at, unless the config says
// otherwise.
func serve(t *testing.T, c Config) *service {
	t.Helper()
	log := &logged{}
	if c.Data == "" {
		c.Data = filepath.Join(t.TempDir(), "server")
	}
	if c.Registration == "" {
		c.Registration = RegisterOpen
	}
	c.Listen, c.cost, c.Log = "127.0.0.1:0", cheap, slog.New(slog.NewTextHandler(log, nil))
	s, err := Open(t.Context(), c)
	must(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		begun := time.Now()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		took := time.Since(begun)
		t.Logf("the server ended within %v", took.Round(time.Millisecond))
		if took > 2*time.Second*slowFactor {
			t.Errorf("the server took %v to end", took)
		}
	})
	t.Cleanup(stop)
	return &service{Server: s, t: t, stop: stop, log: log}
}

// logged is what a server logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// client speaks to the server as a device.
func (s *service) client(n byte) *rendezvous.Client {
	s.t.Helper()
	c, err := rendezvous.NewClient(rendezvous.ClientConfig{Identity: device(n), Realm: s.Realm(), Addresses: []string{s.Addr().String()}})
	must(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	return c
}

const password = "correct horse battery"

// person registers somebody by a device.
func (s *service) person(user string, n byte) *person {
	s.t.Helper()
	p := &person{Client: s.client(n), t: s.t, device: id(n), instance: uuid.New(), user: user, realm: s.Realm()}
	var err error
	p.in, err = p.Register(s.t.Context(), rendezvous.Registration{User: user, Password: password})
	must(s.t, err)
	return p
}

// person is somebody with one device at a server.
type person struct {
	*rendezvous.Client
	t        *testing.T
	device   peer.ID
	instance uuid.UUID
	user     string
	realm    peer.ID
	in       rendezvous.SignedIn
	received uint64
	epoch    uint64
}

// beat heartbeats once.
func (p *person) beat(presence rendezvous.Presence, hold time.Duration) rendezvous.News {
	p.t.Helper()
	news, err := p.tryBeat(p.t.Context(), presence, hold)
	must(p.t, err)
	return news
}

func (p *person) tryBeat(ctx context.Context, presence rendezvous.Presence, hold time.Duration) (rendezvous.News, error) {
	news, err := p.Heartbeat(ctx, rendezvous.Heartbeat{
		Instance: p.instance, Addresses: []string{"10.0.0.3:7420"}, Presence: presence, Received: p.received, Hold: int(hold.Milliseconds()), Epoch: p.epoch,
	})
	if err == nil {
		p.received = news.Number
	}
	if list, bad := peer.ParseRevocations(news.Revoked); bad == nil {
		p.epoch = list.Epoch
	}
	return news, err
}

// sees heartbeats until the news say that the friend is as wanted.
func (p *person) sees(friend string, want func(rendezvous.Friend) bool) rendezvous.Friend {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		for _, f := range p.beat(rendezvous.Online, time.Second).Friends {
			if f.User == friend && want(f) {
				return f
			}
		}
	}
	p.t.Fatalf("%s never saw that of %s", p.user, friend)
	return rendezvous.Friend{}
}

func is(presence rendezvous.Presence) func(rendezvous.Friend) bool {
	return func(f rendezvous.Friend) bool { return f.Presence == presence }
}

// befriend makes two people friends.
func befriend(t *testing.T, a, b *person) {
	t.Helper()
	_, err := a.Befriend(t.Context(), b.user)
	must(t, err)
	f, err := b.Accept(t.Context(), a.in.Account.ID)
	must(t, err)
	if f.State != rendezvous.Friends {
		t.Fatalf("they stand as %q", f.State)
	}
}

func wantRefused(t *testing.T, err error, want rendezvous.Code) {
	t.Helper()
	if !rendezvous.Refused(err, want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// serverOnBoth runs a story on a server with each database.
func serverOnBoth(t *testing.T, story func(t *testing.T, s *service)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { story(t, serve(t, Config{})) })
	t.Run("PostgreSQL", func(t *testing.T) { story(t, serve(t, Config{Database: newPostgres(t)})) })
}

func TestFromNothingToFriends(t *testing.T) {
	s := serve(t, Config{Registration: RegisterInvite})
	links, first, err := s.JoinLinks(t.Context())
	if err != nil || !first || len(links) == 0 || links[0].Code == "" || links[0].Realm != s.Realm() {
		t.Fatalf("links %v, first %v, %v", links, first, err)
	}
	ann := &person{Client: s.client(1), t: t, instance: uuid.New(), user: "ann"}
	ann.in, err = ann.Register(t.Context(), rendezvous.Registration{User: "Ann", Password: password, Name: "Ann B.", Team: "ops", Code: links[0].Code})
	must(t, err)
	ticket, err := peer.OpenTicket(ann.in.Ticket, s.Realm(), id(1), time.Now())
	if err != nil || ticket.User != "ann" || ticket.Name != "Ann B." || !ticket.Admin || ticket.Account != ann.in.Account.ID {
		t.Errorf("ticket %+v, %v", ticket, err)
	}
	if _, first, err := s.JoinLinks(t.Context()); err != nil || first {
		t.Errorf("there is an administrator, but first is %v, %v", first, err)
	}
	invited, err := ann.Invite(t.Context(), rendezvous.Invite{Uses: 1})
	must(t, err)
	link, err := rendezvous.ParseLink(invited.Link)
	must(t, err)
	bob := &person{Client: s.client(2), t: t, instance: uuid.New(), user: "bob"}
	bob.in, err = bob.Register(t.Context(), rendezvous.Registration{User: "bob", Password: password, Code: link.Code})
	must(t, err)
	if bob.in.Account.Admin || bob.in.Account.Name != "bob" || !slices.Equal(bob.in.Servers, []string{s.Addr().String()}) {
		t.Errorf("bob is signed in as %+v", bob.in)
	}
	if found, err := bob.Search(t.Context(), "ann b"); err != nil || len(found) != 1 || found[0].Name != "Ann B." || found[0].Devices != nil {
		t.Errorf("bob finds %+v, %v", found, err)
	}
	befriend(t, bob, ann)
	first1 := bob.beat(rendezvous.Online, 0)
	if !first1.Whole || len(first1.Friends) != 1 || first1.Ticket == nil || first1.Account == nil || len(first1.Servers) != 1 {
		t.Errorf("the first news are %+v", first1)
	}
	ann.sees("bob", is(rendezvous.Online))
	seen := bob.sees("ann", is(rendezvous.Online))
	if len(seen.Devices) != 1 || seen.Devices[0].ID != id(1) || !slices.Equal(seen.Devices[0].Addresses, []string{"10.0.0.3:7420"}) {
		t.Errorf("bob sees %+v", seen)
	}
	status := "in a meeting"
	_, err = ann.Change(t.Context(), rendezvous.Change{Status: &status})
	must(t, err)
	bob.sees("ann", func(f rendezvous.Friend) bool { return f.Status == status })
	ann.beat(rendezvous.Busy, 0)
	bob.sees("ann", is(rendezvous.Busy))
	ann.beat(rendezvous.Passing, 0)
	seen = bob.sees("ann", is(rendezvous.Offline))
	if len(seen.Devices) != 1 || !slices.Equal(seen.Devices[0].Addresses, []string{"10.0.0.3:7420"}) {
		t.Errorf("bob sees of ann's command %+v", seen)
	}
	ann.beat(rendezvous.Online, 0)
	bob.sees("ann", is(rendezvous.Online))
	ann.beat(rendezvous.Offline, 0)
	bob.sees("ann", is(rendezvous.Offline))
	must(t, bob.Remove(t.Context(), ann.in.Account.ID))
	if list, err := ann.Friends(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("ann still lists %+v, %v", list, err)
	}
	for end := time.Now().Add(patience); !slices.Contains(bob.beat(rendezvous.Online, time.Second).Gone, ann.in.Account.ID); {
		if time.Now().After(end) {
			t.Fatal("bob was not told that ann is gone")
		}
	}
}

func TestNewsAreRepeatedUntilReceived(t *testing.T) {
	serverOnBoth(t, func(t *testing.T, s *service) {
		ann, bob := s.person("ann", 1), s.person("bob", 2)
		ann.beat(rendezvous.Online, 0)
		ann.beat(rendezvous.Online, 0)
		before := ann.received
		_, err := bob.Befriend(t.Context(), "ann")
		must(t, err)
		for range 3 {
			ann.received = before // as if the answer had got lost
			news := ann.beat(rendezvous.Online, patience)
			if news.Whole || len(news.Friends) != 1 || news.Friends[0].State != rendezvous.Incoming {
				t.Fatalf("news %+v", news)
			}
		}
		if news := ann.beat(rendezvous.Online, 0); len(news.Friends) != 0 || news.Number != ann.received {
			t.Errorf("what was received is repeated: %+v", news)
		}
		ann.received = 12345
		if news := ann.beat(rendezvous.Online, 0); !news.Whole || len(news.Friends) != 1 {
			t.Errorf("an unknown number is answered with %+v", news)
		}
	})
}

func TestAHeldHeartbeatIsAnsweredAtOnce(t *testing.T) {
	serverOnBoth(t, func(t *testing.T, s *service) {
		ann, bob := s.person("ann", 1), s.person("bob", 2)
		befriend(t, ann, bob)
		ann.beat(rendezvous.Online, 0)
		ann.beat(rendezvous.Online, 600*time.Millisecond)
		got := make(chan rendezvous.News, 1)
		go func() {
			news, err := ann.tryBeat(t.Context(), rendezvous.Online, maxHold)
			if err != nil {
				t.Error(err)
			}
			got <- news
		}()
		waitHeld(t, s, id(1))
		begun := time.Now()
		bob.beat(rendezvous.Away, 0)
		select {
		case news := <-got:
			if len(news.Friends) != 1 || news.Friends[0].Presence != rendezvous.Away {
				t.Errorf("news %+v", news)
			}
			t.Logf("told after %v", time.Since(begun))
		case <-time.After(patience):
			t.Fatal("the held heartbeat was not answered")
		}
	})
}

// waitHeld waits until a heartbeat of the device is held.
func waitHeld(t *testing.T, s *service, device peer.ID) {
	t.Helper()
	eventually(t, func() bool {
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		seat := s.hub.seats[device]
		return seat != nil && seat.bell != nil
	})
}

// eventually waits until something holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("it never came to that")
		}
	}
}

func TestADeviceThatRunsTwice(t *testing.T) {
	s := serve(t, Config{})
	ann := s.person("ann", 1)
	ann.beat(rendezvous.Online, 0)
	told := make(chan rendezvous.News, 1)
	go func() {
		news, _ := ann.tryBeat(t.Context(), rendezvous.Online, maxHold)
		told <- news
	}()
	waitHeld(t, s, id(1))
	newer := &person{Client: s.client(1), t: t, instance: uuid.New(), user: "ann"}
	newer.beat(rendezvous.Online, 0)
	if news := <-told; !news.Twice {
		t.Errorf("the older one is told %+v", news)
	}
	if news := ann.beat(rendezvous.Online, maxHold); !news.Twice {
		t.Errorf("the older one comes back and is told %+v", news)
	}
	if news := newer.beat(rendezvous.Online, 0); news.Twice {
		t.Errorf("the newer one is told %+v", news)
	}
}

func TestADeviceThatVanishesIsGone(t *testing.T) {
	t.Parallel()
	s := serve(t, Config{})
	ann, bob := s.person("ann", 1), s.person("bob", 2)
	befriend(t, ann, bob)
	ctx, vanish := context.WithCancel(t.Context())
	ended := make(chan struct{})
	ann.beat(rendezvous.Online, 0)
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			ann.tryBeat(ctx, rendezvous.Online, maxHold)
		}
	}()
	bob.sees("ann", is(rendezvous.Online))
	waitHeld(t, s, id(1))
	vanish()
	<-ended
	begun := time.Now()
	bob.sees("ann", is(rendezvous.Offline))
	if took := time.Since(begun); took < slack-2*time.Second {
		t.Errorf("gone after %v: a Wi-Fi that blinks would look like that", took)
	}
}

func TestAnotherRealmsDatabase(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		folder := t.TempDir()
		config := func(data string) Config {
			c := Config{Data: filepath.Join(folder, data), Database: location, Listen: "127.0.0.1:0", cost: cheap}
			if !isPostgres(location) {
				c.Database = ""
			}
			return c
		}
		s, err := Open(t.Context(), config("one"))
		must(t, err)
		realm := s.Realm()
		must(t, s.Close())
		again, err := Open(t.Context(), config("one"))
		if err != nil || again.Realm() != realm {
			t.Fatalf("the second start: %v", err)
		}
		if _, err := Open(t.Context(), config("one")); !errors.Is(err, ErrRunning) {
			t.Errorf("a second server of the folder: %v", err)
		}
		must(t, again.Close())

		other := config("two")
		key := filepath.Join(folder, "one", keyFile)
		if !isPostgres(location) {
			other = config("one")
		} else if _, err := Open(t.Context(), other); err != nil && !errors.Is(err, ErrNoKey) {
			t.Errorf("no key: %v", err)
		}
		must(t, os.Rename(key, key+".away"))
		if _, err := Open(t.Context(), other); !errors.Is(err, ErrNoKey) {
			t.Errorf("without the key: %v", err)
		}
		if _, err := peer.LoadIdentity(filepath.Join(other.Data, keyFile)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), other); !errors.Is(err, ErrOtherRealm) {
			t.Errorf("with another key: %v", err)
		}
	})
}

func TestSeveralServersAreOneService(t *testing.T) {
	t.Parallel()
	database := newPostgres(t)
	one := serve(t, Config{Database: database})
	key, err := os.ReadFile(filepath.Join(one.config.Data, keyFile))
	must(t, err)
	data := t.TempDir()
	must(t, os.WriteFile(filepath.Join(data, keyFile), key, 0o600))
	two := serve(t, Config{Database: database, Data: data})
	if two.Realm() != one.Realm() {
		t.Fatal("the second server has another key")
	}
	ann := one.person("ann", 1)
	bob := &person{Client: two.client(2), t: t, instance: uuid.New(), user: "bob", device: id(2)}
	bob.in, err = bob.Register(t.Context(), rendezvous.Registration{User: "bob", Password: password})
	must(t, err)
	befriend(t, ann, bob)
	bob.sees("ann", is(rendezvous.Offline))

	begun := time.Now()
	ann.beat(rendezvous.Online, maxHold)
	bob.sees("ann", is(rendezvous.Online))
	t.Logf("seen across after %v", time.Since(begun))

	moved := &person{Client: two.client(1), t: t, instance: ann.instance, user: "ann"}
	moved.beat(rendezvous.Away, 0)
	bob.sees("ann", is(rendezvous.Away))
	eventually(t, func() bool { return one.hub.count() == 0 })
	ann.beat(rendezvous.Online, 0)
	bob.sees("ann", is(rendezvous.Online))
	eventually(t, func() bool { return one.hub.count() == 1 })

	servers := bob.in.Servers
	if !slices.Contains(servers, two.Addr().String()) || len(servers) != 2 {
		t.Errorf("bob may go to %v", servers)
	}
	one.kill()
	begun = time.Now()
	bob.sees("ann", is(rendezvous.Offline))
	t.Logf("a dead server's people were gone after %v", time.Since(begun))
}

// kill has a server do nothing more, as if its process were killed: its lease is not
// renewed, and nobody is told.
func (s *service) kill() {
	s.directory.watch(func([]change) {})
	s.http.Close()
	s.directory.close()
	s.stop = func() {}
}
