//go:build linux

package nettest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"earshot/internal/lab"
)

// nameServerAt makes this program, started again on a host, a name server at that
// address: it knows the rendezvous server of corp.example, and nothing else.
const nameServerAt = "EARSHOT_TEST_NAME_SERVER"

func runNameServer(at string) int {
	answer := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if name := strings.ToLower(q.Question[0].Name); name == "_earshot-server._tcp.corp.example." {
			rr, err := dns.NewRR(name + " 60 IN SRV 0 0 7421 chat.corp.example.")
			if err == nil {
				m.Answer = append(m.Answer, rr)
			}
		} else {
			m.Rcode = dns.RcodeNameError
		}
		_ = w.WriteMsg(m) // whoever asked asks again
	})
	s := &dns.Server{Addr: at, Net: "udp", Handler: answer, NotifyStartedFunc: func() { fmt.Println("ready") }}
	fmt.Fprintln(os.Stderr, s.ListenAndServe())
	return 1
}

// resolver gives a host a name server and a domain that it searches.
func resolver(t *testing.T, h *lab.Host, server, domain string) {
	t.Helper()
	dir := filepath.Join("/etc/netns", h.Space) // what `ip netns exec` puts in the place of /etc
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir); _ = os.Remove(filepath.Dir(dir)) }) // the latter where it is empty
	if err := os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte("nameserver "+server+"\nsearch "+domain+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestAServerInDNSIsFound, by the domain that the machine searches.
func TestAServerInDNSIsFound(t *testing.T) {
	link := lab.New(t, 2)
	cmd := link.Hosts[0].Command(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), nameServerAt+"="+link.Hosts[0].Addr+":53")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if !bufio.NewScanner(out).Scan() {
		t.Fatal("the name server does not start")
	}
	resolver(t, link.Hosts[1], link.Hosts[0].Addr, "corp.example")
	found := someone(t, link.Hosts[1], "Ann").listen().findServers(1)[0]
	if found.Address != "chat.corp.example:7421" || found.Via != "dns" || found.Verified || found.Fingerprint != "" {
		t.Errorf("found %+v", found)
	}
}
