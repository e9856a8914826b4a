package server

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
)

var devices = flag.Int("devices", 500, "how many devices heartbeat to the server of a benchmark")

const (
	// settled is how long the server is left alone after all came, and observed how
	// long it is measured then: as long as a heartbeat is held.
	settled, observed = 40 * time.Second, maxHold
	// toggles is how many change their presence, so many a second. Those who follow
	// each other have no friends in common, who would be told of both at once, later.
	toggles, togglesEach, togglesApart = 200, 10, 61
	// probes is how many devices heartbeat in a flood without being held, twice a
	// second each.
	probes, probeEach = 20, 500 * time.Millisecond
)

// BenchmarkServer has devices heartbeat from this process to the program, and says
// what the server needs for that, and how it does when they come all at once.
func BenchmarkServer(b *testing.B) {
	c := newCrowd(b, *devices, probes)
	c.server.start()
	empty := c.server.memory("VmRSS")
	c.gather()
	b.Run("presence", c.presence)
	if testing.Short() {
		return // the rest takes minutes, most of them of waiting
	}
	b.Run("held", func(b *testing.B) { c.held(b, empty) })
	b.Run("SIGTERM", func(b *testing.B) { c.restart(b, syscall.SIGTERM) })
	b.Run("SIGKILL", func(b *testing.B) { c.restart(b, syscall.SIGKILL) })
	b.Run("flood", c.flood)
}

// held watches the server while heartbeats are held.
func (c *crowd) held(b *testing.B, empty int64) {
	pause(b.Context(), settled)
	used, begun, most := c.server.processor(), time.Now(), int64(0)
	for time.Since(begun) < observed {
		pause(b.Context(), time.Second)
		most = max(most, c.server.memory("VmRSS"))
	}
	b.ReportMetric(float64(most-empty)/float64(len(c.members))/1024, "KiB/device")
	b.ReportMetric(float64(most)/1e6, "MB")
	b.ReportMetric(100*(c.server.processor()-used).Seconds()/time.Since(begun).Seconds(), "%CPU")
	report(b)
}

// presence has some say that they are away, one after the other, and times their
// friends.
func (c *crowd) presence(b *testing.B) {
	c.heard = nil
	tick := time.NewTicker(time.Second / togglesEach)
	defer tick.Stop()
	for i := range toggles {
		c.say(c.members[i*togglesApart%len(c.members)])
		<-tick.C
	}
	pause(b.Context(), 5*time.Second)
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.heard)
	b.ReportMetric(float64(len(c.heard))/(toggles*acquaintances)*100, "%heard")
	quantiles(b, c.heard)
	clear(c.toggle)
	report(b)
}

// say has a member be away, or back.
func (c *crowd) say(m *member) {
	if m.beat.Presence = rendezvous.Away; c.toggle[m.account].to == rendezvous.Away {
		m.beat.Presence = rendezvous.Online
	}
	c.mu.Lock()
	c.toggle[m.account] = toggle{m.beat.Presence, time.Now()}
	c.mu.Unlock()
	m.Say(m.beat)
}

// restart ends the server, starts it again, and waits until all are back.
func (c *crowd) restart(b *testing.B, how os.Signal) {
	c.mu.Lock()
	clear(c.gone)
	c.mu.Unlock()
	begun := time.Now()
	c.server.stop(how)
	c.server.start()
	listens := time.Since(begun)
	last := c.wait(c.members, begun)
	b.ReportMetric(listens.Seconds(), "s-until-it-listens")
	b.ReportMetric(last.Sub(begun).Seconds(), "s-until-all-are-back")
	b.ReportMetric(c.server.processor().Seconds(), "s-CPU")
	pause(b.Context(), 2*leaseTime)
	c.mu.Lock()
	defer c.mu.Unlock()
	b.ReportMetric(float64(len(c.gone)), "seen-to-go")
	b.ReportMetric(float64(c.server.memory("VmHWM"))/1e6, "MB-most")
	report(b)
}

// flood has another process log in as strangers, and times the heartbeats of those
// who are signed in.
func (c *crowd) flood(b *testing.B) {
	c.server.forgetPeak()
	used := c.server.processor()
	ctx, cancel := context.WithTimeout(b.Context(), flooding)
	defer cancel()
	var wg sync.WaitGroup
	beats, failed := make([][]time.Duration, probes), atomic.Int64{}
	for i, m := range c.spare {
		wg.Go(func() { beats[i] = c.probe(ctx, m, &failed) })
	}
	asked, right := c.logIns()
	wg.Wait()
	all := slices.Concat(beats...)
	slices.Sort(all)
	quantiles(b, all)
	b.ReportMetric(float64(failed.Load()), "failed")
	b.ReportMetric(asked/flooding.Seconds(), "log-ins/s")
	b.ReportMetric(right/flooding.Seconds(), "right/s")
	b.ReportMetric(float64(c.server.memory("VmHWM"))/1e6, "MB-most")
	b.ReportMetric((c.server.processor() - used).Seconds(), "s-CPU")
	report(b)
}

// logIns has a process of its own flood the server.
func (c *crowd) logIns() (asked, right float64) {
	c.b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s", floodTarget, c.server.address, c.realm))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	must(c.b, err)
	_, err = fmt.Sscan(string(out), &asked, &right)
	must(c.b, err)
	return asked, right
}

// probe heartbeats without being held until ctx ends, and says how long each took;
// one that failed took that long too.
func (c *crowd) probe(ctx context.Context, m *member, failed *atomic.Int64) (took []time.Duration) {
	client, beat := c.client(m.identity, net.IPv4(127, 2, 0, 1)), rendezvous.Heartbeat{Instance: uuid.New(), Presence: rendezvous.Online}
	defer client.Close()
	for ctx.Err() == nil {
		begun := time.Now()
		news, err := client.Heartbeat(context.WithoutCancel(ctx), beat)
		if err != nil {
			failed.Add(1)
		}
		took, beat.Received = append(took, time.Since(begun)), news.Number
		pause(ctx, time.Until(begun.Add(probeEach)))
	}
	return took
}

// quantiles reports what was sorted.
func quantiles(b *testing.B, took []time.Duration) {
	b.Helper()
	if len(took) == 0 {
		b.Fatal("nothing was timed")
	}
	for _, q := range []struct {
		name string
		at   int
	}{{"ms-median", len(took) / 2}, {"ms-p99", len(took) * 99 / 100}, {"ms-worst", len(took) - 1}} {
		b.ReportMetric(float64(took[q.at].Microseconds())/1000, q.name)
	}
}

// report leaves out what says nothing here, and says how busy the machine was.
func report(b *testing.B) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(loadAverage(b), "load")
}
