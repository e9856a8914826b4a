package transfer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"earshot/peer"
	"earshot/transfer"
	"earshot/transfer/transfertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// longTime is far more than anything takes that these tests wait for.
const longTime = 60 * time.Second

// world is a network with devices on it.
type world struct {
	t  testing.TB
	mu sync.Mutex
	// devices that run
	devices map[peer.ID]*device
	scripts map[peer.ID]*script // senders that speak by hand
	parted  bool                // nobody reaches anybody
	conns   []net.Conn
	walls   map[way]*wall               // firewalls
	pipes   bool                        // data connections are pipes, which pass in simulated time
	wrap    func(net.Conn) net.Conn     // of the near end of data connections
	refuse  func(context.Context) error // may refuse a dial
	tls     *tls.Config                 // of data connections, nil for none
	sent    atomic.Int64                // bytes that receivers got on data connections
	trip    time.Duration               // what sessions measured, 0: nothing
}

// device is one engine, its store and its save folder. It can be killed and started
// again.
type device struct {
	t     testing.TB
	world *world
	id    peer.ID
	store *transfertest.Store
	// replaced stands in front of store, where it is set.
	replaced transfer.Store
	dir      string
	engine   *transfer.Engine
	stop     context.CancelFunc
	ended    chan struct{}
	dead     *atomic.Bool // of the disk of this start

	onDisk   func(op, name string) error // may fail what is done on the save folder
	onSource func(op, name string) error // may fail what is done with sent files
	disk     func(transfer.Disk) transfer.Disk
	source   func(transfer.Source) transfer.Source
	sources  func(name string) (transfer.Source, error) // in the place of the files that are sent
	wide     int64                                      // from how many missing bytes on it uses two connections; 0: as ever

	mu      sync.Mutex
	seen    []transfer.Transfer
	changed chan struct{}
}

func newWorld(t testing.TB) *world {
	return &world{t: t, devices: map[peer.ID]*device{}}
}

// device adds one that is running and reaches all others.
func (w *world) device(n byte) *device {
	w.t.Helper()
	d := &device{
		t: w.t, world: w, id: peer.ID{n}, store: transfertest.NewStore(), dir: w.t.TempDir(),
		changed: make(chan struct{}),
	}
	d.start()
	w.t.Cleanup(d.close)
	return d
}

func pair(t testing.TB) (w *world, ann, bob *device) {
	w = newWorld(t)
	return w, w.device(1), w.device(2)
}

// start starts the device as its process would, with what is in its store.
func (d *device) start() {
	d.t.Helper()
	d.store.Thaw()
	d.dead = &atomic.Bool{}
	cfg := transfer.Config{
		Self: d.id, Store: d.store, Network: reach{d.world, d.id},
		Dir: func() string { return d.dir }, Notify: d.notify,
	}
	if d.replaced != nil {
		cfg.Store = d.replaced
	}
	dead := d.dead
	check := func(hook func(op, name string) error) func(op, name string) error {
		return func(op, name string) error {
			if dead.Load() {
				return transfertest.ErrFrozen
			}
			if hook == nil {
				return nil
			}
			return hook(op, name)
		}
	}
	cfg.SetDisk(func(dir string) (transfer.Disk, error) {
		inner, err := transfer.OpenDisk(dir)
		if err != nil {
			return nil, err
		}
		if d.disk != nil {
			inner = d.disk(inner)
		}
		return &faultyDisk{Disk: inner, check: check(d.onDisk)}, nil
	})
	cfg.SetSource(func(name string, open func() (transfer.Source, error)) (transfer.Source, error) {
		hook := check(d.onSource)
		if err := hook("open", name); err != nil {
			return nil, err
		}
		if d.sources != nil {
			open = func() (transfer.Source, error) { return d.sources(name) }
		}
		inner, err := open()
		if err != nil {
			return nil, err
		}
		if d.source != nil {
			inner = d.source(inner)
		}
		return &faultySource{inner, name, hook}, nil
	})
	cfg.SetWide(d.wide)
	engine, err := transfer.New(cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		engine.Run(ctx)
	}()
	d.world.mu.Lock()
	d.engine, d.stop, d.ended = engine, stop, ended // others may reach the one before
	d.world.mu.Unlock()
	d.world.join(d)
}

// kill ends the device as kill -9 does: nothing that it does from now on counts.
func (d *device) kill() {
	d.dead.Store(true)
	d.store.Freeze()
	d.close()
}

// close stops the device cleanly.
func (d *device) close() {
	d.world.leave(d)
	d.stop()
	<-d.ended
}

func (d *device) notify(e transfer.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, e.(transfer.Changed).Transfer)
	close(d.changed)
	d.changed = make(chan struct{})
}

// wait is the first state of a transfer, told or known from an earlier start, that
// is as wanted.
func (d *device) wait(id uuid.UUID, what string, want func(transfer.Transfer) bool) transfer.Transfer {
	d.t.Helper()
	timeout := time.NewTimer(longTime)
	defer timeout.Stop()
	for {
		d.mu.Lock()
		changed := d.changed
		d.mu.Unlock()
		if at := d.at(id); at.ID == id && want(at) {
			return at
		}
		select {
		case <-changed:
		case <-timeout.C:
			d.t.Fatalf("waited for %s; it is %+v", what, d.at(id))
		}
	}
}

func (d *device) at(id uuid.UUID) transfer.Transfer {
	for _, t := range d.engine.Transfers() {
		if t.ID == id {
			return t
		}
	}
	return transfer.Transfer{}
}

// state waits for a state, with a reason where one is given.
func (d *device) state(id uuid.UUID, state transfer.State, reason ...transfer.Reason) transfer.Transfer {
	d.t.Helper()
	return d.wait(id, string(state), func(t transfer.Transfer) bool {
		return t.State == state && (len(reason) == 0 || t.Reason == reason[0])
	})
}

// history is every state that was told of a transfer.
func (d *device) history(id uuid.UUID) (states []transfer.State) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.seen {
		if t.ID == id && (len(states) == 0 || states[len(states)-1] != t.State) {
			states = append(states, t.State)
		}
	}
	return states
}

// do runs a command and waits for its reply.
func do(t testing.TB, command func(reply func(error))) error {
	t.Helper()
	done := make(chan error, 1)
	command(func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-time.After(longTime):
		t.Fatal("no reply")
		return nil
	}
}

// prepare makes an offer and has it committed on both sides.
func (d *device) prepare(to *device, paths ...string) (transfer.Offer, error) {
	d.t.Helper()
	var offer transfer.Offer
	err := do(d.t, func(reply func(error)) {
		d.engine.Prepare(uuid.Must(uuid.NewV7()), to.id, paths, func(o transfer.Offer, err error) {
			offer = o
			reply(err)
		})
	})
	if err != nil {
		return offer, err
	}
	d.engine.Offered(offer.ID)
	to.engine.Incoming(offer, d.id)
	d.wait(offer.ID, "it to be an offer", func(transfer.Transfer) bool { return true })
	to.wait(offer.ID, "the offer", func(transfer.Transfer) bool { return true })
	return offer, nil
}

// offer is prepare where that must work.
func (d *device) offer(to *device, paths ...string) transfer.Offer {
	d.t.Helper()
	offer, err := d.prepare(to, paths...)
	if err != nil {
		d.t.Fatal(err)
	}
	return offer
}

func (d *device) accept(id uuid.UUID) {
	d.t.Helper()
	if err := do(d.t, func(reply func(error)) { d.engine.Accept(id, d.dir, transfer.Keep, reply) }); err != nil {
		d.t.Fatal(err)
	}
}

// leftovers are the names in the private folder.
func (d *device) leftovers() (names []string) {
	entries, err := os.ReadDir(filepath.Join(d.dir, ".earshot"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// clean waits until a final transfer has left nothing behind.
func (d *device) clean(id uuid.UUID) {
	d.t.Helper()
	d.wait(id, "the parts to be removed", func(t transfer.Transfer) bool { return !t.Parts })
	if left := d.leftovers(); len(left) > 0 {
		d.t.Errorf("left behind: %v", left)
	}
}

// reach is the network as one device has it.
type reach struct {
	world *world
	self  peer.ID
}

func (r reach) other(id peer.ID) *device {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	if r.world.parted || r.world.devices[r.self] == nil {
		return nil
	}
	return r.world.devices[id]
}

func (r reach) Send(to peer.ID, m peer.Message) bool {
	engine, script := r.engine(to), r.world.script(to)
	switch {
	case script != nil && script.heard != nil:
		script.heard(m)
		return true
	case engine == nil:
		return false
	}
	switch m := m.(type) {
	case peer.OfferState:
		engine.Receive(r.self, m, func() {})
	case peer.DialBack:
		engine.DialBack(r.self, m, func() {})
	}
	return true
}

// engine is the one that the other device runs now, nil where none can be
// reached.
func (r reach) engine(id peer.ID) *transfer.Engine {
	other := r.other(id)
	if other == nil {
		return nil
	}
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	return other.engine
}

func (r reach) RoundTrip(peer.ID) time.Duration { return r.world.trip }

func (r reach) DialData(ctx context.Context, id peer.ID) (net.Conn, error) {
	engine, script := r.engine(id), r.world.script(id)
	if engine == nil && script == nil {
		return nil, errors.New("no session")
	}
	if err := r.world.pass(ctx, way{r.self, id}); err != nil {
		return nil, err
	}
	if r.world.refuse != nil {
		if err := r.world.refuse(ctx); err != nil {
			return nil, err
		}
	}
	near, far, err := r.world.connect()
	if err != nil {
		return nil, err
	}
	if script != nil && script.take != nil {
		script.take(far)
		return near, nil
	}
	if script != nil {
		go script.serve(far)
		return near, nil
	}
	engine.Serve(r.self, far)
	return near, nil
}

// connect makes a connection.
func (w *world) connect() (near, far net.Conn, err error) {
	if w.pipes {
		near, far = net.Pipe()
	} else if near, far, err = loopback(); err != nil {
		return nil, nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, near, far)
	if w.tls != nil {
		near, far = tls.Client(near, w.tls), tls.Server(far, w.tls)
	} else {
		near = &counted{near, &w.sent}
	}
	if w.wrap != nil {
		near = w.wrap(near)
	}
	return near, far, nil
}

// loopback makes a connection over the loopback interface.
func loopback() (near, far net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	far, err = l.Accept()
	return near, far, err
}

// counted counts what is read.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.n.Add(int64(n))
	return n, err
}

func (w *world) join(d *device) {
	w.mu.Lock()
	w.devices[d.id] = d
	w.mu.Unlock()
	w.tellAll(d, true)
}

func (w *world) leave(d *device) {
	w.mu.Lock()
	delete(w.devices, d.id)
	w.mu.Unlock()
	w.cut()
	w.tellAll(d, false)
}

// tellAll says to a device and all others that they reach each other, or not.
func (w *world) tellAll(d *device, up bool) {
	w.mu.Lock()
	others := make([]*device, 0, len(w.devices))
	for _, other := range w.devices {
		if other != d && !w.parted {
			others = append(others, other)
		}
	}
	w.mu.Unlock()
	for _, other := range others {
		if up {
			other.engine.Up(d.id)
			d.engine.Up(other.id)
		} else {
			other.engine.Down(d.id)
			d.engine.Down(other.id)
		}
	}
}

// cut breaks every data connection.
func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

// part pulls the cable, join puts it back.
func (w *world) part(parted bool) {
	w.mu.Lock()
	w.parted = false
	all := make([]*device, 0, len(w.devices))
	for _, d := range w.devices {
		all = append(all, d)
	}
	w.mu.Unlock()
	for _, d := range all {
		w.tellAll(d, !parted)
	}
	w.mu.Lock()
	w.parted = parted
	w.mu.Unlock()
	if parted {
		w.cut()
	}
}

// faultyDisk asks before everything that is done.
type faultyDisk struct {
	transfer.Disk
	check func(op, name string) error
}

type faultyFile struct {
	transfer.DiskFile
	name  string
	check func(op, name string) error
}

func (d *faultyDisk) OpenFile(name string, flag int, perm fs.FileMode) (transfer.DiskFile, error) {
	op := "open"
	if flag&os.O_CREATE != 0 {
		op = "create"
	}
	if err := d.check(op, name); err != nil {
		return nil, err
	}
	f, err := d.Disk.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, name, d.check}, nil
}

func (d *faultyDisk) Folder(name string) (transfer.Disk, error) {
	if err := d.check("open", name); err != nil {
		return nil, err
	}
	inner, err := d.Disk.Folder(name)
	if err != nil {
		return nil, err
	}
	// What is asked before each call is told whole names.
	check := func(op, base string) error { return d.check(op, name+"/"+base) }
	return &faultyDisk{Disk: inner, check: check}, nil
}

func (d *faultyDisk) Mkdir(name string, perm fs.FileMode) error {
	return first(d.check("mkdir", name), func() error { return d.Disk.Mkdir(name, perm) })
}

func (d *faultyDisk) Lstat(name string) (fs.FileInfo, error) {
	if err := d.check("lstat", name); err != nil {
		return nil, err
	}
	return d.Disk.Lstat(name)
}

func (d *faultyDisk) Link(from, to string) error {
	return first(d.check("link", to), func() error { return d.Disk.Link(from, to) })
}

func (d *faultyDisk) Rename(from, to string) error {
	return first(d.check("rename", to), func() error { return d.Disk.Rename(from, to) })
}

func (d *faultyDisk) Move(from, to string) error {
	return first(d.check("rename", to), func() error { return d.Disk.Move(from, to) })
}

func (d *faultyDisk) Remove(name string) error {
	return first(d.check("remove", name), func() error { return d.Disk.Remove(name) })
}

func (d *faultyDisk) RemoveAll(name string) error {
	return first(d.check("removeall", name), func() error { return d.Disk.RemoveAll(name) })
}

func (d *faultyDisk) Chtimes(name string, modified time.Time) error {
	return first(d.check("chtimes", name), func() error { return d.Disk.Chtimes(name, modified) })
}

func (d *faultyDisk) CloseAs(f transfer.DiskFile, name string, modified time.Time) error {
	inner := f.(*faultyFile)
	if err := d.check("chtimes", name); err != nil {
		return errors.Join(inner.Close(), err)
	}
	return d.Disk.CloseAs(inner.DiskFile, name, modified)
}

func (d *faultyDisk) SyncFolder(name string) error {
	return first(d.check("syncfolder", name), func() error { return d.Disk.SyncFolder(name) })
}

func (d *faultyDisk) SyncAll() error {
	return first(d.check("syncall", ""), func() error { return d.Disk.SyncAll() })
}

func (d *faultyDisk) Free() (int64, int64, error) {
	if err := d.check("free", ""); err != nil {
		return 0, 0, err
	}
	return d.Disk.Free()
}

func (f *faultyFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.check("read", f.name); err != nil {
		return 0, err
	}
	return f.DiskFile.ReadAt(b, at)
}

func (f *faultyFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.check("write", f.name); err != nil {
		return 0, err
	}
	return f.DiskFile.WriteAt(b, at)
}

func (f *faultyFile) Truncate(size int64) error {
	return first(f.check("truncate", f.name), func() error { return f.DiskFile.Truncate(size) })
}

func (f *faultyFile) Sync() error {
	return first(f.check("sync", f.name), f.DiskFile.Sync)
}

// first does it where nothing is wrong before.
func first(err error, do func() error) error {
	if err != nil {
		return err
	}
	return do()
}

type faultySource struct {
	transfer.Source
	name  string
	check func(op, name string) error
}

func (s *faultySource) ReadAt(b []byte, at int64) (int, error) {
	if err := s.check("read", s.name); err != nil {
		return 0, err
	}
	return s.Source.ReadAt(b, at)
}

// tree makes files: a name that ends in "/" is a folder.
func tree(t testing.TB, dir string, content map[string]string) {
	t.Helper()
	for name, text := range content {
		full := filepath.Join(dir, name)
		parent := filepath.Dir(full)
		if strings.HasSuffix(name, "/") {
			parent = full
		}
		if err := os.MkdirAll(parent, 0o755); err != nil {
			t.Fatal(err)
		}
		if parent == full {
			continue
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// noise is content that no shortcut can guess.
func noise(size int) string {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(size), byte(size >> 8), byte(size >> 16)})
	r.Read(b)
	return string(b)
}

// file makes one file of noise and returns its path.
func file(t testing.TB, name string, size int) string {
	t.Helper()
	dir := t.TempDir()
	tree(t, dir, map[string]string{name: noise(size)})
	return filepath.Join(dir, name)
}

// same compares two files or folders to the byte.
func same(t testing.TB, got, want string) {
	t.Helper()
	a, b := listing(t, got), listing(t, want)
	if !slices.Equal(a, b) {
		t.Errorf("%s is not %s:\n%s\n\n%s", got, want, strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}

// listing is a line for everything below a path.
func listing(t testing.TB, root string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := bytes.NewBufferString(rel)
		line.WriteString(info.ModTime().UTC().Format(" 2006-01-02T15:04:05.000000000"))
		if !d.IsDir() {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(b)
			line.WriteString(" " + uuid.UUID(sum[:16]).String())
			if info.Mode()&0o100 != 0 {
				line.WriteString(" x")
			}
		}
		lines = append(lines, line.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
