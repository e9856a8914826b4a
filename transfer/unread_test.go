package transfer_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
	"earshot/transfer/transfertest"
)

// TestAReceiverThatDoesNotRead asks for all that it can and then takes none of it:
// that holds up nothing but its own connection, not for long, and costs the sender
// no memory to speak of. In simulated time.
func TestAReceiverThatDoesNotRead(t *testing.T) {
	const size = 64 * mib
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte(noise(size)), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, read := range map[string]func(o uuid.UUID) peer.Read{
		"of bytes": func(o uuid.UUID) peer.Read {
			return peer.Read{Offer: o, Ranges: []peer.ReadRange{{Length: size}}, Hashes: true}
		},
		"of recipes": func(o uuid.UUID) peer.Read {
			return peer.Read{Offer: o, Recipes: make([]uint64, 256), Slices: true}
		},
	} {
		t.Run(what+"/X-11", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { doesNotRead(t, path, read) })
		})
	}
}

func doesNotRead(t *testing.T, path string, read func(uuid.UUID) peer.Read) {
	bob := peer.ID{2}
	e := alone(t, network{dial: func() (net.Conn, error) { return nil, errors.New("no") }}, transfertest.NewStore())
	stop := run(t, e)
	defer stop()
	offers := make(chan transfer.Offer)
	e.Prepare(uuid.New(), bob, []string{path}, func(o transfer.Offer, err error) { offers <- o })
	offer := <-offers
	e.Offered(offer.ID)
	e.Up(bob)
	e.Receive(bob, peer.OfferState{Offer: offer.ID, State: "active"}, func() {})
	before := heap()
	near, far := net.Pipe()
	e.Serve(bob, far)
	b, err := peer.Append(nil, read(offer.ID))
	if err != nil {
		t.Fatal(err)
	}
	for range 60 { // as many as may wait
		if _, err := near.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	time.Sleep(29 * time.Second)
	synctest.Wait()
	if _, err := near.Write(nil); err != nil {
		t.Errorf("closed after %v: %v", time.Since(began), err)
	}
	if grew := int64(heap()) - int64(before); grew > 8*mib {
		t.Errorf("the sender holds %.1f MiB for it", float64(grew)/mib)
	}
	wantState(t, e, offer.ID, transfer.Active, "")
	another, other := net.Pipe() // of the same peer is served meanwhile
	e.Serve(bob, other)
	if answers := askOnce(t, another, page0(offer.ID)); answers.Type() != peer.TypeManifest {
		t.Errorf("another connection was answered %+v", answers)
	}
	time.Sleep(3 * time.Second)
	synctest.Wait()
	if n, err := io.Copy(io.Discard, near); n > 0 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	wantState(t, e, offer.ID, transfer.Interrupted, transfer.Stalled)
	e.Receive(bob, peer.OfferState{Offer: offer.ID, State: "active"}, func() {})
	synctest.Wait()
	wantState(t, e, offer.ID, transfer.Active, "")
}

// askOnce asks on a connection, and closes it after the first answer.
func askOnce(t *testing.T, conn net.Conn, m peer.Message) peer.Message {
	t.Helper()
	defer conn.Close()
	b, err := peer.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
	kind, payload, err := peer.ReadFrame(conn, peer.DataFrame)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := peer.Decode(kind, payload)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func wantState(t *testing.T, e *transfer.Engine, id uuid.UUID, state transfer.State, reason transfer.Reason) {
	t.Helper()
	for _, at := range e.Transfers() {
		if at.ID == id && (at.State != state || at.Reason != reason) {
			t.Errorf("it is %s %q, want %s %q", at.State, at.Reason, state, reason)
		}
	}
}
