package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"earshot/internal/control"
	"earshot/internal/node"
	"earshot/internal/profile"
	"earshot/peer"
)

// failure is why a command ends without success: one sentence of what happened
// to what, one of what to do.
type failure struct {
	code     int
	what, do string
	list     []string // lines to choose from, between the two
}

func (f *failure) Error() string { return f.what }

// usage is a command line that makes no sense.
func usage(cmd *cobra.Command, err error) error {
	what, _, _ := strings.Cut(err.Error(), "\n") // cobra adds suggestions on lines of their own
	return &failure{code: codeUsage, what: sentence(what), do: fmt.Sprintf("Say \"%s --help\" to see how it is called.", cmd.CommandPath())}
}

// wrong is a command line whose values make no sense.
func wrong(format string, args ...any) error {
	return &failure{code: codeUsage, what: fmt.Sprintf(format, args...)}
}

// silent ends a command with a code about which everything has been said.
type silent int

func (c silent) Error() string { return fmt.Sprintf("code %d", int(c)) }

// report says on Stderr what went wrong and returns the code to end with.
func (p *Program) report(err error) int {
	if err == nil {
		return codeDone
	}
	var quiet silent
	if errors.As(err, &quiet) {
		return int(quiet)
	}
	if errors.Is(err, syscall.EPIPE) { // nobody reads the output any more
		return codeFailed
	}
	f := explain(err)
	p.tell("earshot: %s", f.what)
	for _, line := range f.list {
		p.tell("  %s", line)
	}
	if f.do != "" {
		p.tell("%s", f.do)
	}
	return f.code
}

// explain makes of an error what a person can do something with. It is the one
// place where the errors of the parts become sentences.
func explain(err error) *failure {
	var f *failure
	var running *profile.RunningError
	var version *control.VersionError
	var setting *profile.SettingError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &setting):
		return explainSetting(setting)
	case errors.As(err, &version):
		return &failure{code: codeFailed, what: sentence(version.Error()), do: "Then try again."}
	case errors.As(err, &running), errors.Is(err, node.ErrProfileRunning):
		return &failure{code: codeFailed, what: sentence(lastCause(err)), do: "End that one first, or choose another profile with --profile."}
	case errors.Is(err, context.Canceled):
		return &failure{code: codeLater, what: "Interrupted.", do: "What was queued stays queued and is delivered later."}
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{code: codeLater, what: "Gave up waiting.", do: "What was queued stays queued and is delivered later."}
	}
	return explainNode(err)
}

func explainSetting(e *profile.SettingError) *failure {
	f := &failure{code: codeFailed, what: sentence(e.Error()), do: "Change it there, or remove the line."}
	if e.Origin == profile.FromFlag || e.Origin == profile.FromEnvironment {
		f.code, f.do = codeUsage, "Say \"earshot config\" without it to see what is set."
	}
	return f
}

func explainNode(err error) *failure {
	f := &failure{code: codeFailed, what: sentence(err.Error())}
	switch {
	case errors.Is(err, node.ErrNoSuchPeer):
		f.code, f.do = codeWho, "Say \"earshot peers\" to see who is there."
	case errors.Is(err, node.ErrNoSuchOffer):
		f.do = "Say \"earshot transfers\" to see what there is."
	case errors.Is(err, node.ErrKeyChanged):
		f.do = "Ask the person, compare the safety number with \"earshot id PEER\", and write to the ID of the right device."
	case errors.Is(err, node.ErrWrongState):
		f.do = "Say \"earshot transfers\" to see how it stands."
	case errors.Is(err, node.ErrStopped):
		f.what, f.do = "Earshot was quit while this command used it.", "Start it again, or try again without it."
	case errors.Is(err, fs.ErrNotExist):
		f.do = "Check the path."
	case errors.Is(err, fs.ErrPermission):
		f.do = "Check who may read and write there."
	case errors.Is(err, syscall.ENOSPC):
		f.do = "Make room on the disk and try again."
	case errors.Is(err, os.ErrDeadlineExceeded):
		f.do = "The running Earshot does not answer: quit it and start it again."
	default:
		f.do = "Say it again with --log debug to see more."
	}
	return f
}

// lastCause is an error's text without the operations before it.
func lastCause(err error) string {
	var running *profile.RunningError
	if errors.As(err, &running) {
		return running.Error()
	}
	return err.Error()
}

// sentence gives a text a capital and a full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	first, size := utf8.DecodeRuneInString(text)
	if word, _, _ := strings.Cut(text, " "); !strings.ContainsAny(word, `/\.:-_"=`) {
		text = string(unicode.ToUpper(first)) + text[size:]
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// tell prints a line for the person, and never a control character.
func (p *Program) tell(format string, args ...any) {
	fmt.Fprintln(p.Stderr, peer.Body(fmt.Sprintf(format, args...)))
}

// say prints a line of the command's result, and never a control character.
func (p *Program) say(format string, args ...any) error {
	_, err := fmt.Fprintln(p.Stdout, peer.Body(fmt.Sprintf(format, args...)))
	return err
}
