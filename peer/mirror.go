package peer

import (
	"context"
	"net/netip"
)

// Where our own key answers, we dialled ourselves, or a copy of this identity
// runs: the hello's instance tells the two apart. Either way there is no session,
// and who has not proved the key gets nowhere near here.

var (
	errItself = &ProtocolError{Code: ByeDuplicate, Reason: "this device dialled itself"}
	errTwice  = &ProtocolError{Code: ByeTwice, Reason: "this identity runs twice"}
)

// mirrored tells of a copy, where the other side of a connection on which our own
// key answered is one. The other side finds out by itself, from our hello.
func (h *Host) mirrored(s *session) error {
	if s.hello.Instance == h.cfg.Instance {
		return errItself
	}
	h.events.add(Twin{ID: s.id, Addr: s.addr, Met: true})
	return errTwice
}

// Challenge dials an address, once, at which somebody claims to be this device
// as another instance. A [Twin] follows where a copy of this identity proves it;
// nobody else who may be there, this host itself least of all, is heard of. While
// maxChallenges are under way another one is dropped: a copy claims again.
func (h *Host) Challenge(addr netip.AddrPort) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.challenges >= maxChallenges {
		return
	}
	h.challenges++
	wait := spread(1 + len(h.peers))
	h.spawn(func(ctx context.Context) {
		pause(ctx, wait)
		h.challenge(ctx, addr)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.challenges--
	})
}

func (h *Host) challenge(ctx context.Context, addr netip.AddrPort) {
	select {
	case h.dials <- struct{}{}:
		defer func() { <-h.dials }()
	case <-ctx.Done():
		return
	}
	conn, err := h.connect(ctx, dialable([]netip.AddrPort{addr}), h.cfg.Identity.ID(), protoSession)
	if err == nil {
		err = h.begin(ctx, conn, true)
	}
	h.log.Debug("looked who claims our own key", "address", addr, "found", err)
}
