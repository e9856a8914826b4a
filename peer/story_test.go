package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// story runs a test in a bubble, where time passes only while everybody waits,
// on a network of its own. Hosts that are left at its end are stopped.
func story(t *testing.T, tell func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, network: newNetwork()}
		defer s.clear()
		tell(t, s)
	})
}

// stage is where a story plays.
type stage struct {
	t *testing.T
	*network
	actors  []*actor
	puppets []*puppet
	extras  sync.WaitGroup // whatever else goes on; ends when the puppets' connections do
}

func (s *stage) clear() {
	for addr := range s.silent {
		s.unmute(addr)
	}
	for _, p := range s.puppets {
		p.wire.Close()
	}
	for _, a := range s.actors {
		a.stop()
	}
	s.extras.Wait()
}

// actor is a host that runs, and what it said.
type actor struct {
	*Host
	t    *testing.T
	addr netip.AddrPort
	log  *logBook
	stop func()

	patience time.Duration

	mu     sync.Mutex
	events []Event
	told   int // events that await has gone through
	news   chan struct{}
	busy   bool // does not call Done
	undone []func()
	resend func() // at the beginning of each session
}

// addrOf is the address of the actor with that number.
func addrOf(n byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, n}), DefaultPort)
}

func seed(n byte) (s [32]byte) {
	for i := range s {
		s[i] = n
	}
	return s
}

// host starts the actor with that number, which stands for its key and its
// address.
func (s *stage) host(n byte) *actor { return s.hostAt(n, addrOf(n)) }

func (s *stage) hostAt(n byte, addr netip.AddrPort) *actor {
	s.t.Helper()
	a := s.idle(n, addr)
	a.run()
	return a
}

// idle makes an actor that does not run yet.
func (s *stage) idle(n byte, addr netip.AddrPort) *actor {
	s.t.Helper()
	a := &actor{t: s.t, addr: addr, log: &logBook{}, news: make(chan struct{}, 1), patience: patience}
	h, err := NewHost(Config{
		Identity: NewIdentity(seed(n)), Name: fmt.Sprintf("actor %d", n),
		Notify: a.note, Log: slog.New(slog.NewTextHandler(a.log, nil)), Dial: s.dialFrom(addr.Addr()),
	}, s.listen(addr))
	if err != nil {
		s.t.Fatal(err)
	}
	a.Host = h
	s.actors = append(s.actors, a)
	return a
}

// realHost starts a host with real sockets, on any port.
func realHost(t *testing.T, n byte) *actor {
	t.Helper()
	a := &actor{t: t, log: &logBook{}, news: make(chan struct{}, 1), patience: realPatience}
	h, err := Listen(Config{
		Identity: NewIdentity(seed(n)), Name: fmt.Sprintf("actor %d", n),
		Notify: a.note, Log: slog.New(slog.NewTextHandler(a.log, nil)),
	}, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	a.Host, a.addr = h, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), h.Port())
	a.run()
	t.Cleanup(a.stop)
	return a
}

// run lets the host run until stop.
func (a *actor) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := a.Run(ctx); err != nil {
			a.t.Errorf("Run: %v", err)
		}
	}()
	a.stop = func() {
		cancel()
		<-done
	}
}

func (a *actor) id() ID { return a.cfg.Identity.ID() }

func (a *actor) note(e Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, e)
	if _, ok := e.(SessionUp); ok && a.resend != nil {
		a.resend()
	}
	if m, ok := e.(Received); ok {
		if a.busy {
			a.undone = append(a.undone, m.Done)
		} else {
			m.Done()
		}
	}
	select {
	case a.news <- struct{}{}:
	default:
	}
}

// hold lets the actor be done with nothing; or with everything again.
func (a *actor) hold(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy = on
	for _, done := range a.undone {
		done()
	}
	a.undone = nil
}

// How long a test waits for what must come, in a bubble and outside.
const (
	patience     = 10 * time.Minute
	realPatience = 30 * time.Second
)

// await returns the next event of type E, and lets go those before it.
func await[E Event](a *actor) E {
	a.t.Helper()
	late := time.NewTimer(a.patience)
	defer late.Stop()
	for {
		if e, ok := next[E](a); ok {
			return e
		}
		select {
		case <-a.news:
		case <-late.C:
			a.t.Fatalf("no %T came to %v; there were %v", *new(E), a.addr, a.kinds())
		}
	}
}

func next[E Event](a *actor) (found E, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.told < len(a.events) {
		e, ok := a.events[a.told].(E)
		a.told++
		if ok {
			return e, true
		}
	}
	return found, false
}

// kinds says which events there were, for messages of tests.
func (a *actor) kinds() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var kinds []string
	for _, e := range a.events {
		kinds = append(kinds, fmt.Sprintf("%T", e))
	}
	return kinds
}

// count is how many events of type E there were so far.
func count[E Event](a *actor) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, e := range a.events {
		if _, ok := e.(E); ok {
			n++
		}
	}
	return n
}

// onUp is called at the beginning of each session from now on.
func (a *actor) onUp(resend func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.resend = resend
}

// forgetEvents lets go what happened so far.
func (a *actor) forgetEvents() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events, a.told = nil, 0
}

// sessions is how many connections the host serves.
func (a *actor) sessions() (kept int) {
	a.Host.mu.Lock()
	defer a.Host.mu.Unlock()
	for _, p := range a.peers {
		if p.kept != nil {
			kept++
		}
	}
	return kept
}

// meet lets a reach b, and waits until both know.
func meet(a, b *actor) {
	a.t.Helper()
	a.Reach(b.id(), []netip.AddrPort{b.addr})
	await[SessionUp](a)
	await[SessionUp](b)
}

// logBook is a log that can be read.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// warnings is how many there are.
func (l *logBook) warnings() int { return strings.Count(l.String(), "level=WARN") }

// puppet is a peer that does what a test says, and nothing by itself.
type puppet struct {
	*secure
	t *testing.T
}

// puppet proves the key with that number to an actor, over a connection of its
// own.
func (s *stage) puppet(n byte, to *actor) *puppet {
	s.t.Helper()
	id := NewIdentity(seed(n))
	cert, err := selfSigned(id)
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := s.dial(s.t.Context(), addrOf(n).Addr(), to.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.puppetOn(conn, tlsConfig(cert, to.id(), protoSession))
}

func (s *stage) puppetOn(conn net.Conn, config *tls.Config) *puppet {
	s.t.Helper()
	secured, err := handshake(s.t.Context(), newWire(conn), func(w *wire) *tls.Conn { return tls.Client(w, config) })
	if err != nil {
		s.t.Fatal(err)
	}
	p := &puppet{secure: secured, t: s.t}
	s.puppets = append(s.puppets, p)
	return p
}

// id0 is the puppet's own ID.
func (p *puppet) id0() ID { return seedID(visitor) }

// hello says hello and reads that of the other side.
func (p *puppet) hello() Hello {
	p.t.Helper()
	return p.helloAs(greeting("puppet", uuid.New(), 7420))
}

func (p *puppet) helloAs(own Hello) Hello {
	p.t.Helper()
	p.say(own)
	return p.hear().(Hello)
}

func frameOf(m Message) []byte {
	b, err := Append(nil, m)
	if err != nil {
		panic(err)
	}
	return b
}

// say sends messages.
func (p *puppet) say(ms ...Message) {
	p.t.Helper()
	for _, m := range ms {
		p.write(frameOf(m))
	}
}

func (p *puppet) write(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// hear reads the next message.
func (p *puppet) hear() Message {
	p.t.Helper()
	t, payload, err := ReadFrame(p, ControlFrame)
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	m, err := Decode(t, payload)
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// hearBye reads until the other side said bye and closed, and returns what it
// said.
func (p *puppet) hearBye() Bye {
	p.t.Helper()
	for {
		if bye, ok := p.hear().(Bye); ok {
			if _, err := io.Copy(io.Discard, p); err != nil && !closedBy(err) {
				p.t.Errorf("after bye: %v", err)
			}
			return bye
		}
	}
}

// closedBy reports whether an error is how a stream looks that was closed.
func closedBy(err error) bool {
	return slices.ContainsFunc([]string{"EOF", "closed", "reset", "broken pipe"}, func(s string) bool {
		return strings.Contains(err.Error(), s)
	})
}

// answer reads until the other side closes, and answers its pings.
func (p *puppet) answer() {
	for {
		t, payload, err := ReadFrame(p, ControlFrame)
		if err != nil {
			return
		}
		if m, err := Decode(t, payload); err == nil && t == TypePing {
			p.Write(frameOf(Pong{N: m.(Ping).N}))
		}
	}
}
