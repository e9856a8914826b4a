package server

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// maxOwnAddresses bounds the addresses that a server says of itself.
const maxOwnAddresses = 4

// ownAddresses are where clients reach a server that listens at addr: there, or at
// each address of this machine. Those of one machine alone are said where there is
// no other.
func ownAddresses(addr net.Addr) []string {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return nil
	}
	port := strconv.Itoa(int(at.Port()))
	if !at.Addr().IsUnspecified() {
		return []string{net.JoinHostPort(at.Addr().Unmap().String(), port)}
	}
	var all []string
	found, _ := net.InterfaceAddrs() // none: the machine's name is left
	for _, a := range found {
		ip, ok := a.(*net.IPNet)
		if ok && ip.IP.IsGlobalUnicast() && len(all) < maxOwnAddresses {
			all = append(all, net.JoinHostPort(ip.IP.String(), port))
		}
	}
	if len(all) == 0 {
		all = []string{net.JoinHostPort("127.0.0.1", port)}
	}
	return all
}

// listenHere listens on an address of this machine that nobody else reaches.
func listenHere(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	ip, notIP := netip.ParseAddr(host)
	if err != nil || host != "localhost" && (notIP != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%w: %s", ErrMetrics, address)
	}
	return net.Listen("tcp", address)
}
