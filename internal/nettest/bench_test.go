//go:build linux

package nettest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/lab"
	"earshot/internal/store"
	"earshot/peer"
)

// terminal runs a program in a terminal of 80x24 and counts what it writes.
type terminal struct {
	b   *testing.B
	cmd *exec.Cmd
	tty *os.File

	mu     sync.Mutex
	out    bytes.Buffer
	writes chan struct{}
}

func openTerminal(b *testing.B, cmd *exec.Cmd) *terminal {
	b.Helper()
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "LC_ALL=C.UTF-8")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		b.Fatal(err)
	}
	t := &terminal{b: b, cmd: cmd, tty: tty, writes: make(chan struct{}, 1)}
	go t.read()
	return t
}

func (t *terminal) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := t.tty.Read(buf)
		t.mu.Lock()
		t.out.Write(buf[:n])
		t.mu.Unlock()
		select {
		case t.writes <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (t *terminal) written() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.out.Len()
}

// shows waits until the program has written the text.
func (t *terminal) shows(text string) {
	t.b.Helper()
	late := time.After(patience)
	for {
		t.mu.Lock()
		found := bytes.Contains(t.out.Bytes(), []byte(text))
		t.mu.Unlock()
		if found {
			return
		}
		select {
		case <-t.writes:
		case <-late:
			t.b.Fatalf("no %q on the screen:\n%q", text, t.out.String())
		}
	}
}

func (t *terminal) close() {
	_ = t.cmd.Process.Kill() // it may have ended
	_ = t.cmd.Wait()
	t.tty.Close()
}

// longHistory makes a home with a conversation of n entries.
func longHistory(b *testing.B, n int) (home string) {
	b.Helper()
	home = b.TempDir()
	dir := filepath.Join(home, "default")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	self, err := peer.LoadIdentity(filepath.Join(dir, "identity.key"))
	if err != nil {
		b.Fatal(err)
	}
	db, _, err := store.Open(filepath.Join(dir, "earshot.db"))
	if err != nil {
		b.Fatal(err)
	}
	other := peer.NewIdentity([32]byte{1})
	if err := db.SaveDevice(store.Device{ID: other.ID(), Name: "Ann", FirstSeen: time.Now(), Contact: true}); err != nil {
		b.Fatal(err)
	}
	id, preimage := chat.Direct(self.ID(), other.ID())
	batch := chat.Batch{Conversations: []chat.Conversation{{ID: id, Preimage: preimage, Peer: chat.DeviceParty(other.ID())}}}
	last := map[*peer.Identity]chat.Entry{}
	clock := uint64(time.Now().Add(-time.Duration(n) * time.Second).UnixMilli())
	for i := range n {
		author := []*peer.Identity{self, other}[i%2]
		clock += 1000
		body, err := peer.Marshal(chat.Text{Text: fmt.Sprintf("entry %d of a long conversation about the budget", i), Wall: clock})
		if err != nil {
			b.Fatal(err)
		}
		h := chat.Header{Conversation: id, Log: db.Log(), Number: last[author].Number + 1, ID: uuid.Must(uuid.NewV7()), Clock: clock, Kind: chat.KindText}
		if h.Number > 1 {
			hash := last[author].Hash()
			h.Before = &hash
		}
		e, err := chat.Seal(author, h, body)
		if err != nil {
			b.Fatal(err)
		}
		last[author] = e
		batch.Entries = append(batch.Entries, e)
		if len(batch.Entries) == 2000 || i == n-1 {
			for _, e := range last {
				batch.Logs = append(batch.Logs, chat.Log{Conversation: id, LogKey: e.LogKey(), First: 1, Last: e.Number, Hash: e.Hash(), Clock: e.Clock})
			}
			if err := db.Apply(batch); err != nil {
				b.Fatal(err)
			}
			batch = chat.Batch{}
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	return home
}

// BenchmarkFirstScreen measures from the start of the process until the people
// are on the screen, with 100,000 stored entries.
func BenchmarkFirstScreen(b *testing.B) {
	link := lab.New(b, 1)
	home := longHistory(b, 100_000)
	var all []time.Duration
	for b.Loop() {
		begin := time.Now()
		t := openTerminal(b, console80x24(link.Hosts[0], home))
		t.shows("Ann")
		all = append(all, time.Since(begin))
		t.close()
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Milliseconds()), "ms/median")
	b.ReportMetric(float64(all[len(all)-1].Milliseconds()), "ms/worst")
}

func console80x24(host *lab.Host, home string) *exec.Cmd {
	cmd := host.Command(context.Background(), program, "--home", home, "--name", "Bob")
	cmd.Env = append(os.Environ(), "HOME="+home)
	return cmd
}

// BenchmarkIdleConsole measures what a console costs while nothing happens, with
// one other person there.
func BenchmarkIdleConsole(b *testing.B) {
	const settle, idle = 5 * time.Second, 20 * time.Second
	link := lab.New(b, 2)
	home := longHistory(b, 100_000)
	other := link.Hosts[1].Command(b.Context(), program, "--home", b.TempDir(), "--name", "Zoe", "listen")
	if err := other.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	for b.Loop() {
		t := openTerminal(b, console80x24(link.Hosts[0], home))
		t.shows("Zoe")
		<-time.After(settle)
		pid := t.cmd.Process.Pid
		bytes, cpu := t.written(), cpuTime(b, pid)
		<-time.After(idle)
		b.ReportMetric(float64(t.written()-bytes), "bytes-written")
		b.ReportMetric(100*(cpuTime(b, pid)-cpu).Seconds()/idle.Seconds(), "%core")
		b.ReportMetric(resident(b, pid), "MB-resident")
		t.close()
	}
}

// cpuTime is what a process used so far; the kernel counts in ticks of 10 ms.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident is the memory of a process, in MB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(kb)[0])
			return float64(n) / 1000
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// BenchmarkFound measures how long after its start a newcomer has a proven
// session with each of those who are there already.
func BenchmarkFound(b *testing.B) {
	for _, n := range []int{2, 8, 32} {
		b.Run(fmt.Sprintf("hosts=%d", n), func(b *testing.B) {
			link := lab.New(b, n)
			for i, host := range link.Hosts[1:] {
				defer listenUntilDone(b, host, fmt.Sprintf("host %d", i))()
			}
			<-time.After(time.Duration(n) * 150 * time.Millisecond) // they have found each other
			var all []time.Duration
			for b.Loop() {
				all = append(all, newcomer(b, link.Hosts[0], n-1)...)
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Milliseconds()), "ms/median")
			b.ReportMetric(float64(all[len(all)-1].Milliseconds()), "ms/worst")
		})
	}
}

func listenUntilDone(b *testing.B, host *lab.Host, name string) (done func()) {
	b.Helper()
	cmd := host.Command(context.Background(), program, "--home", b.TempDir(), "--name", name, "listen")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
}

// newcomer starts a node and returns, for each of the others, the time until it
// was there.
func newcomer(b *testing.B, host *lab.Host, others int) (found []time.Duration) {
	b.Helper()
	cmd := host.Command(context.Background(), program, "--home", b.TempDir(), "--name", "Newcomer", "listen")
	out := lineTimes{want: " is here", n: others, done: make(chan struct{})}
	cmd.Stdout = &out
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	select {
	case <-out.done:
	case <-time.After(patience):
		b.Fatalf("found %d of %d:\n%s", len(out.at), others, out.all.String())
	}
	for _, at := range out.at {
		found = append(found, at.Sub(begin))
	}
	return found
}

// lineTimes notes when the lines with a text were written.
type lineTimes struct {
	want string
	n    int
	done chan struct{}
	at   []time.Time
	all  bytes.Buffer
}

func (l *lineTimes) Write(p []byte) (int, error) {
	l.all.Write(p)
	for range bytes.Count(p, []byte(l.want)) {
		if l.at = append(l.at, time.Now()); len(l.at) == l.n {
			close(l.done)
		}
	}
	return len(p), nil
}
