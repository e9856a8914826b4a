// Package discovery finds the other devices on the network and lets them find
// this one, with multicast DNS (RFC 6762) and DNS service discovery (RFC 6763).
// It finds rendezvous servers too, and announces one.
//
// It stands around hashicorp/mdns, whose server answers questions and whose
// client asks them, and adds what that leaves out: announcements, goodbyes,
// every interface and both families, expiry, limits. It finds and nothing else:
// what it reports are claims of whoever sent the packet, until the TLS handshake
// of package peer proves a key.
//
// [New] starts nothing. [Finder.Run] starts every goroutine and ends them again;
// see there for the one bounded exception.
package discovery

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/google/uuid"

	"earshot/peer"
)

// Self is what this device tells others of itself.
type Self struct {
	ID       peer.ID
	Instance uuid.UUID // new at each start
	Name     string    // display name; empty: not announced
	Port     uint16    // where package peer listens; 0: nothing is announced
}

// Source says how a peer was found.
type Source string

// The sources. A [Finder] itself reports [MDNS] and [Local]; the others are for
// whoever finds peers by other means.
const (
	MDNS   Source = "mdns"
	Manual Source = "manual" // a person named the address
	Known  Source = "known"  // an address remembered from an earlier run
	Local  Source = "local"  // another profile on this machine
	Server Source = "server" // a rendezvous server says so; never of a claim here
)

// Sibling is another profile on this machine that runs now.
type Sibling struct {
	ID   peer.ID
	Port uint16
}

// Config is what a [Finder] needs to know.
type Config struct {
	Self Self
	// Interfaces are patterns (path.Match) of the network interfaces to use; one
	// behind "!" takes interfaces out. Empty: all that look like a network.
	Interfaces []string
	// Siblings lists the profiles of the same home that run. It is called every
	// two seconds from a goroutine of Run and may read files. May be nil.
	Siblings func() []Sibling
	// Notify is given the events, one at a time, from Run's goroutine. It must
	// return at once.
	Notify func(Event)
	// Log gets a line when the network comes, goes or does not work. Nil: none.
	Log *slog.Logger

	network network // nil: this machine's
	beacon  *beacon // announced in place of a device; nil: none
}

// Event is what a [Finder] tells its owner: [Found], [Lost], [Suspected],
// [Copied], [NetworkChanged], [ServerFound] or [ServerLost].
type Event interface{ event() }

// Found says that a peer was found, that what it says of itself changed, or that
// it was heard again while no session with it is live (at most once in 30 s, so
// that whoever dials it begins anew). All of it is a claim.
type Found struct {
	ID       peer.ID
	Instance uuid.UUID        // zero when not known
	Name     string           // hostile: clean it before it is shown; at most 192 bytes
	Addrs    []netip.AddrPort // may be dialled, best first; at least one, at most 8
	Source   Source           // of the claim that brought this event
}

// Lost says that a peer without a session left, or was not heard and not
// confirmed for too long.
type Lost struct{ ID peer.ID }

// Suspected says that a peer without a session was silent for too long. Who can
// should dial it: [Finder.Confirm] keeps it, else [Lost] follows within 30 s.
type Suspected struct{ ID peer.ID }

// Copied says that at Addr somebody claims to be this device as another instance:
// a copy of it, an echo of its last start, or a liar. Who can should dial there:
// a handshake proves a copy, and nothing else does. It comes at most once a
// minute for one address, and twice a second in all.
type Copied struct{ Addr netip.AddrPort }

// NetworkChanged says that interfaces or addresses changed, or that the machine
// slept: connections may be dead without knowing it.
type NetworkChanged struct{}

func (Found) event()          {}
func (Lost) event()           {}
func (Suspected) event()      {}
func (Copied) event()         {}
func (NetworkChanged) event() {}

// Finder announces this device and reports others. Make it with [New]. Its
// methods return at once and may be called from any goroutine, also before Run.
type Finder struct {
	cfg    Config
	posted chan struct{} // there is something in inbox

	mu     sync.Mutex
	inbox  []func(*run) // for Run's goroutine
	health string
}

// New returns a Finder that does nothing until [Finder.Run].
func New(cfg Config) *Finder {
	if cfg.network == nil {
		cfg.network = machine{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Finder{cfg: cfg, posted: make(chan struct{}, 1)}
}

// Run announces and searches until ctx ends, then says goodbye, which takes at
// most 150 ms, and returns nil. It never fails for lack of a network: it waits
// for one. It must be called once.
//
// Everything that Run started has ended when it returns, except questions that
// are still open: the client of hashicorp/mdns comes back from one only when its
// time is over, cancelled or not. There are at most two for each interface; Run
// counts them and waits for them too while the 150 ms last. What is left then
// ends within 300 ms of its start and finds nobody to report to.
func (f *Finder) Run(ctx context.Context) error {
	return newRun(f).loop(ctx)
}

// Update changes what is announced.
func (f *Finder) Update(name string, port uint16) {
	f.post(func(r *run) { r.update(name, port) })
}

// Confirm says that a session with id is live, or is not any more. A peer with a
// live session never expires, and goodbyes for it are not believed.
func (f *Finder) Confirm(id peer.ID, up bool) {
	f.post(func(r *run) { r.confirm(id, up) })
}

// Refresh looks again at once: at the interfaces, and for others on all of them.
func (f *Finder) Refresh() {
	f.post((*run).refresh)
}

// Health is a sentence that says what keeps this device from finding others,
// empty when nothing does.
func (f *Finder) Health() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.health
}

// setHealth keeps the sentence and reports whether it is another one.
func (f *Finder) setHealth(sentence string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed := f.health != sentence
	f.health = sentence
	return changed
}

// post queues work for Run's goroutine.
func (f *Finder) post(work func(*run)) {
	f.mu.Lock()
	f.inbox = append(f.inbox, work)
	f.mu.Unlock()
	select {
	case f.posted <- struct{}{}:
	default:
	}
}

// takePosted empties the inbox.
func (f *Finder) takePosted() []func(*run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	work := f.inbox
	f.inbox = nil
	return work
}
