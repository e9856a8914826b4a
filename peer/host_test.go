package peer

import (
	"testing"
)

func TestTwoHostsMeetAndTalk(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		meet(a, b)
		want := OfferState{State: "active", Done: 7}
		if !a.Send(b.id(), want) {
			t.Fatal("not sent")
		}
		if got := await[Received](b); got.From != a.id() || got.Message != want {
			t.Errorf("got %+v", got)
		}
	})
}
