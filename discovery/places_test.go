package discovery

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// start is when the tests of what is pure begin.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func addrs(list ...string) []netip.Addr {
	var all []netip.Addr
	for _, s := range list {
		all = append(all, netip.MustParseAddr(s))
	}
	return all
}

// from is a sighting by a packet from source.
func from(source string, near, far []netip.Addr) sighting {
	s := sighting{near: near, far: far}
	if source != "" {
		s.from = netip.MustParseAddr(source)
	}
	return s
}

func order(ps places) string {
	var all []netip.Addr
	for _, p := range ps {
		all = append(all, p.addr)
	}
	return fmt.Sprint(all)
}

func TestPlacesAreOrdered(t *testing.T) {
	near, far := addrs("10.77.0.3", "fe80::3%eth0"), addrs("192.168.5.3")
	for _, c := range []struct {
		name  string
		heard []sighting
		want  string
	}{
		{"where it came from first", []sighting{from("fe80::3%eth0", near, far)}, "[fe80::3%eth0 10.77.0.3 192.168.5.3]"},
		{"IPv4 before IPv6", []sighting{from("fe80::3%eth0", near, far), from("10.77.0.3", near, far)}, "[10.77.0.3 fe80::3%eth0 192.168.5.3]"},
		{"on the link before elsewhere", []sighting{from("", near, far)}, "[10.77.0.3 fe80::3%eth0 192.168.5.3]"},
		{"what was only named is forgotten", []sighting{from("", near, far), from("", near, nil)}, "[10.77.0.3 fe80::3%eth0]"},
		{"a new address before the old one", []sighting{from("10.77.0.3", addrs("10.77.0.3"), nil), from("10.77.0.4", addrs("10.77.0.4"), nil)}, "[10.77.0.4 10.77.0.3]"},
		{"a forged source does not displace", []sighting{from("10.77.0.3", addrs("10.77.0.3"), nil), from("10.77.0.66", addrs("10.77.0.3"), nil)}, "[10.77.0.3 10.77.0.66]"},
		{"a reflector behind what it names", []sighting{from("10.77.0.1", addrs("10.77.0.3"), far)}, "[10.77.0.3 10.77.0.1 192.168.5.3]"},
	} {
		var ps places
		for i, s := range c.heard {
			ps.hear(s, start.Add(time.Duration(i)*time.Second))
		}
		if got := order(ps); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPlacesAreFew(t *testing.T) {
	var ps places
	for i := range 100 {
		s := from(fmt.Sprintf("10.77.1.%d", i), nil, nil)
		for j := range maxAddrs {
			s.near = append(s.near, netip.AddrFrom4([4]byte{10, 77, byte(2 + i), byte(j)}))
		}
		ps.hear(s, start.Add(time.Duration(i)*time.Second))
	}
	if len(ps) != maxAddrs+maxSources {
		t.Errorf("%d places", len(ps))
	}
}

func TestSilentSourcesAreForgotten(t *testing.T) {
	var ps places
	ps.hear(from("10.77.0.3", addrs("10.77.0.3"), nil), start)
	ps.hear(from("10.77.0.4", addrs("10.77.0.4"), nil), start.Add(time.Minute))
	if ps.sweep(start.Add(time.Minute), time.Minute) || len(ps) != 2 {
		t.Errorf("too soon: %s", order(ps))
	}
	if !ps.sweep(start.Add(90*time.Second), time.Minute) || order(ps) != "[10.77.0.4]" {
		t.Errorf("got %s", order(ps))
	}
}

func TestPermitsAreFew(t *testing.T) {
	p := newPermits(permitAgain)
	given := map[netip.AddrPort][]time.Time{}
	for tick := range 600 {
		now := start.Add(time.Duration(tick) * 100 * time.Millisecond)
		p.sweep(now)
		for n := range byte(10) {
			addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, n}), 7420)
			if p.allow(addr, now) {
				given[addr] = append(given[addr], now)
			}
		}
	}
	var all []time.Time
	for addr, times := range given {
		for i, at := range times[1:] {
			if at.Sub(times[i]) < permitAgain {
				t.Errorf("%v again after %v", addr, at.Sub(times[i]))
			}
		}
		all = append(all, times...)
	}
	slices.SortFunc(all, time.Time.Compare)
	for i := range all[permitsPerSecond:] {
		if d := all[i+permitsPerSecond].Sub(all[i]); d < time.Second {
			t.Errorf("%d permits within %v", permitsPerSecond+1, d)
		}
	}
	if len(all) != 20 || len(p.given) > 60 {
		t.Errorf("%d permits, %d remembered", len(all), len(p.given))
	}
}
