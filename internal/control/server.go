package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Listen opens the socket at path, which must lie in a folder that nobody else
// can enter. A socket that a dead node left there is removed, so the caller must
// hold the profile's lock.
func Listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listen on %s: remove the old socket: %w", path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return l, nil
}

// A Server answers clients for one node.
type Server struct {
	node  Node
	yield func() // nil: the node stays

	mu       sync.Mutex
	clients  int
	calls    int // under way, without subscriptions
	leaving  bool
	answered chan struct{} // closed and replaced when a call ends
}

// NewServer makes a server for n; [Server.Serve] runs it. Where the node is one
// of a passing command, yield is called when another process wants to be the
// profile's node: it must return at once, and lead to [Server.Leave] and the end
// of Serve soon. It may be called several times. Nil refuses.
func NewServer(n Node, yield func()) *Server {
	return &Server{node: n, yield: yield, answered: make(chan struct{})}
}

// Serve answers the clients of l for n until ctx ends, see [Server.Serve].
func Serve(ctx context.Context, n Node, l net.Listener) error {
	return NewServer(n, nil).Serve(ctx, l)
}

// Serve accepts clients until ctx ends, then closes l and every connection and
// returns when all is done. What the system refuses is tried again, as it runs
// out of descriptors for a moment only; the error is that somebody closed l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	wait := time.Duration(0)
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept a local client: %w", err)
		}
		if err != nil {
			wait = min(max(2*wait, 5*time.Millisecond), maxAcceptWait)
			pause(ctx, wait)
			continue
		}
		wait = 0
		if !s.enter() {
			conn.Close()
			continue
		}
		wg.Go(func() {
			defer s.left()
			serveClient(ctx, s, conn)
		})
	}
}

// maxAcceptWait is the longest wait after the system refused to accept.
const maxAcceptWait = time.Second

// pause waits, or until ctx ends.
func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Leave takes no new clients and no new calls, and waits until those under way are
// answered, or ctx ends. Whoever asks from now on is told that nothing was done,
// and can ask the next node, see [Follower]. The owner of a node calls it before
// Serve is to end.
func (s *Server) Leave(ctx context.Context) {
	for {
		s.mu.Lock()
		s.leaving = true
		calls, answered := s.calls, s.answered
		s.mu.Unlock()
		if calls == 0 {
			return
		}
		select {
		case <-answered:
		case <-ctx.Done():
			return
		}
	}
}

// enter counts a client in, if there is room.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving || s.clients >= maxClients {
		return false
	}
	s.clients++
	return true
}

func (s *Server) left() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients--
}

// begin counts a call in, unless the server is leaving.
func (s *Server) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving {
		return errLeft
	}
	s.calls++
	return nil
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls--
	close(s.answered)
	s.answered = make(chan struct{})
}

// writeLine writes v as one line.
func writeLine(conn net.Conn, v any) error {
	line, err := json.Marshal(v, encoding)
	if err != nil {
		return err
	}
	_, err = conn.Write(append(line, '\n'))
	return err
}

// newScanner reads lines of at most limit bytes.
func newScanner(conn net.Conn, limit int) *bufio.Scanner {
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 4096), limit)
	return lines
}

// greet exchanges the first lines and returns the other side's version.
func greet(conn net.Conn, lines *bufio.Scanner) (version int, err error) {
	conn.SetDeadline(time.Now().Add(greetTime))
	defer conn.SetDeadline(time.Time{})
	sent := writeLine(conn, greeting{Version}) // the other side's word counts, also where it left after it
	if !lines.Scan() {
		return 0, errors.Join(errors.New("no greeting"), sent, lines.Err())
	}
	var g greeting
	if err := json.Unmarshal(lines.Bytes(), &g); err != nil { // a later version may say more
		return 0, fmt.Errorf("read greeting: %w", err)
	}
	return g.Earshot, nil
}
