// Command bench measures Earshot beside the programs that people copy files with
// and beside the limit, a plain copy over the same kind of connection. It runs
// real processes on two hosts made of network namespaces and prints tables for
// docs/PERFORMANCE.md.
//
//	go run ./internal/bench [flags] [SCENARIO…]
//
// Ratios are made only of figures of one run, in which all take turns. A program
// that is not installed is left out with a word. It needs root on Linux, as
// package lab does; what it makes is gone when it ends, also when interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"earshot/internal/lab"
)

func main() {
	if roleOf(os.Args) {
		return
	}
	// A reader of the output that went away must not leave namespaces behind.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// maxDir is how long the path of the folder may be: a node whose socket would have
// a longer one than 100 bytes puts it elsewhere, where nobody cleans up.
const maxDir = 40

// scenario is one thing that is measured.
type scenario struct {
	name, about string
	measure     func(*bench)
}

// scenarios are all of them, in the order in which they run.
var scenarios = []scenario{
	{"big", "one big file over a link without a limit", measureBig},
	{"gigabit", "one big file over a link of 1 Gbit/s", measureGigabit},
	{"loss", "one file over a link of 1 Gbit/s that loses 0.5 % of the packets", measureLoss},
	{"small", "many small files", measureSmall},
	{"memory", "peak memory for one huge file and for very many files", measureMemory},
	{"resume", "a file of which 90 % are there, after both sides were killed", measureResume},
	{"latency", "messages beside three transfers that fill the link", measureLatency},
	{"delta", "a file of which the receiver has an older version", measureDelta},
}

// options are what the flags say.
type options struct {
	dir                                           string
	rounds                                        int
	size, lossSize, hugeSize, cutSize, editedSize size
	files, many, seconds                          int
	cutRate                                       string
}

func (o *options) add(f *flag.FlagSet) {
	o.size, o.lossSize, o.hugeSize, o.cutSize, o.editedSize = 2<<30, 512<<20, 20<<30, 10<<30, 1<<30
	f.StringVar(&o.dir, "dir", "/dev/shm", "where files are sent from and to: a folder in a memory file system")
	f.IntVar(&o.rounds, "rounds", 5, "how often each runs, after one round that is not counted")
	f.Var(&o.size, "size", "big, gigabit: the file")
	f.Var(&o.lossSize, "loss-size", "loss: the file")
	f.IntVar(&o.files, "files", 10_000, "small: how many files of 4 KiB")
	f.Var(&o.hugeSize, "memory-size", "memory: the huge file")
	f.IntVar(&o.many, "many", 100_000, "memory: how many files of at most one byte")
	f.Var(&o.cutSize, "resume-size", "resume: the file")
	f.StringVar(&o.cutRate, "resume-rate", "2gbit", "resume: the rate of the link, slow enough to stop at 90 %")
	f.IntVar(&o.seconds, "seconds", 30, "latency: how long messages are written")
	f.Var(&o.editedSize, "delta-size", "delta: the file")
}

// The codes that the program ends with.
const (
	codeFailed = 1
	codeUsage  = 2
)

// run is the whole program; it returns the code to end with.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, chosen, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return codeUsage // the flag set has said it
	}
	if reason := lab.Missing(); reason != "" {
		fmt.Fprintf(stderr, "bench: %s\n", reason)
		return codeFailed
	}
	if err := measureAll(ctx, o, chosen, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return codeFailed
	}
	return 0
}

// parse reads the command line; without a scenario all of them are chosen.
func parse(args []string, stderr io.Writer) (o options, chosen []scenario, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() { usage(f) }
	o.add(f)
	if err := f.Parse(args); err != nil {
		return o, nil, err
	}
	for _, s := range scenarios {
		if f.NArg() == 0 || slices.Contains(f.Args(), s.name) {
			chosen = append(chosen, s)
		}
	}
	if len(o.dir) > maxDir {
		err := fmt.Errorf("-dir %s: at most %d bytes, sockets have no longer paths", o.dir, maxDir)
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return o, nil, err
	}
	if f.NArg() > len(chosen) || o.rounds < 1 || o.files < 1 || o.many < 1 || o.seconds < 1 {
		f.Usage()
		return o, nil, fmt.Errorf("read the command line: %q", strings.Join(args, " "))
	}
	return o, chosen, nil
}

func usage(f *flag.FlagSet) {
	fmt.Fprintln(f.Output(), "usage: go run ./internal/bench [flags] [SCENARIO…], all of them without one:")
	for _, s := range scenarios {
		fmt.Fprintf(f.Output(), "  %-8s  %s\n", s.name, s.about)
	}
	fmt.Fprintln(f.Output(), "flags, before the scenarios:")
	f.PrintDefaults()
}

// measureAll builds the program, then runs one scenario after the other. One that
// fails does not keep the others from running.
func measureAll(ctx context.Context, o options, chosen []scenario, stdout, stderr io.Writer) error {
	all := &bench{ctx: ctx, options: o, stdout: stdout, stderr: stderr}
	var failures []error
	err := all.during(func() {
		all.dir = all.tempDir()
		all.program = all.build()
		all.printf("%s", all.machine())
		for _, s := range chosen {
			if err := all.part(s.name, s.measure); err != nil {
				failures = append(failures, fmt.Errorf("%s: %w", s.name, err))
			}
			if ctx.Err() != nil {
				return
			}
		}
	})
	return errors.Join(append(failures, err)...)
}
