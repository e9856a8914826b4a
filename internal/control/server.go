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
	node Node

	mu       sync.Mutex
	clients  int
	draining bool
	left     chan struct{} // closed and replaced when a client leaves
}

// NewServer makes a server for n; [Server.Serve] runs it.
func NewServer(n Node) *Server { return &Server{node: n, left: make(chan struct{})} }

// Serve answers the clients of l for n until ctx ends, see [Server.Serve].
func Serve(ctx context.Context, n Node, l net.Listener) error { return NewServer(n).Serve(ctx, l) }

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
			defer s.leave()
			serveClient(ctx, s.node, conn)
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

// Drain takes no new clients and waits until the last one left, or ctx ends. A
// command's node calls it before it stops.
func (s *Server) Drain(ctx context.Context) error {
	for {
		s.mu.Lock()
		s.draining = true
		clients, left := s.clients, s.left
		s.mu.Unlock()
		if clients == 0 {
			return nil
		}
		select {
		case <-left:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// enter counts a client in, if there is room.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining || s.clients >= maxClients {
		return false
	}
	s.clients++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients--
	close(s.left)
	s.left = make(chan struct{})
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
