// Package node is one running Earshot without a screen: it owns the identity,
// the store, the sessions, the conversations and the transfers of one profile,
// takes calls from screens, commands and the control socket, and tells them what
// happens in events.
//
// [Open] takes the profile and prepares everything; [Node.Run] runs it until its
// context ends and then leaves cleanly; [Node.Close] gives the profile back. The
// methods of [Node] may be called from any goroutine: they block their caller
// until there is an answer, never the node. Nobody answers before Run, and after
// it they return [ErrStopped].
//
// Inside, one goroutine owns all state. It takes typed events from one mailbox,
// into which every part puts what happened to it; each kind of event is one line
// in loop.go and one short handler. What is slow happens elsewhere and comes
// back as an event. The package knows no pixels, no JSON and no flags.
package node

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"earshot/discovery"
	"earshot/internal/chat"
	"earshot/internal/profile"
	"earshot/internal/rendezvous"
	"earshot/internal/store"
	"earshot/peer"
	"earshot/transfer"
)

// Config says how a node of a profile is to run. Flags, environment and settings
// have been merged into it.
type Config struct {
	Profile profile.Profile
	Name    string // display name
	Named   bool   // a person chose Name
	Team    string // of accounts that are made; may be empty
	Port    uint16 // 0: any
	// ExactPort makes a taken port an error; else the next free one is used.
	ExactPort  bool
	Peers      []string // host or host:port, to look at as well
	Server     string   // of the settings: a join link, or host or host:port; may be empty
	Interfaces []string // patterns, see package discovery
	Dir        string   // where received files go, absolute
	// FolderPerPerson puts what is received into a folder of its sender's in Dir, see
	// [Node.Folder].
	FolderPerPerson bool
	Rule            Rule     // which offers are accepted without asking; "" is none
	AcceptUpTo      int64    // of at most so many bytes; 0: of any size
	Conflict        Conflict // what becomes of files whose names are taken; "" is keep
	Limit           int64    // of all that is sent, and received, in bytes a second; 0: none
	// Passing: the node of a command, which ends with the command.
	Passing bool
	// Hidden keeps the node from the network until somebody gives it a name: it
	// neither says that it is there, nor looks for others, nor answers them.
	Hidden bool
	// Keep saves a setting ("name", "save_to") in the profile; nil keeps nothing.
	Keep func(key, value string) error
	Log  *slog.Logger // nil: none

	inDNS  func(context.Context) []string                                   // servers; nil: those of this machine's domains
	listen func(c peer.Config, port uint16, exact bool) (*peer.Host, error) // nil: peer.Listen
	dial   rendezvous.Dial                                                  // to servers; nil: the system's
}

// Node is one running Earshot.
type Node struct {
	cfg     Config
	log     *slog.Logger
	now     func() time.Time
	started time.Time // belongs to the loop from Run on

	lock    *profile.Lock
	id      *peer.Identity
	db      *store.DB
	host    *peer.Host
	replica *chat.Replica
	engine  *transfer.Engine
	finder  *discovery.Finder
	paths   *discovery.Paths
	shift   *shift

	instance uuid.UUID // of this start

	box       *mailbox
	desk      *desk
	folders   *folders
	dir       atomic.Pointer[string] // also read by the engine
	seen      chan struct{}          // closed when the network may hear of the node
	stopped   chan struct{}          // closed when the loop has ended
	ran       atomic.Bool
	closeOnce func() error
	fresh     bool // the identity is new

	// Everything below belongs to the loop.
	name      peer.Text
	named     bool
	hidden    bool
	rule      Rule
	limit     int64
	health    string
	people    map[peer.ID]*person
	owned     map[chat.Party][]*person // by account
	groups    map[string][]*person     // who is one person to people
	taken     map[chat.Party][]*person // as a device of an account, also where it is none any more
	vouchers  map[peer.ID]peer.Voucher // for this device, by who signed
	talks     talks
	belonged  map[string]bool // the accounts whose device this one is, or was
	realm     realm
	lists     map[peer.ID][]byte // the newest revocation list of each realm that was ever chosen
	transfers map[uuid.UUID]transfer.Transfer
	untold    map[uuid.UUID]func(Transfer) // offers of which the engine has not spoken yet
	viewers   map[any]peer.ID              // what is open on which screen
	moving    map[uuid.UUID]peer.ID        // transfers that want a session
	receipts  map[uuid.UUID]time.Time      // that are being written; when it failed, when it is tried again
	manual    map[netip.AddrPort]bool      // addresses that a person named
	server    server
	lookout   lookout
	askOwn    ownQuestion
	crowd     bool
	feeds     map[*Feed]bool
	notices   []Event              // for the first subscriber
	warned    map[danger]time.Time // the last time, see warn
	quiet     bool                 // the node is leaving
}

// Run runs the node until ctx ends, or until a part of it fails for good, which
// is the error. It then leaves cleanly, in less than two seconds: it says goodbye
// to the network and bye to its peers, and answers nobody any more. It must be
// called at most once.
func (n *Node) Run(ctx context.Context) error {
	n.ran.Store(true)
	var parts parts
	defer parts.stop()
	parts.start(n.desk.run)
	parts.start(n.loop)
	parts.start(n.runHost)
	parts.start(n.replica.Run)
	parts.start(n.engine.Run)
	parts.start(n.onceSeen(n.finder.Run))
	parts.start(n.onceSeen(n.lookUpPeers))
	parts.start(n.onceSeen(n.lookForServers))
	parts.start(n.onceSeen(n.runOwn))
	parts.start(n.onceSeen(n.shift.run))
	defer n.box.put(leaving{})
	select {
	case <-ctx.Done():
		return nil
	case err := <-parts.failed:
		return err
	}
}

// onceSeen runs a part from when the node may be seen on, if ever.
func (n *Node) onceSeen(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-n.seen:
			return run(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// runHost runs the host from when the node may be seen on. It holds the port, so it
// is run in any case: one whose context has ended gives it back.
func (n *Node) runHost(ctx context.Context) error {
	select {
	case <-n.seen:
	case <-ctx.Done():
	}
	return n.host.Run(ctx)
}

// parts are what runs, in the order of its start.
type parts struct {
	stops  []func()
	failed chan error
}

// start runs a part until stop. One that ends with an error before that has
// failed.
func (p *parts) start(run func(context.Context) error) {
	if p.failed == nil {
		p.failed = make(chan error, 16) // one for each part
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := run(ctx); err != nil && ctx.Err() == nil {
			p.failed <- err
		}
	})
	p.stops = append(p.stops, func() { cancel(); wg.Wait() })
}

// stop ends the parts, the last one started first.
func (p *parts) stop() {
	for i := len(p.stops) - 1; i >= 0; i-- {
		p.stops[i]()
	}
}

// Close gives the profile back. Call it after Run has returned, or instead of
// Run.
func (n *Node) Close() error { return n.closeOnce() }

// Self is this node as people see it.
func (n *Node) Self(ctx context.Context) (Self, error) {
	return ask(ctx, n, func() (Self, error) { return n.self(), nil })
}

func (n *Node) self() Self {
	return Self{
		ID: n.id.ID(), Name: n.name, Port: n.host.Port(), Profile: n.cfg.Profile.Name, Dir: *n.dir.Load(),
		FolderPerPerson: n.cfg.FolderPerPerson, Accept: n.rule, AcceptUpTo: n.cfg.AcceptUpTo,
		Conflict: n.conflict(""), Limit: n.limit,
		PID: os.Getpid(), Started: n.started, Passing: n.cfg.Passing, Named: n.named, Hidden: n.hidden,
		Network: peer.Line(n.health, 500),
	}
}

// selfChanged tells subscribers what this node is now.
func (n *Node) selfChanged() {
	self := n.self()
	n.publish(Event{Kind: SelfChanged, Self: &self})
}

// Subscribe brings the events from now on. The first one is [Ready]; the very
// first subscriber is also told what went wrong before it came.
func (n *Node) Subscribe(ctx context.Context) (Subscription, error) {
	return ask(ctx, n, func() (Subscription, error) {
		if err := ctx.Err(); err != nil {
			return nil, err // nobody would close it, nor read what waits for the first one
		}
		return n.subscribe(), nil
	})
}

// First is Subscribe for who starts the node, and misses nothing of what happens.
// Call it before Run.
func (n *Node) First() Subscription { return n.subscribe() }

// subscribe makes a feed that tells everything from now on.
func (n *Node) subscribe() *Feed {
	var feed *Feed
	feed = NewFeed(func() { n.box.put(request(func() { delete(n.feeds, feed) })) })
	self := n.self()
	feed.Publish(Event{Kind: Ready, At: n.now(), Self: &self})
	for _, e := range n.notices {
		feed.Publish(e)
	}
	n.notices = nil
	n.feeds[feed] = true
	return feed
}
