package chat

import (
	"bytes"
	"maps"
	"slices"

	"earshot/peer"
)

// share is a conversation's part of a session: what is known of the peer's copy
// while the session lasts, and what is on its way. A session has one for each
// conversation that the peer belongs to as this device does.
type share struct {
	*session
	v      *conversation
	holder *holder

	// What the peer has.
	claims map[LogKey]claim
	named  bool // it named the conversation, so it needs no preimage

	// What is wanted of it.
	asked   map[LogKey]span
	refused map[LogKey]bool     // not asked for again in this session
	healing map[LogKey]*healing // its branches of our forked logs, on their way here
	held    bool                // a stranger's caps are used up

	// What is on its way to it.
	naming  bool              // the conversation is to be named to it, with or without a log
	dirty   map[LogKey]bool   // changed since it was told
	serve   map[LogKey]span   // what it asked for and did not get yet
	pushed  map[LogKey]uint64 // the last entry of ours that was sent live
	waiting bool              // it holds our entries back until its person answers
}

// join makes a conversation, whose holder was met, a part of a session.
func (s *session) join(v *conversation) *share {
	if !v.stored {
		v.Origin = s.from
	}
	part := &share{
		session: s, v: v, holder: v.holders[s.peer],
		claims:  make(map[LogKey]claim),
		asked:   make(map[LogKey]span),
		refused: make(map[LogKey]bool),
		healing: make(map[LogKey]*healing),
		dirty:   make(map[LogKey]bool),
		serve:   make(map[LogKey]span),
		pushed:  make(map[LogKey]uint64),
	}
	s.shares[v.ID] = part
	v.shares[s.peer] = part
	return part
}

// repeat has everything told that is held of the conversation.
func (s *share) repeat() {
	s.naming = true
	s.owe(s.v.logs)
}

// owe has logs told, as far as they are for the peer.
func (s *share) owe(logs map[LogKey]Log) {
	for k := range logs {
		if !s.hides(k) {
			s.dirty[k] = true
		}
	}
}

// all returns the parts of a session, in no order.
func (s *session) all() []*share { return slices.Collect(maps.Values(s.shares)) }

// share returns the session's part that the peer names, with the preimage where
// there is one.
func (s *session) share(id peer.Hash, preimage []byte) (*share, error) {
	part := s.shares[id]
	if part == nil || preimage != nil && !bytes.Equal(preimage, part.v.Preimage) {
		return nil, errNotShared
	}
	return part, nil
}

// waits reports whether the peer holds entries of ours back in any conversation.
func (s *session) waits() bool {
	for _, part := range s.shares {
		if part.waiting {
			return true
		}
	}
	return false
}

// fork is how a log forked with the peer, if it did.
func (s *share) fork(k LogKey) (Fork, bool) {
	f, ok := s.v.forks[forkKey{k, s.peer}]
	return f, ok
}

// heard notes that the peer has an entry, since it sent it.
func (s *share) heard(e Entry) {
	known := s.claims[e.LogKey()]
	if e.Number > known.Last {
		known.First, known.Last, known.hash = max(1, known.First), e.Number, e.Hash()
		s.claim(e.LogKey(), known)
	}
}

// claim notes what the peer says of a log, unless it says too much.
func (s *share) claim(k LogKey, theirs claim) bool {
	most := maxLogs
	if !s.v.contact {
		most = maxStrangerLogs
	}
	if _, ok := s.claims[k]; !ok && len(s.claims) >= most {
		return false
	}
	s.claims[k] = theirs
	return true
}

// tookOver reports whether the peer's branch of a forked log of ours is here.
func (s *share) tookOver(k LogKey) bool {
	f, _ := s.fork(k)
	theirs := s.claims[k]
	return f.Last > 0 && f.Last == theirs.Last && f.Hash == theirs.hash
}
