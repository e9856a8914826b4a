//go:build linux

package nettest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"earshot/internal/lab"
)

func TestEverybodySeesEverybody(t *testing.T) {
	link := lab.New(t, 3)
	names := []string{"Ann", "Bob the 2nd.", "王芳"}
	var all []*listener
	for i, host := range link.Hosts {
		all = append(all, someone(t, host, names[i]).start())
	}
	for _, l := range all {
		for _, name := range names {
			if name != l.name {
				t.Logf("%s sees %s after %v", l.name, name, l.sees(name).seen.Sub(l.started).Round(time.Millisecond))
			}
		}
	}
	people := read[[]struct {
		ID        string
		Name      string
		Addresses []string
		Via       []string
		Online    bool
	}](all[0].person, "peers")
	if len(people) != 2 {
		t.Fatalf("peers: %+v, want two", people)
	}
	for _, p := range people {
		if !p.Online || len(p.Addresses) == 0 || len(p.Via) == 0 || len(p.ID) != 52 {
			t.Errorf("peers: %+v", p)
		}
	}
}

func TestPeopleAreFoundWithIPv6Alone(t *testing.T) {
	link := lab.New(t, 2)
	for _, h := range link.Hosts {
		h.WithoutIPv4()
	}
	a, b := someone(t, link.Hosts[0], "Ann").listen(), someone(t, link.Hosts[1], "Bob").listen()
	a.sees("Bob")
	b.sees("Ann")
}

func TestTwoProfilesOnOneMachineSeeEachOther(t *testing.T) {
	link := lab.New(t, 1)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[0], "Bob")
	a, b := ann.listen(), bob.listen() // two homes: by multicast
	a.sees("Bob")
	b.sees("Ann")
	eve := &person{t: t, host: link.Hosts[0], name: "Eve", home: ann.home, program: program, env: []string{"EARSHOT_PROFILE=eve"}}
	e := eve.listen() // the same home: also without any network
	e.sees("Ann")
	a.sees("Eve")
}

func TestWithoutMulticastAnAddressIsEnough(t *testing.T) {
	link := lab.New(t, 2)
	for _, h := range link.Hosts {
		h.DropMulticast()
	}
	b := someone(t, link.Hosts[1], "Bob").listen()
	a := someone(t, link.Hosts[0], "Ann").listen("--peer", link.Hosts[1].Addr)
	a.sees("Bob")
	b.sees("Ann")
}

func TestWhoIsKnownIsFoundAgainWithoutMulticast(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	a, b := ann.listen(), bob.listen()
	a.sees("Bob")
	ann.run(0, "msg", "Bob", "hello")
	a.leave()
	for _, h := range link.Hosts {
		h.DropMulticast()
	}
	a = ann.listen()
	a.sees("Bob")
	b.leave()
}

// Ann's machine is on two networks, and she wants to be on one of them only. Bob, on
// the other, asks both of her addresses, and she is told to ask his.
func TestOnlyChosenInterfacesAreUsed(t *testing.T) {
	here, there := lab.New(t, 3), lab.New(t, 1)
	there.Hosts[0].Readdress("10.78.0.2")
	there.Join(here.Hosts[0], "eth1", "10.78.0.1")
	ann, bob := someone(t, here.Hosts[0], "Ann"), someone(t, here.Hosts[1], "Bob")
	c := someone(t, there.Hosts[0], "Carl").listen()
	a := ann.listen("--interface", "!eth0", "--peer", here.Hosts[1].Addr)
	b := bob.listen("--peer", here.Hosts[0].Addr, "--peer", "10.78.0.1", "--peer", "["+here.Hosts[0].Addr6+"]:7420")
	a.sees("Carl")
	c.sees("Ann")
	e := a.wait("error about Bob's address", func(e event) bool { return e.Event == "error" })
	if !strings.Contains(e.Error, here.Hosts[1].Addr) || !strings.Contains(e.Error, "left out") {
		t.Errorf("told %q", e.Error)
	}
	someone(t, here.Hosts[2], "Dora").listen("--peer", here.Hosts[0].Addr).sees("Bob")
	b.sees("Dora")
	for _, l := range []*listener{a, b} {
		for _, e := range l.told() {
			if e.Event == "peer_up" && (e.Peer.Name == "Ann" || e.Peer.Name == "Bob" || e.Peer.Name == "Dora" && l == a) {
				t.Errorf("%s sees %s", l.name, e.Peer.Name)
			}
		}
	}
	a.leave()
	ann.listen("--peer", here.Hosts[1].Addr).sees("Bob") // it is not the network
}

// Who goes is noticed: at once where he says so, soon where he cannot.
func TestLeaving(t *testing.T) {
	for _, c := range []struct {
		how   string
		leave func(b *listener)
	}{
		{"says goodbye", func(b *listener) { b.leave() }},
		{"is killed", func(b *listener) { b.kill() }},
		{"is frozen", func(b *listener) { b.signal(syscall.SIGSTOP) }},
		{"loses the cable", func(b *listener) { b.host.Unplug() }},
		{"vanishes with its address", func(b *listener) { b.host.RemoveAddress() }},
	} {
		t.Run(c.how, func(t *testing.T) {
			t.Parallel() // they wait, most of the time
			link := lab.New(t, 2)
			a, b := someone(t, link.Hosts[0], "Ann").listen(), someone(t, link.Hosts[1], "Bob").listen()
			a.sees("Bob")
			b.sees("Ann")
			begin := time.Now()
			c.leave(b)
			e := a.wait("peer_down", func(e event) bool { return e.Event == "peer_down" && e.Peer.Name == "Bob" })
			t.Logf("noticed after %v", e.seen.Sub(begin).Round(time.Millisecond))
		})
	}
}

func TestAShortSilenceDoesNotBlink(t *testing.T) {
	link := lab.New(t, 2)
	a, b := someone(t, link.Hosts[0], "Ann").listen(), someone(t, link.Hosts[1], "Bob").listen()
	a.sees("Bob")
	b.sees("Ann")
	b.host.Unplug()
	<-time.After(5 * time.Second) // what is tested is time: a silence shorter than anybody is given up
	b.host.Plug()
	a.person.run(0, "msg", "Bob", "still there?")
	for _, e := range a.told() {
		if e.Event == "peer_down" {
			t.Errorf("%s went after %v", e.Peer.Name, e.seen.Sub(a.started))
		}
	}
}

func TestASecondNodeOfAProfileIsRefused(t *testing.T) {
	link := lab.New(t, 1)
	ann := someone(t, link.Hosts[0], "Ann")
	a := ann.listen()
	out, err := ann.command(t.Context(), "listen").CombinedOutput()
	if err == nil {
		t.Fatalf("a second listen ran: %s", out)
	}
	t.Run("O-19", func(t *testing.T) {
		if want := fmt.Sprint(a.cmd.Process.Pid); !contains(out, want) {
			t.Errorf("the refusal does not name process %s: %s", want, out)
		}
	})
}

func TestAvahiAndEarshotShareAMachine(t *testing.T) {
	for _, tool := range []string{"avahi-daemon", "avahi-browse", "dbus-daemon"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	link := lab.New(t, 2)
	avahi := startAvahi(t, link.Hosts[0])
	a, b := someone(t, link.Hosts[0], "Ann").listen(), someone(t, link.Hosts[1], "Bob").listen()
	a.sees("Bob") // ours beside avahi's socket
	b.sees("Ann")
	for _, l := range []*listener{a, b} { // avahi hears both, the one on its own machine too
		port := fmt.Sprint(l.wait("ready", func(e event) bool { return e.Event == "ready" }).Port)
		eventually(t, "avahi lists "+l.name, func() bool { return contains(avahi.browse(), l.name) && contains(avahi.browse(), port) })
	}
	b.leave()
	eventually(t, "avahi forgets Bob", func() bool { return !contains(avahi.browse(), "Bob") })
}

// Two machines run copies of one profile, and there is nobody who could tell
// them.
func TestTwoCopiesOfAProfileFindEachOtherOut(t *testing.T) {
	link := lab.New(t, 2)
	ann := someone(t, link.Hosts[0], "Ann")
	ann.listen().leave()
	copied := someone(t, link.Hosts[1], "Ann")
	if err := os.CopyFS(copied.home, os.DirFS(ann.home)); err != nil {
		t.Fatal(err)
	}
	a, b := ann.listen(), copied.listen()
	if a.id() != b.id() {
		t.Fatal("no copy")
	}
	for l, other := range map[*listener]*lab.Host{a: link.Hosts[1], b: link.Hosts[0]} {
		e := l.wait("error about the copy", func(e event) bool { return e.Event == "error" && strings.Contains(e.Error, "running a second time") })
		if !strings.Contains(e.Error, other.Addr) && !strings.Contains(e.Error, other.Addr6) && !strings.Contains(e.Error, "fe80:") {
			t.Errorf("the error does not say where the copy is: %q", e.Error)
		}
		t.Logf("noticed after %v: %s", e.seen.Sub(l.started).Round(time.Millisecond), e.Error)
		for _, e := range l.told() {
			if strings.HasPrefix(e.Event, "peer_") {
				t.Errorf("there is nobody, but: %+v", e)
			}
		}
	}
}
