package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// The protocol versions this program speaks.
const (
	lowestVersion  = 1
	highestVersion = 1
)

var (
	errSilent   = errors.New("the peer is silent")
	errReplaced = errors.New("another session of the pair survives")
	errDropped  = errors.New("dropped")
	errStopping = errors.New("this node stops")
)

// byeError says that the peer said bye.
type byeError struct{ Bye }

func (e *byeError) Error() string {
	return fmt.Sprintf("the peer said bye, code %d: %q", e.Code, e.Text)
}

// session is one proven connection that speaks the session protocol. Three
// goroutines of the host serve it: one reads, one writes, one watches the
// clock. It ends when the connection does.
type session struct {
	host  *Host
	id    ID
	dials bool // by us
	probe bool // made without knowing to whom
	conn  *secure
	in    *bufio.Reader

	// Set while the hello is read, before anybody else sees the session.
	said  Hello // our own
	hello Hello
	addr  netip.AddrPort // where the peer can be dialled; port 0: nowhere

	out     *frameQueue
	window  *window
	helpers sync.WaitGroup // writer and clock
	kick    chan struct{}  // has a token when the clock must look again
	closing chan struct{}  // closed when no frame counts any more
	ended   chan struct{}  // closed when the connection is
	read    chan struct{}  // closed when nothing is read any more
	paused  atomic.Bool    // our own window holds reading back

	// The rest belongs to the host's mutex.
	since time.Time // it is kept; zero: it is not yet
	used  time.Time // last, see Host.Rest
	held  []Event   // what came before it is kept
	papers

	mu     sync.Mutex    // guards what follows
	cause  error         // why it ended
	pace   pace          // but heard, which is the wire's
	sent   time.Time     // the first frame after the last byte heard
	watch  time.Time     // somebody watches since; zero: nobody
	number uint64        // of the last ping
	bade   bool          // bye was said
	trip   time.Duration // the shortest time in which a ping was answered; 0: none was
}

func newSession(h *Host, conn *secure, dials bool) *session {
	return &session{
		host: h, id: conn.id, dials: dials, conn: conn, in: bufio.NewReader(conn),
		out: newFrameQueue(), window: newWindow(),
		kick: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{}), read: make(chan struct{}),
	}
}

// own is this device's ID.
func (s *session) own() ID { return s.host.cfg.Identity.ID() }

// claim is what counts when two sessions of a pair meet.
func (s *session) claim() claim {
	c := claim{instance: s.hello.Instance, dialler: s.id}
	if s.dials {
		c.dialler = s.own()
	}
	return c
}

// greet says hello and reads the peer's, which must be its first frame.
func (s *session) greet(ctx context.Context, own Hello) error {
	s.said = own
	s.helpers.Go(s.write)
	stop := context.AfterFunc(ctx, func() { s.end(errStopping) })
	defer stop()
	s.queue(own, sendQueue)
	s.conn.SetReadDeadline(time.Now().Add(helloTime))
	t, payload, err := ReadFrame(s.in, HelloFrame)
	if err != nil {
		return fmt.Errorf("read hello: %w", err)
	}
	s.conn.SetReadDeadline(time.Time{})
	return s.welcome(t, payload)
}

func (s *session) welcome(t Type, payload []byte) error {
	if t != TypeHello && t != TypeBye {
		return protocolErrorf("frame of type %#02x before hello", uint8(t))
	}
	m, err := Decode(t, payload)
	if err != nil {
		return err
	}
	if bye, ok := m.(Bye); ok {
		return &byeError{bye}
	}
	s.hello = m.(Hello)
	if s.hello.Lowest > highestVersion || s.hello.Highest < lowestVersion || s.hello.Lowest > s.hello.Highest {
		reason := fmt.Sprintf("versions %d to %d, want %d to %d", s.hello.Lowest, s.hello.Highest, lowestVersion, highestVersion)
		return &ProtocolError{Code: ByeUnsupported, Reason: reason}
	}
	s.epoch = s.hello.Epoch
	if t, err := ParseTicket(s.hello.Ticket); err == nil {
		s.ticket, s.signed = t, s.hello.Ticket
	}
	if !s.dials {
		s.addr = netip.AddrPortFrom(s.conn.wire.remote().Addr(), 0)
		if s.hello.Port >= minPeerPort {
			s.addr = netip.AddrPortFrom(s.addr.Addr(), s.hello.Port)
		}
	}
	return nil
}

// serve reads until the session ends, and returns when all of it has ended.
func (s *session) serve() {
	s.helpers.Go(s.watchClock)
	s.ping() // measures the link, see Host.RoundTrip
	err := s.readFrames()
	if why := s.endedBy(); why != nil {
		err = why
	}
	s.host.left(s, err)
	s.dismiss(err)
}

// dismiss ends a session that is no longer, or never was, the host's: a peer
// that broke the protocol is told so.
func (s *session) dismiss(err error) {
	var wrong *ProtocolError
	if errors.As(err, &wrong) {
		s.bye(wrong.Code, wrong.Reason)
	}
	if s.saidBye() {
		io.Copy(io.Discard, s.conn) // unread bytes would turn the close into a reset, which eats the bye
	}
	close(s.read)
	if !s.saidBye() {
		s.end(err)
	}
	s.helpers.Wait()
}

// readFrames reads and handles frames until the connection or the protocol ends
// it.
func (s *session) readFrames() error {
	for {
		s.waitForRoom()
		if _, err := s.in.Peek(1); err != nil { // how long nothing comes is the clock's business
			return err
		}
		s.conn.SetReadDeadline(time.Now().Add(frameTime))
		t, payload, err := ReadFrame(s.in, ControlFrame)
		if err != nil {
			return err
		}
		s.conn.SetReadDeadline(time.Time{})
		if err := s.handle(t, payload); err != nil {
			return err
		}
	}
}

// waitForRoom waits while too much of what was read is not done. The peer's
// silence does not count meanwhile: it is ours.
func (s *session) waitForRoom() {
	for s.window.full() {
		s.paused.Store(true)
		select {
		case <-s.window.freed:
		case <-s.closing:
			return
		}
		s.conn.wire.touch()
		s.paused.Store(false)
	}
}

func (s *session) handle(t Type, payload []byte) error {
	m, err := Decode(t, payload)
	if errors.Is(err, ErrSkip) {
		return nil
	}
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case Hello:
		return protocolErrorf("a second hello")
	case Ping:
		s.queue(Pong(m), sendQueue) // a peer that floods and does not read gets no answer
	case Pong:
		s.measure(m.N)
		s.host.answered(s, m.N)
	case Bye:
		return &byeError{m}
	case NewerTicket:
		s.host.shown(s, m.Ticket)
	case Revoked:
		return s.host.compareLists(s, m)
	case Presence:
		if m.Twice {
			s.host.events.add(Twin{ID: s.host.cfg.Identity.ID(), Addr: s.addr})
		}
		s.pass(m, headerSize+len(payload))
	default:
		if t.data() {
			return protocolErrorf("frame of type %#02x on a session", uint8(t))
		}
		s.pass(m, headerSize+len(payload))
	}
	return nil
}

// pass hands a message on; its room comes back when it is done.
func (s *session) pass(m Message, size int) {
	s.window.take(size)
	s.host.received(s, Received{From: s.id, Message: m, Done: func() { s.window.give(size) }})
}

// send queues a frame of the host's owner; false: too much waits.
func (s *session) send(frame []byte) bool {
	if !s.out.add(frame, sendQueue) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sent.After(s.conn.wire.lastHeard()) {
		s.sent = time.Now() // from now on silence is suspicious
		s.look()
	}
	return true
}

// queue queues a message of the session's own.
func (s *session) queue(m Message, limit int) {
	if frame, err := Append(nil, m); err == nil {
		s.out.add(frame, limit)
	}
}

// write writes what is queued until the last frame was written, or the session
// ends.
func (s *session) write() {
	for {
		select {
		case <-s.ended:
			return
		case <-s.out.ready:
		}
		frames, last := s.out.take()
		if err := s.writeFrames(frames); err != nil {
			s.linger(fmt.Errorf("write: %w", err)) // perhaps the peer said why
			return
		}
		if last {
			s.conn.CloseWrite()
			s.conn.wire.closeWrite()
			s.linger(errStopping)
			return
		}
	}
}

// record is how much is written at once: the most that one TLS record holds.
const record = 16 << 10

func (s *session) writeFrames(frames [][]byte) error {
	var batch []byte
	for i, frame := range frames {
		batch = append(batch, frame...)
		if i+1 < len(frames) && len(batch)+len(frames[i+1]) <= record {
			continue
		}
		s.conn.SetWriteDeadline(time.Now().Add(frameTime))
		if _, err := s.conn.Write(batch); err != nil {
			return err
		}
		s.out.wrote(len(batch))
		batch = batch[:0]
	}
	return nil
}

// bye says goodbye behind what is queued, in farewellTime at most, and lets the
// session end. It returns at once.
func (s *session) bye(code ByeCode, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bade {
		return
	}
	s.bade = true
	close(s.closing)
	s.conn.wire.hurry(time.Now().Add(farewellTime))
	frame, err := Append(nil, Bye{Code: code, Text: text})
	if err != nil { // cannot happen: texts are short
		frame = nil
	}
	s.out.finish(frame)
}

func (s *session) saidBye() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bade
}

// linger closes the connection once everything was read, or after
// farewellTime.
func (s *session) linger(cause error) {
	timer := time.NewTimer(farewellTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.read:
	}
	s.end(cause)
}

// end closes the connection now. The first cause counts.
func (s *session) end(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return
	}
	s.cause = cause
	if !s.bade {
		s.bade = true
		close(s.closing)
	}
	s.conn.wire.Close()
	close(s.ended)
}

// endedBy is why this side ended the session, nil where it did not.
func (s *session) endedBy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// greeting is the hello of this node.
func greeting(name string, instance uuid.UUID, port uint16) Hello {
	return Hello{
		Lowest: lowestVersion, Highest: highestVersion,
		Name: DisplayName(name).String(), Instance: instance, Port: port,
	}
}
