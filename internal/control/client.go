package control

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/go-json-experiment/json"

	"earshot/internal/node"
)

// A Client is a running node, used from another process. Its methods are those
// of *node.Node, with the same errors; in addition everything returns
// [node.ErrStopped] once the connection has ended. They may be called from any
// goroutine. A [Follower] knows by the error whether the node was asked at all.
type Client struct {
	conn  net.Conn
	lines *bufio.Scanner
	start sync.Once // of the reader
	wg    sync.WaitGroup

	writing sync.Mutex // one line at a time

	mu     sync.Mutex
	last   uint64
	calls  map[uint64]chan response
	feeds  map[uint64]*node.Feed
	ended  bool
	closed chan struct{} // with ended
}

// Dial attaches to the node whose socket is at path. The error is a
// [*VersionError] where the node is of another version, and os.ErrNotExist or a
// refused connection where none runs; it is ctx's where ctx ended.
func Dial(ctx context.Context, path string) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	c := &Client{
		conn: conn, lines: newScanner(conn, maxResponse),
		calls: make(map[uint64]chan response), feeds: make(map[uint64]*node.Feed), closed: make(chan struct{}),
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	version, err := greet(conn, c.lines)
	if err == nil && version != Version {
		err = &VersionError{Node: version, Client: Version}
	}
	if ctx.Err() != nil { // it closed the connection, or will
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("attach to %s: %w", path, err)
	}
	return c, nil
}

// Close leaves the node, which goes on, and waits for the client's goroutine.
func (c *Client) Close() error {
	err := c.conn.Close()
	c.wg.Wait()
	c.endAll()
	return err
}

// read hands every line to whom it is for, until the connection ends.
func (c *Client) read() {
	defer c.endAll()
	for c.lines.Scan() {
		var r response
		if err := json.Unmarshal(c.lines.Bytes(), &r, encoding); err != nil {
			c.conn.Close()
			return
		}
		r.Result = r.Result.Clone() // the scanner reuses its buffer
		c.deliver(r)
	}
}

func (c *Client) deliver(r response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if feed, ok := c.feeds[r.ID]; ok {
		for _, e := range r.Events {
			feed.Publish(e)
		}
		if r.Error != nil {
			feed.End()
			delete(c.feeds, r.ID)
		}
	}
	if wait, ok := c.calls[r.ID]; ok {
		wait <- r // has room for its one answer
		delete(c.calls, r.ID)
	}
}

// endAll tells everybody who waits that nothing more will come.
func (c *Client) endAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	close(c.closed)
	for _, feed := range c.feeds {
		feed.End()
	}
}

// begin numbers a call, notes who waits for its answer, and sends it.
func (c *Client) begin(r request, feed *node.Feed) (id uint64, wait chan response, err error) {
	c.start.Do(func() { c.wg.Go(c.read) })
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return 0, nil, fmt.Errorf("%s: %w", r.Call, errLeft)
	}
	c.last++
	r.ID, wait = c.last, make(chan response, 1)
	c.calls[r.ID] = wait
	if feed != nil {
		c.feeds[r.ID] = feed
	}
	c.mu.Unlock()
	if err := c.write(r); err != nil {
		c.drop(r.ID)
		return 0, nil, err
	}
	return r.ID, wait, nil
}

// forget ends a call or subscription whose answer nobody waits for any more.
func (c *Client) forget(id uint64) {
	c.drop(id)
	c.write(request{ID: id, Call: callCancel})
}

func (c *Client) drop(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, id)
	delete(c.feeds, id)
}

func (c *Client) write(r request) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := writeLine(c.conn, r); err != nil {
		return fmt.Errorf("%s: %w", r.Call, errLeft)
	}
	return nil
}

// wait returns the answer to call id.
func (c *Client) wait(ctx context.Context, id uint64, answer chan response) (response, error) {
	select {
	case r := <-answer:
		if r.Error != nil {
			return response{}, r.Error.err()
		}
		return r, nil
	case <-ctx.Done():
		c.forget(id)
		return response{}, ctx.Err()
	case <-c.closed:
		return response{}, node.ErrStopped
	}
}

// ask makes one call and decodes its result into result.
func (c *Client) ask(ctx context.Context, call string, with, result any) error {
	args, err := json.Marshal(with, encoding)
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	if len(args) > maxRequest-1024 {
		return fmt.Errorf("%s: more than %d bytes", call, maxRequest-1024)
	}
	id, answer, err := c.begin(request{Call: call, With: args}, nil)
	if err != nil {
		return err
	}
	r, err := c.wait(ctx, id, answer)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(r.Result, result, encoding); err != nil {
		return fmt.Errorf("%s: read the answer: %w", call, err)
	}
	return nil
}

// Subscribe brings the node's events from now on. Where the connection ends,
// Next returns [node.ErrStopped].
func (c *Client) Subscribe(ctx context.Context) (node.Subscription, error) {
	var id uint64
	feed := node.NewFeed(func() { c.forget(id) })
	id, answer, err := c.begin(request{Call: callSubscribe}, feed)
	if err != nil {
		return nil, err
	}
	if _, err := c.wait(ctx, id, answer); err != nil {
		return nil, err
	}
	return feed, nil
}
