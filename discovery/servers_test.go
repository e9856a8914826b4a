package discovery

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/miekg/dns"
)

// office is a server's announcement: the realm with the seed b.
func office(b byte, name string) Announcement {
	return Announcement{Realm: seedID(b), Name: name, At: netip.MustParseAddrPort("[::]:7421")}
}

// serve announces a server on the host until stop, which waits.
func serve(t *testing.T, h *memoryHost, a Announcement) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := announce(ctx, a, h); err != nil {
			t.Errorf("announce: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func TestAServerIsFoundAndSaysGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		early := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		wait(10 * time.Second)
		early.take()
		stop := serve(t, g.plug(hostLink(9)), office(9, "Office 张"))
		wait(time.Second)
		early.expect(t, "server Office 张 at 10.77.0.9:7421")
		wait(10 * time.Minute)
		early.expect(t) // it is not told again and again
		late := launch(t, g.plug(hostLink(2)), selfNamed(2, "Bob"))
		wait(2 * time.Second)
		if said := late.said(); !slices.Contains(said, "server Office 张 at 10.77.0.9:7421") {
			t.Errorf("who comes later heard %q", said)
		}
		early.take()
		stop()
		wait(time.Second)
		early.expect(t, "server gone from 10.77.0.9:7421")
	})
}

func TestASilentServerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		host := g.plug(hostLink(9))
		serve(t, host, office(9, "Office"))
		wait(time.Second)
		ann.take()
		host.change(func() { host.mute = true })
		wait(serverPatience + time.Minute)
		ann.expect(t, "server gone from 10.77.0.9:7421")
		host.change(func() { host.mute = false })
		wait(2 * time.Minute)
		ann.expect(t, "server Office at 10.77.0.9:7421")
	})
}

func TestAServerIsAnnouncedWhereItListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		for n, at := range []string{"127.0.0.1:7421", "10.99.0.1:7421", "10.77.0.5:8000"} {
			a := office(byte(20+n), "Office")
			a.At = netip.MustParseAddrPort(at)
			serve(t, g.plug(hostLink(3+n)), a)
		}
		wait(time.Second)
		ann.expect(t, "server Office at 10.77.0.5:8000")
	})
}

func TestAServersNameIsNobodysProperty(t *testing.T) {
	t.Run("A-01", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := &segment{}
			ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
			serve(t, g.plug(hostLink(9)), office(9, "Office"))
			wait(time.Second)
			ann.take()
			stop := serve(t, g.plug(hostLink(66)), office(66, "Office")) // its name
			wait(time.Second)
			stopLiar := serve(t, g.plug(hostLink(67)), office(9, "Office")) // and its key
			wait(time.Second)
			stop()
			stopLiar()
			wait(time.Second)
			ann.expect(t, "server Office at 10.77.0.66:7421", "server Office at 10.77.0.67:7421",
				"server gone from 10.77.0.66:7421", "server gone from 10.77.0.67:7421")
		})
	})
}

func TestServersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		wait(time.Second)
		ann.take()
		for n := range 40 * maxSourceServers {
			b := beacon{office(byte(n), fmt.Sprint("office ", n)), uuid.New()}
			at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, 1, byte(n % 20)}), mdnsPort)
			g.multicast(nil, v4, at, serverPacket(t, b, fmt.Sprintf("10.77.2.%d/16", n%250)))
			wait(10 * time.Millisecond)
		}
		said := ann.said()
		if len(said) != maxServers {
			t.Errorf("%d servers were told", len(said))
		}
		wait(serverPatience + 2*time.Second)
		if gone := ann.said(); len(gone) != maxServers {
			t.Errorf("%d servers went", len(gone))
		}
	})
}

// serverPacket is an announcement of b from a host with the address.
func serverPacket(t testing.TB, b beacon, prefix string) []byte {
	t.Helper()
	l := testLink(2, "eth0", prefix)
	z := newZone(servers, nil)
	if err := z.set(b.announced(l, []link{l})); err != nil {
		t.Fatal(err)
	}
	packed, err := packAnnouncement(z.all())
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func TestServersThatCannotBeAreNotListed(t *testing.T) {
	for what, c := range map[string]struct{ prefix, at string }{
		"this machine itself": {"127.0.0.1/8", "[::]:7421"},
		"a public address":    {"8.8.8.8/24", "[::]:7421"},
		"a port of others":    {"10.77.0.9/16", "[::]:25"},
		"everybody":           {"224.0.0.251/4", "[::]:7421"},
		"one link alone":      {"fe80::9/64", "[::]:7421"},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &segment{}
				ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
				wait(time.Second)
				ann.take()
				a := office(9, "Office")
				a.At = netip.MustParseAddrPort(c.at)
				g.multicast(nil, v4, netip.MustParseAddrPort("10.77.0.9:5353"), serverPacket(t, beacon{a, uuid.New()}, c.prefix))
				wait(time.Second)
				ann.expect(t)
			})
		})
	}
}

func FuzzServerAnnouncement(f *testing.F) {
	b := beacon{office(9, "Office 张 \\"), uuid.UUID{6: 0x40, 8: 0x80, 15: 1}}
	goodbye, _ := packGoodbye(servers, b.label)
	asks, _ := packQuestion(servers)
	whole := serverPacket(f, b, "10.77.0.9/16")
	for _, seed := range [][]byte{whole, whole[:len(whole)/2], goodbye, asks} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parse(data)
		if err != nil {
			return
		}
		if len(m.offers)+len(m.servers.goodbyes)+len(m.servers.known) > maxRecords {
			t.Fatalf("%d offers, %d goodbyes, %d known", len(m.offers), len(m.servers.goodbyes), len(m.servers.known))
		}
		for _, c := range m.offers {
			if c.id.IsZero() || len(c.name) > maxNameBytes || len(c.named) > maxRecords+maxNamed {
				t.Fatalf("offer %+v", c)
			}
		}
	})
}

func TestOtherProgramsReadAServersAnnouncement(t *testing.T) {
	b := beacon{office(9, strings.Repeat("x", 300)), uuid.New()}
	packed := serverPacket(t, b, "10.77.0.9/16")
	if len(packed) > 700 {
		t.Errorf("the announcement has %d bytes", len(packed))
	}
	var m dns.Msg
	if err := m.Unpack(packed); err != nil {
		t.Fatal(err)
	}
	for _, rr := range m.Answer {
		if srv, ok := rr.(*dns.SRV); ok && (srv.Port != 7421 || srv.Hdr.Name != b.label.String()+"._earshot-server._tcp.local.") {
			t.Errorf("got %v", srv)
		}
	}
}
