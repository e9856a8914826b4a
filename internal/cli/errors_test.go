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
	"testing"

	"earshot/internal/control"
	"earshot/internal/node"
	"earshot/internal/profile"
	"earshot/peer"
)

// TestEveryErrorIsTwoSentences has what happened to what, and what to do, for each
// class of errors: never what the parts said to each other.
func TestEveryErrorIsTwoSentences(t *testing.T) {
	at := func(path string, err error) error { return &fs.PathError{Op: "open", Path: path, Err: err} }
	chain := func(err error) error { return fmt.Errorf("lock profile default: %w", err) }
	for _, c := range []struct {
		err      error
		code     int
		what, do string
	}{
		{&profile.RunningError{Profile: "ann", PID: 7}, codeFailed, "A node of profile ann runs already, as process 7.", "End that one first, or choose another profile with --profile."},
		{&control.VersionError{Node: 1, Client: 2}, codeFailed, "The running Earshot is of another version: it speaks version 1 of the local protocol, this one 2.", "Quit it and start it again, then try again."},
		{chain(context.Canceled), codeLater, "Interrupted.", "What was queued stays queued and is delivered later."},
		{chain(context.DeadlineExceeded), codeLater, "Gave up waiting.", "What was queued stays queued and is delivered later."},
		{chain(node.ErrNoSuchPeer), codeWho, "That device is not known, or not any more.", `Say "earshot peers" to see who is there.`},
		{chain(node.ErrNoSuchOffer), codeFailed, "There is no such offer or transfer any more.", `Say "earshot transfers" to see what there is.`},
		{chain(node.ErrNoSuchMessage), codeFailed, "There is no such message any more.", `Say "earshot history PEER" to see what there is.`},
		{chain(node.ErrWrongState), codeFailed, "That is not possible any more: it has changed meanwhile.", `Say "earshot transfers" to see how it stands.`},
		{chain(node.ErrStopped), codeFailed, "Earshot was quit while this command used it, perhaps before this was done.", "Look whether it was, and try again."},
		{fmt.Errorf("%w: left out 1 pipe (queue)", node.ErrUnsendable), codeFailed, "These files cannot be sent: left out 1 pipe (queue).", "Choose other files."},
		{chain(at("/id", peer.ErrIdentity)), codeFailed, "/id is not an identity file.", "Restore it from a backup, or move it away to become a new device."},
		{chain(at("/data/x", syscall.ENOSPC)), codeFailed, "The disk is full: /data/x could not be written.", "Make room on it, and try again."},
		{chain(node.ErrDiskFull), codeFailed, "The disk is full: this could not be written.", "Make room on it, and try again."},
		{chain(at("/data/x", syscall.EROFS)), codeFailed, "/data/x cannot be written.", "Let it be written again, or choose another place."},
		{chain(at("/data/x", syscall.EACCES)), codeFailed, "You may not use /data/x.", "Check who may read and write there, or choose another place."},
		{chain(at("/data/x", syscall.ENOENT)), codeFailed, "There is no file or folder /data/x.", "Check the path."},
		{chain(at("/data/x", syscall.ENOTDIR)), codeFailed, "/data/x is, or lies in, a file where a folder is needed.", "Choose another place."},
		{chain(&net.OpError{Op: "listen", Addr: &net.TCPAddr{Port: 7420}, Err: syscall.EADDRINUSE}), codeFailed, "Another program uses port 7420.", "End it, or choose another one with --port; --port 0 takes any."},
		{chain(&net.OpError{Op: "listen", Addr: &net.TCPAddr{Port: 80}, Err: syscall.EACCES}), codeFailed, "You may not use that port.", "Choose one from 1024 on with --port; --port 0 takes any."},
		{fmt.Errorf("open database: %w: its schema is 9, this program knows 3. Use the newer program; there is no copy from before", node.ErrNewer), codeFailed,
			"The database of this profile belongs to a newer Earshot.", "Use the newer program; there is no copy from before."},
		{chain(node.ErrDamaged), codeFailed, "The database of this profile is damaged.", "Quit Earshot and start it again: it is repaired then."},
		{chain(node.ErrBusy), codeFailed, "Another program uses the database of this profile.", "End it, and try again."},
		{chain(node.ErrNoHost), codeFailed, "No computer of that name can be found.", "Check the address."},
		{chain(node.ErrPath), codeFailed, "The way there is by a network interface that is left out.", "Check the address."},
		{errors.New("made up"), codeFailed, "Something went wrong that should not: made up.", "If it goes on, please report it with this line."},
	} {
		f := explain(c.err)
		if f.code != c.code || f.what != c.what || f.do != c.do {
			t.Errorf("%v:\n got %d %q %q\nwant %d %q %q", c.err, f.code, f.what, f.do, c.code, c.what, c.do)
		}
	}
}

// TestAHomeThatCannotBeUsed starts in places where there can be no profile.
func TestAHomeThatCannotBeUsed(t *testing.T) {
	c := newCall(t, nil)
	c.real = true
	c.home = filepath.Join(c.home, "file")
	if err := os.WriteFile(c.home, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.run(codeFailed, "peers", "--wait", "0").complains(c.home+"/default is, or lies in, a file where a folder is needed.\n", "Choose another place with --home.\n")
	p := Program{profile: profile.Profile{Home: "/ro", Name: "ann"}}
	for err, want := range map[error]string{
		syscall.ENOSPC: "The disk is full: /ro/ann could not be written. Make room on it, or choose another place with --home.",
		syscall.EROFS:  "/ro/ann cannot be written. Let it be written again, or choose another place with --home.",
		syscall.EACCES: "You may not use /ro/ann. Check who may read and write there, or choose another place with --home.",
	} {
		f := explain(p.atHome(fmt.Errorf("write note: %w", &fs.PathError{Op: "write", Path: "/ro/ann/.node.json-1", Err: err})))
		if got := f.what + " " + f.do; got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

// TestAPortThatIsTaken listens where somebody else does.
func TestAPortThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	c := newCall(t, nil)
	c.real = true
	c.run(codeFailed, "listen", "--port", fmt.Sprint(port)).complains(fmt.Sprintf("Another program uses port %d.\n", port), "--port 0 takes any.")
}

// TestWrongValuesSayWhatIsWanted types values that make no sense.
func TestWrongValuesSayWhatIsWanted(t *testing.T) {
	c := newCall(t, newFake(person(2, "Bob")))
	for _, wait := range []string{"5", "soon", "-1s"} {
		for _, args := range [][]string{{"peers"}, {"msg", "Bob", "hi"}, {"send", "Bob", file(t)}} {
			c.run(codeUsage, append(args, "--wait", wait)...).complains(fmt.Sprintf("--wait is %q; want a time like 30s, 10m or 1h30m, or 0.", wait))
		}
	}
	c.run(codeUsage, "peers", "--wait").complains("--wait wants a value: a time like 30s")
	c.run(codeUsage, "peers", "--json=5").complains(`--json is "5"; want true or false.`)
	for want, args := range map[string][]string{
		`"earshot msg" wants PEER and TEXT.`:                                       {"msg", "Bob"},
		`"earshot send" wants PEER and PATH.`:                                      {"send"},
		"An offer, or a person, is missing.":                                       {"accept"},
		`"earshot accept" takes OFFER and nothing more: "yes" is too much.`:        {"accept", "019b", "yes"},
		`"earshot transfers pause" takes ID and nothing more: "019c" is too much.`: {"transfers", "pause", "019b", "019c"},
		`"earshot id" takes PEER and nothing more: "Carl" is too much.`:            {"id", "Bob", "Carl"},
		`"earshot history" wants PEER.`:                                            {"history"},
		`Unknown command "stop" for "earshot transfers".`:                          {"transfers", "stop"},
	} {
		c.run(codeUsage, args...).complains(want)
	}
	c.does()
}

// TestNothingIsNeverHere leaves a variable of a script empty.
func TestNothingIsNeverHere(t *testing.T) {
	c := newCall(t, newFake(person(2, "Bob")))
	path := file(t)
	for want, calls := range map[string][][]string{
		"PATH is empty.":            {{"send", "Bob", ""}, {"send", "Bob", path, " "}},
		"PEER is empty.":            {{"send", "", path}, {"msg", "", "hi"}, {"history", ""}, {"id", " "}},
		"OFFER is empty.":           {{"accept", ""}, {"decline", ""}},
		"ID is empty.":              {{"transfers", "cancel", ""}},
		"--dir is empty.":           {{"listen", "--dir", ""}, {"accept", "019b", "--dir", ""}},
		"--to is empty.":            {{"send", "Bob", path, "--to", ""}},
		"--home is empty.":          {{"peers", "--home", ""}},
		"--profile is empty.":       {{"peers", "--profile", ""}},
		"--peer is empty.":          {{"peers", "--peer", ""}},
		"--interface is empty.":     {{"peers", "--interface", ""}},
		"There is nothing to send.": {{"msg", "Bob", ""}},
	} {
		for _, args := range calls {
			c.run(codeUsage, args...).complains(want)
		}
	}
	c.does()
	c.stdin = strings.NewReader("/to Bob\n/send\n/send ''\n/accept\n")
	c.run(0, "--plain").complains("/send wants PATH.", "PATH is empty.", "/accept wants OFFER.").does()
}

// TestWhatCannotBeSent names things that are no files, before anybody is asked.
func TestWhatCannotBeSent(t *testing.T) {
	c := newCall(t, newFake(person(2, "Bob")))
	one, two := file(t), file(t)
	c.run(codeUsage, "send", "Bob", one, two).complains("have the same name", "Send one after the other")
	c.run(codeUsage, "send", "Bob", "/").complains(`"/" is the whole disk.`)
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c.run(codeFailed, "send", "Bob", socket).complains("is a socket: only files and folders can be sent.")
	c.run(codeFailed, "send", "Bob", one+"/x").complains("is, or lies in, a file where a folder is needed.")
	c.does()
}

// TestAFolderThatCannotBeUsedIsSaidAtTheStart names one for received files.
func TestAFolderThatCannotBeUsedIsSaidAtTheStart(t *testing.T) {
	c := newCall(t, moving())
	taken := file(t)
	for _, args := range [][]string{{"listen"}, {"accept", "019b76da-a8"}} {
		c.run(codeUsage, append(args, "--dir", taken)...).complains("Files cannot be saved in "+taken+": there is a file in place of a folder.", "Choose another folder: --dir.")
		c.run(codeUsage, append(args, "--dir", taken+"/x")...)
	}
	config := filepath.Join(c.home, "default", "config.toml")
	if err := errors.Join(os.MkdirAll(filepath.Dir(config), 0o700), os.WriteFile(config, []byte(fmt.Sprintf("save_to = %q\n", taken)), 0o600)); err != nil {
		t.Fatal(err)
	}
	c.run(codeUsage, "listen").complains("Files cannot be saved in "+taken, "Choose another folder: "+config+":1.")
	c.does()
}
