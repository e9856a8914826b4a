package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the server as people run it: a process of its own, measured in /proc.
type program struct {
	b            *testing.B
	binary, data string
	address      string // where it listens, the same after each start
	cmd          *exec.Cmd
	log          *os.File
}

// build makes the program. Its data folder is there, its database too.
func build(b *testing.B, data string) *program {
	b.Helper()
	p := &program{b: b, binary: filepath.Join(b.TempDir(), "earshot"), data: data, address: freeAddress(b)}
	out, err := exec.Command("go", "build", "-o", p.binary, "earshot").CombinedOutput()
	if err != nil {
		b.Fatalf("build: %v: %s", err, out)
	}
	p.log, err = os.Create(filepath.Join(b.TempDir(), "log"))
	must(b, err)
	b.Cleanup(func() {
		p.stop(os.Kill)
		p.log.Close()
	})
	return p
}

// freeAddress is one that nobody listens at.
func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	defer l.Close()
	return l.Addr().String()
}

// start starts the server and waits until it listens.
func (p *program) start() {
	p.b.Helper()
	p.cmd = exec.Command(p.binary, "--home", p.data, "serve", "--data", p.data, "--listen", p.address, "--address", p.address)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	must(p.b, err)
	must(p.b, p.cmd.Start())
	if _, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		said, _ := os.ReadFile(p.log.Name())
		p.b.Fatalf("the server did not start: %v: %s", err, said)
	}
	go io.Copy(io.Discard, out)
}

// stop sends a signal and waits for the end.
func (p *program) stop(signal os.Signal) {
	if p.cmd == nil || p.cmd.Process.Signal(signal) != nil {
		return
	}
	p.cmd.Wait()
	p.cmd = nil
}

// processor is the processor time that the process used so far.
func (p *program) processor() time.Duration {
	p.b.Helper()
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every platform
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	must(p.b, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, err := strconv.ParseInt(fields[11], 10, 64)
	must(p.b, err)
	system, err := strconv.ParseInt(fields[12], 10, 64)
	must(p.b, err)
	return time.Duration(user+system) * tick
}

// memory is what the process has in memory, in bytes: VmRSS, or VmHWM, the most it
// had.
func (p *program) memory(which string) int64 {
	p.b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	must(p.b, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, which+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			must(p.b, err)
			return kb << 10
		}
	}
	must(p.b, errors.New("no "+which))
	return 0
}

// forgetPeak has VmHWM counted from now on.
func (p *program) forgetPeak() {
	p.b.Helper()
	must(p.b, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0))
}

// loadAverage is how busy the machine was in the last minute, others included.
func loadAverage(b *testing.B) float64 {
	b.Helper()
	var info syscall.Sysinfo_t
	must(b, syscall.Sysinfo(&info))
	return float64(info.Loads[0]) / (1 << 16)
}
