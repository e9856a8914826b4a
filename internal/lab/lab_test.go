package lab

import (
	"os/exec"
	"strings"
	"testing"
)

func TestHostsReachEachOtherUntilTheCableIsPulled(t *testing.T) {
	l := New(t, 2)
	a, b := l.Hosts[0], l.Hosts[1]
	for _, addr := range []string{b.Addr, b.Addr6} {
		if out, err := ping(t, a, addr); err != nil {
			t.Fatalf("ping %s: %v\n%s", addr, err, out)
		}
	}
	b.Unplug()
	if out, err := ping(t, a, b.Addr); err == nil {
		t.Fatalf("ping went through a pulled cable:\n%s", out)
	}
	b.Plug()
	if out, err := ping(t, a, b.Addr); err != nil {
		t.Fatalf("ping after plugging in: %v\n%s", err, out)
	}
}

func TestARouterJoinsTwoLinks(t *testing.T) {
	here, there := NewRouted(t, 1, 2)
	if out, err := ping(t, here.Hosts[0], there.Hosts[1].Addr); err != nil {
		t.Errorf("the other link is out of reach: %v\n%s", err, out)
	}
	if out, err := ping(t, there.Hosts[0], there.Hosts[1].Addr); err != nil {
		t.Errorf("the neighbour is out of reach: %v\n%s", err, out)
	}
}

func TestAHostThatLosesPacketsStillCountsThem(t *testing.T) {
	l := New(t, 2)
	a, b := l.Hosts[0], l.Hosts[1]
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft (nftables)")
	}
	b.Lose(0)
	if out, err := ping(t, a, b.Addr); err != nil {
		t.Fatalf("ping with nothing lost: %v\n%s", err, out)
	}
	a.Lose(999)
	before := a.Counted("rx_packets")
	out, _ := a.Command(t.Context(), "ping", "-c3", "-i0.1", "-W1", b.Addr).CombinedOutput()
	if !strings.Contains(string(out), " received") || strings.Contains(string(out), " 3 received") {
		t.Fatalf("ping on a link that loses nearly all:\n%s", out)
	}
	if got := a.Counted("rx_packets") - before; got < 3 {
		t.Errorf("%d packets were counted, want the answers that got lost", got)
	}
}

func ping(t *testing.T, from *Host, to string) ([]byte, error) {
	if _, err := exec.LookPath("ping"); err != nil {
		t.Skip("needs ping (iputils)")
	}
	return from.Command(t.Context(), "ping", "-c1", "-W3", to).CombinedOutput()
}
