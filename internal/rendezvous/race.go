package rendezvous

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// stagger is how long a server has to prove its key before the next address is tried
// beside it (RFC 8305, which recommends this for the addresses of one host).
const stagger = 250 * time.Millisecond

// A raced is an address that was dialled, and what came of it.
type raced struct {
	address string
	conn    net.Conn // nil: err says why
	err     error
}

// race dials addresses side by side, each a while after the one before or once that
// failed, and returns the first that proves its key, and why others failed before
// that; the zero raced where all did, or ctx ended. The losers are closed before it
// returns.
func race(ctx context.Context, addresses []string, dial func(ctx context.Context, address string) (net.Conn, error)) (first raced, failed []raced) {
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan raced, len(addresses)) // a dial waits for nobody
	var wg sync.WaitGroup
	defer func() {
		cancel()
		wg.Wait()
		close(results)
		for late := range results {
			if late.conn != nil {
				late.conn.Close()
			}
		}
	}()
	turn := time.NewTimer(0)
	defer turn.Stop()
	for next := 0; len(failed) < len(addresses); {
		select {
		case <-turn.C:
			if next < len(addresses) {
				address := addresses[next]
				next++
				wg.Go(func() {
					conn, err := dial(ctx, address)
					results <- raced{address, conn, err}
				})
				turn.Reset(stagger)
			}
		case r := <-results:
			if r.err == nil {
				return r, failed
			}
			failed = append(failed, r)
			turn.Reset(0)
		case <-ctx.Done():
			return raced{}, failed
		}
	}
	return raced{}, failed
}

// reach is the servers in the order in which they are asked, and what is wrong with
// those that are not. Where no connection is up to the one that answered last, they are
// dialled side by side, so that nobody waits for addresses that are silent from here;
// done closes what was not used.
func (c *Client) reach(ctx context.Context) (order []string, failed []error, done func()) {
	order, done = c.Addresses(), func() {}
	if len(order) < 2 || c.lines.isUp(order[0]) {
		return order, nil, done
	}
	won, lost := race(ctx, order, c.dial)
	for _, one := range lost {
		order = slices.DeleteFunc(order, func(a string) bool { return a == one.address })
		failed = append(failed, fmt.Errorf("at %s: %w", one.address, one.err))
	}
	if won.conn != nil {
		order, done = first(order, won.address), c.lines.keep(won.address, won.conn)
	}
	return order, failed, done
}

// lines are the connections of a client, by address: how many are up, and the one that
// won a race and is to be used first.
type lines struct {
	mu    sync.Mutex
	up    map[string]int
	spare map[string]net.Conn
}

func newLines() *lines { return &lines{up: map[string]int{}, spare: map[string]net.Conn{}} }

// counted is a connection of which the lines know until it is closed.
type counted struct {
	net.Conn
	close func()
}

func (c *counted) Close() error {
	c.close()
	return c.Conn.Close()
}

// add counts a connection.
func (l *lines) add(address string, conn net.Conn) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up[address]++
	return &counted{conn, sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.up[address]--; l.up[address] == 0 {
			delete(l.up, address)
		}
	})}
}

// isUp reports whether there is a connection to an address.
func (l *lines) isUp(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up[address] > 0
}

// keep has a connection used by whoever dials its address next; drop closes it if
// nobody did.
func (l *lines) keep(address string, conn net.Conn) (drop func()) {
	l.mu.Lock()
	before := l.spare[address]
	l.spare[address] = conn
	l.mu.Unlock()
	if before != nil {
		before.Close()
	}
	return func() {
		l.mu.Lock()
		mine := l.spare[address] == conn
		if mine {
			delete(l.spare, address)
		}
		l.mu.Unlock()
		if mine {
			conn.Close()
		}
	}
}

// take is the connection that is kept for an address; nil: there is none.
func (l *lines) take(address string) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	conn := l.spare[address]
	delete(l.spare, address)
	return conn
}
