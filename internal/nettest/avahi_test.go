//go:build linux

package nettest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"earshot/internal/lab"
)

func contains(text []byte, part string) bool { return bytes.Contains(text, []byte(part)) }

// avahi is an avahi-daemon of its own on a host, with a message bus of its own.
type avahi struct {
	t    *testing.T
	host *lab.Host
	bus  string
}

func startAvahi(t *testing.T, host *lab.Host) *avahi {
	t.Helper()
	// The daemon keeps its socket and number in fixed places: a private /run.
	dir, err := os.MkdirTemp("/tmp", "avahi")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	a := &avahi{t: t, host: host, bus: filepath.Join(dir, "bus")}
	write(t, filepath.Join(dir, "bus.conf"), fmt.Sprintf(`<busconfig><type>system</type><listen>unix:path=%s</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy></busconfig>`, a.bus))
	write(t, filepath.Join(dir, "avahi.conf"), "[server]\nuse-ipv4=yes\nuse-ipv6=yes\nallow-interfaces=eth0\n[rlimits]\n")
	a.background("dbus-daemon", "--nofork", "--config-file="+filepath.Join(dir, "bus.conf"))
	eventually(t, "the bus", func() bool { _, err := os.Stat(a.bus); return err == nil })
	a.background("unshare", "--mount", "sh", "-c",
		"mount -t tmpfs none /run && mkdir /run/avahi-daemon && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f "+filepath.Join(dir, "avahi.conf"))
	eventually(t, "avahi answers", func() bool { return a.command("avahi-browse", "-t", "-a").Run() == nil })
	return a
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *avahi) command(name string, args ...string) *exec.Cmd {
	cmd := a.host.Command(a.t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS=unix:path="+a.bus)
	return cmd
}

func (a *avahi) background(name string, args ...string) {
	a.t.Helper()
	cmd := a.command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		_ = cmd.Process.Kill() // the context may have been quicker
		_ = cmd.Wait()
		if a.t.Failed() {
			a.t.Logf("%s: %s", name, out.String())
		}
	})
}

// browse is what avahi knows of our service now, resolved.
func (a *avahi) browse() []byte {
	out, err := a.command("avahi-browse", "-rpt", "_earshot._tcp").Output()
	if err != nil {
		a.t.Fatalf("avahi-browse: %v", err)
	}
	return out
}
