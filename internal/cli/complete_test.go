package cli

import (
	"context"
	"strings"
	"testing"

	"earshot/internal/control"
	"earshot/internal/profile"
)

// TestNamesAreNoShellCode completes the names of people who chose them for what a
// shell would make of them.
func TestNamesAreNoShellCode(t *testing.T) {
	f := newFake()
	var want []string
	for i, c := range []struct {
		name  string
		plain bool
	}{
		{"Ann-Marie O. Doe_2", true}, {"张晓明", true}, {"नीता", true},
		{"Boss$(cmd)1", false}, {"Boss`cmd`", false}, {"Boss;cmd", false}, {"Boss|cmd", false}, {"Boss&cmd", false}, {"Boss>file", false},
		{"O'Neil", false}, {`"Bob"`, false}, {`Bob\`, false}, {"~bob", false}, {"!bob", false}, {"*", false}, {"-rf", false}, {"_activeHelp_ x", false}, {"", false},
	} {
		one := person(byte(i+2), c.name)
		f.people = append(f.people, one)
		if c.plain {
			want = append(want, c.name)
		} else {
			want = append(want, shortID(one.ID))
		}
	}
	c := newCall(t, f)
	attended(t, c.home, f)
	c.run(codeDone, "__complete", "msg", "").prints(strings.Join(want, "\n") + "\n:4\n")
}

// attended lets f be the node of the default profile of home until the test ends.
func attended(t *testing.T, home string, f *fake) {
	t.Helper()
	p, err := profile.Open(home, "default")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := p.Socket()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := control.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- control.Serve(ctx, f, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
