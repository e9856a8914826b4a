package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// secrets reads passwords: lines of the standard input where --password-stdin was
// said, else from the environment, else from the terminal; never from an argument,
// which others on the machine see.
type secrets struct {
	p     *Program
	stdin bool
	lines *bufio.Reader
}

// maxPassword is the longest line that is taken for a password, in bytes.
const maxPassword = 1024

// The variables that passwords may come from.
const (
	passwordVariable = "EARSHOT_PASSWORD"
	newVariable      = "EARSHOT_NEW_PASSWORD"
)

func (p *Program) secrets(stdin bool) *secrets {
	return &secrets{p: p, stdin: stdin, lines: bufio.NewReaderSize(p.Stdin, maxPassword)}
}

// read reads a password.
func (s *secrets) read(ctx context.Context, prompt, variable string) (string, error) {
	if s.stdin {
		return s.line()
	}
	if value, ok := s.p.Environment(variable); ok && value != "" {
		return value, nil
	}
	return s.ask(ctx, prompt)
}

// choose reads a password that is new: from a terminal twice, as nobody sees what
// he types.
func (s *secrets) choose(ctx context.Context, prompt, variable string) (string, error) {
	chosen, err := s.read(ctx, prompt, variable)
	if value, ok := s.p.Environment(variable); err != nil || s.stdin || ok && value != "" {
		return chosen, err
	}
	again, err := s.ask(ctx, "The same again: ")
	if err == nil && again != chosen {
		err = &failure{code: codeUsage, what: "The two passwords are not the same.", do: "Try again."}
	}
	return chosen, err
}

// line is the next line of the standard input.
func (s *secrets) line() (string, error) {
	line, err := s.lines.ReadSlice('\n')
	text := strings.TrimRight(string(line), "\r\n")
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", wrong("The password on the standard input is longer than %d bytes.", maxPassword)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if text == "" {
		return "", wrong("There is no password on the standard input, or one too few: each is a line.")
	}
	return text, nil
}

// ask asks at the terminal, where there is one.
func (s *secrets) ask(ctx context.Context, prompt string) (string, error) {
	f, ok := s.p.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", &failure{code: codeUsage, what: "There is no terminal to ask for the password.", do: "Say it with --password-stdin, or in " + passwordVariable + "."}
	}
	state, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", err
	}
	// Who interrupts gets a terminal back that shows what he types.
	defer context.AfterFunc(ctx, func() { _ = term.Restore(int(f.Fd()), state) })()
	fmt.Fprint(s.p.Stderr, prompt)
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(s.p.Stderr)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return string(b), err
}
