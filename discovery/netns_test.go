package discovery

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/lab"
)

// Real hosts: the test's own program, started again in network namespaces, is a
// Finder that writes down what it finds, until its input ends.

const (
	hostSeed = "EARSHOT_TEST_DISCOVERY_SEED" // what the started program is
	holdPort = "hold"                        // … one that keeps the mDNS port for itself
	serving  = "serve"                       // … one that announces a rendezvous server

	// promised is how soon devices find each other and notice who leaves; tests
	// wait ten times as long.
	promised = time.Second
)

// report is one line of a host's output.
type report struct {
	What  string    `json:"what"` // start, found, lost, suspected, network, health
	Who   string    `json:"who,omitempty"`
	Text  string    `json:"text,omitempty"`
	Addrs []string  `json:"addrs,omitempty"`
	At    time.Time `json:"at"`
}

// runHost is the started program's main.
func runHost(seed string) int {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	if seed == holdPort {
		return hold(ctx)
	}
	w := &reporter{out: json.NewEncoder(os.Stdout)}
	if seed == serving {
		w.write(report{What: "start"})
		_ = Announce(ctx, office(9, "Office 张")) // it has no errors
		return 0
	}
	n, err := strconv.Atoi(seed)
	if err != nil {
		return 2
	}
	self := Self{ID: seedID(byte(n)), Instance: uuid.New(), Name: fmt.Sprintf("host %d.张 \\", n), Port: 7420 + uint16(n)}
	f := New(Config{Self: self, Notify: w.event})
	w.write(report{What: "start"})
	var wg sync.WaitGroup
	wg.Go(func() { w.watchHealth(ctx, f) })
	err = f.Run(ctx)
	wg.Wait()
	if err != nil {
		return 1
	}
	return 0
}

// hold keeps the mDNS port without sharing it.
func hold(ctx context.Context) int {
	for _, network := range []string{"udp4", "udp6"} {
		conn, err := net.ListenPacket(network, fmt.Sprint(":", mdnsPort))
		if err != nil {
			return 1
		}
		defer conn.Close()
	}
	(&reporter{out: json.NewEncoder(os.Stdout)}).write(report{What: "start"})
	<-ctx.Done()
	return 0
}

type reporter struct {
	mu  sync.Mutex
	out *json.Encoder
}

func (w *reporter) write(r report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.At = time.Now()
	_ = w.out.Encode(r) // whoever reads it has gone
}

func (w *reporter) event(e Event) {
	switch e := e.(type) {
	case Found:
		r := report{What: "found", Who: e.ID.String(), Text: e.Name}
		for _, a := range e.Addrs {
			r.Addrs = append(r.Addrs, a.String())
		}
		w.write(r)
	case Lost:
		w.write(report{What: "lost", Who: e.ID.String()})
	case Suspected:
		w.write(report{What: "suspected", Who: e.ID.String()})
	case NetworkChanged:
		w.write(report{What: "network"})
	case ServerFound:
		w.write(report{What: "server", Who: e.Realm.String(), Text: e.Name, Addrs: []string{e.Addr.String()}})
	case ServerLost:
		w.write(report{What: "server gone", Who: e.Realm.String()})
	}
}

func (w *reporter) watchHealth(ctx context.Context, f *Finder) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for {
		if now := f.Health(); now != last {
			last = now
			w.write(report{What: "health", Text: now})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// device is a started program, seen from the test.
type device struct {
	t       testing.TB
	name    string
	cmd     *exec.Cmd
	input   io.Closer
	reports chan report
	started time.Time
}

// power switches a device on, on the host.
func power(t testing.TB, h *lab.Host, seed string) *device {
	t.Helper()
	cmd := h.Command(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), hostSeed+"="+seed)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &device{t: t, name: seed, cmd: cmd, input: input, reports: make(chan report, 1024)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(d.reports)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			var r report
			if json.Unmarshal(lines.Bytes(), &r) == nil {
				d.reports <- r
			}
		}
	}()
	t.Cleanup(func() {
		input.Close()
		<-read
		_ = cmd.Wait() // killed or ended already
	})
	d.started = d.await("start", "").At
	return d
}

// await waits for a report of the kind, about whom or with a text that begins
// so.
func (d *device) await(what, about string) report {
	d.t.Helper()
	late := time.NewTimer(10 * promised)
	defer late.Stop()
	for {
		select {
		case r, ok := <-d.reports:
			if !ok {
				d.t.Fatalf("device %s ended before %s %s", d.name, what, about)
			}
			if r.What == what && (r.Who == about || r.Who == "" && strings.HasPrefix(r.Text, about)) {
				return r
			}
		case <-late.C:
			d.t.Fatalf("device %s: no %s %s in %v", d.name, what, about, 10*promised)
		}
	}
}

// id is the other's identity, as devices report it.
func (d *device) id() string {
	n, _ := strconv.Atoi(d.name)
	return seedID(byte(n)).String()
}

// leave ends the device cleanly and says when it was asked to.
func (d *device) leave() time.Time {
	at := time.Now()
	d.input.Close()
	for range d.reports { // until it ended
	}
	return at
}

// took collects how long something took.
type took []time.Duration

func (l took) log(t testing.TB, what string) {
	slices.Sort(l)
	t.Logf("%s: median %v, worst %v of %d", what, l[(len(l)-1)/2].Round(time.Millisecond), l[len(l)-1].Round(time.Millisecond), len(l))
}

// meet waits until both found each other.
func meet(a, b *device) took {
	a.t.Helper()
	since := a.started
	if b.started.After(since) {
		since = b.started
	}
	return took{a.await("found", b.id()).At.Sub(since), b.await("found", a.id()).At.Sub(since)}
}

func TestNetworkThreeHostsFindEachOtherAndLeave(t *testing.T) {
	l := lab.New(t, 3)
	var found, left took
	stays := power(t, l.Hosts[0], "1")
	for range 3 {
		second, third := power(t, l.Hosts[1], "2"), power(t, l.Hosts[2], "3")
		found = append(found, meet(stays, second)...)
		found = append(found, meet(stays, third)...)
		at := second.leave()
		left = append(left, stays.await("lost", second.id()).At.Sub(at))
		at = third.leave()
		left = append(left, stays.await("lost", third.id()).At.Sub(at))
	}
	found.log(t, "found")
	left.log(t, "goodbye heard")
}

func TestNetworkNamesAndAddressesArrive(t *testing.T) {
	l := lab.New(t, 2)
	a, b := power(t, l.Hosts[0], "1"), power(t, l.Hosts[1], "2")
	r := a.await("found", b.id())
	if r.Text != `host 2.张 \` {
		t.Errorf("the name came as %q", r.Text)
	}
	if len(r.Addrs) == 0 || r.Addrs[0] != l.Hosts[1].Addr+":7422" && !strings.HasPrefix(r.Addrs[0], "[fe80:") {
		t.Errorf("addresses %v", r.Addrs)
	}
}

func TestNetworkTwoProfilesOnOneHost(t *testing.T) {
	l := lab.New(t, 1)
	a := power(t, l.Hosts[0], "1")
	meet(a, power(t, l.Hosts[0], "2")).log(t, "found")
}

func TestNetworkKilledAndStartedAgain(t *testing.T) {
	l := lab.New(t, 2)
	a, b := power(t, l.Hosts[0], "1"), power(t, l.Hosts[1], "2")
	meet(a, b)
	if err := b.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	meet(a, power(t, l.Hosts[1], "2")).log(t, "found")
}

func TestNetworkWithoutADefaultRoute(t *testing.T) {
	l := lab.New(t, 2)
	for _, h := range l.Hosts {
		inside(t, h, "ip", "route", "del", "default")
		inside(t, h, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
	}
	a := power(t, l.Hosts[0], "1")
	meet(a, power(t, l.Hosts[1], "2")).log(t, "found")
}

func TestNetworkWithIPv6Alone(t *testing.T) {
	l := lab.New(t, 2)
	for _, h := range l.Hosts {
		inside(t, h, "ip", "-4", "addr", "flush", "dev", "eth0")
	}
	a := power(t, l.Hosts[0], "1")
	meet(a, power(t, l.Hosts[1], "2")).log(t, "found")
}

func TestNetworkCableAndAddressChange(t *testing.T) {
	l := lab.New(t, 2)
	a, b := power(t, l.Hosts[0], "1"), power(t, l.Hosts[1], "2")
	meet(a, b)
	l.Hosts[1].Unplug()
	b.await("health", "no network")
	l.Hosts[1].Plug()
	b.await("network", "")
	inside(t, l.Hosts[1], "sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1") // else the new address goes with the old
	l.Hosts[1].Readdress("10.77.9.9")
	for {
		if r := a.await("found", b.id()); slices.Contains(r.Addrs, "10.77.9.9:7422") {
			break
		}
	}
}

func TestNetworkAServerIsFound(t *testing.T) {
	l := lab.New(t, 3)
	realm := seedID(9).String()
	early := power(t, l.Hosts[0], "1")
	office := power(t, l.Hosts[1], serving)
	late := power(t, l.Hosts[2], "2")
	here := power(t, l.Hosts[1], "3") // on the server's own machine
	for _, d := range []*device{early, late, here} {
		r := d.await("server", realm)
		if r.Text != "Office 张" || !slices.Equal(r.Addrs, []string{l.Hosts[1].Addr + ":7421"}) {
			t.Errorf("device %s found %+v", d.name, r)
		}
		t.Logf("device %s found it after %v", d.name, r.At.Sub(d.started).Round(time.Millisecond))
	}
	at := office.leave()
	for _, d := range []*device{early, late, here} {
		t.Logf("device %s heard the goodbye after %v", d.name, d.await("server gone", realm).At.Sub(at).Round(time.Millisecond))
	}
}

func TestNetworkPortTakenByAnother(t *testing.T) {
	l := lab.New(t, 2)
	holder := power(t, l.Hosts[0], holdPort)
	a, b := power(t, l.Hosts[0], "1"), power(t, l.Hosts[1], "2")
	a.await("health", "UDP port 5353 on eth0 cannot be used")
	a.await("found", b.id()) // it can still ask
	holder.leave()
	a.await("health", "")
	b.await("found", a.id())
}

// inside runs a command on a host.
func inside(t testing.TB, h *lab.Host, name string, args ...string) {
	t.Helper()
	if out, err := h.Command(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %s", name, args, out)
	}
}

// BenchmarkNetworkCrowd starts 32 hosts at once and measures how long each needs
// to find each other one, then how long their goodbyes need.
func BenchmarkNetworkCrowd(b *testing.B) {
	const hosts = 32
	l := lab.New(b, hosts)
	var found, left took
	for b.Loop() {
		var all []*device
		for n, h := range l.Hosts {
			all = append(all, power(b, h, strconv.Itoa(n+1)))
		}
		for _, d := range all {
			found = append(found, d.meetAll(all)...)
		}
		for n, d := range all[1:] {
			at := d.leave()
			if n%8 == 0 {
				left = append(left, all[0].await("lost", d.id()).At.Sub(at))
			}
		}
		all[0].leave()
	}
	found.log(b, "found")
	left.log(b, "goodbye heard")
	b.ReportMetric(float64(found[len(found)/2].Milliseconds()), "ms-found-median")
	b.ReportMetric(float64(found[len(found)-1].Milliseconds()), "ms-found-worst")
	b.ReportMetric(float64(left[len(left)-1].Milliseconds()), "ms-left-worst")
}

// meetAll waits until the device found all others.
func (d *device) meetAll(all []*device) (l took) {
	since := map[string]time.Time{}
	for _, other := range all {
		since[other.id()] = d.started
		if other.started.After(d.started) {
			since[other.id()] = other.started
		}
	}
	delete(since, d.id())
	late := time.After(10 * promised)
	for len(since) > 0 {
		select {
		case r := <-d.reports:
			if at, ok := since[r.Who]; ok && r.What == "found" {
				l = append(l, r.At.Sub(at))
				delete(since, r.Who)
			}
		case <-late:
			d.t.Fatalf("device %s misses %d", d.name, len(since))
		}
	}
	return l
}
