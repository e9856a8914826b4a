package profile

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"earshot/peer"
)

// HostPort takes apart how a person names another machine: a name or an address,
// with a port or without ([peer.DefaultPort] then); IPv6 addresses need brackets
// only before a port.
func HostPort(text string) (host string, port uint16, err error) {
	text = strings.TrimSpace(text)
	if isAddr(text) {
		return text, peer.DefaultPort, nil
	}
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		host, portText = text, strconv.Itoa(peer.DefaultPort)
		if inside, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inside, "]") {
			host = strings.TrimSuffix(inside, "]")
		}
	}
	number, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || number == 0 {
		return "", 0, fmt.Errorf("%.80q: want a port from 1 to 65535", text)
	}
	if host == "" || !isAddr(host) && (strings.ContainsAny(host, ":/,@?#[]") || strings.ContainsFunc(host, unicode.IsSpace)) {
		return "", 0, fmt.Errorf("%.80q: want HOST or HOST:PORT", text)
	}
	return host, uint16(number), nil
}

func isAddr(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}
