package rendezvous

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"earshot/peer"
)

// network is where servers listen, by address, over pipes.
type network struct {
	mu      sync.Mutex
	listens map[string]*pipes
	dialled map[string]int
}

func newNetwork() *network {
	return &network{listens: make(map[string]*pipes), dialled: make(map[string]int)}
}

// dial connects to who listens at the address.
func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l, ok := n.listens[address]
	n.dialled[address]++
	n.mu.Unlock()
	if !ok {
		return nil, errors.New("connection refused")
	}
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) dials(address string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dialled[address]
}

// listen takes an address.
func (n *network) listen(address string) *pipes {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	l.leave = func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.listens[address] == l {
			delete(n.listens, address)
		}
	}
	n.listens[address] = l
	return l
}

// pipes is a listener of pipes.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	leave  func()
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.closed); l.leave() })
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serve has a server with a realm's key answer at the address until stop.
func (n *network) serve(t *testing.T, address string, realm *peer.Identity, h http.Handler) (stop func()) {
	t.Helper()
	config, err := peer.HTTPConfig(realm, peer.ID{})
	if err != nil {
		t.Fatal(err)
	}
	return n.serveTLS(address, config, h)
}

func (n *network) serveTLS(address string, config *tls.Config, h http.Handler) (stop func()) {
	l := n.listen(address)
	server := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	var wg sync.WaitGroup
	wg.Go(func() { server.Serve(tls.NewListener(l, config)) })
	return sync.OnceFunc(func() { l.Close(); server.Close(); wg.Wait() })
}

const office, branch = "office:7421", "branch:7421"

// client is a device's client of the realm of seed 9.
func (n *network) client(t *testing.T, device byte, addresses ...string) *Client {
	t.Helper()
	c, err := NewClient(ClientConfig{
		Identity: seeded(device), Realm: seeded(9).ID(), Addresses: addresses, Dial: n.dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// answer writes an answer as a server does.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.MarshalWrite(w, v)
}

func refuse(w http.ResponseWriter, status int, code Code) {
	w.WriteHeader(status)
	json.MarshalWrite(w, Problem{Code: code, Wait: 7})
}

// within bounds a test's calls.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
