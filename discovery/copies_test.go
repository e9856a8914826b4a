package discovery

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// copyOf is another start of the first device.
func copyOf(name string) Self {
	self := selfNamed(1, name)
	self.Instance = instance(9)
	return self
}

// copies is when Copied was told, by address.
func (c *console) copies() map[netip.AddrPort][]time.Time {
	all := map[netip.AddrPort][]time.Time{}
	for _, s := range c.take() {
		if e, ok := s.event.(Copied); ok {
			all[e.Addr] = append(all[e.Addr], s.at)
		}
	}
	return all
}

func TestTwoCopiesHearOfEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		wait(10 * time.Second)
		copied := launch(t, g.plug(hostLink(2)), copyOf("Ann"))
		wait(time.Second)
		ann.expect(t, "copied 10.77.0.2:7420")
		copied.expect(t, "copied 10.77.0.1:7420")
		wait(10 * time.Minute)
		for c, at := range map[*console]netip.AddrPort{ann: addrPorts("10.77.0.2:7420")[0], copied: addrPorts("10.77.0.1:7420")[0]} {
			all := c.copies()
			times := all[at]
			if len(all) != 1 || len(times) < 4 || len(times) > 10 {
				t.Errorf("told %v in ten minutes", all)
			}
			for i := range times[1:] {
				if d := times[i+1].Sub(times[i]); d < copyAgain {
					t.Errorf("told again after %v", d)
				}
			}
		}
	})
}

// A firewall lets no multicast in, but the answers to our own questions.
func TestACopyIsHeardOfInAnswersToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		host := g.plug(hostLink(2))
		host.deaf = true
		copied := launch(t, host, copyOf("Ann"))
		wait(time.Second)
		copied.expect(t, "copied 10.77.0.1:7420")
	})
}

func TestClaimsOfOurKeyThatMakeNobodyDial(t *testing.T) {
	for _, c := range []struct {
		what  string
		claim func(*Self)
	}{
		{"our own instance", func(s *Self) { s.Instance = instance(1) }},
		{"no instance", func(s *Self) { s.Instance = uuid.Nil }},
		{"a port of another service", func(s *Self) { s.Port = 25 }},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &segment{}
				ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
				wait(time.Second)
				claim := copyOf("Ann")
				c.claim(&claim)
				forge(g, "10.77.0.66:5353", announcementOf(t, claim, hostLink(66)))
				wait(5 * time.Second)
				ann.expect(t)
			})
		})
	}
}

// TestManyClaimsOfOurKeyMakeFewDials: a forger names one victim after another,
// and comes from anywhere.
func TestManyClaimsOfOurKeyMakeFewDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &segment{}
		ann := launch(t, g.plug(hostLink(1)), selfNamed(1, "Ann"))
		wait(time.Second)
		const seconds = 20
		for n := range seconds * 50 {
			from := fmt.Sprintf("10.77.%d.%d:5353", 1+n/200, 1+n%200)
			victims := testLink(2, "eth0", fmt.Sprintf("10.78.%d.%d/16", n/200, 1+n%200), "8.8.8.8/16")
			forge(g, from, announcementOf(t, copyOf("Ann"), victims))
			wait(time.Second / 50)
		}
		var all []time.Time
		for addr, times := range ann.copies() {
			if len(times) > 1 || !addr.Addr().IsPrivate() {
				t.Errorf("%v: told %d times", addr, len(times))
			}
			all = append(all, times...)
		}
		slices.SortFunc(all, time.Time.Compare)
		for i := range all[permitsPerSecond:] {
			if d := all[i+permitsPerSecond].Sub(all[i]); d < time.Second {
				t.Errorf("%d within %v", permitsPerSecond+1, d)
			}
		}
		if len(all) < seconds {
			t.Errorf("%d in %d seconds", len(all), seconds)
		}
	})
}

func TestASiblingWithOurKeyIsACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann := launch(t, (&segment{}).plug(), selfNamed(1, "Ann"), func(c *Config) {
			c.Siblings = func() []Sibling {
				return []Sibling{{ID: seedID(1), Port: 7420}, {ID: seedID(1), Port: 7421}, {ID: seedID(1), Port: 25}}
			}
		})
		wait(30 * time.Second)
		ann.expect(t, "copied 127.0.0.1:7421") // 7420 is our own
	})
}
