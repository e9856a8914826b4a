//go:build linux

package nettest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/internal/lab"
)

// shiftable builds the program with a wall clock that the test sets, for network
// namespaces have none of their own. The monotonic clock stays what it is.
func shiftable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	shift, err := filepath.Abs("testdata/shift.go")
	if err != nil {
		t.Fatal(err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src/time/time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	const reading = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if !strings.Contains(string(source), reading) {
		t.Fatalf("%s reads the clock in another way", original)
	}
	replaced := filepath.Join(dir, "time.go")
	changed := strings.Replace(string(source), reading, reading+"\tsec += shift()\n", 1)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		original: replaced, filepath.Join(filepath.Dir(original), "shift.go"): shift,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{replaced: []byte(changed), filepath.Join(dir, "overlay.json"): overlay} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "earshot")
	build := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", out, "earshot")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, said)
	}
	return out
}

// ownClock gives the person, who has not started anything yet, such a clock.
func (p *person) ownClock(program string) {
	p.program = program
	p.env = append(p.env, "EARSHOT_TEST_CLOCK="+filepath.Join(p.home, "clock"))
	p.setClock(0)
}

// setClock makes the person's wall clock wrong by so much. It is written in one go,
// where it is, for the program has the file mapped.
func (p *person) setClock(ahead time.Duration) {
	p.t.Helper()
	f, err := os.OpenFile(filepath.Join(p.home, "clock"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	if err := binary.Write(f, binary.NativeEndian, int64(ahead.Seconds())); err != nil {
		p.t.Fatal(err)
	}
}

// TestClocksThatJump by three hours within a transfer, ahead and back, disturb
// neither it nor what people write.
func TestClocksThatJump(t *testing.T) {
	t.Parallel() // it waits, most of the time
	if reason := lab.Missing(); reason != "" {
		t.Skip(reason)
	}
	shifted := shiftable(t)
	for name, whose := range map[string]func(a, b *listener) *listener{
		"the sender's/R-17":   func(a, _ *listener) *listener { return a },
		"the receiver's/R-17": func(_, b *listener) *listener { return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait, most of the time
			link := lab.New(t, 2)
			ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
			ann.ownClock(shifted)
			bob.ownClock(shifted)
			dir := t.TempDir()
			a, b := ann.listen(), bob.listen("--accept", "all", "--dir", dir)
			acquaint(t, a, b)
			path, sum := randomFile(t, "disk.img", killsSize)
			before := b.host.Received()
			id := slowly(t, a, b, path)
			a.host.Limit("200mbit") // ten seconds
			moved(b, id, 1)
			jumps := []time.Duration{3 * time.Hour, 0, -3 * time.Hour, 0}
			for i, by := range jumps {
				moved(b, id, int64(i+1)*killsSize/6)
				whose(a, b).setClock(by)
				whose(a, b).wait("an event of that time", func(e event) bool {
					return e.Event == "transfer" && e.ID == id && e.At.Sub(e.seen.Add(by)).Abs() < time.Hour
				})
				ann.run(0, "msg", "Bob", fmt.Sprintf("message %d", i))
				bob.run(0, "msg", "Ann", fmt.Sprintf("message %d", i))
			}
			b.wait("done", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.State == "done" })
			a.wait("saved", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.State == "done" })
			if fileSum(t, filepath.Join(dir, "disk.img")) != sum {
				t.Error("the file that arrived is another")
			}
			if extra := b.host.Received() - before - killsSize; extra > killsSize/10 {
				t.Errorf("%d bytes beside the file", extra)
			}
			for _, l := range []*listener{a, b} {
				for _, e := range l.told() {
					if e.Event == "peer_down" || e.Event == "transfer" && e.ID == id && e.State == "interrupted" {
						t.Errorf("%s was told of %s %s %s", l.name, e.Event, e.State, e.Reason)
					}
				}
			}
			ann.wantMessages("Bob", len(jumps))
			bob.wantMessages("Ann", len(jumps))
		})
	}
}
