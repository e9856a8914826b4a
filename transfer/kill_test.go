package transfer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
	"earshot/transfer/transfertest"
)

// childEnv holds the order of a child process.
const childEnv = "EARSHOT_TEST_RECEIVE"

// order is what a child process receives.
type order struct {
	Dir, Store, Addr string
	Offer            transfer.Offer
}

var annID, childID = peer.ID{1}, peer.ID{2}

// TestKillMinus9 has a process of its own receive, and kills it again and again.
func TestKillMinus9(t *testing.T) {
	if text := os.Getenv(childEnv); text != "" {
		var o order
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		o.receive(t)
		return
	}
	t.Run("ten times at random points/R-01", func(t *testing.T) {
		size := int64(256 * mib)
		if raceEnabled {
			size = 64 * mib
		}
		ann := newWorld(t).device(1)
		path := file(t, "disk.img", int(size))
		offer, err := prepareOnly(ann, &device{id: childID}, path)
		if err != nil {
			t.Fatal(err)
		}
		ann.engine.Offered(offer.ID)
		sent := serveOutside(t, ann)
		o := order{Dir: t.TempDir(), Store: filepath.Join(t.TempDir(), "store"), Addr: sent.listener.Addr().String(), Offer: offer}
		const kills = 10
		for k := range int64(kills) {
			child := o.start(t)
			select {
			case <-sent.reach(k*size/kills + rand.Int64N(size/kills)):
			case <-child.ended:
			}
			child.cmd.Process.Kill()
			<-child.ended
		}
		child := o.start(t)
		if <-child.ended; !child.cmd.ProcessState.Success() {
			t.Fatalf("the last one: %v\n%s", child.cmd.ProcessState, child.said)
		}
		same(t, filepath.Join(o.Dir, "disk.img"), path)
		extra := sent.reached() - size
		t.Logf("%.1f MiB were sent again", float64(extra)/mib)
		if extra > kills*4*mib+size/100 {
			t.Errorf("want at most 4 MiB a kill")
		}
		if left, err := os.ReadDir(filepath.Join(o.Dir, ".earshot")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

// child is a process that receives.
type child struct {
	cmd   *exec.Cmd
	said  *bytes.Buffer // to be read when it has ended
	ended chan struct{}
}

func (o order) start(t *testing.T) *child {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{exec.Command(os.Args[0], "-test.run=^TestKillMinus9$"), &bytes.Buffer{}, make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	c.cmd.Stdout, c.cmd.Stderr = c.said, c.said
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.cmd.Wait()
		close(c.ended)
	}()
	return c
}

// receive is what a child does.
func (o order) receive(t *testing.T) {
	done := make(chan struct{})
	e, err := transfer.New(transfer.Config{
		Self: childID, Store: openFileStore(t, o.Store), Dir: func() string { return o.Dir },
		Network: network{dial: func() (net.Conn, error) { return net.Dial("tcp", o.Addr) }},
		Notify: func(e transfer.Event) {
			if at := e.(transfer.Changed).Transfer; at.State.Final() && !at.Parts {
				close(done)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.Run(ctx)
	}()
	e.Up(annID)
	e.Incoming(o.Offer, annID)
	e.Accept(o.Offer.ID, "", transfer.Keep, func(error) {})
	<-done
	stop()
	<-ended
	for _, at := range e.Transfers() {
		if at.State != transfer.Done {
			t.Fatalf("%+v", at)
		}
	}
}

// outside serves data connections of other processes, and counts what is sent.
type outside struct {
	listener net.Listener
	mu       sync.Mutex
	bytes    int64
	marks    map[int64]chan struct{}
}

func serveOutside(t *testing.T, d *device) *outside {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &outside{listener: l, marks: map[int64]chan struct{}{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			d.engine.Serve(childID, &outsideConn{conn, o})
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	return o
}

// reach is closed when so many bytes were sent.
func (o *outside) reach(mark int64) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := make(chan struct{})
	if o.bytes >= mark {
		close(at)
	} else {
		o.marks[mark] = at
	}
	return at
}

func (o *outside) reached() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

type outsideConn struct {
	net.Conn
	o *outside
}

func (c *outsideConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	c.o.bytes += int64(n)
	for mark, at := range c.o.marks {
		if c.o.bytes >= mark {
			close(at)
			delete(c.o.marks, mark)
		}
	}
	return n, err
}

// fileStore is a store that survives its process: whole in one file, replaced at
// each change.
type fileStore struct {
	*transfertest.Store
	t    *testing.T
	path string
}

// kept is what the file holds.
type kept struct {
	Transfers []transfer.Transfer
	Files     map[uuid.UUID][]transfer.File
}

func openFileStore(t *testing.T, path string) *fileStore {
	s := &fileStore{transfertest.NewStore(), t, path}
	b, err := os.ReadFile(path)
	if err != nil {
		return s
	}
	var k kept
	if err := json.Unmarshal(b, &k); err != nil {
		t.Fatal(err)
	}
	for _, at := range k.Transfers {
		s.Store.SaveTransfer(at)
		if err := s.Store.AddFiles(at.ID, k.Files[at.ID]); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *fileStore) keep(err error) error {
	if err != nil {
		return err
	}
	k := kept{Files: map[uuid.UUID][]transfer.File{}}
	if k.Transfers, err = s.Transfers(); err != nil {
		return err
	}
	for _, at := range k.Transfers {
		k.Files[at.ID] = all(s.t, s, at.ID)
	}
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(s.path+".new", s.path)
}

// all is every file of a transfer.
func all(t testing.TB, s transfer.Store, id uuid.UUID) (files []transfer.File) {
	for {
		page, err := s.Files(id, int64(len(files)), 512)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return files
		}
		files = append(files, page...)
	}
}

func (s *fileStore) SaveTransfer(t transfer.Transfer) error { return s.keep(s.Store.SaveTransfer(t)) }
func (s *fileStore) DropTransfer(id uuid.UUID) error        { return s.keep(s.Store.DropTransfer(id)) }
func (s *fileStore) DropFiles(id uuid.UUID) error           { return s.keep(s.Store.DropFiles(id)) }
func (s *fileStore) DropPlans(id uuid.UUID) error           { return s.keep(s.Store.DropPlans(id)) }

func (s *fileStore) AddFiles(id uuid.UUID, files []transfer.File) error {
	return s.keep(s.Store.AddFiles(id, files))
}

func (s *fileStore) SetFinals(id uuid.UUID, names []transfer.Final) error {
	return s.keep(s.Store.SetFinals(id, names))
}

func (s *fileStore) SetPlans(id uuid.UUID, plans map[int64]transfer.Plan) error {
	return s.keep(s.Store.SetPlans(id, plans))
}
