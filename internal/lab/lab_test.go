package lab

import (
	"os/exec"
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

func ping(t *testing.T, from *Host, to string) ([]byte, error) {
	if _, err := exec.LookPath("ping"); err != nil {
		t.Skip("needs ping (iputils)")
	}
	return from.Command(t.Context(), "ping", "-c1", "-W3", to).CombinedOutput()
}
