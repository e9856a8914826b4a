package discovery

import (
	"net"
	"net/netip"
	"testing"
)

func TestMayDial(t *testing.T) {
	links := []link{lan, testLink(3, "wlan0", "203.0.113.9/24", "169.254.7.7/16", "10.9.0.1/31")}
	for addr, want := range map[string]bool{
		"10.77.0.9":        true, // on the link
		"192.168.4.4":      true, // private, behind a router
		"fd00::1":          true,
		"fe80::9%eth0":     true,
		"203.0.113.10":     true, // public, but on the link
		"169.254.9.9":      true,
		"10.9.0.0":         true, // a /31 has no broadcast address
		"10.9.0.1":         true,
		"fe80::9":          false, // on which link?
		"fe80::9%eth7":     false,
		"fe80::9%wlan0":    false, // no IPv6 there
		"8.8.8.8":          false,
		"2001:db8::1":      false,
		"127.0.0.1":        false,
		"127.9.9.9":        false,
		"::1":              false,
		"0.0.0.0":          false,
		"::":               false,
		"224.0.0.251":      false,
		"ff02::fb":         false,
		"255.255.255.255":  false,
		"10.77.255.255":    false, // the link's broadcast address
		"10.77.0.0":        false,
		"203.0.113.255":    false,
		"::ffff:10.77.0.9": false, // unmapped before
	} {
		if got := mayDial(netip.MustParseAddr(addr), links); got != want {
			t.Errorf("mayDial(%s) = %v", addr, got)
		}
	}
	if mayDial(netip.Addr{}, links) {
		t.Error("may dial no address")
	}
}

func TestChooseInterfaces(t *testing.T) {
	for _, c := range []struct {
		name     string
		flags    net.Flags
		patterns []string
		want     bool
	}{
		{"eth0", 0, nil, true},
		{"docker0", 0, nil, false},
		{"br-1234", 0, nil, false},
		{"br0", 0, nil, true},
		{"wg0", 0, nil, false},
		{"ppp0", net.FlagPointToPoint, nil, false},
		{"eth0", 0, []string{"eth*"}, true},
		{"wlan0", 0, []string{"eth*"}, false},
		{"docker0", 0, []string{"docker0"}, true},
		{"ppp0", net.FlagPointToPoint, []string{"ppp*"}, true},
		{"eth1", 0, []string{"eth*", "!eth1"}, false},
		{"eth1", 0, []string{"!eth1"}, false},
		{"eth0", 0, []string{"!eth1"}, true},
		{"docker0", 0, []string{"!eth1"}, false},
		{"eth0", 0, []string{"["}, false},
		{"eth0", 0, []string{"!["}, true},
	} {
		if got := choose(net.Interface{Name: c.name, Flags: c.flags}, c.patterns); got != c.want {
			t.Errorf("%s with %q: %v", c.name, c.patterns, got)
		}
	}
}

func TestLinkKeyTellsStatesApart(t *testing.T) {
	seen := map[string]bool{lan.key(): true}
	moved := testLink(2, "eth0", "10.77.0.3/16")
	replugged := testLink(7, "eth0", "10.77.0.2/16", "fe80::2/64", "fd77::2/64")
	other := testLink(2, "eth0", "10.77.0.2/16", "fe80::2/64", "fd77::2/64")
	other.ifi.HardwareAddr = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	for _, l := range []link{moved, replugged, other} {
		if seen[l.key()] {
			t.Errorf("%s was there already", l.key())
		}
		seen[l.key()] = true
	}
}

// The machine's own interfaces, whatever they are: what is listed can be used.
func TestMachineListsUsableLinks(t *testing.T) {
	links, err := machine{}.links(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if !l.has(v4) && !l.has(v6) || l.ifi.Flags&net.FlagMulticast == 0 {
			t.Errorf("listed %+v", l)
		}
	}
	if none, err := (machine{}).links([]string{"no-such-interface"}); err != nil || len(none) != 0 {
		t.Errorf("got %v, %v", none, err)
	}
}
