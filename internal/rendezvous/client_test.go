package rendezvous

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// heard is a server that answers {} and keeps what it was asked.
type heard struct {
	mu     sync.Mutex
	lines  []string
	bodies []string
	by     []peer.ID
}

func (h *heard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	id, _ := peer.ProvedKey(*r.TLS)
	h.mu.Lock()
	h.lines = append(h.lines, r.Method+" "+r.URL.RequestURI())
	h.bodies = append(h.bodies, string(b))
	h.by = append(h.by, id)
	h.mu.Unlock()
	answer(w, struct{}{})
}

func (h *heard) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.lines)
}

func TestEachMethodAsksForItsOwn(t *testing.T) {
	n, h := newNetwork(), &heard{}
	defer n.serve(t, office, seeded(9), h)()
	c, ctx, id := n.client(t, 1, office), within(t), uuid.UUID{1}
	defer c.Close()
	name := "Ann"
	for want, ask := range map[string]func() error{
		"POST /v1/logout":                                   func() error { return c.Logout(ctx) },
		"GET /v1/me":                                        func() error { _, err := c.Me(ctx); return err },
		`PATCH /v1/me {"name":"Ann"}`:                       func() error { _, err := c.Change(ctx, Change{Name: &name}); return err },
		`PUT /v1/me/password {"old":"a","new":"b"}`:         func() error { _, err := c.ChangePassword(ctx, NewPassword{"a", "b"}); return err },
		"DELETE /v1/me/devices/" + seeded(1).ID().String():  func() error { return c.Revoke(ctx, seeded(1).ID()) },
		`POST /v1/login {"user":"ann","password":"secret"}`: func() error { _, err := c.Login(ctx, Credentials{"ann", "secret"}); return err },
		`POST /v1/accounts {"user":"ann","password":"p","code":"C"}`: func() error {
			_, err := c.Register(ctx, Registration{User: "ann", Password: "p", Code: "C"})
			return err
		},
		`POST /v1/friends {"user":"bob"}`:                                  func() error { _, err := c.Befriend(ctx, "bob"); return err },
		"PUT /v1/friends/01000000-0000-0000-0000-000000000000":             func() error { _, err := c.Accept(ctx, id); return err },
		"DELETE /v1/friends/01000000-0000-0000-0000-000000000000":          func() error { return c.Remove(ctx, id) },
		"PUT /v1/blocks/01000000-0000-0000-0000-000000000000":              func() error { return c.Block(ctx, id, true) },
		"DELETE /v1/blocks/01000000-0000-0000-0000-000000000000":           func() error { return c.Block(ctx, id, false) },
		"POST /v1/admin/accounts/" + id.String() + "/kick":                 func() error { return c.Kick(ctx, id) },
		"POST /v1/admin/accounts/" + id.String() + "/disable":              func() error { return c.Enable(ctx, id, false) },
		"POST /v1/admin/accounts/" + id.String() + "/enable":               func() error { return c.Enable(ctx, id, true) },
		"POST /v1/admin/accounts/" + id.String() + "/reset":                func() error { _, err := c.Reset(ctx, id); return err },
		`POST /v1/admin/invites {"uses":2,"until":"1970-01-01T00:00:01Z"}`: func() error { _, err := c.Invite(ctx, Invite{2, time.Unix(1, 0).UTC()}); return err },
	} {
		before := h.count()
		if err := ask(); err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if got := strings.TrimSpace(h.lines[before] + " " + h.bodies[before]); got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
		if h.by[before] != seeded(1).ID() {
			t.Errorf("%s: by %v", want, h.by[before])
		}
	}
}

func TestARefusalKeepsItsCode(t *testing.T) {
	n := newNetwork()
	defer n.serve(t, office, seeded(9), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusTooManyRequests, CodeTooMany)
	}))()
	_, err := n.client(t, 1, office).Me(within(t))
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok || refused.Code != CodeTooMany || refused.Wait != 7*time.Second || !Refused(err, CodeTooMany) {
		t.Errorf("got %v", err)
	}
}

func TestTheNextServerIsAskedWhereOneIsAway(t *testing.T) {
	n, h := newNetwork(), &heard{}
	stop := n.serve(t, branch, seeded(9), h)
	c := n.client(t, 1, office, branch)
	if _, err := c.Me(within(t)); err != nil || h.count() != 1 {
		t.Fatalf("asked %d times: %v", h.count(), err)
	}
	if got := c.Addresses(); got[0] != branch {
		t.Errorf("the next call would begin with %s", got[0])
	}
	c.SetAddresses([]string{"third:1", office, branch, "not an address"})
	if got := c.Addresses(); len(got) != 3 || got[0] != branch {
		t.Errorf("with new addresses: %v", got)
	}
	c.SetAddresses([]string{"10.0.0.1:7421"})
	c.SetAddresses([]string{"10.0.0.2:7421"})
	if got := c.Addresses(); len(got) != 4 || !slices.Contains(got, "10.0.0.2:7421") || slices.Contains(got, "10.0.0.1:7421") {
		t.Errorf("when they moved: %v", got)
	}
	c.Close()
	stop()
	if _, err := c.Me(within(t)); !errors.Is(err, ErrAway) {
		t.Errorf("with all away: %v", err)
	}
}

// TestWhatMustNotBeDoneTwiceIsAskedOnce has a server that hangs up instead of
// answering: it may have heard.
func TestWhatMustNotBeDoneTwiceIsAskedOnce(t *testing.T) {
	n, h := newNetwork(), &heard{}
	defer n.serve(t, office, seeded(9), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}))()
	defer n.serve(t, branch, seeded(9), h)()
	if _, err := n.client(t, 1, office, branch).Register(within(t), Registration{User: "ann"}); err == nil || h.count() > 0 {
		t.Errorf("registered a second time: %v", err)
	}
	if _, err := n.client(t, 1, office, branch).Login(within(t), Credentials{User: "ann"}); err != nil || h.count() != 1 {
		t.Errorf("a log-in was not tried with the next server: %v", err)
	}
}

// badAnswers are no answers.
var badAnswers = map[string]http.HandlerFunc{
	"nonsense":         func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
	"a key twice":      func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"ticket":"","ticket":"AA=="}`) },
	"trailing bytes":   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}{}`) },
	"a surrogate":      func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"servers":["\ud800"]}`) },
	"nesting":          func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"x":`+strings.Repeat("[", 20000)) },
	"a claimed size":   func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", fmt.Sprint(1<<40)) },
	"no end":           func(w http.ResponseWriter, _ *http.Request) { endless(w) },
	"a refusal of air": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
	"a long refusal": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		io.WriteString(w, `{"error":"`+strings.Repeat("x", maxRefusal)+`"}`)
	},
	"compressed": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff})
	},
	"somewhere else": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://branch:7421/", http.StatusTemporaryRedirect)
	},
}

func endless(w http.ResponseWriter) {
	for {
		if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<16)); err != nil {
			return
		}
	}
}

func TestABadAnswerIsNone(t *testing.T) {
	for what, h := range badAnswers {
		t.Run(what, func(t *testing.T) {
			n, elsewhere := newNetwork(), &heard{}
			defer n.serve(t, office, seeded(9), h)()
			defer n.serve(t, branch, seeded(9), elsewhere)()
			if got, err := n.client(t, 1, office).Me(within(t)); err == nil {
				t.Errorf("taken for %+v", got)
			}
			if elsewhere.count() > 0 {
				t.Error("it sent us somewhere else")
			}
		})
	}
}

// TestNoPasswordLeavesWithoutThePinnedKey has a rogue answer under the real one's
// address.
func TestNoPasswordLeavesWithoutThePinnedKey(t *testing.T) {
	t.Run("A-01", func(t *testing.T) {
		n, rogue := newNetwork(), &heard{}
		defer n.serve(t, office, seeded(3), rogue)()
		c := n.client(t, 1, office)
		_, err := c.Login(within(t), Credentials{User: "ann", Password: "secret"})
		if !errors.Is(err, ErrOtherKey) {
			t.Errorf("log in: %v", err)
		}
		_, err = c.Register(within(t), Registration{User: "ann", Password: "secret"})
		if !errors.Is(err, ErrOtherKey) {
			t.Errorf("register: %v", err)
		}
		if _, err := c.Me(within(t)); !errors.Is(err, ErrOtherKey) {
			t.Errorf("another call: %v", err)
		}
		if rogue.count() > 0 {
			t.Errorf("the rogue was asked %v", rogue.lines)
		}
		if _, err := NewClient(ClientConfig{Identity: seeded(1), Addresses: []string{office}}); !errors.Is(err, ErrNotPinned) {
			t.Errorf("a client without a pinned key: %v", err)
		}
		if key, err := Probe(within(t), seeded(1), office, n.dial); err != nil || key != seeded(3).ID() || rogue.count() > 0 {
			t.Errorf("looking at it: %v, %v, asked %v", key, err, rogue.lines)
		}
	})
}

func TestTheRightServerIsUsedBesideARogueOne(t *testing.T) {
	n, h := newNetwork(), &heard{}
	defer n.serve(t, office, seeded(3), &heard{})()
	defer n.serve(t, branch, seeded(9), h)()
	if _, err := n.client(t, 1, office, branch).Me(within(t)); err != nil || h.count() != 1 {
		t.Errorf("got %v", err)
	}
}

// TestNothingWeakerIsSpoken has servers that offer what a client must not take.
func TestNothingWeakerIsSpoken(t *testing.T) {
	t.Run("A-07", func(t *testing.T) {
		for what, spoil := range map[string]func(*tls.Config){
			"TLS 1.2":          func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
			"no protocol":      func(c *tls.Config) { c.NextProtos = nil },
			"another protocol": func(c *tls.Config) { c.NextProtos = []string{"earshot/1"} },
			"two certificates": func(c *tls.Config) {
				c.Certificates[0].Certificate = append(c.Certificates[0].Certificate, c.Certificates[0].Certificate[0])
			},
		} {
			n, h := newNetwork(), &heard{}
			config, err := peer.HTTPConfig(seeded(9), peer.ID{})
			if err != nil {
				t.Fatal(err)
			}
			spoil(config)
			stop := n.serveTLS(office, config, h)
			if _, err := n.client(t, 1, office).Login(within(t), Credentials{"ann", "secret"}); err == nil || h.count() > 0 {
				t.Errorf("%s: %v, asked %v", what, err, h.lines)
			}
			stop()
		}
		n, h := newNetwork(), &heard{}
		l := n.listen(office)
		server := &http.Server{Handler: h}
		var wg sync.WaitGroup
		wg.Go(func() { server.Serve(l) })
		if _, err := n.client(t, 1, office).Login(within(t), Credentials{"ann", "secret"}); err == nil || h.count() > 0 {
			t.Errorf("without TLS: %v, asked %v", err, h.lines)
		}
		server.Close()
		wg.Wait()
	})
}

// recorder keeps what a client wrote on each connection.
type recorder struct {
	net.Conn
	mu    sync.Mutex
	bytes []byte
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	r.bytes = append(r.bytes, b...)
	r.mu.Unlock()
	return r.Conn.Write(b)
}

// TestARecordedLogInIsWorthNothing plays what a device sent on a new connection.
func TestARecordedLogInIsWorthNothing(t *testing.T) {
	t.Run("A-09", func(t *testing.T) {
		n, h := newNetwork(), &heard{}
		defer n.serve(t, office, seeded(9), h)()
		var rec *recorder
		c, err := NewClient(ClientConfig{Identity: seeded(1), Realm: seeded(9).ID(), Addresses: []string{office},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := n.dial(ctx, network, address)
				rec = &recorder{Conn: conn}
				return rec, err
			}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Login(within(t), Credentials{"ann", "secret"}); err != nil || h.count() != 1 {
			t.Fatal(err)
		}
		if bytes.Contains(rec.bytes, []byte("secret")) || bytes.Contains(rec.bytes, []byte("ann")) {
			t.Error("the password can be read on the wire")
		}
		replay, err := n.dial(within(t), "tcp", office)
		if err != nil {
			t.Fatal(err)
		}
		defer replay.Close()
		go replay.Write(rec.bytes)
		replay.SetReadDeadline(time.Now().Add(10 * time.Second))
		io.Copy(io.Discard, replay) // until the server hangs up
		if h.count() != 1 {
			t.Errorf("the server was asked %v", h.lines)
		}
	})
}

func TestEveryCallHasADeadline(t *testing.T) {
	n := newNetwork()
	block := make(chan struct{})
	defer n.serve(t, office, seeded(9), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-block }))()
	defer close(block)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := n.client(t, 1, office).Me(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
