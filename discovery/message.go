package discovery

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/miekg/dns"

	"earshot/peer"
)

// The names of DNS-SD that are ours.
const (
	service = "_earshot._tcp"
	domain  = "local."
	// suffix follows a device's label in its instance name.
	suffix = "." + service + "." + domain
)

// What a packet may hold. Ours have 300 to 700 bytes and under 20 records.
const (
	maxPacket  = 2 << 10
	maxRecords = 32
)

// flush is the cache-flush bit (RFC 6762, section 10.2): the record is the only
// one of its name, caches forget others.
const flush = 1 << 15

// claim is what a packet says of a device. Nothing of it is proved but that the
// label fits the key.
type claim struct {
	text
	label uuid.UUID
	port  uint16
	named []netip.Addr // everything the packet names: A, AAAA, TXT
	from  netip.Addr   // where the packet came from, zero when not known
}

// message is what a packet means to us.
type message struct {
	asks     bool        // who is there?
	known    []uuid.UUID // whom the asker knows already (RFC 6762, section 7.1)
	claims   []claim
	goodbyes []uuid.UUID
	dns      *dns.Msg
}

// parse reads a packet. Records that are not ours are skipped; a packet that is
// no mDNS message, or larger than ours can be, is an error.
func parse(data []byte) (message, error) {
	if len(data) > maxPacket {
		return message{}, fmt.Errorf("parse packet: %d bytes", len(data))
	}
	m := message{dns: new(dns.Msg)}
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
		m.readQuestion()
	}
	return m, nil
}

// readQuestion finds out whether the message asks for us.
func (m *message) readQuestion() {
	for _, q := range m.dns.Question {
		m.asks = m.asks || (q.Qtype == dns.TypePTR || q.Qtype == dns.TypeANY) && isService(q.Name)
	}
	for _, rr := range m.dns.Answer {
		if ptr, ok := rr.(*dns.PTR); ok && isService(ptr.Hdr.Name) && ptr.Hdr.Ttl >= recordTTL/2 {
			if label, ok := parseInstance(ptr.Ptr); ok {
				m.known = append(m.known, label)
			}
		}
	}
}

// read collects what a response says of each device that it names.
func (m *message) read(records []dns.RR) {
	parts := map[uuid.UUID]*parts{}
	addrs := map[string][]netip.Addr{}
	for _, rr := range records {
		switch rr := rr.(type) {
		case *dns.PTR:
			if label, ok := parseInstance(rr.Ptr); ok && isService(rr.Hdr.Name) && rr.Hdr.Ttl == 0 {
				m.goodbyes = append(m.goodbyes, label)
			}
		case *dns.SRV, *dns.TXT:
			collect(parts, rr)
		case *dns.A:
			addAddr(addrs, rr.Hdr.Name, rr.A)
		case *dns.AAAA:
			addAddr(addrs, rr.Hdr.Name, rr.AAAA)
		}
	}
	for label, p := range parts {
		if c, ok := p.claim(label, addrs); ok && !slices.Contains(m.goodbyes, label) {
			m.claims = append(m.claims, c)
		}
	}
}

// parts are the records of one instance.
type parts struct {
	srv *dns.SRV
	txt *dns.TXT
}

// collect files an SRV or TXT record under its instance; the first one counts.
func collect(all map[uuid.UUID]*parts, rr dns.RR) {
	label, ok := parseInstance(rr.Header().Name)
	if !ok || rr.Header().Ttl == 0 {
		return
	}
	if all[label] == nil {
		all[label] = &parts{}
	}
	p := all[label]
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

// claim puts the parts together; false where one is missing.
func (p *parts) claim(label uuid.UUID, addrs map[string][]netip.Addr) (claim, bool) {
	if p.srv == nil || p.txt == nil {
		return claim{}, false
	}
	return newClaim(label, p.srv.Port, p.txt.Txt, addrs[strings.ToLower(p.srv.Target)])
}

// newClaim checks that the label is the key's: whoever claims another's label
// is dropped here, whoever claims another's key in the TLS handshake.
func newClaim(label uuid.UUID, port uint16, txt []string, addrs []netip.Addr) (claim, bool) {
	t, ok := parseText(txt)
	if !ok || t.id.Label() != label {
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

func isService(name string) bool { return strings.EqualFold(name, suffix[1:]) }

// instanceName is a device's name in DNS-SD.
func instanceName(label uuid.UUID) string { return label.String() + suffix }

// parseInstance reads what instanceName writes; case does not matter.
func parseInstance(name string) (uuid.UUID, bool) {
	const size = 36 // of the one form of a UUID that is ours
	if len(name) != size+len(suffix) || !strings.EqualFold(name[size:], suffix) {
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

// packGoodbye takes a device's name back. It has the PTR record alone: clients
// of hashicorp/mdns do not look at the TTL and would take the rest for a sign of
// life.
func packGoodbye(id peer.ID) ([]byte, error) {
	return packResponse([]dns.RR{&dns.PTR{
		Hdr: dns.RR_Header{Name: suffix[1:], Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: 0},
		Ptr: instanceName(id.Label()),
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
func packQuestion() ([]byte, error) {
	m := new(dns.Msg).SetQuestion(suffix[1:], dns.TypePTR)
	m.Id, m.RecursionDesired = 0, false
	return m.Pack()
}
