package discovery

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/miekg/dns"
)

// kind is a type of service in DNS-SD (RFC 6763).
type kind string

// The kinds that are ours.
const (
	devices kind = "_earshot._tcp"
	servers kind = "_earshot-server._tcp" // rendezvous servers
)

// domain of mDNS.
const domain = "local."

// What a packet may hold. Ours have 300 to 700 bytes and under 20 records.
const (
	maxPacket  = 2 << 10
	maxRecords = 32
)

// flush is the cache-flush bit (RFC 6762, section 10.2): the record is the only
// one of its name, caches forget others.
const flush = 1 << 15

// claim is what a packet says of a device, or of a server. Nothing of it is proved
// but that a device's label fits its key.
type claim struct {
	text
	label uuid.UUID
	port  uint16
	named []netip.Addr // everything the packet names: A, AAAA, TXT
	from  netip.Addr   // where the packet came from, zero when not known
}

// message is what a packet means to us.
type message struct {
	about   // devices
	claims  []claim
	servers about // rendezvous servers
	offers  []claim
	dns     *dns.Msg
}

// about is what a message has to do with one kind.
type about struct {
	kind     kind
	asks     bool        // who is there?
	known    []uuid.UUID // whom the asker knows already (RFC 6762, section 7.1)
	goodbyes []uuid.UUID
	parts    map[uuid.UUID]*parts // the records of each instance that is named
}

// of is what the message has to do with a kind.
func (m *message) of(k kind) *about {
	if k == servers {
		return &m.servers
	}
	return &m.about
}

// parse reads a packet. Records that are not ours are skipped; a packet that is
// no mDNS message, or larger than ours can be, is an error.
func parse(data []byte) (message, error) {
	if len(data) > maxPacket {
		return message{}, fmt.Errorf("parse packet: %d bytes", len(data))
	}
	m := message{about: about{kind: devices}, servers: about{kind: servers}, dns: new(dns.Msg)}
	if err := m.dns.Unpack(data); err != nil {
		return message{}, fmt.Errorf("parse packet: %w", err)
	}
	if m.dns.Opcode != dns.OpcodeQuery || m.dns.Rcode != dns.RcodeSuccess {
		return message{}, errors.New("parse packet: not an mDNS message")
	}
	records := slices.Concat(m.dns.Answer, m.dns.Extra)
	if len(records) > maxRecords || len(m.dns.Question) > maxRecords {
		return message{}, fmt.Errorf("parse packet: %d records, %d questions", len(records), len(m.dns.Question))
	}
	if m.dns.Response {
		m.read(records)
	} else {
		m.about.readQuestion(m.dns)
		m.servers.readQuestion(m.dns)
	}
	return m, nil
}

// readQuestion finds out whether a message asks for the kind.
func (a *about) readQuestion(m *dns.Msg) {
	for _, q := range m.Question {
		a.asks = a.asks || (q.Qtype == dns.TypePTR || q.Qtype == dns.TypeANY) && a.kind.is(q.Name)
	}
	for _, rr := range m.Answer {
		if ptr, ok := rr.(*dns.PTR); ok && a.kind.is(ptr.Hdr.Name) && ptr.Hdr.Ttl >= recordTTL/2 {
			if label, ok := a.kind.label(ptr.Ptr); ok {
				a.known = append(a.known, label)
			}
		}
	}
}

// read collects what a response says of each device and each server that it names.
func (m *message) read(records []dns.RR) {
	addrs := map[string][]netip.Addr{}
	for _, rr := range records {
		switch rr := rr.(type) {
		case *dns.A:
			addAddr(addrs, rr.Hdr.Name, rr.A)
		case *dns.AAAA:
			addAddr(addrs, rr.Hdr.Name, rr.AAAA)
		}
	}
	for label, p := range m.about.read(records) {
		if c, ok := p.claim(label, addrs); ok {
			m.claims = append(m.claims, c)
		}
	}
	for label, p := range m.servers.read(records) {
		if c, ok := p.gather(label, addrs); ok {
			m.offers = append(m.offers, c)
		}
	}
}

// read collects the records of the kind, and gives the instances that are there.
func (a *about) read(records []dns.RR) map[uuid.UUID]*parts {
	a.parts = map[uuid.UUID]*parts{}
	for _, rr := range records {
		switch rr := rr.(type) {
		case *dns.PTR:
			if label, ok := a.kind.label(rr.Ptr); ok && a.kind.is(rr.Hdr.Name) && rr.Hdr.Ttl == 0 {
				a.goodbyes = append(a.goodbyes, label)
			}
		case *dns.SRV, *dns.TXT:
			a.collect(rr)
		}
	}
	for _, label := range a.goodbyes {
		delete(a.parts, label)
	}
	return a.parts
}

// parts are the records of one instance.
type parts struct {
	srv *dns.SRV
	txt *dns.TXT
}

// collect files an SRV or TXT record under its instance; the first one counts.
func (a *about) collect(rr dns.RR) {
	label, ok := a.kind.label(rr.Header().Name)
	if !ok || rr.Header().Ttl == 0 {
		return
	}
	if a.parts[label] == nil {
		a.parts[label] = &parts{}
	}
	p := a.parts[label]
	switch rr := rr.(type) {
	case *dns.SRV:
		if p.srv == nil {
			p.srv = rr
		}
	case *dns.TXT:
		if p.txt == nil {
			p.txt = rr
		}
	}
}

// claim is what the parts say of a device; false where one is missing.
func (p *parts) claim(label uuid.UUID, addrs map[string][]netip.Addr) (claim, bool) {
	c, ok := p.gather(label, addrs)
	return c, ok && c.fits()
}

// fits reports whether the label is the key's: whoever claims another device's label
// is dropped here, whoever claims its key in the TLS handshake.
func (c *claim) fits() bool { return c.id.Label() == c.label }

// gather puts the parts together; false where one is missing.
func (p *parts) gather(label uuid.UUID, addrs map[string][]netip.Addr) (claim, bool) {
	if p.srv == nil || p.txt == nil {
		return claim{}, false
	}
	return newClaim(label, p.srv.Port, p.txt.Txt, addrs[strings.ToLower(p.srv.Target)])
}

func newClaim(label uuid.UUID, port uint16, txt []string, addrs []netip.Addr) (claim, bool) {
	t, ok := parseText(txt)
	if !ok {
		return claim{}, false
	}
	c := claim{text: t, label: label, port: port}
	for _, a := range slices.Concat(addrs, t.addrs) {
		if !slices.Contains(c.named, a) {
			c.named = append(c.named, a)
		}
	}
	return c, true
}

func addAddr(addrs map[string][]netip.Addr, host string, ip []byte) {
	if a, ok := netip.AddrFromSlice(ip); ok {
		host = strings.ToLower(host)
		addrs[host] = append(addrs[host], a.Unmap())
	}
}

// name is the kind's name, of which each instance has a PTR record.
func (k kind) name() string { return string(k) + "." + domain }

func (k kind) is(name string) bool { return strings.EqualFold(name, k.name()) }

// instance is the name of one device or server.
func (k kind) instance(label uuid.UUID) string { return label.String() + "." + k.name() }

// label reads what instance writes; case does not matter.
func (k kind) label(name string) (uuid.UUID, bool) {
	const size = 36 // of the one form of a UUID that is ours
	if len(name) <= size || name[size] != '.' || !k.is(name[size+1:]) {
		return uuid.UUID{}, false
	}
	label, err := uuid.Parse(name[:size])
	return label, err == nil
}

// packAnnouncement is an unsolicited response with a device's records.
func packAnnouncement(records []dns.RR) ([]byte, error) {
	for _, rr := range records {
		if rr.Header().Rrtype != dns.TypePTR { // everybody has one under this name
			rr.Header().Class |= flush
		}
	}
	return packResponse(records)
}

// packGoodbye takes an instance's name back. It has the PTR record alone: clients
// of hashicorp/mdns do not look at the TTL and would take the rest for a sign of
// life.
func packGoodbye(k kind, label uuid.UUID) ([]byte, error) {
	return packResponse([]dns.RR{&dns.PTR{
		Hdr: dns.RR_Header{Name: k.name(), Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: 0},
		Ptr: k.instance(label),
	}})
}

func packResponse(records []dns.RR) ([]byte, error) {
	m := &dns.Msg{MsgHdr: dns.MsgHdr{Response: true, Authoritative: true}, Compress: true, Answer: records}
	return m.Pack()
}

// packAnswer answers one asker's question.
func packAnswer(question *dns.Msg, records []dns.RR) ([]byte, error) {
	m := new(dns.Msg).SetReply(question)
	m.Authoritative, m.Compress, m.Answer = true, true, records
	return m.Pack()
}

// packQuestion asks who is there.
func packQuestion(k kind) ([]byte, error) {
	m := new(dns.Msg).SetQuestion(k.name(), dns.TypePTR)
	m.Id, m.RecursionDesired = 0, false
	return m.Pack()
}
