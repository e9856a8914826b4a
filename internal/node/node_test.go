package node

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"earshot/internal/profile"
	"earshot/internal/store"
	"earshot/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should be there at once: the
// machine may be busy.
const patience = 30 * time.Second

// A device is a node on 127.0.0.1 that a test starts, stops and starts again.
// It looks at no network interface.
type device struct {
	*Node
	t    *testing.T
	cfg  Config
	stop func()
}

// start runs a node with a home of its own, until the test ends.
func start(t *testing.T, name string, change ...func(*Config)) *device {
	t.Helper()
	cfg := Config{Name: name, Interfaces: []string{"none"}, Dir: filepath.Join(t.TempDir(), "files")}
	for _, c := range change {
		c(&cfg)
	}
	if cfg.Profile.Home == "" {
		cfg.Profile = open(t, t.TempDir(), "default")
	}
	if cfg.inDNS == nil {
		cfg.inDNS = func(context.Context) []string { return nil }
	}
	d := &device{t: t, cfg: cfg}
	d.restart()
	d.cfg.Port = d.host.Port() // the same after a restart
	t.Cleanup(func() { d.stop() })
	return d
}

func open(t *testing.T, home, name string) profile.Profile {
	t.Helper()
	p, err := profile.Open(home, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// restart starts the node, which is not running.
func (d *device) restart() {
	d.t.Helper()
	n, err := Open(d.cfg)
	if err != nil {
		d.t.Fatalf("open %s: %v", d.cfg.Name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	d.Node = n
	stopped := false
	d.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			d.t.Errorf("%s: run: %v", d.cfg.Name, err)
		}
		if err := n.Close(); err != nil {
			d.t.Errorf("%s: close: %v", d.cfg.Name, err)
		}
	}
}

// eventually waits until is holds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// myself is the ID of a device, person how it sees another one.
func (d *device) myself() peer.ID { return d.Node.id.ID() }

func (d *device) sees(other peer.ID) (Person, bool) {
	d.t.Helper()
	people, err := d.People(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, p := range people {
		if p.ID == other {
			return p, true
		}
	}
	return Person{}, false
}

func (d *device) online(other *device) bool {
	p, ok := d.sees(other.myself())
	return ok && p.Online
}

// meet has one device look at the other's address and waits until both are there.
func meet(t *testing.T, a, b *device) {
	t.Helper()
	self, err := b.Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	addr := "127.0.0.1:" + itoa(self.Port)
	if err := a.Connect(t.Context(), addr); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both see each other", func() bool { return a.online(b) && b.online(a) })
}

func itoa(port uint16) string {
	return strconv.Itoa(int(port))
}

// subscribe follows a device's events until the test ends.
func (d *device) subscribe() *follower {
	d.t.Helper()
	sub, err := d.Subscribe(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(sub.Close)
	return &follower{t: d.t, sub: sub}
}

// A follower collects events.
type follower struct {
	t    *testing.T
	sub  Subscription
	seen []Event
}

// wait reads events until one is what the test wants.
func (f *follower) wait(what string, is func(Event) bool) Event {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	for i := 0; ; {
		for ; i < len(f.seen); i++ {
			if is(f.seen[i]) {
				e := f.seen[i]
				f.seen = f.seen[i+1:]
				return e
			}
		}
		events, err := f.sub.Next(ctx)
		if err != nil {
			f.t.Fatalf("no event: %s: %v", what, err)
		}
		f.seen = append(f.seen, events...)
	}
}

// kind waits for an event of one kind.
func (f *follower) kind(kind EventKind) Event {
	f.t.Helper()
	return f.wait(string(kind), func(e Event) bool { return e.Kind == kind })
}

func TestANodeTellsWhatItIs(t *testing.T) {
	a := start(t, "Ann", func(c *Config) { c.Passing = true })
	self, err := a.Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if self.ID != a.myself() || self.Name.String() != "Ann" || self.Port == 0 || self.PID == 0 || self.Named || !self.Passing {
		t.Errorf("self: %+v", self)
	}
	if e := a.subscribe().kind(Ready); e.Self.ID != self.ID {
		t.Errorf("ready: %+v", e.Self)
	}
}

func TestASecondNodeOfAProfileIsRefused(t *testing.T) {
	a := start(t, "Ann")
	t.Run("while the first one runs/O-19", func(t *testing.T) {
		_, err := Open(a.cfg)
		var running *profile.RunningError
		if !errors.Is(err, ErrProfileRunning) || !errors.As(err, &running) || running.PID == 0 {
			t.Errorf("got %v", err)
		}
		if _, err := a.Self(t.Context()); err != nil {
			t.Errorf("the first one: %v", err)
		}
	})
	a.stop()
	a.restart()
}

func TestAStoppedNodeSaysSo(t *testing.T) {
	a := start(t, "Ann")
	sub, err := a.Subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	a.stop()
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("leaving took %v", took)
	}
	for err == nil {
		_, err = sub.Next(t.Context())
	}
	if !errors.Is(err, ErrStopped) {
		t.Errorf("next: %v", err)
	}
	sub.Close()
	if _, err := a.People(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("people: %v", err)
	}
	if _, err := a.History(t.Context(), History{Search: "x"}); !errors.Is(err, ErrStopped) {
		t.Errorf("history: %v", err)
	}
	if _, err := a.Write(t.Context(), Direct(a.myself()), "x"); !errors.Is(err, ErrStopped) {
		t.Errorf("write: %v", err)
	}
}

func TestANodeThatNeverRanGivesTheProfileBack(t *testing.T) {
	cfg := Config{Name: "Ann", Profile: open(t, t.TempDir(), "default"), Dir: t.TempDir(), Interfaces: []string{"none"}}
	for range 2 {
		n, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		n.Close()
	}
	cfg.Dir = "relative"
	if _, err := Open(cfg); err == nil {
		t.Error("took a relative folder")
	}
}

func TestProfilesOfOneHomeFindEachOther(t *testing.T) {
	home := t.TempDir()
	a := start(t, "Ann", func(c *Config) { c.Profile = open(t, home, "ann") })
	b := start(t, "Bob", func(c *Config) { c.Profile = open(t, home, "bob") })
	eventually(t, "both see each other", func() bool { return a.online(b) && b.online(a) })
	eventually(t, "found locally", func() bool {
		p, _ := a.sees(b.myself())
		return len(p.Via) == 1 && p.Via[0] == "local" && p.Name.String() == "Bob"
	})
	b.stop()
	eventually(t, "gone", func() bool { return !a.online(b) })
}

// TestAHiddenNodeIsHeardOfWhenItHasAName starts one beside somebody whom it would
// find, and who would find it.
func TestAHiddenNodeIsHeardOfWhenItHasAName(t *testing.T) {
	home := t.TempDir()
	a := start(t, "Ann", func(c *Config) { c.Profile = open(t, home, "ann") })
	events := a.subscribe()
	b := start(t, "vm", func(c *Config) {
		c.Profile, c.Hidden = open(t, home, "bob"), true
		c.Peers = []string{"127.0.0.1:" + itoa(a.host.Port())}
	})
	if err := a.Connect(t.Context(), "127.0.0.1:"+itoa(b.host.Port())); err != nil {
		t.Fatal(err)
	}
	if self, err := b.Self(t.Context()); err != nil || !self.Hidden {
		t.Errorf("got %+v, %v", self, err)
	}
	start(t, "Carl", func(c *Config) { c.Profile = open(t, home, "carl") })
	if e := events.kind(PeerUp); e.Person.Name.String() != "Carl" {
		t.Errorf("%s came before it had a name", e.Person.Name)
	}
	if err := b.SetName(t.Context(), "Bob"); err != nil {
		t.Fatal(err)
	}
	if e := events.kind(PeerUp); e.Person.Name.String() != "Bob" {
		t.Errorf("%s came", e.Person.Name)
	}
	if self, err := b.Self(t.Context()); err != nil || self.Hidden {
		t.Errorf("got %+v, %v", self, err)
	}
	c := start(t, "vm", func(c *Config) { c.Hidden = true })
	c.stop() // never seen
}

func TestWhoLeavesIsSeenToLeave(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	events := a.subscribe()
	meet(t, a, b)
	if e := events.kind(PeerUp); e.Person.Name.String() != "Bob" || !e.Person.Online {
		t.Errorf("up: %+v", e.Person)
	}
	begun := time.Now()
	b.stop()
	if e := events.kind(PeerDown); e.Person.ID != b.myself() || e.Person.Online {
		t.Errorf("down: %+v", e.Person)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("noticed after %v", took)
	}
	if _, listed := a.sees(b.myself()); listed {
		t.Error("a stranger who left is still listed")
	}
}

func TestContactsAreDialledWhereTheyWereLast(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	if _, err := a.Write(t.Context(), Direct(b.myself()), "hello"); err != nil {
		t.Fatal(err)
	}
	a.stop()
	b.stop()
	b.restart()
	a.restart()
	eventually(t, "met again", func() bool { return a.online(b) })
	if p, _ := a.sees(b.myself()); len(p.Via) != 1 || p.Via[0] != "known" || !p.Contact {
		t.Errorf("got %+v", p)
	}
}

// TestHowSomebodyIsKnownIsTheSameBeforeAndAfterARestart looks at a contact while it is
// there, when it left, and after the start, and at somebody who came by himself.
func TestHowSomebodyIsKnownIsTheSameBeforeAndAfterARestart(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, b, a) // Bob comes to Ann
	via := func(when string) {
		t.Helper()
		if p, _ := a.sees(b.myself()); !slices.Equal(p.Via, []string{"known"}) {
			t.Errorf("%s: via %q", when, p.Via)
		}
	}
	via("a stranger who came by himself")
	if _, err := a.Write(t.Context(), Direct(b.myself()), "hello"); err != nil {
		t.Fatal(err)
	}
	via("a contact")
	b.stop()
	eventually(t, "he left", func() bool { return !a.online(b) })
	via("a contact who left")
	a.stop()
	a.restart()
	via("a contact after the start")
}

func TestConnectRefusesNonsense(t *testing.T) {
	a := start(t, "Ann")
	for _, hostport := range []string{"", ":", "host:0", "host:99999", "a b", "[::1", "x:y:z"} {
		if err := a.Connect(t.Context(), hostport); err == nil {
			t.Errorf("%q was taken", hostport)
		}
	}
}

func TestSettingsAreKept(t *testing.T) {
	kept := map[string]string{}
	a := start(t, "Ann", func(c *Config) {
		c.Keep = func(key, value string) error { kept[key] = value; return nil }
	})
	events := a.subscribe()
	if err := a.SetName(t.Context(), "  Anna\n"); err != nil {
		t.Error(err)
	}
	if e := events.kind(SelfChanged); e.Self.Name.String() != "Anna" || !e.Self.Named {
		t.Errorf("self: %+v", e.Self)
	}
	dir := filepath.Join(t.TempDir(), "new")
	if err := a.SetDir(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if e := events.kind(SelfChanged); e.Self.Dir != dir {
		t.Errorf("self: %+v", e.Self)
	}
	if kept["name"] != "Anna" || kept["save_to"] != dir {
		t.Errorf("kept %v", kept)
	}
	if a.SetName(t.Context(), " \n") == nil || a.SetDir(t.Context(), "relative") == nil || a.SetRule(t.Context(), "sometimes") == nil {
		t.Error("nonsense was taken")
	}
}

func TestStrangersWhoOnlyComeByAreNotStored(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	b.stop()
	eventually(t, "b left", func() bool { return !a.online(b) })
	a.stop()
	db, _, err := store.Open(a.cfg.Profile.Path(profile.StoreFile))
	if err != nil {
		t.Fatal(err)
	}
	devices, err := db.Devices()
	if err := errors.Join(err, db.Close()); err != nil || len(devices) != 0 {
		t.Errorf("stored: %+v, %v", devices, err)
	}
}

func TestALostDatabaseIsSaid(t *testing.T) {
	a, b := start(t, "Ann"), start(t, "Bob")
	meet(t, a, b)
	a.write(b, "before")
	eventually(t, "delivered", func() bool { return len(b.texts(a)) == 1 })
	who := a.myself()
	a.stop()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(a.cfg.Profile.Path(profile.StoreFile) + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	a.restart()
	if e := a.subscribe().kind(Failed); e.Error.String() != store.Lost {
		t.Errorf("said: %q", e.Error)
	}
	if a.myself() != who {
		t.Error("another identity")
	}
	meet(t, a, b)
	eventually(t, "what was written comes back", func() bool { return len(a.texts(b)) == 1 })
	if m := a.write(b, "after"); m.State == Read {
		t.Errorf("state %s", m.State)
	}
	eventually(t, "both go on", func() bool { return len(b.texts(a)) == 2 })
}
