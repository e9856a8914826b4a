package discovery

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/mdns"
	"github.com/miekg/dns"
)

const (
	// recordTTL is the life of a record in seconds, as hashicorp/mdns has it.
	recordTTL = 120
	// maxAnswers a second go out on one link: 253 bytes each for 42 asked would
	// make us an amplifier.
	maxAnswers = 20
	// maxDelay bounds the random delay of an answer.
	maxDelay = 100 * time.Millisecond
	// backlog: an answer so soon after the last one has waited in the socket
	// already.
	backlog = 5 * time.Millisecond
)

// zone is the records of this device, or server, on one link. It answers the questions that
// an [mdns.Server] hears there; its methods may be called from any goroutine.
//
// What it adds to [mdns.MDNSService]: the records can be replaced, case does not
// matter (RFC 6762, section 16), answers are limited, and they are spread over
// time where many would answer at once (1,000 answers within 10 ms overflow the
// asker's socket: two thirds were lost).
type zone struct {
	kind    kind
	service atomic.Pointer[mdns.MDNSService] // nil: nothing to say
	crowd   *atomic.Int64                    // how many peers there are about
	done    chan struct{}                    // closed: answers wait no longer

	mu      sync.Mutex
	last    time.Time // when the last answer went out
	second  time.Time // begin of the second that answers counts
	answers int
}

func newZone(k kind, crowd *atomic.Int64) *zone {
	return &zone{kind: k, crowd: crowd, done: make(chan struct{})}
}

// announced is what others are told on a link: with no port, or no address, nothing.
type announced struct {
	label uuid.UUID
	port  uint16
	addrs []netip.Addr
	txt   []string
}

// set replaces the records by those of an instance.
func (z *zone) set(i announced) error {
	if i.port == 0 || len(i.addrs) == 0 {
		z.service.Store(nil)
		return nil
	}
	var ips []net.IP // never empty: the library would look the host name up in DNS, for tens of seconds
	for _, a := range i.addrs[:min(len(i.addrs), maxAddrs)] {
		ips = append(ips, a.AsSlice())
	}
	label := i.label.String()
	host := "earshot-" + label[:8] + "." + domain // the machine's own name is its own responder's
	s, err := mdns.NewMDNSService(label, string(z.kind), domain, host, int(i.port), ips, i.txt)
	if err != nil {
		return fmt.Errorf("make records: %w", err)
	}
	z.service.Store(s)
	return nil
}

// all is every record there is: PTR, SRV, A, AAAA, TXT. The records are
// the caller's.
func (z *zone) all() []dns.RR {
	s := z.service.Load()
	if s == nil {
		return nil
	}
	return s.Records(dns.Question{Name: z.kind.name(), Qtype: dns.TypePTR, Qclass: dns.ClassINET})
}

// Records answers one question. The server calls it from its receiving
// goroutine, so a delay here delays that link and family only.
func (z *zone) Records(q dns.Question) []dns.RR {
	s := z.service.Load()
	if s == nil {
		return nil
	}
	asked := q.Name
	q.Name = strings.ToLower(q.Name)
	records := s.Records(q)
	if len(records) == 0 || !z.admit(time.Now()) {
		return nil
	}
	for _, rr := range records {
		if rr.Header().Name == q.Name {
			rr.Header().Name = asked
		}
	}
	if z.kind.is(q.Name) {
		z.wait()
	}
	return records
}

// admit counts an answer and reports whether there is room for it.
func (z *zone) admit(now time.Time) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	if now.Sub(z.second) >= time.Second {
		z.second, z.answers = now, 0
	}
	z.answers++
	return z.answers <= maxAnswers
}

// wait spreads the answers of many devices over time.
func (z *zone) wait() {
	z.mu.Lock()
	late := time.Since(z.last) < backlog
	z.mu.Unlock()
	most := min(maxDelay, time.Duration(z.crowd.Load())*time.Millisecond)
	if !late && most > 0 {
		t := time.NewTimer(rand.N(most))
		defer t.Stop()
		select {
		case <-t.C:
		case <-z.done:
		}
	}
	z.mu.Lock()
	z.last = time.Now()
	z.mu.Unlock()
}

// close lets an answer that waits go. It must be called once.
func (z *zone) close() { close(z.done) }
