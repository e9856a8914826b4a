package discovery

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestPathsKeepToTheChosenInterfaces(t *testing.T) {
	links := []link{
		testLink(1, "lo", "127.0.0.1/8"), testLink(2, "eth0", "10.1.0.2/16", "fe80::2/64"),
		testLink(3, "eth1", "10.2.0.2/16"), testLink(4, "wlan0", "10.1.0.3/16"), testLink(5, "wg0", "10.9.0.1/32"),
	}
	for _, c := range []struct {
		patterns      []string
		local, remote string
		want          bool
	}{
		{nil, "10.1.0.2", "10.1.0.9", true},
		{nil, "192.0.2.1", "10.1.0.9", true}, // nothing was chosen
		{[]string{"!eth0"}, "10.1.0.2", "10.1.0.9", false},
		{[]string{"!eth0"}, "::ffff:10.1.0.2", "::ffff:10.1.0.9", false},
		{[]string{"!eth0"}, "10.2.0.2", "10.2.0.9", true},
		{[]string{"!eth0"}, "10.2.0.2", "192.0.2.1", true}, // behind a router
		{[]string{"eth1"}, "10.2.0.2", "10.1.0.9", false},  // came in by eth0 all the same
		{[]string{"!eth0"}, "10.2.0.2", "10.1.0.9", true},  // or by wlan0
		{[]string{"!eth0"}, "10.9.0.1", "10.9.0.7", true},  // a tunnel is not left out by itself
		{[]string{"eth1"}, "10.9.0.1", "10.9.0.7", false},
		{[]string{"eth1"}, "127.0.0.1", "127.0.0.1", true}, // another profile of this machine
		{[]string{"none"}, "127.0.0.1", "127.0.0.1", true},
		{[]string{"none"}, "10.2.0.2", "10.2.0.9", false},
		{[]string{"eth1"}, "192.0.2.1", "10.2.0.9", false}, // no interface has it
		{[]string{"eth0"}, "fe80::2%eth0", "fe80::9%eth0", true},
		{[]string{"!eth0"}, "fe80::2%eth0", "fe80::9%eth0", false},
	} {
		p := NewPaths(c.patterns)
		p.list = func() ([]link, error) { return links, nil }
		if got := p.Allows(netip.MustParseAddr(c.local), netip.MustParseAddr(c.remote)); got != c.want {
			t.Errorf("%q: %s to %s: %v", c.patterns, c.local, c.remote, got)
		}
	}
}

func TestOwnAddressesAreThoseOthersCanReach(t *testing.T) {
	links := []link{
		testLink(1, "lo", "127.0.0.1/8", "::1/128"), testLink(2, "eth0", "10.1.0.2/16", "fe80::2/64", "fd00::2/64"),
		testLink(3, "eth1", "10.2.0.2/16"), testLink(4, "docker0", "172.17.0.1/16"),
	}
	for _, c := range []struct {
		patterns []string
		want     string
	}{{nil, "[10.1.0.2 fd00::2 10.2.0.2]"}, {[]string{"!eth0"}, "[10.2.0.2]"}, {[]string{"docker0"}, "[172.17.0.1]"}, {[]string{"none"}, "[]"}} {
		p := NewPaths(c.patterns)
		p.list = func() ([]link, error) { return links, nil }
		if got := fmt.Sprint(p.Addresses()); got != c.want {
			t.Errorf("%q: %s, want %s", c.patterns, got, c.want)
		}
	}
}
