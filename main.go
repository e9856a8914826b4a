// Command earshot is a messenger for the people on your network: one binary, no
// server.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"earshot/internal/cli"
	"earshot/ui"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	go leave(ends(), cancel)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// ends are the signals to end. From here on none of them kills the program.
func ends() <-chan os.Signal {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // under nohup it stays ignored
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a write fails instead
	return signals
}

// leave ends the program cleanly at the first signal to end, and at once at the
// second.
func leave(signals <-chan os.Signal, cancel context.CancelFunc) {
	<-signals
	cancel()
	<-signals
	os.Exit(interrupted)
}

// interrupted is the code of a program that was ended by a signal.
const interrupted = 5

// run is the whole program: one command, until it is done or ctx ends. It returns
// the code to end with.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if crash := recover(); crash != nil {
			fmt.Fprintln(stderr, crashed(crash, debug.Stack()))
			code = 1
		}
	}()
	return cli.Run(ctx, cli.Program{
		Args: args, Stdin: stdin, Stdout: stdout, Stderr: stderr, Environment: os.LookupEnv, Console: console,
	})
}

// console shows the screen over a node.
func console(ctx context.Context, n cli.Node, look cli.Look) error {
	return ui.New(ui.Config{Node: n, Lang: look.Lang, ASCII: look.ASCII}).Run(ctx)
}

// crashed says that the program has a fault; where it happened is for a file.
func crashed(crash any, stack []byte) string {
	file, err := os.CreateTemp("", "earshot-fault-*.txt")
	if err != nil {
		return fmt.Sprintf("earshot: a fault of the program: %q.", fmt.Sprint(crash))
	}
	defer file.Close()
	fmt.Fprintf(file, "%v\n\n%s", crash, stack)
	return fmt.Sprintf("earshot: a fault of the program.\nPlease report it with the file %s.", file.Name())
}
