package discovery

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// What is asked of DNS, and taken from it, about rendezvous servers.
const (
	maxDomains   = 6 // as many as resolvers search
	maxSRV       = 8 // servers of all domains
	maxHost      = 253
	dnsTime      = 5 * time.Second // for all domains
	serverSRV    = "earshot-server"
	serverSRVNet = "tcp"
)

// LookUpServers finds rendezvous servers in DNS: the SRV records _earshot-server._tcp
// of the domains that this machine searches, as host:port, the one to try first
// first. Nobody is asked for longer than five seconds; no answer is no server. What
// DNS says is a claim like any other.
func LookUpServers(ctx context.Context) []string {
	return lookUpServers(ctx, (&net.Dialer{}).DialContext, searchDomains())
}

// dialer opens a connection to a name server.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func lookUpServers(ctx context.Context, dial dialer, domains []string) (found []string) {
	ctx, cancel := context.WithTimeout(ctx, dnsTime)
	defer cancel()
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() }) // the resolver itself reads on until its own time is over
		}
		return conn, err
	}}
	for _, domain := range usable(domains) {
		_, records, _ := r.LookupSRV(ctx, serverSRV, serverSRVNet, domain+".") // beside an error there may be good ones
		for _, srv := range records {
			if at, ok := srvAddress(srv); ok && len(found) < maxSRV && !slices.Contains(found, at) {
				found = append(found, at)
			}
		}
	}
	return found
}

// usable are the domains that can be asked about; .local is mDNS's own.
func usable(domains []string) (all []string) {
	for _, d := range domains {
		d = strings.ToLower(strings.Trim(d, "."))
		if _, ok := dns.IsDomainName(d); ok && d != "" && d != "local" && len(d) <= maxHost && len(all) < maxDomains && !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

// srvAddress is what a record points to; false where that cannot be a server's name
// on the network: "." says that there is none, and this machine's is anybody's.
func srvAddress(srv *net.SRV) (string, bool) {
	host := strings.ToLower(strings.TrimSuffix(srv.Target, "."))
	_, notAddr := netip.ParseAddr(host)
	alien := strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
	if host == "" || len(host) > maxHost || srv.Port == 0 || notAddr == nil || alien || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return "", false
	}
	return net.JoinHostPort(host, strconv.Itoa(int(srv.Port))), true
}
