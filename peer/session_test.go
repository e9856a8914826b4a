package peer

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// guest is a puppet that a host has a session with, and the host.
func guest(s *stage) (*puppet, *actor) {
	s.t.Helper()
	a := s.host(1)
	p := s.puppet(visitor, a)
	p.hello()
	await[SessionUp](a)
	if got := p.hear(); got != (Ping{N: 1}) { // measures the link
		s.t.Fatalf("heard %+v", got)
	}
	return p, a
}

// entriesOf is a message whose frame has exactly size bytes of type and payload.
func entriesOf(size int) Entries {
	m := Entries{Entries: []SignedEntry{{Header: []byte{1}, Signature: []byte{2}, Body: make([]byte, size-32)}}}
	short := size + 4 - len(frameOf(m))
	m.Entries[0].Body = make([]byte, size-32+short)
	return m
}

func TestAHelloSaysWhoIsThere(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		a.SetName("Ada\x1b[2J")
		p := s.puppet(visitor, a)
		own := Hello{Lowest: 1, Highest: 9, Name: "\x1b]0;boss", Instance: uuid.New(), Port: 4000}
		got := p.helloAs(own)
		if got.Lowest != 1 || got.Highest != 1 || got.Port != a.Port() || got.Instance != a.cfg.Instance || strings.Contains(got.Name, "\x1b") {
			t.Errorf("heard %+v", got)
		}
		up := await[SessionUp](a)
		if up.ID != seedID(visitor) || up.Hello.Name != own.Name || up.Addr.String() != "10.0.0.7:4000" {
			t.Errorf("told %+v", up)
		}
	})
}

func TestASilentPeerIsPingedAndGivenUp(t *testing.T) {
	for _, c := range []struct {
		what      string
		before    func(a *actor)
		ping, end time.Duration
	}{
		{"nothing is going on", func(*actor) {}, 15 * time.Second, 37500 * time.Millisecond},
		{"it is on the screen", func(a *actor) { a.Watch(seedID(visitor), "screen", true) }, 5 * time.Second, 12500 * time.Millisecond},
		{"something was sent", func(a *actor) { a.Send(seedID(visitor), OfferState{}) }, 5 * time.Second, 12500 * time.Millisecond},
		{"it was on the screen", func(a *actor) {
			a.Watch(seedID(visitor), "screen", true)
			a.Watch(seedID(visitor), "screen", false)
		}, 15 * time.Second, 37500 * time.Millisecond},
	} {
		t.Run(c.what, func(t *testing.T) {
			story(t, func(t *testing.T, s *stage) {
				p, a := guest(s)
				began := time.Now()
				c.before(a)
				for {
					if _, ok := p.hear().(Ping); ok {
						break
					}
				}
				if got := time.Since(began); got != c.ping {
					t.Errorf("pinged after %v, want %v", got, c.ping)
				}
				down := await[SessionDown](a)
				if got := time.Since(began); got != c.end || !errors.Is(down.Err, errSilent) {
					t.Errorf("down after %v, want %v: %v", got, c.end, down.Err)
				}
			})
		})
	}
}

func TestAPeerThatAnswersStays(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		p, a := guest(s)
		s.extras.Go(p.answer)
		time.Sleep(24 * time.Hour)
		if count[SessionDown](a) > 0 {
			t.Error("the session ended")
		}
	})
}

func TestBadLengthsBeforeHello(t *testing.T) {
	for _, length := range []uint32{0, 4097, 0x7fffffff, 0x80000000, 0xffffffff} {
		header := binary.BigEndian.AppendUint32(nil, length)
		t.Run("a length of 0x"+hex.EncodeToString(header)+"/F-01", func(t *testing.T) {
			story(t, func(t *testing.T, s *stage) {
				a := s.host(1)
				p := s.puppet(visitor, a)
				began := time.Now()
				p.write(header)
				if bye := p.hearBye(); bye.Code != ByeProtocol {
					t.Errorf("heard %+v", bye)
				}
				if took := time.Since(began); took > 100*time.Millisecond {
					t.Errorf("closed after %v", took)
				}
				meet(a, s.host(2)) // alive
			})
			if n := allocatedBy(func() { ReadFrame(bytes.NewReader(header), HelloFrame) }); n > 8<<10 {
				t.Errorf("%d bytes were allocated", n)
			}
		})
	}
}

func TestTheLongestFrame(t *testing.T) {
	t.Run("64 KiB, and one byte more/F-03", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			p, a := guest(s)
			m := entriesOf(ControlFrame)
			if n := len(frameOf(m)); n != ControlFrame+4 {
				t.Fatalf("the frame has %d bytes", n)
			}
			p.say(m)
			got := await[Received](a).Message.(Entries)
			if len(got.Entries[0].Body) != len(m.Entries[0].Body) {
				t.Error("another body came")
			}
			p.write(binary.BigEndian.AppendUint32(nil, ControlFrame+1))
			if bye := p.hearBye(); bye.Code != ByeProtocol || !strings.Contains(bye.Text, "65537") {
				t.Errorf("heard %+v", bye)
			}
			await[SessionDown](a)
		})
	})
}

func TestFramesThatNobodyExpects(t *testing.T) {
	hello := frameOf(greeting("again", uuid.New(), 7420))
	for _, c := range []struct {
		name  string
		frame []byte
		code  ByeCode
	}{
		{"a second hello/F-11", hello, ByeProtocol},
		{"a chunk on a session/F-11", frameOf(Chunk{Data: []byte("x")}), ByeProtocol},
		{"a frame of the unknown type 0x7f", []byte{0, 0, 0, 2, 0x7f, 0xa0}, ByeUnsupported},
		{"a flag on a type/F-07", []byte{0, 0, 0, 2, 0x47, 0xa0}, ByeUnsupported},
		{"not CBOR", []byte{0, 0, 0, 2, 5, 0xff}, ByeProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, s *stage) {
				p, a := guest(s)
				p.write(c.frame)
				if bye := p.hearBye(); bye.Code != c.code {
					t.Errorf("heard %+v, want code %d", bye, c.code)
				}
				await[SessionDown](a)
				if n := count[Received](a) + count[SessionUp](a); n != 1 {
					t.Errorf("there were events: %v", a.kinds())
				}
			})
		})
	}
	for _, m := range []Message{Ping{N: 1}, Have{}, Entries{}, Chunk{}} {
		t.Run("a frame before hello/F-11", func(t *testing.T) {
			story(t, func(t *testing.T, s *stage) {
				a := s.host(1)
				p := s.puppet(visitor, a)
				p.say(m)
				if bye := p.hearBye(); bye.Code != ByeProtocol {
					t.Errorf("heard %+v", bye)
				}
				synctest.Wait()
				if len(a.kinds()) > 0 {
					t.Errorf("there were events: %v", a.kinds())
				}
			})
		})
	}
}

func TestABombIsNotInflated(t *testing.T) {
	t.Run("a deflate bomb as the payload of entries/F-07", func(t *testing.T) {
		story(t, func(t *testing.T, s *stage) {
			p, a := guest(s)
			payload := bomb(t)[:ControlFrame-1]
			p.write(append(binary.BigEndian.AppendUint32(nil, ControlFrame), byte(TypeEntries)))
			p.write(payload)
			if bye := p.hearBye(); bye.Code != ByeProtocol {
				t.Errorf("heard %+v", bye)
			}
			await[SessionDown](a)
		})
	})
}

func TestAnUnknownFrameThatMayBeSkipped(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		p, _ := guest(s)
		p.write([]byte{0, 0, 0, 3, 0x80, 1, 2})
		p.say(Ping{N: 7})
		if got := p.hear(); got != (Pong{N: 7}) {
			t.Errorf("heard %+v", got)
		}
	})
}

func TestVersionsMustMeet(t *testing.T) {
	for _, c := range []struct {
		lowest, highest uint64
		ok              bool
	}{{1, 1, true}, {1, 5, true}, {0, 1, true}, {2, 3, false}, {0, 0, false}, {2, 1, false}} {
		story(t, func(t *testing.T, s *stage) {
			a := s.host(1)
			p := s.puppet(visitor, a)
			p.helloAs(Hello{Lowest: c.lowest, Highest: c.highest, Instance: uuid.New(), Port: 7420})
			if c.ok {
				await[SessionUp](a)
			} else if bye := p.hearBye(); bye.Code != ByeUnsupported {
				t.Errorf("%d to %d: heard %+v", c.lowest, c.highest, bye)
			}
		})
	}
}

func TestAPeerWithoutHelloIsClosed(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		a := s.host(1)
		p := s.puppet(visitor, a)
		began := time.Now()
		frame := frameOf(greeting("slow", uuid.New(), 7420))
		s.extras.Go(func() { // a byte now and then does not prolong it
			for i := range frame {
				p.Write(frame[i : i+1])
				time.Sleep(time.Second)
			}
		})
		p.hear()
		io.Copy(io.Discard, p)
		if took := time.Since(began); took != helloTime {
			t.Errorf("closed after %v, want %v", took, helloTime)
		}
		notLetIn(t, a)
	})
}

func TestAFrameHasAMinute(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		p, a := guest(s)
		began := time.Now()
		p.write(binary.BigEndian.AppendUint32(nil, ControlFrame))
		s.extras.Go(func() {
			for err := error(nil); err == nil; _, err = p.Write([]byte{1}) {
				time.Sleep(5 * time.Second)
			}
		})
		down := await[SessionDown](a)
		if took := time.Since(began); took != frameTime || !errors.Is(down.Err, os.ErrDeadlineExceeded) {
			t.Errorf("down after %v, want %v: %v", took, frameTime, down.Err)
		}
	})
}

func TestTheReceiveWindowHoldsAFloodBack(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		p, a := guest(s)
		a.hold(true)
		m := entriesOf(32 << 10)
		const messages = 40
		s.extras.Go(func() {
			for range messages {
				p.say(m)
			}
		})
		synctest.Wait()
		if n := count[Received](a); n != receiveWindow/(32<<10) {
			t.Errorf("%d messages were handed on, want %d", n, receiveWindow/(32<<10))
		}
		time.Sleep(time.Hour) // whose silence this is, is clear
		if count[SessionDown](a) > 0 {
			t.Fatal("the session ended")
		}
		a.hold(false)
		for range messages {
			await[Received](a)
		}
	})
}

func TestAPeerThatDoesNotReadIsGivenUp(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		p, a := guest(s)
		began, queued := time.Now(), 0
		m := entriesOf(32 << 10)
		for a.Send(p.id0(), m) {
			queued += len(frameOf(m))
			synctest.Wait()
		}
		if queued < sendQueue-len(frameOf(m)) || queued > sendQueue+2*linkRoom {
			t.Errorf("%d bytes were queued", queued)
		}
		s.extras.Go(func() { // it is there, and says so
			for err := error(nil); err == nil; _, err = p.Write(frameOf(Ping{})) {
				time.Sleep(4 * time.Second)
			}
		})
		await[SessionDown](a)
		if took := time.Since(began); took > frameTime+farewellTime {
			t.Errorf("down after %v, want %v", took, frameTime)
		}
	})
}

func TestGoodbyeIsSaidAndShort(t *testing.T) {
	story(t, func(t *testing.T, s *stage) {
		p, a := guest(s)
		s.extras.Go(a.stop)
		if bye := p.hearBye(); bye.Code != ByeLeaving {
			t.Errorf("heard %+v", bye)
		}
	})
	story(t, func(t *testing.T, s *stage) { // nobody reads
		p, a := guest(s)
		for a.Send(p.id0(), entriesOf(32<<10)) {
			synctest.Wait()
		}
		began := time.Now()
		a.stop()
		if took := time.Since(began); took > 2*farewellTime {
			t.Errorf("took %v", took)
		}
	})
}
