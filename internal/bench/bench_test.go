package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"earshot/internal/lab"
)

// The plain copy starts this program again, which here is the test.
func TestMain(m *testing.M) {
	if roleOf(os.Args) {
		return
	}
	goleak.VerifyTestMain(m)
}

func TestWhatFailsOrIsInterruptedLeavesNothing(t *testing.T) {
	if reason := lab.Missing(); reason != "" {
		t.Skip(reason)
	}
	broken := errors.New("broken")
	for name, end := range map[string]func(b *bench, interrupt func()){
		"failed":      func(b *bench, _ func()) { b.check("measure", broken) },
		"interrupted": func(b *bench, interrupt func()) { interrupt(); b.run(exec.CommandContext(b.ctx, "sleep", "1000")) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			dir, check := shortDir(t), nothingLeft(t)
			b := &bench{ctx: ctx, dir: dir}
			err := b.part(name, func(b *bench) {
				p := b.pair(b.randomFile("file", 1000))
				b.start(p.from.Command(ctx, "sleep", "1000"))
				// Its child has to go with the host.
				b.start(p.to.Command(ctx, "sh", "-c", "sleep 1000; true"))
				end(b, func() { time.AfterFunc(10*time.Millisecond, cancel) })
			})
			if want := map[bool]error{true: errInterrupted, false: broken}[ctx.Err() != nil]; !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			check(dir)
		})
	}
}

// shortDir is a folder for sockets, whose paths may not be long.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// nothingLeft notes how things are, and returns what checks that they are so
// again, and that a folder is empty.
func nothingLeft(t *testing.T) func(dir string) {
	_, before := os.Stat("/run/sshd")
	sockets := func() []string {
		list, _ := filepath.Glob(filepath.Join(os.TempDir(), "earshot-*", "*.sock"))
		return list
	}
	there := sockets()
	return func(dir string) {
		t.Helper()
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("files are left: %v %v", left, err)
		}
		out, err := exec.Command("ip", "netns", "list").Output()
		if err != nil || strings.Contains(string(out), fmt.Sprintf("es%x-", os.Getpid())) {
			t.Errorf("namespaces are left: %v\n%s", err, out)
		}
		lists, _ := filepath.Glob("/proc/self/task/*/children")
		for _, list := range lists {
			if children, _ := os.ReadFile(list); len(children) > 0 {
				t.Errorf("processes are left: %s", children)
			}
		}
		for _, socket := range sockets() {
			if !slices.Contains(there, socket) {
				t.Errorf("a socket is left: %s", socket)
			}
		}
		if _, after := os.Stat("/run/sshd"); (after == nil) != (before == nil) {
			t.Errorf("/run/sshd: %v before, %v after", before, after)
		}
	}
}

func TestTheCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		chosen int
		fails  bool
	}{
		{nil, len(scenarios), false},
		{[]string{"small", "big"}, 2, false},
		{[]string{"-rounds", "3", "-size", "64KiB", "big"}, 1, false},
		{[]string{"nonsense"}, 0, true},
		{[]string{"big", "-rounds", "3"}, 0, true},
		{[]string{"-rounds", "0"}, 0, true},
		{[]string{"-size", "much"}, 0, true},
		{[]string{"-dir", "/" + strings.Repeat("x", maxDir)}, 0, true},
	} {
		var said bytes.Buffer
		_, chosen, err := parse(tt.args, &said)
		if (err != nil) != tt.fails || len(chosen) != tt.chosen {
			t.Errorf("%q: %d scenarios, %v", tt.args, len(chosen), err)
		}
		if tt.fails != (said.Len() > 0) {
			t.Errorf("%q: said %q", tt.args, said.String())
		}
	}
	if code := run(t.Context(), []string{"nonsense"}, nil, new(bytes.Buffer)); code != codeUsage {
		t.Errorf("nonsense ends with %d", code)
	}
}

func TestContendersTakeTurns(t *testing.T) {
	var order, said strings.Builder
	one := func(name string, tools ...tool) contender {
		return contender{name, tools, func() func() sample {
			return func() sample { order.WriteString(name + " "); return sample{wall: time.Second} }
		}}
	}
	b := &bench{name: "test", options: options{rounds: 2}, stderr: &said}
	c := b.compare([]contender{one("A"), one("missing", tool{"no-such-program", "no-such-package", ""}), one("B")})
	if got, want := order.String(), "A B A B A B "; got != want {
		t.Errorf("ran %q, want %q", got, want)
	}
	if len(c.samples["A"]) != 2 || len(c.names) != 2 {
		t.Errorf("got %+v, want two counted rounds of two", c)
	}
	if want := "test: missing is left out: apt-get install no-such-package brings it\n"; !strings.Contains(said.String(), want) {
		t.Errorf("said %q", said.String())
	}
}

func TestRatiosAreMadeWithinARound(t *testing.T) {
	walls := func(seconds ...float64) (all []sample) {
		for _, s := range seconds {
			all = append(all, sample{wall: time.Duration(s * float64(time.Second)), whole: 8 * time.Second, cpu: time.Second})
		}
		return all
	}
	c := comparison{names: []string{"other", ours}, samples: map[string][]sample{"other": walls(1, 2, 4), ours: walls(2, 4, 4)}}
	want := `
### Title

|  | s | MB/s | Earshot's speed to it | CPU s/GB | Earshot's CPU to it | peak memory, MB: sender, receiver |
| --- | --- | --- | --- | --- | --- | --- |
| other | 2.00 (1.00 to 4.00) | 1000 (500 to 2000) | 0.50 (0.50 to 1.00) | 0.50 | 1.00 |  |
| Earshot | 4.00 (2.00 to 4.00) | 500 (500 to 1000) | 1 | 0.50 | 1 | 0.00, 0.00 |
| the whole ` + "`earshot send`" + ` | 8.00 | 250 |  |  |  |  |

Note.
`
	if got := c.table("Title", perByte(2e9), "Note.").String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
