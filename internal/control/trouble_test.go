package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestAClientThatReadsNothingIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		defer client.Close()
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			serveClient(t.Context(), NewServer(&fakeNode{}, nil), server)
		}()
		bufio.NewReader(client).ReadString('\n') // the greeting is the last it reads
		fmt.Fprintf(client, "{\"earshot\":1}\n{\"id\":1,\"call\":\"self\"}\n")
		<-done
		if took := time.Since(start); took < writeTime || took > 2*writeTime {
			t.Errorf("cut off after %v, want %v", took, writeTime)
		}
	})
}

// refusing is a listener whose first calls fail as they do when there are no
// descriptors left.
type refusing struct {
	net.Listener
	left int
}

func (l *refusing) Accept() (net.Conn, error) {
	if l.left > 0 {
		l.left--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestTheSocketOutlastsARefusedAccept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, &fakeNode{}, &refusing{Listener: l, left: 3}) }()
	c := dial(t, path)
	if _, err := c.Self(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestServeEndsWithItsListener(t *testing.T) {
	l, err := Listen(filepath.Join(t.TempDir(), "node.sock"))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := Serve(t.Context(), &fakeNode{}, l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.sock")
	l, err := Listen(path) // greets nobody
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, _ := l.Accept()
		accepted <- conn
		cancel()
	}()
	if _, err := Dial(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	(<-accepted).Close()
}
