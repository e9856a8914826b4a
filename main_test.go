package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"earshot/internal/control"
	"earshot/internal/profile"
)

// TestMain lets the scripts run this program as "earshot".
func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"earshot": main}) }

// TestStories runs testdata/script: each file is a story of people who use the
// program. All of them live in one home and find each other through it: no
// network interface is used, and no port is fixed.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("EARSHOT_HOME", env.WorkDir+"/people")
			env.Setenv("EARSHOT_INTERFACE", "no-such-interface")
			env.Setenv("EARSHOT_PORT", "0")
			env.Setenv("TMPDIR", os.TempDir()) // the sockets' paths are long here
			return os.MkdirAll(env.WorkDir+"/people", 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "until": until, "up": up, "fill": fill},
	})
}

// code runs a program that must end with the code: code 5 earshot msg …
func code(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: code N program args…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%q ended with %d, want %d", args[1:], got, want)
	}
}

// fill makes a file of so many bytes, no two stretches of it alike: fill FILE SIZE.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: fill FILE SIZE")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	content := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(content)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o600))
}

// patience is how long a story waits for what should take moments.
const patience = time.Minute

// up waits until the Earshots of profiles run that were started in the
// background: up ann bob. It asks their sockets, as a command that came first would
// be a node of its own, and in their way.
func up(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || neg {
		ts.Fatalf("usage: up profile…")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, name := range args {
		p := profile.Profile{Home: ts.Getenv("EARSHOT_HOME"), Name: name}
		for !isUp(ctx, p) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				ts.Fatalf("no Earshot of profile %s came up", name)
			}
		}
	}
}

// isUp reports whether a node of the profile runs that is not one of a passing
// command.
func isUp(ctx context.Context, p profile.Profile) bool {
	socket, err := p.Socket()
	if err != nil {
		return false
	}
	client, err := control.Dial(ctx, socket)
	if err != nil {
		return false
	}
	defer client.Close()
	self, err := client.Self(ctx)
	return err == nil && !self.Passing
}

// until runs a program until its output matches, and sets ID to what the first
// group matched: until '(\S+)  plan.txt' earshot transfers.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: until REGEXP program args…")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if ts.Exec(args[1], args[2:]...) != nil {
			continue
		}
		if found := want.FindStringSubmatch(ts.ReadFile("stdout")); found != nil {
			if len(found) > 1 {
				ts.Setenv("ID", found[1])
			}
			return
		}
	}
	ts.Fatalf("%q never printed %s", args[1:], args[0])
}
