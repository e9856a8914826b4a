//go:build linux

package nettest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"earshot/internal/lab"
)

// patience is how long a test waits for what should take moments: the machine
// may be slow. Only benchmarks judge figures.
const patience = 60 * time.Second

var program string // the built binary

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if at := os.Getenv(nameServerAt); at != "" {
		return runNameServer(at)
	}
	dir, err := os.MkdirTemp("", "earshot-nettest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "earshot")
	if lab.Missing() == "" {
		args := append(append([]string{"build"}, buildFlags...), "-o", program, "earshot")
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// person is a profile on a host.
type person struct {
	t    *testing.T
	host *lab.Host
	name string // empty: not chosen yet
	home string
	env  []string
	// program is the binary that is run.
	program string
}

// someone makes a person with a new home on a host.
func someone(t *testing.T, host *lab.Host, name string) *person {
	return &person{t: t, host: host, name: name, home: t.TempDir(), program: program}
}

// command is one call of the program by this person.
func (p *person) command(ctx context.Context, args ...string) *exec.Cmd {
	if p.name != "" {
		args = append([]string{"--name", p.name}, args...)
	}
	cmd := p.host.Command(ctx, p.program, append([]string{"--home", p.home}, args...)...)
	cmd.Env = append(append(os.Environ(), "HOME="+p.home, "GORACE=halt_on_error=1"), p.env...)
	return cmd
}

// run calls the program and wants it to end with the code.
func (p *person) run(code int, args ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 3*patience)
	defer cancel()
	cmd := p.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("%s: %s: %v", p.name, strings.Join(args, " "), err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("%s: %s: exit %d, want %d\n%s%s", p.name, strings.Join(args, " "), got, code, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.String()
}

// read calls the program and decodes its JSON.
func read[T any](p *person, args ...string) (v T) {
	p.t.Helper()
	out := p.run(0, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		p.t.Fatalf("%s: %s: %v in %q", p.name, strings.Join(args, " "), err, out)
	}
	return v
}

// event is a line of `listen --json`; only what the tests look at.
type event struct {
	Event    string    `json:"event"`
	At       time.Time `json:"at"`
	ID       string    `json:"id"`
	Port     int       `json:"port"`
	Name     string    `json:"name"`
	Text     string    `json:"text"`
	State    string    `json:"state"`
	Error    string    `json:"error"`
	Reason   string    `json:"reason"`
	User     string    `json:"user"`
	Presence string    `json:"presence"`
	Done     int64     `json:"done"`
	Peer     struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"peer"`
	From struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"from"`

	seen time.Time
}

// listener is a running `earshot listen --json`.
type listener struct {
	*person
	cmd     *exec.Cmd
	started time.Time
	ended   chan struct{}

	mu     sync.Mutex
	events []event
	news   chan struct{} // closed and made anew with each event
	stderr bytes.Buffer
}

// listen starts the person's node and waits until it is ready.
func (p *person) listen(args ...string) *listener {
	p.t.Helper()
	l := p.start(args...)
	l.wait("ready", func(e event) bool { return e.Event == "ready" })
	return l
}

// start starts the person's node without waiting for it.
func (p *person) start(args ...string) *listener {
	p.t.Helper()
	l := &listener{person: p, ended: make(chan struct{}), news: make(chan struct{}), started: time.Now()}
	l.cmd = p.command(context.Background(), append([]string{"listen", "--json"}, args...)...)
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	l.cmd.Stderr = &l.stderr
	if err := l.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go l.follow(out)
	p.t.Cleanup(func() {
		if l.cmd.Process.Kill() == nil { // it may have ended by itself
			<-l.ended
		}
		if strings.Contains(l.stderr.String(), "DATA RACE") || strings.Contains(l.stderr.String(), "panic:") {
			p.t.Errorf("%s: %s", p.name, l.stderr.String())
		}
	})
	return l
}

func (l *listener) follow(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			l.t.Errorf("%s: %v in %q", l.name, err, lines.Text())
		}
		e.seen = time.Now()
		l.mu.Lock()
		l.events = append(l.events, e)
		close(l.news)
		l.news = make(chan struct{})
		l.mu.Unlock()
	}
	_ = l.cmd.Wait() // how it ended is the tests' own doing
	close(l.ended)
}

// wait waits for an event, also one that was there before.
func (l *listener) wait(what string, is func(event) bool) event {
	l.t.Helper()
	return l.waitFrom(0, what, is)
}

// count is how many events there were; waitFrom(count(), …) waits for new ones.
func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events)
}

// told is all that the listener told so far.
func (l *listener) told() []event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

func (l *listener) waitFrom(from int, what string, is func(event) bool) event {
	l.t.Helper()
	late := time.After(patience)
	for {
		l.mu.Lock()
		i := slices.IndexFunc(l.events[from:], is)
		news, events := l.news, l.events
		l.mu.Unlock()
		if i >= 0 {
			return events[from+i]
		}
		select {
		case <-news:
		case <-l.ended:
			l.t.Fatalf("%s ended while waiting for %s: %s", l.name, what, l.stderr.String())
		case <-late:
			l.t.Fatalf("%s: no %s in %v; got %+v\n%s", l.name, what, patience, events, l.stderr.String())
		}
	}
}

// sees waits until the listener told that the person of this name is there.
func (l *listener) sees(name string) event {
	l.t.Helper()
	return l.wait("peer_up of "+name, func(e event) bool { return e.Event == "peer_up" && e.Peer.Name == name })
}

// id is the listener's own ID.
func (l *listener) id() string {
	l.t.Helper()
	return l.wait("ready", func(e event) bool { return e.Event == "ready" }).ID
}

// kill ends the node as a crash does.
func (l *listener) kill() {
	l.t.Helper()
	if err := l.cmd.Process.Kill(); err != nil {
		l.t.Fatal(err)
	}
	<-l.ended
}

// leave ends the node as a person does.
func (l *listener) leave() {
	l.t.Helper()
	l.signal(syscall.SIGTERM)
	select {
	case <-l.ended:
	case <-time.After(patience):
		l.t.Fatalf("%s did not leave", l.name)
	}
	if code := l.cmd.ProcessState.ExitCode(); code != 0 {
		l.t.Errorf("%s left with exit %d: %s", l.name, code, l.stderr.String())
	}
}

func (l *listener) signal(s syscall.Signal) {
	l.t.Helper()
	if err := l.cmd.Process.Signal(s); err != nil {
		l.t.Fatal(err)
	}
}

// eventually waits for a condition that no event tells.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("not in %v: %s", patience, what)
		}
	}
}
