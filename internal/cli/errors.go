package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

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
		return &failure{code: codeFailed, what: fmt.Sprintf("The running Earshot is of another version: it speaks version %d of the local protocol, this one %d.", version.Node, version.Client), do: "Quit it and start it again, then try again."}
	case errors.As(err, &running):
		return &failure{code: codeFailed, what: sentence(running.Error()), do: "End that one first, or choose another profile with --profile."}
	case errors.Is(err, node.ErrProfileRunning):
		return &failure{code: codeFailed, what: sentence(node.ErrProfileRunning.Error()), do: "End that one first, or choose another profile with --profile."}
	case errors.Is(err, context.Canceled):
		return &failure{code: codeLater, what: "Interrupted.", do: "What was queued stays queued and is delivered later."}
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{code: codeLater, what: "Gave up waiting.", do: "What was queued stays queued and is delivered later."}
	case errors.Is(err, peer.ErrIdentity):
		return &failure{code: codeFailed, what: place(err, "The identity file") + " is not an identity file.", do: "Restore it from a backup, or move it away to become a new device."}
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

// explainNode explains what a running node says.
func explainNode(err error) *failure {
	switch {
	case errors.Is(err, node.ErrNoSuchPeer):
		return &failure{code: codeWho, what: "That device is not known, or not any more.", do: "Say \"earshot peers\" to see who is there."}
	case errors.Is(err, node.ErrNoSuchOffer):
		return &failure{code: codeFailed, what: "There is no such offer or transfer any more.", do: "Say \"earshot transfers\" to see what there is."}
	case errors.Is(err, node.ErrNoSuchMessage):
		return &failure{code: codeFailed, what: "There is no such message any more.", do: "Say \"earshot history PEER\" to see what there is."}
	case errors.Is(err, node.ErrKeyChanged):
		return &failure{
			code: codeFailed, what: "Nothing was sent: that device shows the name or the account of a verified contact, but is another one.",
			do: "Ask the person, compare the safety number with \"earshot id PEER\", and write to the ID of the right device.",
		}
	case errors.Is(err, node.ErrWrongState):
		return &failure{code: codeFailed, what: "That is not possible any more: it has changed meanwhile.", do: "Say \"earshot transfers\" to see how it stands."}
	case errors.Is(err, node.ErrStopped):
		return &failure{code: codeFailed, what: "Earshot was quit while this command used it, perhaps before this was done.", do: "Look whether it was, and try again."}
	case errors.Is(err, node.ErrUnsendable) && node.Cause(err) == nil:
		return &failure{code: codeFailed, what: "These files cannot be sent: " + last(err, node.ErrUnsendable) + ".", do: "Choose other files."}
	}
	if f := explainAccount(err); f != nil {
		return f
	}
	if f := explainCause(err); f != nil {
		return f
	}
	return &failure{code: codeFailed, what: "Something went wrong that should not: " + strings.TrimSuffix(err.Error(), ".") + ".", do: "If it goes on, please report it with this line."}
}

// explainCause explains trouble with this machine; nil where it is none.
func explainCause(err error) *failure {
	f := &failure{code: codeFailed}
	listening := (*net.OpError)(nil)
	switch cause := node.Cause(err); cause {
	case node.ErrDiskFull:
		f.what, f.do = "The disk is full: "+place(err, "this")+" could not be written.", "Make room on it, and try again."
	case node.ErrReadOnly:
		f.what, f.do = place(err, "The folder of this profile")+" cannot be written.", "Let it be written again, or choose another place."
	case node.ErrForbidden:
		f.what, f.do = "You may not use "+place(err, "that file or folder")+".", "Check who may read and write there, or choose another place."
		if errors.As(err, &listening) && listening.Op == "listen" {
			f.what, f.do = "You may not use that port.", "Choose one from 1024 on with --port; --port 0 takes any."
		}
	case node.ErrPortTaken:
		f.what, f.do = "Another program uses "+port(err)+".", "End it, or choose another one with --port; --port 0 takes any."
	case node.ErrMissing:
		f.what, f.do = "There is no file or folder "+place(err, "of that name")+".", "Check the path."
	case node.ErrNoFolder:
		f.what, f.do = place(err, "The path")+" is, or lies in, a file where a folder is needed.", "Choose another place."
	case node.ErrNewer:
		f.what, f.do = "The database of this profile belongs to a newer Earshot.", "Use the newer program."
		if _, advice, ok := strings.Cut(err.Error(), "Use the newer program; "); ok {
			f.do = sentence("Use the newer program; " + advice)
		}
	case node.ErrDamaged:
		f.what, f.do = "The database of this profile is damaged.", "Quit Earshot and start it again: it is repaired then."
	case node.ErrBusy:
		f.what, f.do = "Another program uses the database of this profile.", "End it, and try again."
	case node.ErrNoHost, node.ErrAddress, node.ErrPath:
		f.what, f.do = sentence(cause.Error()), "Check the address."
	default:
		return nil
	}
	return f
}

// place is the file or folder that an error is about, other words where it does
// not say.
func place(err error, other string) string {
	var path *fs.PathError
	var link *os.LinkError
	var at located
	switch {
	case errors.As(err, &at):
		return at.path
	case errors.As(err, &path) && filepath.IsAbs(path.Path):
		return path.Path
	case errors.As(err, &link) && filepath.IsAbs(link.New):
		return link.New
	}
	return other
}

// located is an error about a file or folder that it does not name.
type located struct {
	path string
	err  error
}

func (e located) Error() string { return e.path + ": " + e.err.Error() }
func (e located) Unwrap() error { return e.err }

// atHome is an error of starting the profile's node: what is wrong with the disk is
// wrong with the profile's folder, whatever file it showed at.
func (p *Program) atHome(err error) error {
	switch node.Cause(err) {
	case node.ErrDiskFull, node.ErrReadOnly, node.ErrForbidden, node.ErrNoFolder:
	default:
		return err
	}
	if listening := (*net.OpError)(nil); errors.As(err, &listening) {
		return err
	}
	f := explainCause(located{p.profile.Dir(), err})
	f.do = strings.Replace(strings.Replace(f.do, "and try again", "or choose another place", 1), "another place.", "another place with --home.", 1)
	return f
}

// port is the port that an error is about.
func port(err error) string {
	var at *net.OpError
	if errors.As(err, &at) && at.Addr != nil {
		if tcp, ok := at.Addr.(*net.TCPAddr); ok {
			return fmt.Sprintf("port %d", tcp.Port)
		}
	}
	return "that port"
}

// last is what an error says behind a sentinel.
func last(err, sentinel error) string {
	text := err.Error()
	if _, rest, ok := strings.Cut(text, sentinel.Error()+": "); ok {
		text = rest
	}
	return strings.TrimSuffix(text, ".")
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
