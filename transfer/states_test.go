package transfer

import (
	"testing"

	"pgregory.net/rapid"

	"earshot/peer"
)

func TestNow(t *testing.T) {
	pulling, checking := report{state: Active}, report{state: Active, reason: Verifying}
	for name, c := range map[string]struct {
		t        Transfer
		own, far report
		up       bool
		want     report
	}{
		"an offer, received":           {t: Transfer{Direction: Receiving}, up: true, want: report{state: Offered}},
		"an offer, made":               {t: Transfer{Direction: Sending}, want: report{state: Offered}},
		"an offer that is prepared":    {t: Transfer{Direction: Sending, State: Preparing}, want: report{state: Preparing}},
		"accepted, and there":          {t: Transfer{Direction: Receiving, Accepted: true}, up: true, want: pulling},
		"accepted, and away":           {t: Transfer{Direction: Receiving, Accepted: true}, want: report{state: Interrupted, reason: PeerAway}},
		"checking while away":          {t: Transfer{Direction: Receiving, Accepted: true}, own: checking, want: checking},
		"sent":                         {t: Transfer{Direction: Sending, Accepted: true}, far: pulling, up: true, want: pulling},
		"sent, not heard of yet":       {t: Transfer{Direction: Sending, Accepted: true}, up: true, want: report{state: Interrupted, reason: PeerAway}},
		"sent to somebody away":        {t: Transfer{Direction: Sending, Accepted: true}, far: pulling, want: report{state: Interrupted, reason: PeerAway}},
		"no room there":                {t: Transfer{Direction: Sending, Accepted: true}, far: report{state: Paused, reason: DiskFull}, up: true, want: report{state: Paused, reason: DiskFull}},
		"paused here":                  {t: Transfer{Direction: Receiving, Accepted: true, PausedOwn: true}, own: pulling, up: true, want: report{state: Paused, reason: ByMe}},
		"paused there":                 {t: Transfer{Direction: Sending, Accepted: true, PausedFar: true}, far: pulling, up: true, want: report{state: Paused, reason: ByPeer}},
		"paused on both sides":         {t: Transfer{Accepted: true, PausedOwn: true, PausedFar: true}, want: report{state: Paused, reason: ByMe}},
		"done, whatever comes":         {t: Transfer{State: Done, Accepted: true, PausedOwn: true}, own: pulling, far: pulling, want: report{state: Done}},
		"failed, with what it said":    {t: Transfer{State: Failed, Reason: Damaged, Error: "x"}, want: report{state: Failed, reason: Damaged, text: "x"}},
		"declined before it was asked": {t: Transfer{State: Declined, Reason: Limit, Direction: Receiving}, want: report{state: Declined, reason: Limit}},
	} {
		if got := now(c.t, c.own, c.far, c.up); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestBothComeToOneEnd lets two sides come to final states of their own, and tell
// each other in any order, some of it lost, until both are settled.
func TestBothComeToOneEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		finals := map[Direction][]State{Sending: {Cancelled, Failed}, Receiving: {Cancelled, Failed, Done, Declined}}
		side := map[Direction]*Transfer{}
		for direction, states := range finals {
			side[direction] = &Transfer{Offer: Offer{Bytes: 10}, Direction: direction, State: Active, Accepted: true}
			if rapid.Bool().Draw(t, "ends") || direction == Receiving {
				side[direction].State = rapid.SampledFrom(states).Draw(t, "state")
				side[direction].Reason = ByMe
			}
		}
		other := map[Direction]Direction{Sending: Receiving, Receiving: Sending}
		for steps := 0; !side[Sending].Settled || !side[Receiving].Settled; steps++ {
			if steps > 1000 {
				t.Fatalf("%+v and %+v", side[Sending], side[Receiving])
			}
			from := rapid.SampledFrom([]Direction{Sending, Receiving}).Draw(t, "from")
			me, they := side[from], side[other[from]]
			if !me.State.Final() || rapid.IntRange(0, 3).Draw(t, "lost") == 0 {
				continue
			}
			if m := (peer.OfferState{State: string(me.State), Reason: string(me.Reason)}); believable(State(m.State)) {
				*they, _ = heard(*they, m)
			}
		}
		if side[Sending].State != side[Receiving].State {
			t.Fatalf("%s and %s", side[Sending].State, side[Receiving].State)
		}
	})
}

func TestHeardFigures(t *testing.T) {
	sending := Transfer{Offer: Offer{Bytes: 100}, Direction: Sending, State: Offered}
	after, far := heard(sending, peer.OfferState{State: "active", Reason: "verifying", Done: 1 << 63})
	if after.Done != 100 || !after.Accepted || far.reason != Verifying {
		t.Errorf("%+v, %+v", after, far)
	}
	receiving := Transfer{Offer: Offer{Bytes: 100}, Direction: Receiving, State: Active, Accepted: true, Done: 7}
	after, _ = heard(receiving, peer.OfferState{State: "active", Done: 50})
	if after.Done != 7 {
		t.Errorf("the sender's word counts: %d", after.Done)
	}
	if after, _ = heard(receiving, peer.OfferState{State: "paused", Reason: "by me"}); !after.PausedFar {
		t.Error("not paused")
	}
	if after, _ = heard(after, peer.OfferState{State: "paused", Reason: "by peer"}); after.PausedFar {
		t.Error("paused by what this side did")
	}
	if after, _ = heard(after, peer.OfferState{State: "failed", Reason: "\x1b[2J"}); after.State != Failed || after.Reason != "" {
		t.Errorf("%s %q", after.State, after.Reason)
	}
}

func TestReasonsBelongToStates(t *testing.T) {
	for said, want := range map[[2]string]Reason{
		{"failed", "damaged"}:                 Damaged,
		{"declined", "by me"}:                 ByPeer,
		{"declined", "limit"}:                 Limit,
		{"paused", "disk full"}:               DiskFull,
		{"interrupted", "source unreadable"}:  SourceUnreadable,
		{"active", "verifying"}:               Verifying,
		{"done", "damaged"}:                   "",
		{"failed", "by peer"}:                 "",
		{"active", "limit"}:                   "",
		{"offered", "by me"}:                  "",
		{"cancelled", "no room"}:              "",
		{"interrupted", "of a later version"}: "",
	} {
		sent := Transfer{Offer: Offer{Bytes: 9}, Direction: Sending, State: Active, Accepted: true}
		after, far := heard(sent, peer.OfferState{State: said[0], Reason: said[1]})
		if far.state != State(said[0]) && far != (report{}) || far.reason != want {
			t.Errorf("%s %q is heard as %+v", said[0], said[1], far)
		}
		if after.State.Final() && after.Reason != want {
			t.Errorf("%s %q becomes %q", said[0], said[1], after.Reason)
		}
	}
}
