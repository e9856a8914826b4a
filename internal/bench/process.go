package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// patience is how long something is waited for that should take moments.
const patience = time.Minute

// lingering is how long the output of a process is waited for that has ended but
// left it to a child.
const lingering = time.Second

// process is a program that runs beside the bench, until the end of it at the
// latest.
type process struct {
	b      *bench
	cmd    *exec.Cmd
	ended  chan struct{}
	stderr bytes.Buffer // read it after ended
}

// start starts a program that goes on.
func (b *bench) start(cmd *exec.Cmd) *process {
	p := &process{b: b, cmd: cmd, ended: make(chan struct{})}
	cmd.Stderr, cmd.WaitDelay = &p.stderr, lingering
	b.check("start "+nameOf(cmd), cmd.Start())
	go func() {
		_ = cmd.Wait() // how it ended matters only to who waits for something else
		close(p.ended)
	}()
	b.Cleanup(p.kill)
	return p
}

// kill ends the process as a crash does, and waits for that.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// died ends the bench with what the process said.
func (p *process) died(while string) {
	p.kill()
	p.b.Fatalf("%s: %s: %v: %s", while, nameOf(p.cmd), p.cmd.ProcessState, lastOf(p.stderr.String()))
}

// processor is the processor time of the process and of its children, which are
// waited for.
func (p *process) processor() time.Duration {
	p.b.until("the children of "+nameOf(p.cmd)+" to end", p, func() bool {
		busy, err := hasChildren(p.cmd.Process.Pid)
		p.b.check("count processor time", err)
		return !busy
	})
	used, err := processorTime(p.cmd.Process.Pid)
	p.b.check("count processor time", err)
	return used
}

// until waits for a condition that nothing tells, while a process runs.
func (b *bench) until(what string, p *process, is func() bool) {
	late := time.After(patience)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-p.ended:
			p.died("wait for " + what)
		case <-b.ctx.Done():
			b.check("wait for "+what, b.ctx.Err())
		case <-late:
			b.Fatalf("wait for %s: not in %v", what, patience)
		}
	}
}

// lines is the output of a process, taken line by line by each; it is called by
// one goroutine.
type lines struct {
	each func(line []byte) error
	rest []byte // of a line that is not complete
}

// Write takes in what a process wrote.
func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		if err := l.each(line); err != nil {
			return 0, err
		}
		l.rest = rest
	}
}

// spent is what a command took: time, and processor time with that of the
// children it waited for.
type spent struct{ wall, cpu time.Duration }

// run runs a command to its end; it has to end with 0 or one of these codes.
func (b *bench) run(cmd *exec.Cmd, codes ...int) spent {
	var stderr bytes.Buffer
	cmd.Stderr, cmd.WaitDelay = &stderr, lingering
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	var exit *exec.ExitError
	if errors.As(err, &exit) && slices.Contains(codes, exit.ExitCode()) {
		err = nil
	}
	if err != nil {
		b.check("run "+nameOf(cmd), fmt.Errorf("%w: %s", err, lastOf(stderr.String())))
	}
	return spent{took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

// nameOf is what runs, without `ip netns exec HOST` before it.
func nameOf(cmd *exec.Cmd) string {
	args := cmd.Args
	if len(args) > 4 && args[1] == "netns" {
		args = args[4:]
	}
	return args[0]
}

// lastOf is the end of what a program said.
func lastOf(text string) string {
	const most = 500
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-most):]
}
