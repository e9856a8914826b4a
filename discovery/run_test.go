package discovery

import (
	"errors"
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

// hostLink is the interface of the n-th host.
func hostLink(n int) link { return testLink(2, "eth0", fmt.Sprintf("10.77.0.%d/16", n)) }

// wait lets time pass, and everything come to rest.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// pair is two consoles that found each other.
func pair(t *testing.T) (g *segment, ann, bob *console) {
	t.Helper()
	g = &segment{}
	ann = launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
	wait(10 * time.Second)
	bob = launch(t, g.plug(hostLink(2)), selfNamed(2, "Bob"))
	wait(time.Second)
	return g, ann, bob
}

const (
	foundAnn = "found Ann [10.77.0.1:7420]"
	foundBob = "found Bob [10.77.0.2:7420]"
)

func TestTwoFindEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ann, bob := pair(t)
		begin := time.Now().Add(-time.Second)
		for _, c := range []*console{ann, bob} {
			for _, s := range c.take() {
				if d := s.at.Sub(begin); d > 300*time.Millisecond {
					t.Errorf("%v after %v", s.event, d)
				}
			}
		}
		ann.Update("Anna", 7425)
		wait(time.Second)
		bob.expect(t, "found Anna [10.77.0.1:7425]")
	})
}

func TestManyFindEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const peers = 32
		g := &segment{}
		var all []*console
		begin := map[int]time.Time{}
		for n := range peers {
			begin[n] = time.Now()
			all = append(all, launch(t, g.plug(hostLink(n+1)), selfNamed(byte(n+1), fmt.Sprint(n))))
			wait(70 * time.Millisecond)
		}
		wait(time.Second)
		var took []time.Duration
		for n, c := range all {
			found := map[string]bool{}
			for _, s := range c.take() {
				f, ok := s.event.(Found)
				if !ok || found[f.Name] {
					continue
				}
				found[f.Name] = true
				var other int
				fmt.Sscan(f.Name, &other)
				took = append(took, s.at.Sub(begin[max(n, other)]))
			}
			if len(found) != peers-1 {
				t.Errorf("%d found %d", n, len(found))
			}
		}
		slices.Sort(took)
		median, worst := took[len(took)/2], took[len(took)-1]
		if median > 300*time.Millisecond || worst > time.Second {
			t.Errorf("median %v, worst %v", median, worst)
		}
		t.Logf("median %v, worst %v, %d packets", median, worst, len(g.sent))
	})
}

func TestGoodbyeIsHeardAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ann, bob := pair(t)
		ann.said()
		begin := time.Now()
		bob.stop()
		if d := time.Since(begin); d > leaveWithin {
			t.Errorf("leaving took %v", d)
		}
		events := ann.take()
		if len(events) != 1 || events[0].event != (Lost{seedID(2)}) || events[0].at != begin {
			t.Errorf("got %v", events)
		}
		wait(time.Hour)
		ann.expect(t)
	})
}

func TestRunWaitsForQuestionsThatAreOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		c := launch(t, g.plug(testLink(2, "eth0", "10.77.0.1/16", "fe80::1/64")), selfNamed(1, "Ann"))
		wait(600 * time.Millisecond) // in the second question
		begin := time.Now()
		c.stop()
		if d := time.Since(begin); d <= goodbyeAgain || d > leaveWithin {
			t.Errorf("leaving took %v", d)
		}
	}) // which ends only when every goroutine has
}

func TestAnnouncementsComeInABurstThenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		begin := time.Now()
		launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		wait(10 * time.Minute)
		var at []time.Duration
		for _, s := range g.announcements() {
			at = append(at, s.at.Sub(begin))
		}
		if len(at) < 3 || !slices.Equal(at[:3], []time.Duration{0, time.Second, 3 * time.Second}) {
			t.Fatalf("announced after %v", at)
		}
		for i := range at[3:] {
			if gap := at[3+i] - at[2+i]; gap < 48*time.Second || gap > 72*time.Second {
				t.Errorf("%v between two: %v", gap, at)
			}
		}
	})
}

func TestQuestionsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		wait(time.Hour)
		asked := 0
		for _, s := range g.sent {
			if m, err := parse(s.data); err == nil && m.asks {
				asked++
			}
		}
		if asked < 15 || asked > 30 {
			t.Errorf("asked %d times in an hour", asked)
		}
	})
}

func TestRefreshAsksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		wait(time.Hour)
		before := len(g.sent)
		ann.Refresh()
		synctest.Wait()
		if sent := g.sent[before:]; len(sent) != 3 { // an announcement, questions for devices and for servers
			t.Errorf("sent %d packets", len(sent))
		}
	})
}

// A host whose firewall lets no multicast in, but the answers to its questions.
func TestWhoHearsNoAnnouncementsAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		host := g.plug(hostLink(2))
		host.deaf = true
		bob := launch(t, host, selfNamed(2, "Bob"))
		wait(time.Second)
		bob.expect(t, foundAnn)
		wait(10 * time.Second)
		if !strings.Contains(bob.Health(), "firewall") {
			t.Errorf("health %q", bob.Health())
		}
	})
}

func TestSilenceIsSuspected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ann, bob := pair(t)
		ann.expect(t, foundBob)
		bob.host.change(func() { bob.host.mute, bob.host.zones = true, nil }) // frozen
		wait(140 * time.Second)
		ann.expect(t)
		wait(30 * time.Second)
		ann.expect(t, "suspected", "suspected")
		ann.Confirm(seedID(2), true)
		wait(time.Hour)
		ann.expect(t)
		ann.Confirm(seedID(2), false)
		wait(200 * time.Second)
		ann.expect(t, "suspected", "suspected", "lost")
	})
}

func TestAddressesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, ann, bob := pair(t)
		ann.said()
		bob.said()
		bob.host.change(func() { bob.host.state = []link{hostLink(9)} })
		wait(4 * time.Second)
		bob.expect(t, "network changed")
		ann.expect(t, "found Bob [10.77.0.9:7420 10.77.0.2:7420]")
		ann.Confirm(seedID(2), true)
		wait(200 * time.Second)
		ann.expect(t, "found Bob [10.77.0.9:7420]")
	})
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		host := g.plug()
		ann := launch(t, host, selfNamed(1, "Ann"))
		expect := func(want string) {
			t.Helper()
			if got := ann.Health(); !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("health %q, want %q", got, want)
			}
		}
		wait(time.Second)
		expect("no network")
		host.change(func() { host.state = []link{hostLink(1)} })
		wait(10 * time.Second)
		expect("")
		host.change(func() { host.state, host.refuse = []link{hostLink(2)}, errors.New("address already in use") })
		wait(10 * time.Second)
		expect("UDP port 5353 on eth0 cannot be used (address already in use)")
		host.change(func() { host.refuse, host.mute = nil, true })
		wait(20 * time.Second)
		expect("multicast does not get through on eth0")
		host.change(func() { host.mute = false })
		ann.Refresh()
		wait(2 * time.Second)
		expect("")
		host.change(func() { host.refuse = errors.New("address already in use") })
		host.change(func() { host.state = append(host.state, testLink(3, "eth1", "10.78.0.1/16")) })
		wait(10 * time.Second)
		expect("") // one that works is enough
	})
}

func TestSleepAnnouncesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ann, _ := pair(t)
		wait(time.Hour)
		ann.said()
		before := len(g.sent)
		ann.post(func(r *run) { r.survey(survey{links: r.links, slept: true}) })
		wait(time.Millisecond)
		ann.expect(t, "network changed")
		if len(g.sent) < before+2 {
			t.Error("did not announce and ask")
		}
	})
}

func TestSiblingsAreFoundWithoutANetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		var running []Sibling
		ann := launch(t, g.plug(), selfNamed(1, "Ann"), func(c *Config) {
			c.Siblings = func() []Sibling {
				g.mu.Lock()
				defer g.mu.Unlock()
				return slices.Clone(running)
			}
		})
		wait(time.Second)
		ann.expect(t)
		g.mu.Lock()
		running = []Sibling{{ID: seedID(1), Port: 7420}, {ID: seedID(2), Port: 7421}}
		g.mu.Unlock()
		wait(surveyEvery)
		ann.expect(t, "found  [127.0.0.1:7421]")
		g.mu.Lock()
		running = nil
		g.mu.Unlock()
		wait(surveyEvery)
		ann.expect(t, "lost")
	})
}

// forge is what an attacker at addr, on the same link, multicasts.
func forge(g *segment, addr string, data []byte) {
	g.multicast(nil, v4, netip.MustParseAddrPort(addr), data)
	synctest.Wait()
}

// records are an announcement of mallory with a port and addresses of her choice.
func records(t *testing.T, port uint16, addrs ...string) []byte {
	t.Helper()
	self := selfNamed(66, "Mallory")
	self.Port = port
	l := testLink(2, "eth0")
	for _, a := range addrs {
		l.prefixes = append(l.prefixes, netip.PrefixFrom(netip.MustParseAddr(a), 16))
	}
	return announcementOf(t, self, l)
}

func TestForgedAnnouncements(t *testing.T) {
	bad := []string{"127.0.0.1", "0.0.0.0", "224.0.0.251", "255.255.255.255", "8.8.8.8", "10.77.255.255", "2001:db8::1", "ff02::fb", "::1"}
	for _, c := range []struct {
		name string
		from string
		data func(t *testing.T) []byte
		want []string
	}{
		{"addresses that are nobody's/D-03", "10.77.0.66:5353", func(t *testing.T) []byte { return records(t, 7420, bad...) }, []string{"found Mallory [10.77.0.66:7420]"}},
		{"the port of mail/D-03", "10.77.0.66:5353", func(t *testing.T) []byte { return records(t, 25, "10.77.0.66") }, nil},
		{"the port of a terminal/D-03", "10.77.0.66:5353", func(t *testing.T) []byte { return records(t, 22, "127.0.0.1") }, nil},
		{"the port of the web/D-03", "10.77.0.66:5353", func(t *testing.T) []byte { return records(t, 80, "10.77.0.66") }, nil},
		{"no port/D-03", "10.77.0.66:5353", func(t *testing.T) []byte {
			data := records(t, 0x1234, "10.77.0.66")
			i := strings.Index(string(data), "\x12\x34")
			data[i], data[i+1] = 0, 0
			return data
		}, nil},
		{"from behind a router/D-03", "10.99.0.66:5353", func(t *testing.T) []byte { return records(t, 7420, "10.77.0.66") }, nil},
		{"from another port/D-03", "10.77.0.66:5000", func(t *testing.T) []byte { return records(t, 7420, "10.77.0.66") }, nil},
		{"own packets reflected/D-11", "10.77.0.66:5353", func(t *testing.T) []byte { return announcementOf(t, selfNamed(1, "Ann"), hostLink(1)) }, nil},
		{"own key of another start/D-11", "10.77.0.66:5353", func(t *testing.T) []byte {
			return announcementOf(t, copyOf("Ann"), hostLink(66))
		}, []string{"copied 10.77.0.66:7420"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &segment{}
				ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
				wait(time.Second)
				forge(g, c.from, c.data(t))
				wait(5 * time.Second)
				ann.expect(t, c.want...)
			})
		})
	}
}

func TestTwoInstancesOfOneLabel(t *testing.T) {
	t.Run("one of them with another key/D-11", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := &segment{}
			ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
			wait(time.Second)
			forge(g, "10.77.0.2:5353", announcementOf(t, selfNamed(2, "Bob"), hostLink(2)))
			forge(g, "10.77.0.66:5353", underLabel(t, seedID(2).Label(), selfNamed(66, "Bob")))
			wait(5 * time.Second)
			ann.expect(t, foundBob)
		})
	})
}

// underLabel is self's announcement under somebody else's label.
func underLabel(t *testing.T, label uuid.UUID, self Self) []byte {
	t.Helper()
	all := testZone(t, self, hostLink(66)).all()
	for _, rr := range all {
		switch rr := rr.(type) {
		case *dns.PTR:
			rr.Ptr = devices.instance(label)
		case *dns.SRV, *dns.TXT:
			rr.Header().Name = devices.instance(label)
		}
	}
	packed, err := packResponse(all)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func TestForgedGoodbyes(t *testing.T) {
	goodbye, err := packGoodbye(devices, seedID(2).Label())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("for a peer with a live connection/D-07", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, ann, _ := pair(t)
			ann.Confirm(seedID(2), true)
			ann.said()
			forge(g, "10.77.0.66:5353", goodbye)
			wait(time.Hour)
			ann.expect(t)
		})
	})
	t.Run("is answered by who it names", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, ann, _ := pair(t)
			wait(time.Minute)
			ann.said()
			forge(g, "10.77.0.66:5353", goodbye)
			ann.expect(t, "lost")
			wait(2 * tombstone)
			ann.expect(t, foundBob)
		})
	})
}

func TestPeerKAtTheAttackersAddress(t *testing.T) {
	t.Run("the true address stays first/H-09", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, ann, _ := pair(t)
			ann.said()
			wait(10 * time.Second)
			forge(g, "10.77.0.66:5353", announcementOf(t, selfNamed(2, "Bob"), hostLink(66)))
			wait(2 * time.Minute)
			events := ann.take()
			last := events[len(events)-1].event.(Found)
			if want := addrPorts("10.77.0.2:7420", "10.77.0.66:7420"); !slices.Equal(last.Addrs, want) {
				t.Errorf("Bob is at %v, want %v", last.Addrs, want)
			}
		})
	})
}

func TestAQuestionByUnicastIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		host := g.plug(hostLink(1))
		launch(t, host, selfNamed(1, "Ann"))
		wait(time.Minute)
		asks := new(dns.Msg).SetQuestion(devices.name(), dns.TypePTR)
		for _, from := range []string{"10.77.0.9:40000", "10.99.0.9:40000"} { // the second one is not on the link
			for range 2 * maxAnswers {
				for s := range host.sockets {
					s.heard(packet{data: packed(t, asks), from: netip.MustParseAddrPort(from), index: 2, unicast: true, socket: s})
				}
				synctest.Wait()
			}
			wait(time.Second)
		}
		if len(host.replies) != maxAnswers {
			t.Fatalf("%d replies", len(host.replies))
		}
		var m dns.Msg
		if err := m.Unpack(host.replies[0].data); err != nil || m.Id != asks.Id || len(m.Question) != 1 {
			t.Errorf("got %v, %v", m, err)
		}
	})
}

func TestWhoKnowsUsIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		wait(10 * time.Second)
		asks := new(dns.Msg).SetQuestion(devices.name(), dns.TypePTR)
		asks.Answer = testZone(t, selfNamed(1, "Ann"), hostLink(1)).all()[:1]
		before := len(g.announcements())
		forge(g, "10.77.0.9:5353", packed(t, asks))
		wait(time.Second)
		if got := len(g.announcements()) - before; got != 0 {
			t.Errorf("announced %d times to who knows", got)
		}
		asks.Answer = nil
		forge(g, "10.77.0.9:5353", packed(t, asks))
		wait(time.Second)
		if got := len(g.announcements()) - before; got != 1 {
			t.Errorf("announced %d times to who does not know", got)
		}
	})
}

func TestAFloodOfDevicesIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		wait(time.Second)
		for n := range 1000 {
			self := Self{ID: numberedID(n), Instance: instance(1), Name: "x", Port: 7420}
			forge(g, "10.77.0.66:5353", announcementOf(t, self, hostLink(66)))
		}
		wait(100 * time.Millisecond)
		if got := len(ann.take()); got > maxFresh {
			t.Errorf("%d events", got)
		}
	})
}
