package transfer

import (
	"slices"

	"earshot/peer"
)

// This file says what a transfer is at, given what is known of it here and what the
// other side says. It is pure: the engine asks it after every event.

// now is the state of a transfer that is not final.
//
// own is what the goroutine that receives it says (the zero report where none
// does), far what the other side said last, up whether there is a session.
func now(t Transfer, own, far report, up bool) report {
	switch {
	case t.State.Final(), t.State == Preparing:
		return report{state: t.State, reason: t.Reason, text: t.Error}
	case !t.Accepted:
		return report{state: Offered}
	case t.Asking:
		return report{state: Paused, reason: NameTaken}
	case t.PausedOwn:
		return report{state: Paused, reason: ByMe}
	case t.PausedFar:
		return report{state: Paused, reason: ByPeer}
	case t.Direction == Receiving && own.state != "":
		return own
	case t.Direction == Sending && up && far.state != "":
		return far
	case t.Direction == Receiving && up:
		return report{state: Active}
	}
	return report{state: Interrupted, reason: PeerAway}
}

// stand brings a transfer to a state.
func (t *Transfer) stand(at report) {
	t.State, t.Reason, t.Error, t.Walled = at.state, at.reason, at.text, at.walled
}

// rank orders the final states: where each side came to another one, the higher
// counts on both.
func (s State) rank() int {
	switch s {
	case Done:
		return 4
	case Failed:
		return 3
	case Cancelled:
		return 2
	case Declined:
		return 1
	}
	return 0
}

// told are the reasons that the other side may give for its state, as it says them.
var told = map[State][]Reason{
	Active:      {Verifying, Queued},
	Paused:      {ByMe, ByPeer, DiskFull, NameTaken},
	Interrupted: {PeerAway, Stalled, SourceUnreadable},
	Declined:    {ByMe, ByPeer, Limit},
	Cancelled:   {ByMe, ByPeer},
	Failed:      {SourceChanged, Damaged, NoRoom, Refused},
}

// mirrored is what a state's reason of the other side means here. One that is not
// known, or does not belong to the state, is none: the state itself still counts.
func mirrored(s State, r Reason) Reason {
	switch {
	case !slices.Contains(told[s], r):
		return ""
	case r == ByMe:
		return ByPeer
	case r == ByPeer:
		return ByMe
	}
	return r
}

// believable reports whether the other side of a transfer may say that state.
func believable(s State) bool {
	switch s {
	case Offered, Active, Paused, Interrupted, Done, Declined, Cancelled, Failed:
		return true
	}
	return false
}

// forgotten is the state that follows for a receiver when the sender says one that
// only a receiver comes to first, and this one did not: it lost its database, or got
// an older one back. Of Done it keeps no more than that nothing is sent any more.
func forgotten(t Transfer, s State, r Reason) (State, Reason) {
	if t.Direction == Receiving && s == Done && t.State != Done {
		return Cancelled, ByPeer
	}
	return s, r
}

// heard is what becomes of t when the other side says m: what it is at there, which
// may be final for both.
func heard(t Transfer, m peer.OfferState) (after Transfer, far report) {
	state := State(m.State)
	state, reason := forgotten(t, state, mirrored(state, Reason(m.Reason)))
	far = report{state: state, reason: reason}
	if state.Final() {
		t.Settled = true
		if state.rank() > t.State.rank() {
			t.State, t.Reason, t.Error = state, reason, ""
			if state == Done {
				t.Done = t.Bytes
			}
		}
		return t, far
	}
	if t.State.Final() {
		return t, far
	}
	t.PausedFar = state == Paused && reason == ByPeer
	if t.Direction == Sending {
		t.Accepted = t.Accepted || state != Offered
		t.Done = int64(min(m.Done, uint64(t.Bytes)))
	}
	if state == Paused && reason == ByMe || t.PausedFar {
		far = report{} // says nothing beyond what the flags do
	}
	return t, far
}
