// Package lab makes hosts for tests and measurements: network namespaces on one
// link, with multicast, in which real processes run.
//
// It needs root and iproute2 on Linux; a test skips with the reason where they
// are missing. Nothing is changed outside of the namespaces it makes, and they
// go with their [Owner].
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
)

// Owner is whom a link belongs to: it goes with the owner's end, and what cannot
// be done to it ends the owner. Tests and benchmarks are owners as they are.
type Owner interface {
	Helper()
	Cleanup(func())
	Skip(args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// Link is one switch with hosts on it.
type Link struct {
	t      Owner
	space  string // the namespace with the bridge
	subnet int    // 10.SUBNET.0.0/16, fdSUBNET::/64
	Hosts  []*Host
}

// Host is a machine on a [Link].
type Host struct {
	link *Link
	port string // its plug in the switch
	// Space is the name of the host's network namespace, for `ip netns exec`.
	Space string
	// Addr and Addr6 are its addresses on the link, without the prefix length.
	Addr, Addr6 string
}

var links atomic.Int32

// New puts n hosts on one link; the owner's end removes them and ends what runs
// on them. It skips the owner without root.
func New(t Owner, n int) *Link {
	t.Helper()
	return newLink(t, n, 77)
}

// NewRouted puts hosts on two links that a router joins: it passes on what is meant
// for one host, and no multicast.
func NewRouted(t Owner, here, there int) (a, b *Link) {
	t.Helper()
	a, b = newLink(t, here+1, 77), newLink(t, there, 78)
	router := a.Hosts[here]
	a.Hosts = a.Hosts[:here]
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", router.Space).Run() })
	b.Join(router, "eth1", "10.78.255.1")
	a.ip("netns", "exec", router.Space, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	for _, h := range a.Hosts {
		a.ip("-n", h.Space, "route", "replace", "default", "via", router.Addr)
	}
	for _, h := range b.Hosts {
		b.ip("-n", h.Space, "route", "replace", "default", "via", "10.78.255.1")
	}
	return a, b
}

func newLink(t Owner, n, subnet int) *Link {
	t.Helper()
	if reason := Missing(); reason != "" {
		t.Skip(reason)
	}
	name := fmt.Sprintf("es%x-%x", os.Getpid(), links.Add(1))
	l := &Link{t: t, space: name + "-sw", subnet: subnet}
	t.Cleanup(l.close)
	l.ip("netns", "add", l.space)
	l.ip("-n", l.space, "link", "add", "name", "br0", "type", "bridge", "mcast_snooping", "0")
	l.ip("-n", l.space, "link", "set", "br0", "up")
	for i := 1; i <= n; i++ {
		l.add(fmt.Sprintf("%s-%d", name, i), i)
	}
	return l
}

// Missing says in words what a link lacks here, empty when nothing.
func Missing() string {
	switch {
	case os.Getenv("EARSHOT_NETWORK_TESTS") == "off":
		return "EARSHOT_NETWORK_TESTS=off: another run makes the network tests"
	case runtime.GOOS != "linux":
		return "network namespaces exist on Linux only"
	case os.Geteuid() != 0:
		return "network namespaces need root"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return "network namespaces need iproute2"
	}
	return ""
}

// add plugs one more host in. Duplicate address detection is off: nobody else
// is here, and it would cost each test two seconds.
func (l *Link) add(space string, i int) {
	h := &Host{link: l, Space: space, port: fmt.Sprintf("port%d", i),
		Addr: fmt.Sprintf("10.%d.%d.%d", l.subnet, i/250, i%250+1), Addr6: fmt.Sprintf("fd%d::%x", l.subnet, i+1)}
	l.Hosts = append(l.Hosts, h)
	l.ip("netns", "add", space)
	for _, scope := range []string{"all", "default"} {
		l.ip("netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf."+scope+".accept_dad=0")
	}
	l.ip("-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", h.port, "netns", l.space)
	l.ip("-n", l.space, "link", "set", h.port, "master", "br0", "up")
	l.ip("-n", space, "addr", "add", h.Addr+"/16", "dev", "eth0")
	l.ip("-n", space, "link", "set", "lo", "up")
	l.ip("-n", space, "link", "set", "eth0", "up")
	l.ip("-n", space, "addr", "add", h.Addr6+"/64", "dev", "eth0", "nodad")
	l.ip("-n", space, "route", "add", "default", "dev", "eth0")
}

// Join plugs a host of another link into this one too, by an interface and an IPv4
// address of its own.
func (l *Link) Join(h *Host, name, addr string) {
	l.t.Helper()
	port := h.port + "-" + name
	l.ip("-n", h.Space, "link", "add", name, "type", "veth", "peer", "name", port, "netns", l.space)
	l.ip("-n", l.space, "link", "set", port, "master", "br0", "up")
	l.ip("-n", h.Space, "addr", "add", addr+"/16", "dev", name)
	l.ip("-n", h.Space, "link", "set", name, "up")
}

func (l *Link) close() {
	for _, h := range l.Hosts {
		if pids, err := exec.Command("ip", "netns", "pids", h.Space).Output(); err == nil {
			for _, pid := range strings.Fields(string(pids)) {
				_ = exec.Command("kill", "-9", pid).Run() // it may have ended by itself
			}
		}
		_ = exec.Command("ip", "netns", "del", h.Space).Run() // not there where New failed half-way
	}
	_ = exec.Command("ip", "netns", "del", l.space).Run()
}

// ip runs one ip command; a failure ends the owner.
func (l *Link) ip(args ...string) {
	l.t.Helper()
	if err := ip(args...); err != nil {
		l.t.Fatal(err)
	}
}

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("ip %s: %s", strings.Join(args, " "), strings.TrimSpace(string(out))), err)
	}
	return nil
}

// Command is a command that will run on the host. The process has the command's
// own number: killing it kills the program, not a wrapper.
func (h *Host) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", h.Space, name}, args...)...)
}

// Unplug pulls the cable: the link has no carrier, addresses and routes stay.
func (h *Host) Unplug() {
	h.link.t.Helper()
	h.link.ip("-n", h.link.space, "link", "set", h.port, "down")
}

// Plug puts the cable back.
func (h *Host) Plug() {
	h.link.t.Helper()
	h.link.ip("-n", h.link.space, "link", "set", h.port, "up")
}

// Readdress gives the host another IPv4 address in place of the one it has.
func (h *Host) Readdress(addr string) {
	h.link.t.Helper()
	// Else the new address, the second one of its prefix, goes with the first.
	h.link.ip("netns", "exec", h.Space, "sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1")
	h.link.ip("-n", h.Space, "addr", "add", addr+"/16", "dev", "eth0")
	h.link.ip("-n", h.Space, "addr", "del", h.Addr+"/16", "dev", "eth0")
	h.Addr = addr
}

// RemoveAddress takes the host's addresses away: it can be reached no longer,
// and nothing tells those who talk to it.
func (h *Host) RemoveAddress() {
	h.link.t.Helper()
	h.link.ip("-n", h.Space, "addr", "flush", "dev", "eth0")
}

// WithoutIPv4 leaves the host its IPv6 addresses alone.
func (h *Host) WithoutIPv4() {
	h.link.t.Helper()
	h.link.ip("-n", h.Space, "-4", "addr", "flush", "dev", "eth0")
}

// WithoutIPv6 leaves the host its IPv4 address alone.
func (h *Host) WithoutIPv6() {
	h.link.t.Helper()
	h.link.ip("-n", h.Space, "-6", "addr", "flush", "dev", "eth0")
}
