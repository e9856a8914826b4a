package server

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// heartbeat takes a device's sign of life and answers when there is news for it.
func (s *Server) heartbeat(ctx context.Context, q *request) (any, error) {
	beat, err := s.readHeartbeat(q)
	if err != nil {
		return nil, err
	}
	s.counters.heartbeats.Add(1)
	if len(beat.Revoked) > 0 {
		if err := s.takeRevocations(ctx, beat.Revoked); err != nil {
			return nil, err
		}
		beat.Revoked = nil // it is held for long
	}
	seat, bell, twice := s.hub.arrive(q.caller, beat, q.address.String())
	if twice {
		return rendezvous.News{Number: beat.Received, Twice: true}, nil
	}
	m := s.hub.hold(ctx, seat, bell, beat)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.isQuiet(m, beat) {
		return rendezvous.News{Number: m.number, Twice: m.twice, Behind: m.behind}, nil
	}
	defer s.gate.turns.ask()()
	if m.waited { // who it was may be long ago
		q.caller, err = s.directory.caller(ctx, q.device)
	}
	if errors.Is(err, errNone) {
		return nil, refuse(rendezvous.CodeSignedOut)
	}
	if err != nil {
		return nil, err
	}
	return s.news(ctx, q.caller, m, beat.Epoch)
}

// isQuiet reports whether a heartbeat is answered without a look at the database. Who
// lost its seat may be signed out.
func (s *Server) isQuiet(m moment, beat *rendezvous.Heartbeat) bool {
	if m.gone {
		return beat.Presence == rendezvous.Offline
	}
	return m.twice || m.owed.nothing() && beat.Epoch >= s.revoked.Load().epoch
}

// readHeartbeat reads a heartbeat. A revocation list is only as long where it was
// asked for.
func (s *Server) readHeartbeat(q *request) (*rendezvous.Heartbeat, error) {
	limit := int64(maxBody)
	if s.hub.awaits(q.device) {
		limit += peer.MaxRevocations * 4 / 3
	}
	body, err := q.body(limit)
	if err != nil {
		return nil, err
	}
	return parseHeartbeat(body)
}

// parseHeartbeat reads and checks a heartbeat.
func parseHeartbeat(body []byte) (*rendezvous.Heartbeat, error) {
	beat := &rendezvous.Heartbeat{}
	known := []rendezvous.Presence{rendezvous.Online, rendezvous.Away, rendezvous.Busy, rendezvous.Offline, rendezvous.Passing}
	if json.Unmarshal(body, beat, strict) != nil || !slices.Contains(known, beat.Presence) || beat.Hold < 0 || len(beat.Addresses) > maxAddresses {
		return nil, refuse(rendezvous.CodeInvalid)
	}
	for _, a := range beat.Addresses {
		if !isAddress(a) {
			return nil, refuse(rendezvous.CodeInvalid)
		}
	}
	beat.Hold = min(beat.Hold, int(maxHold.Milliseconds()))
	return beat, nil
}

// isAddress reports whether a text is an address and port that a friend could dial,
// in its one form. Names are none: nobody shall make friends look names up.
func isAddress(text string) bool {
	if len(text) > maxAddress {
		return false
	}
	a, err := netip.ParseAddrPort(text)
	return err == nil && a.Port() > 0 && a.Addr().Zone() == "" && !a.Addr().IsUnspecified() && !a.Addr().IsMulticast() && !strings.Contains(text, ",")
}

// takeRevocations merges a list that a client kept and this server lost, because its
// database came from a backup. Only what the realm signed counts.
func (s *Server) takeRevocations(ctx context.Context, signed []byte) error {
	list, err := peer.ParseRevocations(signed)
	if err != nil || list.Realm != s.realm.ID() {
		return refuse(rendezvous.CodeInvalid)
	}
	own, err := s.directory.revocations(ctx, s.realm.ID())
	if err != nil || list.Epoch <= own.Epoch {
		return err
	}
	missing := peer.Revocations{Realm: list.Realm, Epoch: list.Epoch}
	for _, v := range list.Void {
		if !own.Voids(peer.Ticket{Realm: list.Realm, Device: v.Device, Serial: v.Serial}) {
			missing.Void = append(missing.Void, v)
		}
	}
	s.log.Warn("a client knows a newer revocation list: the database came from a backup", "epoch", strconv.FormatUint(list.Epoch, 10), "missing", len(missing.Void))
	return s.directory.merge(ctx, missing)
}
