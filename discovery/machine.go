package discovery

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/mdns"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// mdnsPort is where everybody listens.
const mdnsPort = 5353

// groups are the addresses that all who speak mDNS listen to, by family.
var groups = [2]*net.UDPAddr{
	v4: {IP: net.IPv4(224, 0, 0, 251), Port: mdnsPort},
	v6: {IP: net.ParseIP("ff02::fb"), Port: mdnsPort},
}

// silent is the logger for hashicorp/mdns: it would write a line, with the
// whole message, for every packet that it does not like.
var silent = log.New(io.Discard, "", 0)

const (
	// askWindow is how long a question is open, and firstWindow the first one on a
	// link: somebody waits for it. They are short because the client multicasts a
	// question of its own for every foreign packet it hears meanwhile, and cannot
	// be ended before.
	askWindow   = 300 * time.Millisecond
	firstWindow = 150 * time.Millisecond
	// answersKept of one question; the client drops what finds no room.
	answersKept = 4096
)

// String is the family's network name in package net.
func (f family) String() string {
	if f == v4 {
		return "udp4"
	}
	return "udp6"
}

// machine is the [network] of this machine.
type machine struct{}

func (machine) links(patterns []string) ([]link, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var links []link
	for _, ifi := range all {
		const needed = net.FlagUp | net.FlagRunning | net.FlagMulticast
		if ifi.Flags&needed != needed || ifi.Flags&net.FlagLoopback != 0 || !choose(ifi, patterns) {
			continue
		}
		if l := (link{ifi: ifi, prefixes: prefixes(ifi)}); len(l.prefixes) > 0 {
			links = append(links, l)
		}
	}
	return links, nil
}

// prefixes are the addresses of an interface; none if it just went.
func prefixes(ifi net.Interface) []netip.Prefix {
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil
	}
	var all []netip.Prefix
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, p)
		}
	}
	return all
}

func (machine) respond(l link, z *zone) (responder, error) {
	s, err := mdns.NewServer(&mdns.Config{Zone: z, Iface: &l.ifi, Logger: silent})
	if err != nil {
		return nil, fmt.Errorf("answer on %s: %w", l.ifi.Name, err)
	}
	return s, nil
}

// ask asks with the client of hashicorp/mdns, and by ourselves where that one
// cannot work: it needs the mDNS port, and a default route for IPv4.
func (machine) ask(ctx context.Context, q inquiry) ([]claim, error) {
	entries := make(chan *mdns.ServiceEntry, answersKept)
	err := mdns.QueryContext(ctx, &mdns.QueryParam{
		Service:     string(devices),
		Domain:      strings.TrimSuffix(domain, "."),
		Timeout:     q.window,
		Interface:   &q.link.ifi,
		Entries:     entries,
		DisableIPv4: q.family != v4,
		DisableIPv6: q.family != v6,
		Logger:      silent,
	})
	if err != nil {
		return askPlainly(ctx, q)
	}
	close(entries) // the client goes on writing to entries until it has returned
	var claims []claim
	for e := range entries {
		if c, ok := entryClaim(e); ok {
			claims = append(claims, c)
		}
	}
	return claims, nil
}

// entryClaim reads what the client made of an answer. It keeps one address of a
// family and hides where the answer came from.
func entryClaim(e *mdns.ServiceEntry) (claim, bool) {
	label, ok := devices.label(e.Name)
	if !ok || e.Port <= 0 || e.Port > 0xffff {
		return claim{}, false
	}
	var addrs []netip.Addr
	for _, ip := range []net.IP{e.AddrV4, e.AddrV6} {
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	c, ok := newClaim(label, uint16(e.Port), e.InfoFields, addrs)
	return c, ok && c.fits()
}

// askPlainly sends the question from a port of its own, and so gets the answers
// that are sent back to who asked.
func askPlainly(ctx context.Context, q inquiry) ([]claim, error) {
	question, err := packQuestion(devices)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP(q.family.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask on %s: %w", q.link.ifi.Name, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := bindMulticast(conn, q); err != nil {
		return nil, fmt.Errorf("ask on %s: %w", q.link.ifi.Name, err)
	}
	if _, err := conn.WriteToUDP(question, groups[q.family]); err != nil {
		return nil, fmt.Errorf("ask on %s: %w", q.link.ifi.Name, err)
	}
	return readAnswers(conn, q)
}

// bindMulticast makes a socket send its multicast by one interface.
func bindMulticast(conn *net.UDPConn, q inquiry) error {
	if q.family == v4 {
		return ipv4.NewPacketConn(conn).SetMulticastInterface(&q.link.ifi)
	}
	return ipv6.NewPacketConn(conn).SetMulticastInterface(&q.link.ifi)
}

// readAnswers collects answers until the window closes.
func readAnswers(conn *net.UDPConn, q inquiry) ([]claim, error) {
	if err := conn.SetReadDeadline(time.Now().Add(q.window)); err != nil {
		return nil, err
	}
	var claims []claim
	buf := make([]byte, maxPacket+1)
	for range answersKept {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			break // the deadline
		}
		addr := from.Addr().Unmap()
		if m, err := parse(buf[:n]); err == nil && from.Port() == mdnsPort && q.link.contains(addr) {
			for _, c := range m.claims {
				c.from = addr
				claims = append(claims, c)
			}
		}
	}
	return claims, nil
}
