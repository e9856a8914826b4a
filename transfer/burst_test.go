package transfer_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
	"earshot/transfer/transfertest"
)

// alone is an engine that does not run yet, without anybody to reach, and what it
// tells.
func alone(t *testing.T, net transfer.Network) (e *transfer.Engine, dir string, states chan transfer.Transfer) {
	t.Helper()
	dir, states = t.TempDir(), make(chan transfer.Transfer, 10_000)
	e, err := transfer.New(transfer.Config{
		Store: transfertest.NewStore(), Network: net, Dir: func() string { return dir },
		Notify: func(e transfer.Event) { states <- e.(transfer.Changed).Transfer },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e, dir, states
}

// run runs an engine until the test ends.
func run(t *testing.T, e *transfer.Engine) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func nobody() network {
	return network{dial: func() (net.Conn, error) { return nil, errors.New("nobody there") }}
}

// TestABurstThatIsAcceptedByRule has each of many offers accepted as it comes: none
// of them waits for anybody.
func TestABurstThatIsAcceptedByRule(t *testing.T) {
	e, _, _ := alone(t, nobody())
	const burst = 12
	replies := make(chan error, burst)
	for range burst {
		o := transfer.Offer{ID: uuid.New(), Name: "a", Files: 1, Bytes: 1}
		e.Incoming(o, peer.ID{1})
		e.Accept(o.ID, "", func(err error) { replies <- err })
	}
	run(t, e)
	for n := range burst {
		if err := <-replies; err != nil {
			t.Errorf("reply %d: %v", n, err)
		}
	}
	for _, at := range e.Transfers() {
		if !at.Accepted {
			t.Errorf("%s %s", at.State, at.Reason)
		}
	}
}

// TestOffersThatCouldNotBeAccepted wait for an answer again, and count.
func TestOffersThatCouldNotBeAccepted(t *testing.T) {
	e, _, _ := alone(t, nobody())
	run(t, e)
	for n := range 5 {
		o := transfer.Offer{ID: uuid.New(), Name: "a", Files: 1, Bytes: 1}
		e.Incoming(o, peer.ID{1})
		err := do(t, func(reply func(error)) { e.Accept(o.ID, "not absolute", reply) })
		if n == 4 && err != transfer.ErrState {
			t.Errorf("the fifth: %v", err)
		}
	}
}
