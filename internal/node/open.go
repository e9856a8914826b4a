package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"earshot/discovery"
	"earshot/internal/chat"
	"earshot/internal/profile"
	"earshot/internal/store"
	"earshot/peer"
	"earshot/transfer"
)

// Open takes the profile for this process and prepares the node: the lock, the
// identity, the store, the port, the conversations, the transfers, discovery, in
// that order. A profile whose node runs already is [ErrProfileRunning]; the
// error names its process. What is wrong with the store but can be lived with is
// told to the first subscriber. Nothing runs before [Node.Run].
func Open(cfg Config) (*Node, error) {
	n := &Node{
		cfg: cfg, log: cfg.Log, now: time.Now, started: time.Now(), rule: cfg.Rule, named: cfg.Named,
		name: peer.DisplayName(cfg.Name), box: newMailbox(), stopped: make(chan struct{}),
		hidden: cfg.Hidden, seen: make(chan struct{}), shift: newShift(), paths: discovery.NewPaths(cfg.Interfaces),
		people: make(map[peer.ID]*person), owned: make(map[chat.Party][]*person), groups: make(map[string][]*person), askOwn: make(ownQuestion, 1), vouchers: make(map[peer.ID]peer.Voucher), taken: make(map[chat.Party][]*person),
		talks:     talks{make(map[peer.Hash]chat.Party), make(map[chat.Party][]peer.Hash)},
		belonged:  make(map[string]bool),
		transfers: make(map[uuid.UUID]transfer.Transfer),
		untold:    make(map[uuid.UUID]func(Transfer)),
		viewers:   make(map[any]peer.ID), moving: make(map[uuid.UUID]peer.ID),
		receipts: make(map[uuid.UUID]time.Time),
		manual:   make(map[netip.AddrPort]bool), feeds: make(map[*Feed]bool),
		warned: make(map[danger]time.Time),
	}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	if !filepath.IsAbs(cfg.Dir) {
		return nil, fmt.Errorf("save received files to %q: want an absolute path", cfg.Dir)
	}
	n.dir.Store(&cfg.Dir)
	n.closeOnce = sync.OnceValue(n.closeAll)
	n.desk = &desk{jobs: newMailbox(), fail: func(what string, err error) { n.box.put(deskFailed{what, err}) }}
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) open() error {
	for _, step := range []func() error{
		n.takeProfile, n.openStore, n.listen, n.openChat, n.openTransfers, n.openDiscovery, n.load, n.loadFound,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// closeAll gives back what was opened, the last first. A host, a replica, an
// engine and a finder have nothing open but while they run.
func (n *Node) closeAll() error {
	var errs []error
	if n.host != nil && !n.ran.Load() {
		errs = append(errs, n.closeHost())
	}
	if n.db != nil {
		errs = append(errs, n.db.Close())
	}
	if n.lock != nil {
		errs = append(errs, n.lock.Unlock())
	}
	return errors.Join(errs...)
}

// closeHost closes the port of a host that was never run.
func (n *Node) closeHost() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return n.host.Run(ctx)
}

// takeProfile takes the lock and reads the identity.
func (n *Node) takeProfile() (err error) {
	p := n.cfg.Profile
	n.lock, err = p.Lock()
	if running := (*profile.RunningError)(nil); errors.As(err, &running) {
		return &runningError{running}
	}
	if err != nil {
		return err
	}
	_, err = os.Stat(p.Path(profile.IdentityFile))
	n.fresh = errors.Is(err, fs.ErrNotExist)
	n.id, err = peer.LoadIdentity(p.Path(profile.IdentityFile))
	return err
}

// A runningError is profile's error under the name that the API gives it.
type runningError struct{ *profile.RunningError }

func (e *runningError) Unwrap() []error { return []error{ErrProfileRunning, e.RunningError} }

// openStore opens the database, and keeps what a person must be told about it.
func (n *Node) openStore() error {
	db, notice, err := store.Open(n.cfg.Profile.Path(profile.StoreFile))
	if err != nil {
		return err
	}
	n.db, n.folders = db, &folders{db: db}
	if notice.Text != "" {
		n.fail("%s", notice.Text)
	}
	if notice.New && !n.fresh {
		n.fail("%s", store.Lost)
	}
	return nil
}

func (n *Node) listen() (err error) {
	if n.instance, err = uuid.NewRandom(); err != nil {
		return err
	}
	listen := n.cfg.listen
	if listen == nil {
		listen = peer.Listen
	}
	n.host, err = listen(peer.Config{
		Identity: n.id, Instance: n.instance, Name: n.name.String(), Log: n.log, Permit: n.permit(),
		Notify: func(e peer.Event) { n.box.put(e) },
	}, n.cfg.Port, n.cfg.ExactPort)
	if err != nil {
		return err
	}
	n.finder = discovery.New(discovery.Config{
		Self:       discovery.Self{ID: n.id.ID(), Instance: n.instance, Name: n.name.String(), Port: n.host.Port()},
		Interfaces: n.cfg.Interfaces, Siblings: n.siblings, Log: n.log,
		Notify: func(e discovery.Event) { n.box.put(e) },
	})
	return nil
}

// permit is which connections may be used where a person chose interfaces.
func (n *Node) permit() func(local, remote netip.Addr) bool {
	if len(n.cfg.Interfaces) == 0 {
		return nil
	}
	return n.paths.Allows
}

func (n *Node) openChat() (err error) {
	n.replica, err = chat.New(chat.Config{
		Identity: n.id, Store: n.db, Network: n.host, Log: n.log,
		Notify: func(e chat.Event) { n.box.put(e) },
	})
	return err
}

func (n *Node) openTransfers() error {
	offered, err := n.prepared()
	if err != nil {
		return err
	}
	n.engine, err = transfer.New(transfer.Config{
		Self: n.id.ID(), Store: n.db.TransferStore(), Network: n.host, Log: n.log,
		Dir:    func() string { return *n.dir.Load() },
		Notify: func(e transfer.Event) { n.box.put(e) },
	})
	if err != nil {
		return err
	}
	n.limit = n.cfg.Limit
	n.engine.LimitAll(n.limit)
	for _, id := range offered {
		n.engine.Offered(id)
	}
	return nil
}

// openDiscovery lets others hear of the node, unless it is hidden.
func (n *Node) openDiscovery() error {
	if n.hidden {
		return nil
	}
	close(n.seen)
	return n.leaveNote()
}

// leaveNote leaves the note by which other profiles of the same home find this one.
func (n *Node) leaveNote() error {
	return n.cfg.Profile.WriteNode(profile.Node{ID: n.id.ID(), Port: n.host.Port(), PID: os.Getpid()})
}

// appear lets others hear of a node that was hidden.
func (n *Node) appear() {
	if !n.hidden {
		return
	}
	n.hidden, n.started = false, n.now()
	close(n.seen)
	n.desk.do("leave a note for the other profiles", n.leaveNote)
}

// siblings are the other profiles of this home that run.
func (n *Node) siblings() []discovery.Sibling {
	notes, err := n.cfg.Profile.ReadSiblings()
	if err != nil {
		n.log.Debug("look for sibling profiles", "error", err)
	}
	siblings := make([]discovery.Sibling, len(notes))
	for i, note := range notes {
		siblings[i] = discovery.Sibling{ID: note.ID, Port: note.Port}
	}
	return siblings
}
