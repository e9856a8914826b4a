package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// dialSoon dials a device after wait, or when it was to be dialled anyway, if
// that is sooner. The mutex is held.
func (h *Host) dialSoon(p *neighbour, wait time.Duration) {
	due := time.Now().Add(wait)
	if !p.dialling || p.due.IsZero() || due.Before(p.due) {
		p.due = due
	}
	if p.dialling {
		p.wake()
		if p.hurry != nil {
			p.hurry()
		}
		return
	}
	if !h.stopped && p.needed() {
		p.dialling = true
		h.spawn(func(ctx context.Context) { h.keepDialling(ctx, p) })
	}
}

// polite is how long to let the other side dial first.
func (h *Host) polite(p *neighbour) time.Duration {
	if h.cfg.Identity.ID().Compare(p.id) > 0 {
		return politeWait
	}
	return 0
}

// needed reports whether a device is to be dialled.
func (p *neighbour) needed() bool {
	return p.kept == nil && (p.wanted || p.grace != nil) && len(p.dialAddrs()) > 0
}

// dialAddrs is where a device may be, best first.
func (p *neighbour) dialAddrs() []netip.AddrPort {
	return dialable(append([]netip.AddrPort{p.last}, p.addrs...))
}

// keepDialling makes attempts until there is a session or nobody wants one.
func (h *Host) keepDialling(ctx context.Context, p *neighbour) {
	for {
		wait, ok := h.nextAttempt(p)
		if !ok {
			return
		}
		if wait <= 0 {
			h.attempt(ctx, p)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-p.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// nextAttempt is how long to wait for the next attempt, if there is to be one.
func (h *Host) nextAttempt(p *neighbour) (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped || !p.needed() {
		p.dialling = false
		h.tidy(p)
		return 0, false
	}
	return time.Until(p.due), true
}

// attempt dials a device once, at all of its addresses.
func (h *Host) attempt(ctx context.Context, p *neighbour) {
	if !h.urgent(p) {
		select {
		case h.dials <- struct{}{}:
			defer func() { <-h.dials }()
		case <-ctx.Done():
			return
		}
	}
	dialCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := h.connect(dialCtx, h.beginAttempt(p, cancel), p.id, protoSession)
	if err == nil {
		err = h.begin(ctx, conn, false)
	}
	h.endAttempt(p, err)
}

// urgent reports whether somebody waits to see the peer back.
func (h *Host) urgent(p *neighbour) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return p.grace != nil
}

// beginAttempt says where to dial.
func (h *Host) beginAttempt(p *neighbour, cancel func()) []netip.AddrPort {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.asked {
		h.startGrace(p)
	}
	p.due = time.Time{}
	p.hurry = sync.OnceFunc(func() { time.AfterFunc(hurriedDial, cancel) })
	return p.dialAddrs()
}

func (h *Host) endAttempt(p *neighbour, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.hurry = nil
	if err == nil || p.kept != nil {
		return
	}
	h.log.Debug("peer not reached", "id", p.id, "error", err)
	p.failures++
	if p.due.IsZero() {
		p.due = time.Now().Add(backoff(p.failures))
	}
	for _, wrong := range wrongKeys(err) {
		if wrong.Got != h.cfg.Identity.ID() {
			h.events.add(wrong)
		}
		p.addrs = slices.DeleteFunc(p.addrs, func(a netip.AddrPort) bool { return a == wrong.Addr })
		if p.last == wrong.Addr {
			p.last = netip.AddrPort{}
		}
	}
	if p.grace != nil && (wasRefused(best(err)) || len(p.dialAddrs()) == 0) {
		h.gone(p)
	}
}

// begin opens a session on a connection that this side made, and serves it. An
// error says that the other side, or this one, did not want it.
func (h *Host) begin(ctx context.Context, conn *secure, probe bool) error {
	s := newSession(h, conn, true)
	s.probe = probe
	s.addr = conn.wire.remote()
	if err := h.open(ctx, s); err != nil {
		return fmt.Errorf("open session with %s: %w", conn.id, err)
	}
	h.tasks.Go(s.serve)
	return nil
}

// dialError is what happened at one address.
type dialError struct {
	addr netip.AddrPort
	err  error
}

func (e *dialError) Error() string { return fmt.Sprintf("dial %s: %v", e.addr, e.err) }
func (e *dialError) Unwrap() error { return e.err }

// each is what happened at each address, best first.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return nil
}

// best is what happened at the best address: another one may be of a network
// that only the peer's machine knows, where anything may answer.
func best(err error) error {
	if all := each(err); len(all) > 0 {
		return all[0]
	}
	return nil
}

// wrongKeys finds the addresses at which somebody else answered.
func wrongKeys(err error) []WrongKey {
	var all []WrongKey
	for _, err := range each(err) {
		var at *dialError
		var wrong *wrongKey
		if errors.As(err, &at) && errors.As(err, &wrong) {
			all = append(all, WrongKey{Want: wrong.want, Got: wrong.got, Addr: at.addr})
		}
	}
	return all
}

// connect dials addresses, each a little after the one before it, and returns
// the first connection on which want proved its key (the zero ID: anybody).
func (h *Host) connect(ctx context.Context, addrs []netip.AddrPort, want ID, proto string) (*secure, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	won := make(chan *secure, 1)
	errs := make([]error, len(addrs))
	var dials sync.WaitGroup
	for i, addr := range addrs {
		dials.Go(func() {
			pause(ctx, time.Duration(i)*addressHeadStart)
			conn, err := h.connectTo(ctx, addr, want, proto)
			errs[i] = err
			if err != nil {
				return
			}
			select {
			case won <- conn:
				cancel()
			default:
				conn.Close()
			}
		})
	}
	dials.Wait()
	select {
	case conn := <-won:
		return conn, nil
	default:
		return nil, errors.Join(errs...)
	}
}

func (h *Host) connectTo(ctx context.Context, addr netip.AddrPort, want ID, proto string) (*secure, error) {
	if err := ctx.Err(); err != nil {
		return nil, &dialError{addr, err}
	}
	conn, err := h.dial(ctx, addr)
	if err != nil {
		return nil, &dialError{addr, err}
	}
	client := func(w *wire) *tls.Conn { return tls.Client(w, tlsConfig(h.cert, want, proto)) }
	secured, err := handshake(ctx, newWire(conn), client)
	if err != nil {
		return nil, &dialError{addr, err}
	}
	return secured, nil
}

// probe is an address at which somebody is looked for.
type probe struct{ woken chan struct{} }

func (p *probe) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// Probe dials an address of which it is not known who is there, again with
// growing waits until somebody answers. A [SessionUp] follows, unless there is
// a session with that device already, or it is this one; a [Twin], where it is a
// copy of this one.
func (h *Host) Probe(addr netip.AddrPort) {
	addr = unmapped(addr)
	h.mu.Lock()
	defer h.mu.Unlock()
	if known := h.probes[addr]; known != nil {
		known.wake()
		return
	}
	p := &probe{woken: make(chan struct{}, 1)}
	h.probes[addr] = p
	h.spawn(func(ctx context.Context) {
		h.keepProbing(ctx, addr, p)
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.probes, addr)
	})
}

func (h *Host) keepProbing(ctx context.Context, addr netip.AddrPort, p *probe) {
	for failures := 1; !h.probeOnce(ctx, addr); failures++ {
		timer := time.NewTimer(backoff(failures))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-p.woken:
			failures = 0
		case <-timer.C:
		}
		timer.Stop()
	}
}

// probeOnce reports whether the question who is there is answered.
func (h *Host) probeOnce(ctx context.Context, addr netip.AddrPort) bool {
	conn, err := h.connect(ctx, []netip.AddrPort{addr}, ID{}, protoSession)
	if err != nil {
		h.log.Debug("nobody there yet", "address", addr, "error", err)
		return ctx.Err() != nil
	}
	if h.connected(conn.id) {
		conn.Close()
		return true
	}
	err = h.begin(ctx, conn, true)
	return err == nil || h.connected(conn.id) || errors.Is(err, errItself) || errors.Is(err, errTwice)
}

func (h *Host) connected(id ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peers[id]
	return p != nil && p.kept != nil
}

// ErrDataLimit says that as many data connections with a peer are open as there
// may be.
var ErrDataLimit = errors.New("all data connections are open already")

// Address is where the peer of a live session can be dialled: where it was, or
// where this session comes from and the port of its hello; port 0: nowhere. The
// zero value: there is no session.
func (h *Host) Address(id ID) netip.AddrPort {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.peers[id]; p != nil && p.kept != nil {
		return p.kept.addr
	}
	return netip.AddrPort{}
}

// DialData opens a data connection to the peer of a live session, at its
// [Host.Address] and nowhere else. The caller owns it. Where there are
// [MaxDataConns] already, the error is ErrDataLimit. It is the one method that
// waits: until the peer proved its key, or ctx ends. What is written to the
// connection waits until it is 128 KiB, or its method Flush() error is called.
func (h *Host) DialData(ctx context.Context, id ID) (net.Conn, error) {
	addr, err := h.reserveData(id)
	if err != nil {
		return nil, fmt.Errorf("open data connection: %w", err)
	}
	conn, err := h.connect(ctx, []netip.AddrPort{addr}, id, protoData)
	if err != nil {
		h.releaseData(id)
		return nil, fmt.Errorf("open data connection: %w", err)
	}
	return h.counted(conn), nil
}

// reserveData counts a data connection that is about to be made.
func (h *Host) reserveData(id ID) (netip.AddrPort, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peers[id]
	switch {
	case p == nil || p.kept == nil:
		return netip.AddrPort{}, fmt.Errorf("no session with %s", id)
	case p.data >= MaxDataConns:
		return netip.AddrPort{}, fmt.Errorf("with %s: %w", id, ErrDataLimit)
	case p.kept.addr.Port() == 0:
		return netip.AddrPort{}, fmt.Errorf("%s does not listen", id)
	}
	p.data++
	return p.kept.addr, nil
}

func (h *Host) releaseData(id ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dataClosed(id)
}
