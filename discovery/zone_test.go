package discovery

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

func question(name string, qtype uint16) dns.Question {
	return dns.Question{Name: name, Qtype: qtype, Qclass: dns.ClassINET}
}

func TestZoneAnswersWhateverTheCase(t *testing.T) {
	z := testZone(t, selfNamed(1, "Ann"), lan)
	label := seedID(1).Label().String()
	for _, c := range []struct {
		name  string
		qtype uint16
		want  int
	}{
		{"_earshot._tcp.local.", dns.TypePTR, 6},
		{"_EarShot._TCP.Local.", dns.TypePTR, 6},
		{"_services._dns-sd._udp.local.", dns.TypePTR, 1},
		{label + "._earshot._tcp.local.", dns.TypeSRV, 4},
		{label + "._EARSHOT._tcp.local.", dns.TypeTXT, 1},
		{"EARSHOT-" + label[:8] + ".local.", dns.TypeA, 1},
		{"_ipp._tcp.local.", dns.TypePTR, 0},
		{"", dns.TypePTR, 0},
	} {
		records := z.Records(question(c.name, c.qtype))
		if len(records) != c.want {
			t.Errorf("%s: %d records, want %d", c.name, len(records), c.want)
		}
		if len(records) > 0 && records[0].Header().Name != c.name {
			t.Errorf("%s: answered for %s", c.name, records[0].Header().Name)
		}
	}
}

func TestZoneWithoutAPortSaysNothing(t *testing.T) {
	self := selfNamed(1, "Ann")
	self.Port = 0
	z := testZone(t, self, lan)
	if got := z.Records(question(devices.name(), dns.TypePTR)); got != nil || z.all() != nil {
		t.Errorf("got %v", got)
	}
}

func TestZoneAnswersAtMostTwentyTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := testZone(t, selfNamed(1, "Ann"), lan)
		for second := range 2 {
			answered := 0
			for range 200 {
				if len(z.Records(question(devices.name(), dns.TypePTR))) > 0 {
					answered++
				}
			}
			if answered != maxAnswers {
				t.Errorf("second %d: %d answers to 200 questions", second, answered)
			}
			<-time.After(time.Second)
		}
	})
}

func TestZoneSpreadsTheAnswersOfACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := new(atomic.Int64)
		crowd.Store(1000)
		z := testZone(t, selfNamed(1, "Ann"), lan)
		z.crowd = crowd
		var longest time.Duration
		for range 50 {
			begin := time.Now()
			z.Records(question(devices.name(), dns.TypePTR))
			longest = max(longest, time.Since(begin))
			<-time.After(time.Second)
		}
		if longest > maxDelay || longest < maxDelay/4 {
			t.Errorf("the longest delay was %v", longest)
		}
	})
}

func TestZoneThatIsClosedDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := testZone(t, selfNamed(1, "Ann"), lan)
		z.crowd.Store(1000)
		z.close()
		begin := time.Now()
		z.Records(question(devices.name(), dns.TypePTR))
		if d := time.Since(begin); d != 0 {
			t.Errorf("waited %v", d)
		}
	})
}

func TestZoneOfACrowdAnswersABacklogAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := testZone(t, selfNamed(1, "Ann"), lan)
		z.crowd.Store(1000)
		z.Records(question(devices.name(), dns.TypePTR))
		begin := time.Now()
		z.Records(question(devices.name(), dns.TypePTR))
		if d := time.Since(begin); d != 0 {
			t.Errorf("the second answer waited %v", d)
		}
	})
}
