//go:build linux

package nettest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/internal/lab"
)

// Nobody gets in to the sender, so the receiver cannot fetch: the sender dials.
// Then nobody gets in to the receiver either, but for the session that is there.
func TestFilesThroughAFirewall(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	ann.host.Firewall()
	dir := t.TempDir()
	a, b := ann.listen(), bob.listen("--accept", "all", "--dir", dir)
	acquaint(t, a, b)
	arrives := func(name string) time.Duration {
		t.Helper()
		path, sum := randomFile(t, name, 8<<20)
		begin := time.Now()
		ann.run(0, "send", "Bob", path, "--wait", "1m")
		took := time.Since(begin)
		if fileSum(t, filepath.Join(dir, name)) != sum {
			t.Errorf("%s arrived as another", name)
		}
		return took
	}
	first, second := arrives("first.bin"), arrives("second.bin")
	t.Logf("the first file took %v, the second one %v", first.Round(time.Millisecond), second.Round(time.Millisecond))
	if second > first {
		t.Errorf("the way that worked was not tried first")
	}
	for _, e := range append(a.told(), b.told()...) {
		if e.Event == "transfer" && e.State == "interrupted" {
			t.Errorf("%s was interrupted: %s", e.Name, e.Error)
		}
	}
}

func TestAFirewallOnBothSidesIsNamed(t *testing.T) {
	t.Parallel() // it waits, most of the time
	for _, opens := range []string{"the sender", "the receiver"} {
		t.Run(opens+" opens", func(t *testing.T) {
			link := lab.New(t, 2)
			ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
			dir := t.TempDir()
			a, b := ann.listen(), bob.listen("--accept", "all", "--dir", dir)
			acquaint(t, a, b)
			for _, h := range link.Hosts {
				h.Firewall()
			}
			path, sum := randomFile(t, "plan.bin", 8<<20)
			begin := time.Now()
			ann.run(5, "send", "Bob", path, "--wait", "1ms")
			id := b.wait("the offer", func(e event) bool { return e.Event == "offer" }).ID
			for _, at := range []struct{ here, there *listener }{{a, b}, {b, a}} {
				e := at.here.wait("what to open", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.Error != "" })
				t.Logf("%s is told after %v: %s", at.here.name, e.seen.Sub(begin).Round(time.Millisecond), e.Error)
				want := fmt.Sprintf("TCP port %d on this computer, or TCP port %d on that of %s;", at.here.port(), at.there.port(), at.there.name)
				if e.State != "interrupted" || !strings.Contains(e.Error, want) {
					t.Errorf("%s is told %q, %q", at.here.name, e.State, e.Error)
				}
			}
			if list := ann.run(0, "transfers"); !strings.Contains(list, "Open TCP port") {
				t.Errorf("the list says nothing of it: %s", list)
			}
			if opens == "the sender" {
				ann.host.OpenFirewall()
			} else {
				bob.host.OpenFirewall()
			}
			opened := time.Now()
			for _, l := range []*listener{a, b} {
				e := l.wait("done", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.State == "done" })
				t.Logf("done %v after %s opened", e.seen.Sub(opened).Round(time.Millisecond), opens)
			}
			if fileSum(t, filepath.Join(dir, "plan.bin")) != sum {
				t.Error("the file that arrived is another")
			}
		})
	}
}

// port is where the listener is dialled.
func (l *listener) port() int {
	l.t.Helper()
	return l.wait("ready", func(e event) bool { return e.Event == "ready" }).Port
}
