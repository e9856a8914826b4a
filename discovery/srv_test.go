package discovery

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// nameServer answers on 127.0.0.1 with what answer makes of each question; nil is no
// answer at all.
func nameServer(t *testing.T, answer func(q *dns.Msg) []byte) dialer {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			q := new(dns.Msg)
			if q.Unpack(buf[:n]) == nil {
				if a := answer(q); a != nil {
					conn.WriteTo(a, from)
				}
			}
		}
	}()
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}
}

// srvs answers with the records, for questions about example.org.
func srvs(records ...string) func(*dns.Msg) []byte {
	return func(q *dns.Msg) []byte {
		m := new(dns.Msg).SetReply(q)
		m.Compress = true
		if name := q.Question[0].Name; name != "_earshot-server._tcp.example.org." {
			m.Rcode = dns.RcodeNameError
		} else {
			for _, r := range records {
				rr, err := dns.NewRR(name + " 60 IN SRV " + r)
				if err != nil {
					panic(err)
				}
				m.Answer = append(m.Answer, rr)
			}
		}
		packed, err := m.Pack()
		if err != nil {
			panic(err)
		}
		return packed
	}
}

func TestServersAreFoundInDNS(t *testing.T) {
	dial := nameServer(t, srvs("20 0 7421 second.example.org.", "10 0 443 First.Example.org."))
	got := lookUpServers(t.Context(), dial, []string{"none.example", "Example.org.", "example.org"})
	if want := []string{"first.example.org:443", "second.example.org:7421"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWhatCannotBeAServerInDNSIsRefused(t *testing.T) {
	dial := nameServer(t, srvs("0 0 7421 .", "0 0 0 a.example.org.", "0 0 7421 127.0.0.1.", "0 0 7421 localhost.", "0 0 7421 x.localhost.",
		`0 0 7421 a\032b.example.org.`, `0 0 7421 \027[2J.example.org.`, "1 0 7421 good.example.org."))
	got := lookUpServers(t.Context(), dial, []string{"example.org"})
	if want := []string{"good.example.org:7421"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestManyServersInDNS(t *testing.T) {
	var records []string
	for _, c := range "abcdefghijklmnopqrst" {
		records = append(records, "0 0 7421 "+string(c)+".example.org.")
	}
	if got := lookUpServers(t.Context(), nameServer(t, srvs(records...)), []string{"example.org"}); len(got) != maxSRV {
		t.Errorf("got %d servers", len(got))
	}
}

func TestADomainNameServerThatIsNone(t *testing.T) {
	for what, answer := range map[string]func(*dns.Msg) []byte{
		"garbage": func(*dns.Msg) []byte { return []byte(strings.Repeat("x", 600)) },
		"another's answer": func(q *dns.Msg) []byte {
			q.Id++
			return srvs("0 0 7421 a.example.org.")(q)
		},
		"silence": func(*dns.Msg) []byte { return nil },
	} {
		t.Run(what, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			got := lookUpServers(ctx, nameServer(t, answer), []string{"example.org", "example.com"})
			if took := time.Since(began); len(got) > 0 || took > 3*time.Second {
				t.Errorf("got %v after %v", got, took)
			}
		})
	}
}

func TestDomainsThatAreAskedAbout(t *testing.T) {
	got := usable([]string{"", ".", "local", "Corp.", "corp", "a..b", strings.Repeat("x.", 200), "b", "c", "d", "e", "f", "g"})
	if want := []string{"corp", "b", "c", "d", "e", "f"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
