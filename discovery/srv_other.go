//go:build !windows

package discovery

import "github.com/miekg/dns"

// searchDomains are those that the system's resolver searches.
func searchDomains() []string {
	conf, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil
	}
	return conf.Search
}
