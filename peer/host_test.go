package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

func TestTwoHostsMeetAndTalk(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		meet(a, b)
		talk(t, a, b)
		talk(t, b, a)
	})
}

// talk sends a message and waits for it.
func talk(t *testing.T, from, to *actor) {
	t.Helper()
	want := OfferState{State: "active", Done: 7}
	if !from.Send(to.id(), want) {
		t.Fatal("not sent")
	}
	if got := await[Received](to); got.From != from.id() || got.Message != want {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsAskedBeforeRunIsDoneThen(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		b := s.host(2)
		a := s.idle(1, addrOf(1))
		a.Reach(b.id(), []netip.AddrPort{b.addr})
		a.Probe(b.addr)
		a.Watch(b.id(), "screen", true)
		a.run()
		await[SessionUp](a)
	})
}

func TestProbeFindsWhoIsThere(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		a.Probe(addrOf(2))
		a.Probe(addrOf(2))
		time.Sleep(time.Hour)
		b := s.host(2)
		if up := await[SessionUp](a); up.ID != b.id() || up.Addr != b.addr {
			t.Errorf("found %+v", up)
		}
		a.Probe(addrOf(2)) // there is a session: nothing to find
		time.Sleep(time.Hour)
		if n := count[SessionUp](a) + count[SessionDown](a) + count[SessionUp](b); n != 2 {
			t.Errorf("a: %v, b: %v", a.kinds(), b.kinds())
		}
	})
}

func TestDataConnections(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		if _, err := a.DialData(t.Context(), b.id()); err == nil {
			t.Fatal("a data connection without a session")
		}
		meet(a, b)
		var near, far []net.Conn
		for range MaxDataConns {
			conn, err := a.DialData(t.Context(), b.id())
			if err != nil {
				t.Fatal(err)
			}
			opened := await[DataOpened](b)
			if opened.From != a.id() {
				t.Errorf("from %s", opened.From)
			}
			near, far = append(near, conn), append(far, opened.Conn)
		}
		if _, err := a.DialData(t.Context(), b.id()); !errors.Is(err, ErrDataLimit) {
			t.Errorf("one too many: %v", err)
		}
		go func() {
			io.WriteString(near[0], "through the pipe")
			near[0].(*dataConn).Flush()
		}()
		got := make([]byte, 16)
		if _, err := io.ReadFull(far[0], got); err != nil || string(got) != "through the pipe" {
			t.Errorf("read %q, %v", got, err)
		}
		near[0].Close()
		if _, err := far[0].Read(got); err != io.EOF {
			t.Errorf("the end: %v, want io.EOF", err)
		}
		far[0].Close()
		far[0].Close()
		if conn, err := b.DialData(t.Context(), a.id()); err != nil { // the room is back
			t.Error(err)
		} else {
			near = append(near, conn, await[DataOpened](a).Conn)
		}
		for _, conn := range append(near, far...) {
			conn.Close()
		}
	})
}

// Whichever side dialled the session, each can dial the other for data: where it
// was reached, or where its session comes from and the port that it said.
func TestDataGoesWhereTheSessionIs(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b := s.host(1), s.host(2)
		if addr := a.Address(b.id()); addr.IsValid() {
			t.Errorf("without a session it is at %v", addr)
		}
		meet(a, b)
		if to, from := a.Address(b.id()), b.Address(a.id()); to != b.addr || from != a.addr {
			t.Errorf("b is at %v, a at %v", to, from)
		}
		before := s.dialled(a.addr)
		conn, err := b.DialData(t.Context(), a.id())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		opened := await[DataOpened](a)
		defer opened.Conn.Close()
		if opened.From != b.id() || s.dialled(a.addr) != before+1 {
			t.Errorf("from %s, dialled %d times", opened.From, s.dialled(a.addr)-before)
		}
	})
}

// A peer says in its hello at which port it is dialled, and nothing else; and not
// a port of other services.
func TestDataIsDialledAtThePortOfTheHello(t *testing.T) {
	for _, c := range []struct {
		said, dialled uint16
		times         int
	}{{7420, 7420, 1}, {22, 0, 0}, {0, 0, 0}} {
		story(t, func(t *testing.T, s *stage) {
			a := s.host(1)
			p := s.puppet(visitor, a)
			p.helloAs(greeting("puppet", uuid.New(), c.said))
			await[SessionUp](a)
			if got, want := a.Address(p.id0()), netip.AddrPortFrom(addrOf(visitor).Addr(), c.dialled); got != want {
				t.Errorf("port %d: it is at %v, want %v", c.said, got, want)
			}
			if _, err := a.DialData(t.Context(), p.id0()); err == nil {
				t.Errorf("port %d: somebody was reached", c.said)
			}
			if n := s.dialled(addrOf(visitor)); n != c.times {
				t.Errorf("port %d: dialled %d times", c.said, n)
			}
		})
	}
}

func TestADataConnectionNeedsASession(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		config := tlsConfig(must(selfSigned(NewIdentity(seed(visitor)))), a.id(), protoData)
		p := s.puppetOn(must(s.dial(t.Context(), addrOf(visitor).Addr(), a.addr)), config)
		if n, err := io.Copy(io.Discard, p); n > 0 {
			t.Errorf("read %d bytes, %v", n, err)
		}
		notLetIn(t, a)
	})
}

func TestAPeerThatStartedAnew(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		_, a := guest(s) // does not answer any more
		p := s.puppet(visitor, a)
		began := time.Now()
		p.hello()
		p.say(OfferState{State: "active"}) // is not lost while it is not decided
		s.extras.Go(p.answer)
		down := await[SessionDown](a)
		await[SessionUp](a)
		await[Received](a)
		if took := time.Since(began); took != contestTime || !errors.Is(down.Err, errReplaced) {
			t.Errorf("after %v: %v", took, down.Err)
		}
		if count[PeerGone](a) > 0 {
			t.Error("the peer was gone")
		}
	})
}

func TestAnIdentityThatRunsTwice(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a, b, twin := s.host(1), s.host(2), s.hostAt(2, addrOf(3))
		meet(a, b)
		twin.Reach(a.id(), []netip.AddrPort{a.addr})
		if got := await[Twin](a); got.ID != b.id() || got.Addr != twin.addr {
			t.Errorf("a was told %+v", got)
		}
		if got := await[Twin](twin); got.ID != twin.id() || got.Addr != a.addr {
			t.Errorf("the twin was told %+v", got)
		}
		if got := await[Twin](b); got.ID != b.id() || got.Addr != a.addr {
			t.Errorf("the first one was told %+v", got)
		}
		await[Received](b).Done()
		if count[SessionDown](a) > 0 {
			t.Error("the session suffered")
		}
		talk(t, a, b)
	})
}

// TestBothDialAtOnce lets two hosts that have no session dial each other in the
// same instant, again and again, and resend what a session that ended may not
// have brought, as the owner of a host does.
func TestBothDialAtOnce(t *testing.T) {
	const rounds = 1000
	t.Run("a thousand times/O-11", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			a, b := s.host(1), s.host(2)
			contests := 0
			for round := range uint64(rounds) {
				a.onUp(func() { a.Send(b.id(), OfferState{Done: round}) })
				b.onUp(func() { b.Send(a.id(), OfferState{Done: round}) })
				dialNow(a, b)
				dialNow(b, a)
				time.Sleep(2 * time.Second)
				if a.sessions() != 1 || b.sessions() != 1 {
					t.Fatalf("round %d: %d and %d sessions", round, a.sessions(), b.sessions())
				}
				for _, to := range []*actor{a, b} {
					if got := await[Received](to).Message; got != (OfferState{Done: round}) {
						t.Fatalf("round %d: got %+v", round, got)
					}
				}
				contests += count[SessionDown](a) + count[SessionDown](b)
				a.forgetEvents() // what was sent again may have come twice
				b.forgetEvents()
				talk(t, a, b)
				talk(t, b, a)
				a.Drop(b.id(), ByeIdle)
				time.Sleep(time.Second)
				a.forgetEvents()
				b.forgetEvents()
			}
			t.Logf("%d rounds, a session was replaced %d times", rounds, contests)
		})
	})
}

// dialNow lets a host dial another one in this instant.
func dialNow(from, to *actor) {
	from.Host.mu.Lock()
	defer from.Host.mu.Unlock()
	p := from.neighbour(to.id())
	p.wanted, p.failures, p.addrs = true, 0, []netip.AddrPort{to.addr}
	from.dialSoon(p, 0)
}

func TestStrangersAreCapped(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		come := func(n byte, from netip.AddrPort) *puppet {
			cert := must(selfSigned(NewIdentity(seed(n))))
			p := s.puppetOn(must(s.dial(t.Context(), from.Addr(), a.addr)), tlsConfig(cert, a.id(), protoSession))
			p.hello()
			return p
		}
		for n := range byte(maxAddressStrangers) {
			come(100+n, addrOf(9))
		}
		synctest.Wait()
		if n := a.sessions(); n != maxAddressStrangers {
			t.Fatalf("%d sessions", n)
		}
		if bye := come(200, addrOf(9)).hearBye(); bye.Code != ByeFull {
			t.Errorf("heard %+v", bye)
		}
		come(201, addrOf(8))
		a.SetContact(seedID(202), true)
		come(202, addrOf(9))
		time.Sleep(time.Second)
		if n := a.sessions(); n != maxAddressStrangers+2 {
			t.Errorf("%d sessions", n)
		}
		if n := a.log.warnings(); n != 1 {
			t.Errorf("%d warnings", n)
		}
	})
}

func TestStrangersAreCappedInAll(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.idle(1, addrOf(1))
		admit := func(n int) error {
			near, _ := s.cable(a.addr, addrOf(byte(2+n%16)))
			conn := &secure{wire: newWire(near)}
			return a.admit(&session{host: a.Host, id: ID{byte(n), byte(n >> 8), 1}, conn: conn, said: a.hello()})
		}
		for n := range maxStrangers {
			if err := admit(n); err != nil {
				t.Fatalf("number %d: %v", n, err)
			}
		}
		var full *ProtocolError
		if err := admit(maxStrangers); !errors.As(err, &full) || full.Code != ByeFull {
			t.Errorf("one too many: %v", err)
		}
		if n := len(a.peers); n != maxStrangers {
			t.Errorf("%d are remembered", n)
		}
		clear(a.peers) // they were made of nothing
		a.run()
	})
}

func TestTheGateHoldsPlacesForWhoIsKnown(t *testing.T) {
	g := newGate()
	known := func(a netip.Addr) bool { return a == addrOf(1).Addr() }
	in := func(n byte) bool { return g.enter(addrOf(n).Addr(), known) }
	for i := range byte(maxHandshakes - reservedHandshakes) {
		if !in(10 + i%3) {
			t.Fatalf("number %d was refused", i)
		}
	}
	if in(10) || in(20) {
		t.Error("a stranger took a reserved place")
	}
	for i := range maxAddressHandshakes {
		if !in(1) {
			t.Fatalf("known number %d was refused", i)
		}
	}
	if in(1) {
		t.Error("one too many from one address")
	}
	g.leave(addrOf(10).Addr())
	if in(20) {
		t.Error("a stranger took a reserved place")
	}
	for range maxAddressHandshakes {
		g.leave(addrOf(1).Addr())
	}
	if !in(20) || len(g.from) != 4 {
		t.Errorf("the places did not come back: %v", g.from)
	}
}

func TestSilentConnectionsAreFew(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		closed := make(chan struct{}, 100)
		for range maxAddressHandshakes + 5 {
			conn := must(s.dial(t.Context(), addrOf(visitor).Addr(), a.addr))
			s.extras.Go(func() {
				defer conn.Close()
				io.Copy(io.Discard, conn)
				closed <- struct{}{}
			})
		}
		synctest.Wait()
		if n := len(closed); n != 5 {
			t.Errorf("%d were closed at once, want 5", n)
		}
		meet(a, s.host(2))
		time.Sleep(handshakeTime)
		if n := len(closed); n != maxAddressHandshakes+5 {
			t.Errorf("%d were closed after %v", n, handshakeTime)
		}
		if n := a.log.warnings(); n != 1 {
			t.Errorf("%d warnings", n)
		}
	})
}

func TestRefusalsAreOneLineAMinute(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		for range 600 {
			must(s.dial(t.Context(), addrOf(visitor).Addr(), a.addr)).Close()
			time.Sleep(time.Second)
		}
		if n := a.log.warnings(); n != 10 {
			t.Errorf("%d lines in ten minutes", n)
		}
	})
}

func TestRealHostsMeetAndTalk(t *testing.T) {
	a, b := realHost(t, 1), realHost(t, 2)
	meet(a, b)
	talk(t, a, b)
	talk(t, b, a)
	conn, err := a.DialData(t.Context(), b.id())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	opened := await[DataOpened](b)
	defer opened.Conn.Close()
	if _, err := conn.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*dataConn).Flush(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 2)
	if _, err := io.ReadFull(opened.Conn, got); err != nil || string(got) != "hi" {
		t.Errorf("read %q, %v", got, err)
	}
	b.stop()
	await[PeerGone](a)
}

func TestListenTakesTheNextFreePort(t *testing.T) {
	config := Config{Identity: NewIdentity(seed(1)), Instance: uuid.New(), Notify: func(Event) {}}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	open := func(port uint16, exact bool) (*Host, error) {
		h, err := Listen(config, port, exact)
		if err == nil {
			t.Cleanup(func() { h.Run(ended) })
		}
		return h, err
	}
	first, err := open(0, true)
	if err != nil || first.Port() == 0 {
		t.Fatal(err)
	}
	if _, err := open(first.Port(), true); err == nil {
		t.Error("a port was taken twice")
	}
	second, err := open(first.Port(), false)
	if err != nil || second.Port() == first.Port() {
		t.Errorf("got %v, %v", second, err)
	}
}
