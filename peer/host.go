package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Config is what a [Host] is made of.
type Config struct {
	Identity *Identity
	Instance uuid.UUID    // new at each start; zero: drawn
	Name     string       // display name in the hello
	Notify   func(Event)  // is told what happens; must return at once
	Log      *slog.Logger // nil: nothing is logged
	// Permit says whether a connection between an address of this machine and another
	// one may be used; nil: any. It is called from several goroutines.
	Permit func(local, remote netip.Addr) bool
	// Dial opens connections; nil: TCP, where Permit lets it.
	Dial func(context.Context, netip.AddrPort) (net.Conn, error)
}

// Host keeps this device's sessions: it listens, dials, proves who is there,
// and keeps one session a peer. [Host.Run] serves it; what is asked of it
// before is done when Run starts. Every method but Run and DialData returns at
// once, and all may be called from any goroutine.
type Host struct {
	cfg      Config
	log      *slog.Logger
	listener net.Listener
	dial     func(context.Context, netip.AddrPort) (net.Conn, error)
	cert     tls.Certificate
	server   *tls.Config
	events   *eventQueue
	gate     *gate
	refused  *refusals
	dials    chan struct{} // holds a token for each attempt under way
	port     uint16
	tasks    sync.WaitGroup // every goroutine but that of Run and the events'

	mu         sync.Mutex // guards what follows, and the host's part of sessions
	ctx        context.Context
	waiting    []func(context.Context) // asked for before Run
	stopped    bool
	name       string
	realm      realm
	peers      map[ID]*neighbour
	probes     map[netip.AddrPort]*probe
	challenges int // under way
}

// Listen opens the port on all addresses: with exact this one or an error, else
// this one or the next free one. Port 0 is any. The Host listens until Run
// returns; one that is not needed is given a Run with an ended context.
func Listen(cfg Config, port uint16, exact bool) (*Host, error) {
	listener, err := listen(port, exact)
	if err != nil {
		return nil, err
	}
	h, err := NewHost(cfg, listener)
	if err != nil {
		listener.Close()
		return nil, err
	}
	return h, nil
}

func listen(port uint16, exact bool) (net.Listener, error) {
	tries := []uint16{port}
	if !exact && port != 0 {
		for n := uint16(1); n < portTries && port+n > port; n++ {
			tries = append(tries, port+n)
		}
		tries = append(tries, 0)
	}
	var errs []error
	for _, try := range tries {
		listener, err := net.Listen("tcp", ":"+strconv.Itoa(int(try)))
		if err == nil {
			return listener, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("listen on port %d: %w", port, errs[0])
}

// NewHost makes a host of a listener, whose address is an AddrPort. The Host closes
// it as [Listen] says.
func NewHost(cfg Config, listener net.Listener) (*Host, error) {
	cert, err := selfSigned(cfg.Identity)
	if err != nil {
		return nil, err
	}
	if cfg.Instance == uuid.Nil {
		cfg.Instance = uuid.New()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	h := &Host{
		cfg: cfg, log: cfg.Log, name: cfg.Name, listener: listener,
		cert:    cert,
		server:  tlsConfig(cert, ID{}, protoSession, protoData),
		events:  newEventQueue(cfg.Notify),
		gate:    newGate(),
		refused: &refusals{log: cfg.Log},
		dials:   make(chan struct{}, maxDials),
		peers:   make(map[ID]*neighbour),
		probes:  make(map[netip.AddrPort]*probe),
	}
	if h.dial = cfg.Dial; h.dial == nil {
		h.dial = h.dialTCP
	}
	if addr, ok := listener.Addr().(interface{ AddrPort() netip.AddrPort }); ok {
		h.port = addr.AddrPort().Port()
	}
	return h, nil
}

// Port is where the host listens.
func (h *Host) Port() uint16 { return h.port }

// Run serves the host until ctx ends. Then it says goodbye to everybody, in a
// quarter of a second each and all at once, delivers the last events, and
// returns when nothing of it is left. It is called once.
func (h *Host) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var notices sync.WaitGroup
	notices.Go(h.events.deliver)
	h.start(ctx)
	broken := make(chan error, 1)
	h.tasks.Go(func() { broken <- h.accept(ctx) })
	h.tasks.Go(func() { h.watchSleep(ctx) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-broken:
		cancel()
	}
	h.farewell()
	h.listener.Close()
	h.tasks.Wait()
	h.events.close()
	notices.Wait()
	return err
}

// start lets go what was asked for before.
func (h *Host) start(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ctx = ctx
	waiting := h.waiting
	h.waiting = nil
	for _, task := range waiting {
		h.spawn(task)
	}
}

// spawn runs a task that ends soon after its context, which is Run's. The
// mutex is held.
func (h *Host) spawn(task func(context.Context)) {
	switch {
	case h.stopped:
	case h.ctx == nil:
		h.waiting = append(h.waiting, task)
	default:
		h.tasks.Go(func() { task(h.ctx) })
	}
}

// farewell ends all sessions and lets no new one begin.
func (h *Host) farewell() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for _, p := range h.peers {
		p.wanted, p.asked = false, false
		h.drop(p, ByeLeaving, errStopping)
		p.stopGrace()
	}
}

// SetName changes the display name, for sessions to come and for those there
// are; where a session's queue is full, its peer learns the name at the next.
func (h *Host) SetName(name string) {
	frame, err := Append(nil, Presence{Name: name})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.name = name
	if err != nil {
		h.log.Error("new name not sent", "error", err)
		return
	}
	for _, p := range h.peers {
		if p.kept != nil {
			p.kept.send(frame)
		}
	}
}

func (h *Host) hello() Hello {
	h.mu.Lock()
	defer h.mu.Unlock()
	hello := greeting(h.name, h.cfg.Instance, h.port)
	hello.Ticket, hello.Epoch = h.realm.ticket, h.realm.revoked.Epoch
	return hello
}

// Reach keeps a session with a device: it is dialled soon, and again with
// growing waits, whenever there is no session. The addresses, best first, take
// the place of earlier ones. Where the device cannot be reached, one [PeerGone]
// follows each call.
func (h *Host) Reach(id ID, addrs []netip.AddrPort) {
	if id == h.cfg.Identity.ID() || id.IsZero() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.neighbour(id)
	p.wanted = true
	p.addrs = dialable(addrs)
	if p.kept != nil || h.stopped {
		return
	}
	p.asked, p.failures = true, 0
	h.dialSoon(p, spread(len(h.peers))+h.polite(p))
	if !p.dialling { // nowhere to dial: perhaps it dials
		h.startGrace(p)
	}
}

// Keep is [Host.Reach] for a device that has, or had a moment ago, a session: it
// is dialled again when that has ended, but no new round of attempts begins, so
// who accepts and hangs up waits longer each time.
func (h *Host) Keep(id ID, addrs []netip.AddrPort) {
	if id == h.cfg.Identity.ID() || id.IsZero() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.neighbour(id)
	p.wanted, p.addrs = true, dialable(addrs)
	if p.kept == nil && !p.dialling {
		h.dialSoon(p, backoff(p.failures))
	}
}

// Forget lets a session, when it ends, not be dialled again.
func (h *Host) Forget(id ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.peers[id]; p != nil {
		p.forget()
		h.tidy(p)
	}
}

// Drop ends the session with a device and forgets it. No [PeerGone] follows:
// the peer may still be there.
func (h *Host) Drop(id ID, code ByeCode) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.peers[id]; p != nil {
		p.forget()
		h.drop(p, code, errDropped)
		h.tidy(p)
	}
}

// Rest is [Host.Drop] with [ByeIdle], if there is a session with the device that
// was not used since then; it reports whether there was. A message in either
// direction is use, other than [Presence], and so is a data connection as long as
// it is open.
func (h *Host) Rest(id ID, since time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peers[id]
	if p == nil || p.kept == nil || p.data > 0 || p.kept.used.After(since) {
		return false
	}
	p.forget()
	h.drop(p, ByeIdle, errDropped)
	h.tidy(p)
	return true
}

// Send queues a message for a device. It is false where there is no session,
// or its queue is full. What was queued is lost with the session.
func (h *Host) Send(id ID, m Message) bool {
	frame, err := Append(nil, m)
	if err == nil && m.Type().data() {
		err = errors.New("it belongs on a data connection")
	}
	if err != nil {
		h.log.Error("message not sent", "to", id, "error", err)
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peers[id]
	if p == nil || p.kept == nil || !p.kept.send(frame) {
		return false
	}
	p.kept.use(m)
	return true
}

// RoundTrip is the shortest time in which a device answered a ping of its session,
// whose first one is sent when it begins; 0 where there is no session, or no answer
// yet.
func (h *Host) RoundTrip(id ID) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.peers[id]; p != nil && p.kept != nil {
		return p.kept.roundTrip()
	}
	return 0
}

// Watch says that something is under way with a device, or open on the screen,
// and names it by key. While there is any, silence is noticed sooner.
func (h *Host) Watch(id ID, key string, on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.neighbour(id)
	if on {
		p.watch[key] = struct{}{}
	} else {
		delete(p.watch, key)
	}
	for _, s := range []*session{p.kept, p.rival} {
		if s != nil {
			s.watched(len(p.watch) > 0)
		}
	}
	h.tidy(p)
}

// SetContact says whether a device is a contact: whom this person wrote to,
// verified, or said yes to. A contact is not refused for the caps on strangers.
func (h *Host) SetContact(id ID, yes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.neighbour(id)
	p.contact = yes
	h.tidy(p)
}

// NetworkChanged says that addresses changed or the machine slept: sessions
// must show a sign of life within two seconds, and who is missing is dialled
// now.
func (h *Host) NetworkChanged() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.peers {
		if p.kept != nil {
			p.kept.check()
		} else if p.wanted {
			p.failures = 0
			h.dialSoon(p, spread(len(h.peers))+h.polite(p))
		}
	}
	for _, probe := range h.probes {
		probe.wake()
	}
}

// watchSleep notices that the machine slept: the monotonic clock stands still
// meanwhile, the wall clock does not.
func (h *Host) watchSleep(ctx context.Context) {
	ticker := time.NewTicker(sleepCheck)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		if slept(last, now) {
			h.log.Info("the machine slept, or its clock was set")
			h.NetworkChanged()
		}
		last = now
	}
}

// slept reports whether the wall clock ran ahead of the monotonic one.
func slept(last, now time.Time) bool { return jumped(now.Sub(last), now.Round(0).Sub(last.Round(0))) }

func jumped(monotonic, wall time.Duration) bool { return wall-monotonic > sleepJump }

// dialable is what is remembered of a list of addresses.
func dialable(addrs []netip.AddrPort) []netip.AddrPort {
	var kept []netip.AddrPort
	for _, a := range addrs {
		a = unmapped(a)
		if a.IsValid() && a.Port() != 0 && !slices.Contains(kept, a) && len(kept) < maxAddrs {
			kept = append(kept, a)
		}
	}
	return kept
}
