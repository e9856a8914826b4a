package rendezvous

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"earshot/peer"
)

// The limits of a client: a server, too, may be anybody.
const (
	dialTime      = 5 * time.Second // for TCP, and again for TLS
	callTime      = 20 * time.Second
	idleTime      = 90 * time.Second // heartbeats keep their connection
	maxHeader     = 16 << 10
	maxRefusal    = 4 << 10
	maxAnswer     = 16 << 20 // the open roster of 10,000 people with addresses is 8 MiB
	maxServers    = 16
	maxAddressLen = 260
)

// Errors of calls that got no answer. A refusal is a [*RefusedError].
var (
	// ErrAway says that no server answers.
	ErrAway = errors.New("no server answers")
	// ErrOtherKey says that a server shows another key than the realm's. Nothing was
	// said to it.
	ErrOtherKey = errors.New("the server shows another key than before")
	// ErrAnswer says that what came is not an answer of a rendezvous server.
	ErrAnswer = errors.New("that is not an answer of a rendezvous server")
	// ErrNotPinned says that the realm's key is not known.
	ErrNotPinned = errors.New("the server's key was not confirmed")
)

// A RefusedError is what a server said no with.
type RefusedError struct {
	Code Code
	Wait time.Duration // until it is worth another try
}

func (e *RefusedError) Error() string { return "the server refused: " + string(e.Code) }

// Refused reports whether err is a server's refusal with this code.
func Refused(err error, code Code) bool {
	refused, ok := errors.AsType[*RefusedError](err)
	return ok && refused.Code == code
}

// Dial opens TCP connections; *net.Dialer has one.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// ClientConfig says whom a client speaks to.
type ClientConfig struct {
	Identity  *peer.Identity // proves who asks: there is no other credential
	Realm     peer.ID        // the pinned key of every server
	Addresses []string       // host:port
	Dial      Dial           // nil: the system's
}

// Client asks the servers of one realm, all of which show its pinned key; it starts
// nothing that outlives a call but idle connections. Every call has a deadline. Where a
// server does not answer the next one is asked. Its methods may be called from any goroutine.
type Client struct {
	realm peer.ID
	http  *http.Client
	dial  func(ctx context.Context, address string) (net.Conn, error)
	lines *lines

	mu        sync.Mutex
	addresses []string // the one that answered last is first
}

// NewClient makes a client of a realm. Without a pinned key there is none: the
// error is [ErrNotPinned].
func NewClient(cfg ClientConfig) (*Client, error) {
	if cfg.Realm.IsZero() {
		return nil, ErrNotPinned
	}
	config, err := peer.HTTPConfig(cfg.Identity, cfg.Realm)
	if err != nil {
		return nil, err
	}
	c := &Client{realm: cfg.Realm, lines: newLines()}
	c.dial = func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := dialTLS(ctx, cfg.Dial, config, address)
		if err != nil {
			return nil, err
		}
		return c.lines.add(address, conn), nil
	}
	c.SetAddresses(cfg.Addresses)
	c.http = &http.Client{
		// What a server cannot answer itself it shall not send us elsewhere with.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				if conn := c.lines.take(address); conn != nil {
					return conn, nil
				}
				return c.dial(ctx, address)
			},
			Protocols:              http1(),
			DisableCompression:     true, // nothing is ever inflated
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        idleTime,
			MaxResponseHeaderBytes: maxHeader,
		},
	}
	return c, nil
}

func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// Realm is the pinned key.
func (c *Client) Realm() peer.ID { return c.realm }

// Addresses are those of the servers, the one that answered last foremost.
func (c *Client) Addresses() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.addresses)
}

// SetAddresses says where the servers are; what is no address is left out, and
// where nothing remains those known before stay. A name that was known stays too: it
// may lead to where the servers moved.
func (c *Client) SetAddresses(addresses []string) {
	good := addressesOf(addresses)
	if len(good) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.addresses {
		if isName(known) && !slices.Contains(good, known) && len(good) < maxServers {
			good = append(good, known)
		}
	}
	if len(c.addresses) > 0 && slices.Contains(good, c.addresses[0]) {
		good = first(good, c.addresses[0])
	}
	c.addresses = good
}

// addressesOf are those of the texts that are addresses, each once.
func addressesOf(texts []string) (good []string) {
	for _, text := range texts[:min(len(texts), maxServers)] {
		address, err := parseAddress(text)
		if err == nil && len(address) <= maxAddressLen && !slices.Contains(good, address) {
			good = append(good, address)
		}
	}
	return good
}

// isName reports whether host:port has a name for a host.
func isName(address string) bool {
	host, _, err := net.SplitHostPort(address)
	_, notIP := netip.ParseAddr(host)
	return err == nil && notIP != nil
}

// prefer puts the address of a server that answered first.
func (c *Client) prefer(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.addresses, address) {
		c.addresses = first(c.addresses, address)
	}
}

// first is all with one of them moved to the front.
func first(all []string, one string) []string {
	rest := slices.DeleteFunc(slices.Clone(all), func(a string) bool { return a == one })
	return append([]string{one}, rest...)
}

// Close closes connections that nobody uses. The client may be used again.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// A notSent is why a server was never asked.
type notSent struct{ error }

func (e notSent) Unwrap() error { return e.error }

// A line is a connection to a server. It is closed without a farewell: that takes
// five seconds where the other side does not read, and HTTP needs none.
type line struct{ *tls.Conn }

func (l line) Close() error { return l.NetConn().Close() }

// dialTLS connects to a server and proves both keys.
func dialTLS(ctx context.Context, dial Dial, config *tls.Config, address string) (net.Conn, error) {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	dialing, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	tcp, err := dial(dialing, "tcp", address)
	if err != nil {
		return nil, notSent{err}
	}
	shaking, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn := tls.Client(tcp, config)
	if err := conn.HandshakeContext(shaking); err != nil {
		tcp.Close()
		if _, other := peer.OtherKey(err); other {
			err = fmt.Errorf("%w (%w)", ErrOtherKey, err)
		}
		return nil, notSent{err}
	}
	return line{conn}, nil
}

// Probe looks which key a server at host:port proves, and says nothing to it: a key
// is pinned only after a person compared its [Fingerprint].
func Probe(ctx context.Context, i *peer.Identity, address string, dial Dial) (peer.ID, error) {
	config, err := peer.HTTPConfig(i, peer.ID{})
	if err != nil {
		return peer.ID{}, err
	}
	conn, err := dialTLS(ctx, dial, config, address)
	if err != nil {
		return peer.ID{}, fmt.Errorf("look at %s: %w: %w", address, ErrAway, err)
	}
	defer conn.Close()
	return peer.ProvedKey(conn.(line).ConnectionState())
}

// A call is one request.
type call struct {
	method, path string
	body         any           // nil: none
	time         time.Duration // 0: callTime
	once         bool          // not asked again where it may have been heard
	held         bool          // nor, at once, of another server: all of a server's clients would
}

// ask makes a call of a server, and of the next one where none answers.
func ask[T any](ctx context.Context, c *Client, call call) (T, error) {
	var none T
	var body []byte
	if call.body != nil {
		var err error
		if body, err = json.Marshal(call.body); err != nil {
			return none, fmt.Errorf("%s %s: %w", call.method, call.path, err)
		}
	}
	order, failed, done := c.reach(ctx)
	defer done()
	if ctx.Err() != nil {
		return none, fmt.Errorf("%s %s: %w", call.method, call.path, ctx.Err())
	}
	for _, address := range order {
		answer, err := askAt[T](ctx, c, address, call, body)
		if err == nil {
			c.prefer(address)
			return answer, nil
		}
		err = fmt.Errorf("%s %s at %s: %w", call.method, call.path, address, err)
		if ctx.Err() != nil || !call.passes(err) {
			return none, err
		}
		failed = append(failed, err)
	}
	return none, away(failed)
}

// away is what it means that every server failed. Another key is worse than
// silence: a person has to look.
func away(failed []error) error {
	err := errors.Join(failed...)
	if errors.Is(err, ErrOtherKey) {
		return err
	}
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused
	}
	return fmt.Errorf("%w: %w", ErrAway, err)
}

// passes reports whether another server may be asked the same after this error.
func (c call) passes(err error) bool {
	if _, unheard := errors.AsType[notSent](err); unheard {
		return true
	}
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused.Code == CodeUnavailable && !c.once
	}
	return !c.once && !c.held
}

// askAt makes a call of one server.
func askAt[T any](ctx context.Context, c *Client, address string, call call, body []byte) (answer T, err error) {
	if call.time == 0 {
		call.time = callTime
	}
	ctx, cancel := context.WithTimeout(ctx, call.time)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, call.method, "https://"+address+call.path, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	if call.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("User-Agent", "earshot")
	if call.once {
		r.GetBody = nil // nor does the transport repeat it
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	return answer, read(resp, &answer)
}

// read takes an answer into the pointer to where it is wanted, or returns the
// refusal. It is read strictly: what has two meanings is none.
func read(resp *http.Response, answer any) error {
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return refusal(resp)
	}
	if resp.StatusCode == http.StatusNoContent {
		return nil
	}
	b, err := readCapped(resp, maxAnswer)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return nil
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return nil
}

// refusal is what an answer other than 2xx says.
func refusal(resp *http.Response) error {
	var p Problem
	b, err := readCapped(resp, maxRefusal)
	if err != nil {
		return err
	}
	if json.Unmarshal(b, &p) != nil || p.Code == "" || len(p.Code) > maxCode {
		return fmt.Errorf("%w: status %d", ErrAnswer, resp.StatusCode)
	}
	wait := time.Duration(min(max(p.Wait, 0), 24*3600)) * time.Second
	return &RefusedError{Code: p.Code, Wait: wait}
}

// readCapped reads a body of at most so many bytes.
func readCapped(resp *http.Response, most int64) ([]byte, error) {
	if resp.ContentLength > most {
		return nil, fmt.Errorf("%w: %d bytes", ErrAnswer, resp.ContentLength)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%w: more than %d bytes", ErrAnswer, most)
	}
	return b, err
}
