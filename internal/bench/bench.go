package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bench is a run of the program, or of one scenario in it. It is written like a
// test: what fails ends it at once, and what it made goes with it. It is used by
// one goroutine.
type bench struct {
	options
	ctx            context.Context
	stdout, stderr io.Writer // tables; what is going on
	name           string    // of the scenario
	program        string    // the built earshot
	dir            string    // for files, gone at the end
	undo           []func()
}

// failed is why a bench ended; it travels as a panic as far as [caught].
type failed struct{ err error }

// errInterrupted is why a bench ended whose context did: what failed then is of no
// interest.
var errInterrupted = errors.New("interrupted")

// during runs do and undoes what it made, however it ended: also what a fault of
// the program left.
func (b *bench) during(do func()) (err error) {
	defer func() {
		for len(b.undo) > 0 {
			last := b.undo[len(b.undo)-1]
			b.undo = b.undo[:len(b.undo)-1]
			err = errors.Join(err, caught(last)) // what undoes may fail too; the rest goes on
		}
	}()
	err = caught(do)
	if err != nil && b.ctx.Err() != nil {
		err = errInterrupted
	}
	return err
}

// caught runs do and returns how it failed.
func caught(do func()) (err error) {
	defer func() {
		switch crash := recover().(type) {
		case nil:
		case failed:
			err = crash.err
		default:
			panic(crash)
		}
	}()
	do()
	return nil
}

// part runs do with a bench of its own, whose folder is in this one's under its
// name.
func (b *bench) part(name string, do func(*bench)) error {
	one := &bench{options: b.options, ctx: b.ctx, stdout: b.stdout, stderr: b.stderr, name: name, program: b.program}
	return one.during(func() {
		one.dir = b.folder(name) // a short path: it has to hold sockets
		one.Cleanup(func() { one.check("remove a folder", os.RemoveAll(one.dir)) })
		do(one)
	})
}

// check ends the bench where err is not nil.
func (b *bench) check(doing string, err error) {
	if err != nil {
		panic(failed{fmt.Errorf("%s: %w", doing, err)})
	}
}

// The methods of a [lab.Owner].

// Helper is there for tests.
func (b *bench) Helper() {}

// Cleanup has undo called when the bench ends, the last one first.
func (b *bench) Cleanup(undo func()) { b.undo = append(b.undo, undo) }

// Skip ends the bench: who measures wants figures.
func (b *bench) Skip(args ...any) { b.Fatal(args...) }

// Fatal ends the bench.
func (b *bench) Fatal(args ...any) { panic(failed{errors.New(fmt.Sprint(args...))}) }

// Fatalf ends the bench.
func (b *bench) Fatalf(format string, args ...any) { panic(failed{fmt.Errorf(format, args...)}) }

// printf prints what is to be kept; tell says what is going on.
func (b *bench) printf(format string, args ...any) {
	_, err := fmt.Fprintf(b.stdout, format, args...)
	b.check("print", err)
}

func (b *bench) tell(format string, args ...any) {
	fmt.Fprintf(b.stderr, b.name+": "+format+"\n", args...)
}

// tempDir makes the folder in which everything is, and which goes with the bench.
func (b *bench) tempDir() string {
	dir, err := os.MkdirTemp(b.options.dir, "earshot-bench-")
	b.check("make a folder", err)
	b.Cleanup(func() { b.check("remove a folder", os.RemoveAll(dir)) })
	return dir
}

// folder makes a folder below the bench's own.
func (b *bench) folder(path ...string) string {
	dir := filepath.Join(append([]string{b.dir}, path...)...)
	b.check("make a folder", os.MkdirAll(dir, 0o700))
	return dir
}

// build makes the program as it is shipped, without cgo.
func (b *bench) build() string {
	program := filepath.Join(b.dir, "earshot")
	cmd := exec.CommandContext(b.ctx, "go", "build", "-o", program, "earshot")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	b.check("build earshot: "+strings.TrimSpace(string(out)), err)
	return program
}
