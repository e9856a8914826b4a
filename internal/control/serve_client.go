package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"earshot/internal/node"
)

// A connection is the server's side of one client.
type connection struct {
	server *Server
	node   Node
	conn   net.Conn
	end    context.CancelFunc

	writing sync.Mutex // one line at a time

	mu    sync.Mutex
	calls map[uint64]context.CancelFunc // under way
}

// serveClient answers one client until it leaves, breaks the protocol, or ctx
// ends. It closes conn, and returns when every call has ended.
func serveClient(ctx context.Context, s *Server, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	c := &connection{server: s, node: s.node, conn: conn, end: cancel, calls: make(map[uint64]context.CancelFunc)}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()

	// What this client has open on its screen is forgotten when it leaves.
	ctx = node.AsViewer(ctx, c)
	var wg sync.WaitGroup
	defer func() {
		cancel()
		wg.Wait()
		s.node.Watch(context.WithoutCancel(ctx), "")
	}()
	if err := c.serve(ctx, &wg); err != nil {
		c.write(response{Error: failureOf(err)})
	}
}

// serve reads requests and starts a goroutine of wg for each.
func (c *connection) serve(ctx context.Context, wg *sync.WaitGroup) error {
	lines := newScanner(c.conn, maxRequest)
	version, err := greet(c.conn, lines)
	if err != nil {
		return nil // it cannot read an answer either
	}
	if version != Version {
		return &VersionError{Node: Version, Client: version}
	}
	for lines.Scan() {
		r, err := readRequest(lines.Bytes())
		if err != nil {
			return err
		}
		if r.Call == callCancel {
			c.cancel(r.ID)
			continue
		}
		ctx, err := c.begin(ctx, r.ID)
		if err != nil {
			c.write(response{ID: r.ID, Error: failureOf(err)})
			continue
		}
		r.With = r.With.Clone() // the scanner reuses its buffer
		wg.Go(func() {
			c.write(c.run(ctx, r))
			c.cancel(r.ID)
		})
	}
	return lines.Err()
}

// begin notes a call as under way; its context ends with cancel.
func (c *connection) begin(ctx context.Context, id uint64) (context.Context, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, used := c.calls[id]; used {
		return nil, fmt.Errorf("call %d is under way already", id)
	}
	if len(c.calls) >= maxCalls {
		return nil, fmt.Errorf("more than %d calls at once", maxCalls)
	}
	ctx, cancel := context.WithCancel(ctx)
	c.calls[id] = cancel
	return ctx, nil
}

// cancel ends a call's context, if the call is under way.
func (c *connection) cancel(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel, ok := c.calls[id]; ok {
		cancel()
		delete(c.calls, id)
	}
}

// run makes the call and returns its answer.
func (c *connection) run(ctx context.Context, r request) response {
	if r.Call == callSubscribe {
		return response{ID: r.ID, Error: failureOf(c.subscribe(ctx, r.ID))}
	}
	if err := c.server.begin(); err != nil {
		return response{ID: r.ID, Error: failureOf(err)}
	}
	defer c.server.end()
	if r.Call == callYield {
		return c.yield(r.ID)
	}
	ask, known := callOf(r.Call)
	if !known {
		return response{ID: r.ID, Error: failureOf(fmt.Errorf("unknown call %q", r.Call))}
	}
	result, err := ask(ctx, c.node, r.With)
	if err != nil {
		return response{ID: r.ID, Error: failureOf(err)}
	}
	value, err := json.Marshal(result, encoding)
	if err != nil {
		return response{ID: r.ID, Error: failureOf(fmt.Errorf("%s: %w", r.Call, err))}
	}
	return response{ID: r.ID, Result: value}
}

// yield has the node's owner give the profile up.
func (c *connection) yield(id uint64) response {
	if c.server.yield == nil {
		return response{ID: id, Error: failureOf(fmt.Errorf("%w: this node stays", node.ErrWrongState))}
	}
	c.server.yield()
	return response{ID: id, Result: []byte("{}")}
}

// subscribe passes events on until ctx or the node ends. A client that is
// slow stops this goroutine alone, and misses events (see node.Resync).
func (c *connection) subscribe(ctx context.Context, id uint64) error {
	sub, err := c.node.Subscribe(ctx)
	if err != nil {
		return err
	}
	defer sub.Close()
	if !c.write(response{ID: id, Result: []byte("{}")}) {
		return errGone
	}
	for {
		events, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		if !c.write(response{ID: id, Events: events}) {
			return errGone
		}
	}
}

// errGone ends a subscription whose client cannot be written to.
var errGone = errors.New("the client is gone")

// write sends one line, and ends the connection where that fails or takes longer
// than writeTime.
func (c *connection) write(r response) bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.conn.SetWriteDeadline(time.Now().Add(writeTime))
	if err := writeLine(c.conn, r); err != nil {
		c.end()
		return false
	}
	return true
}
