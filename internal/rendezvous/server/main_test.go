package server

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childFolder names the data folder in the environment of a process of the tests
// that is to be a server, and nothing else.
const childFolder = "EARSHOT_TEST_SERVER"

func TestMain(m *testing.M) {
	if data := os.Getenv(childFolder); data != "" {
		os.Exit(child(data))
	}
	if target := os.Getenv(floodTarget); target != "" {
		os.Exit(flood(target))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		theCluster.stop()
		os.Exit(code)
	}), goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// child is a server until it is killed. It prints where it listens.
func child(data string) int {
	s, err := Open(context.Background(), Config{Data: data, Listen: "127.0.0.1:0", Registration: RegisterOpen, cost: cheap})
	if err == nil {
		fmt.Println(s.Addr())
		err = s.Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}
