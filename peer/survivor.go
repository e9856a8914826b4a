package peer

import "github.com/google/uuid"

// One session a pair. Two devices may dial each other at the same moment, one
// may not know yet that a session is dead, and an identity may run twice; both
// sides must come to keep the same connection, or none. This file decides and
// does nothing: no clock, no connection, no goroutine.

// claim is what decides between two proven connections with the same key.
type claim struct {
	instance uuid.UUID // from the peer's hello
	dialler  ID
}

// survivor says whether the older of two sessions is the favourite, and what
// the other one is told once the favourite has answered a ping. Where it does
// not answer, the other one is kept.
//
//   - Another instance: if the older session still answers, the identity runs
//     twice; if not, the peer was started anew.
//   - The same instance, other dialler: both keep what the smaller key dialled.
//   - The same instance, same dialler: it knows that the older one is dead.
func survivor(smaller ID, older, newer claim) (olderWins bool, loser ByeCode) {
	switch {
	case older.instance != newer.instance:
		return true, ByeTwice
	case older.dialler != newer.dialler:
		return older.dialler == smaller, ByeDuplicate
	default:
		return false, ByeDuplicate
	}
}

// seat is the place of one peer's session: the one that is kept, and a rival
// while it is not decided which of the two survives. It is owned by the host's
// mutex.
type seat struct {
	kept, rival *session
	favourite   *session // one of the two, that was asked; nil without a rival
	loser       ByeCode  // what the other one is told
}

// ruling is what a seat wants done, in this order.
type ruling struct {
	ask  *session // send it a ping; its answer, or the lack of one, decides
	lost *session // is kept no longer: its owner is told
	up   *session // is kept from now on: its owner is told
	bye  *session // is told code, and closed
	code ByeCode
}

// enter offers a connection whose hello was read.
func (p *seat) enter(s *session) ruling {
	switch {
	case p.kept == nil:
		p.kept = s
		return ruling{up: s}
	case p.rival != nil, // one contest at a time; the peer dials again if it must
		s.dials && (s.probe || p.kept.dials): // we would not have dialled had we known
		return ruling{bye: s, code: ByeDuplicate}
	}
	smaller := s.id
	if own := s.own(); own.Compare(smaller) < 0 {
		smaller = own
	}
	olderWins, code := survivor(smaller, p.kept.claim(), s.claim())
	p.rival, p.favourite, p.loser = s, s, code
	if olderWins {
		p.favourite = p.kept
	}
	return ruling{ask: p.favourite}
}

// answered says that s answered what ask sent.
func (p *seat) answered(s *session) ruling {
	if p.rival == nil || s != p.favourite {
		return ruling{}
	}
	return p.settle(s, p.loser)
}

// expired says that the favourite did not answer in time.
func (p *seat) expired() ruling {
	if p.rival == nil {
		return ruling{}
	}
	if p.favourite == p.kept {
		return p.settle(p.rival, ByeDuplicate)
	}
	return p.settle(p.kept, ByeDuplicate)
}

// settle ends the contest.
func (p *seat) settle(winner *session, code ByeCode) ruling {
	kept, rival := p.kept, p.rival
	p.kept, p.rival, p.favourite = winner, nil, nil
	if winner == kept {
		return ruling{bye: rival, code: code}
	}
	return ruling{lost: kept, up: winner, bye: kept, code: code}
}

// left says that the connection of s is gone.
func (p *seat) left(s *session) ruling {
	switch s {
	case p.kept:
		r := ruling{lost: s, up: p.rival}
		*p = seat{kept: p.rival}
		return r
	case p.rival:
		p.rival, p.favourite = nil, nil
	}
	return ruling{}
}

// holds reports whether s is kept, or may come to be.
func (p *seat) holds(s *session) bool { return s != nil && (s == p.kept || s == p.rival) }
