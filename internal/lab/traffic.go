package lab

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// This file is what happens to packets: how fast they go, which are lost, and
// how many there were.

// Limit slows down what the host sends, to a rate in the words of tc(8).
func (h *Host) Limit(rate string) {
	h.link.t.Helper()
	out, err := exec.Command("tc", "-n", h.Space, "qdisc", "replace", "dev", "eth0", "root",
		"tbf", "rate", rate, "burst", "256kb", "latency", "20ms").CombinedOutput()
	if err != nil {
		h.link.t.Fatalf("limit %s to %s: %s", h.Space, rate, out)
	}
}

// DropMulticast makes the host deaf for multicast, as some Wi-Fi does. It needs
// nft.
func (h *Host) DropMulticast() {
	h.link.t.Helper()
	h.filter("deaf", "ip daddr 224.0.0.0/4 drop; ip6 daddr ff00::/8 udp dport 5353 drop;")
}

// Lose makes the host lose so many of 1,000 packets that it receives, at random
// and each for itself: no host of the link takes several packets for one any
// more, as virtual network cards do. It may be called once, and needs nft.
func (h *Host) Lose(perMille int) {
	h.link.t.Helper()
	for _, other := range h.link.Hosts {
		h.link.ip("-n", other.Space, "link", "set", "dev", "eth0", "gso_max_segs", "1")
	}
	h.filter("lossy", fmt.Sprintf(`iif "eth0" numgen random mod 1000 < %d drop;`, perMille))
}

// Firewall lets no TCP connection in from now on, as the firewall of a machine
// does: what tries gets no answer. Those that are open stay. It needs nft.
func (h *Host) Firewall() {
	h.link.t.Helper()
	h.filter("wall", "iifname eth0 tcp flags & (syn | ack) == syn drop;")
}

// OpenFirewall takes the firewall away.
func (h *Host) OpenFirewall() {
	h.link.t.Helper()
	h.nft("delete table inet wall")
}

// filter puts rules for what the host receives into a table of that name.
func (h *Host) filter(table, rules string) {
	h.link.t.Helper()
	h.nft("table inet " + table + " { chain in { type filter hook input priority 0; " + rules + " }; }")
}

// nft changes the packet filter of the host.
func (h *Host) nft(rules string) {
	h.link.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", h.Space, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.link.t.Fatalf("filter packets on %s: %v: %s", h.Space, err, out)
	}
}

// Received is how many bytes the host got over its link so far.
func (h *Host) Received() int64 {
	h.link.t.Helper()
	return h.Counted("rx_bytes")
}

// Counted is what the kernel counted on the host's link so far under a name of
// /sys/class/net/eth0/statistics: tx_bytes, rx_packets.
func (h *Host) Counted(what string) int64 {
	h.link.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", h.Space, "cat", "/sys/class/net/eth0/statistics/"+what).Output()
	if err != nil {
		h.link.t.Fatalf("count %s of %s: %v", what, h.Space, err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		h.link.t.Fatalf("count %s of %s: %v", what, h.Space, err)
	}
	return n
}
