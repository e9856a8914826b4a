package discovery

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// segment is a link in memory: what one host sends, all on it hear, itself too.
// Its mutex guards its hosts as well.
type segment struct {
	mu    sync.Mutex
	hosts []*memoryHost
	sent  []sending
}

// sending is a multicast that went over a segment.
type sending struct {
	at   time.Time
	from netip.Addr
	data []byte
}

// memoryHost is a machine on a segment; it is the [network] of one [Finder].
type memoryHost struct {
	segment *segment
	state   []link // as the machine has them
	refuse  error  // opening sockets fails with this
	deaf    bool   // hears no multicast: a firewall
	mute    bool   // its multicast goes nowhere, not even back
	sockets map[*memorySocket]bool
	zones   map[*zone]bool
	replies []sending
}

// plug puts a machine with the links on the segment.
func (g *segment) plug(links ...link) *memoryHost {
	h := &memoryHost{segment: g, state: links, sockets: map[*memorySocket]bool{}, zones: map[*zone]bool{}}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hosts = append(g.hosts, h)
	return h
}

// announcements are those that went over the segment.
func (g *segment) announcements() []sending {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(g.sent), func(s sending) bool {
		m, err := parse(s.data)
		return err != nil || len(m.claims) == 0
	})
}

// change does something to a host, guarded.
func (h *memoryHost) change(what func()) {
	h.segment.mu.Lock()
	defer h.segment.mu.Unlock()
	what()
}

func (h *memoryHost) links([]string) ([]link, error) {
	h.segment.mu.Lock()
	defer h.segment.mu.Unlock()
	return slices.Clone(h.state), nil
}

type memoryServer struct {
	host *memoryHost
	zone *zone
}

func (h *memoryHost) respond(_ link, z *zone) (responder, error) {
	h.segment.mu.Lock()
	defer h.segment.mu.Unlock()
	if h.refuse != nil {
		return nil, h.refuse
	}
	h.zones[z] = true
	return memoryServer{h, z}, nil
}

func (s memoryServer) Shutdown() error {
	s.host.change(func() { delete(s.host.zones, s.zone) })
	return nil
}

type memorySocket struct {
	host   *memoryHost
	link   link
	family family
	heard  func(packet)
}

func (h *memoryHost) listen(l link, f family, heard func(packet)) (socket, error) {
	h.segment.mu.Lock()
	defer h.segment.mu.Unlock()
	if h.refuse != nil {
		return nil, h.refuse
	}
	s := &memorySocket{host: h, link: l, family: f, heard: heard}
	h.sockets[s] = true
	return s, nil
}

// addr is the socket's own address.
func (s *memorySocket) addr() netip.Addr {
	for _, p := range s.link.prefixes {
		if p.Addr().Is4() == (s.family == v4) {
			return s.link.zoned(p.Addr())
		}
	}
	return netip.Addr{}
}

func (s *memorySocket) send(message []byte) error {
	s.host.segment.multicast(s.host, s.family, netip.AddrPortFrom(s.addr(), mdnsPort), message)
	return nil
}

func (s *memorySocket) reply(message []byte, to netip.AddrPort) error {
	g := s.host.segment
	g.mu.Lock()
	defer g.mu.Unlock()
	s.host.replies = append(s.host.replies, sending{time.Now(), to.Addr(), message})
	from := netip.AddrPortFrom(s.addr(), mdnsPort)
	for _, h := range g.hosts {
		for other := range h.sockets {
			if to == netip.AddrPortFrom(other.addr(), mdnsPort) {
				other.heard(packet{data: message, from: from, index: other.link.ifi.Index, unicast: true, socket: other})
			}
		}
	}
	return nil
}

func (s *memorySocket) close() { s.host.change(func() { delete(s.host.sockets, s) }) }

// multicast delivers a message to every socket of the family. Interfaces with
// the same index are the same wire.
func (g *segment) multicast(sender *memoryHost, f family, from netip.AddrPort, message []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent = append(g.sent, sending{time.Now(), from.Addr(), message})
	for _, h := range g.hosts {
		for s := range h.sockets {
			if s.family == f && !h.deaf && (sender == nil || !sender.mute) {
				s.heard(packet{data: message, from: from, index: s.link.ifi.Index, socket: s})
			}
		}
	}
}

// ask does what the client of hashicorp/mdns does, as far as others notice: it
// comes back only when its time is over.
func (h *memoryHost) ask(_ context.Context, q inquiry) ([]claim, error) {
	asker := memorySocket{link: q.link, family: q.family}
	question, err := packQuestion(devices)
	if err != nil {
		return nil, err
	}
	h.segment.multicast(h, q.family, netip.AddrPortFrom(asker.addr(), 50000), question)
	window := time.After(q.window)
	claims := h.answers()
	<-window
	return claims, nil
}

// answers are those of everybody else's servers.
func (h *memoryHost) answers() (claims []claim) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, z := range h.others() {
		wg.Go(func() {
			packed, err := packResponse(z.Records(question(devices.name(), dns.TypePTR)))
			if err != nil {
				return
			}
			m, _ := parse(packed)
			mu.Lock()
			defer mu.Unlock()
			claims = append(claims, m.claims...)
		})
	}
	wg.Wait()
	return claims
}

// others are the zones that the host's questions reach.
func (h *memoryHost) others() (zones []*zone) {
	h.segment.mu.Lock()
	defer h.segment.mu.Unlock()
	for _, other := range h.segment.hosts {
		for z := range other.zones {
			if other != h && !h.mute {
				zones = append(zones, z)
			}
		}
	}
	return zones
}

// console is a Finder that runs, and what it said.
type console struct {
	*Finder
	host *memoryHost
	stop func() // ends it and waits

	mu     sync.Mutex
	events []stamped
}

// stamped is an event with its time.
type stamped struct {
	at    time.Time
	event Event
}

// launch runs a Finder on the host until the test ends.
func launch(t *testing.T, h *memoryHost, self Self, change ...func(*Config)) *console {
	t.Helper()
	c := &console{host: h}
	cfg := Config{Self: self, network: h, Notify: c.notify}
	for _, f := range change {
		f(&cfg)
	}
	c.Finder = New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	c.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(func() {
		c.stop()
		<-time.After(askWindow) // the questions that Run may leave behind
	})
	return c
}

func (c *console) notify(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, stamped{time.Now(), e})
}

// take gives the events since the last call.
func (c *console) take() []stamped {
	c.mu.Lock()
	defer c.mu.Unlock()
	events := c.events
	c.events = nil
	return events
}

// said is what take gives, in short.
func (c *console) said() (all []string) {
	for _, s := range c.take() {
		switch e := s.event.(type) {
		case Found:
			all = append(all, fmt.Sprintf("found %s %v", e.Name, e.Addrs))
		case Lost:
			all = append(all, "lost")
		case Suspected:
			all = append(all, "suspected")
		case Copied:
			all = append(all, fmt.Sprint("copied ", e.Addr))
		case NetworkChanged:
			all = append(all, "network changed")
		case ServerFound:
			all = append(all, fmt.Sprintf("server %s at %v", e.Name, e.Addr))
		case ServerLost:
			all = append(all, fmt.Sprint("server gone from ", e.Addr))
		}
	}
	return all
}

// expect compares what was said.
func (c *console) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := c.said(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
