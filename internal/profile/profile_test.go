package profile

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"earshot/peer"
)

func open(t *testing.T, home, name string) Profile {
	t.Helper()
	p, err := Open(home, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProfileNames(t *testing.T) {
	for _, name := range []string{"default", "work", "Ann Lee", "小明", "a.b-c_d"} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "/etc", "C:", ".hidden", "-x", "con", "x ", "a\x00", "a\u202eb", "\x9b", strings.Repeat("a", 65)} {
		if err := CheckName(name); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	t.Run("profile name/T-01", func(t *testing.T) {
		err := CheckName("\x1b[2J\u009b")
		if err == nil || strings.ContainsAny(err.Error(), "\x1b\u009b") {
			t.Errorf("got %q", err)
		}
	})
}

func TestOnlyOneNodeOfAProfile(t *testing.T) {
	p := open(t, t.TempDir(), "work")
	other := open(t, p.Home, "play")
	if os.Getenv("EARSHOT_TEST_LOCK") != "" { // the second process of the subtest below
		p = Profile{Home: os.Getenv("EARSHOT_TEST_LOCK"), Name: "work"}
		_, err := p.Lock()
		t.Fatal(err)
	}
	lock, err := p.Lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("another process/O-19", func(t *testing.T) {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestOnlyOneNodeOfAProfile$")
		cmd.Env = append(os.Environ(), "EARSHOT_TEST_LOCK="+p.Home)
		out, err := cmd.CombinedOutput()
		want := (&RunningError{"work", os.Getpid()}).Error()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("got %v and %q, want %q", err, out, want)
		}
	})
	t.Run("another profile/O-19", func(t *testing.T) {
		second, err := other.Lock()
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Unlock(); err != nil {
			t.Error(err)
		}
	})
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	t.Run("after the first/O-19", func(t *testing.T) {
		again, err := p.Lock()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Unlock(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(p.Path(noteFile)); !os.IsNotExist(err) {
			t.Errorf("the note is still there: %v", err)
		}
	})
}

func TestSiblingsReadEachOthersNotes(t *testing.T) {
	home := t.TempDir()
	ann, bob := open(t, home, "ann"), open(t, home, "bob")
	open(t, home, "nobody")
	if err := os.WriteFile(filepath.Join(home, "a file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := open(t, home, "broken")
	if err := os.WriteFile(broken.Path(noteFile), []byte(strings.Repeat("{", maxNote+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	starting := open(t, home, "starting")
	if err := starting.WriteNode(Node{PID: 3}); err != nil {
		t.Fatal(err)
	}
	id := peer.NewIdentity([32]byte{1}).ID()
	if err := bob.WriteNode(Node{ID: id, Port: 7421, PID: 2}); err != nil {
		t.Fatal(err)
	}
	if err := ann.WriteNode(Node{ID: peer.NewIdentity([32]byte{2}).ID(), Port: 7420, PID: 1}); err != nil {
		t.Fatal(err)
	}
	got, err := ann.ReadSiblings()
	if err != nil || len(got) != 1 || got[0] != (Node{ID: id, Port: 7421, PID: 2}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestSocketPathsAreShort(t *testing.T) {
	home := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(home, "tmp"))
	if err := os.Mkdir(filepath.Join(home, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	short := Profile{Home: home, Name: "a"}
	if got, err := short.Socket(); err != nil || got != filepath.Join(home, "a", "node.sock") {
		t.Errorf("got %s, %v", got, err)
	}
	long := Profile{Home: filepath.Join(home, strings.Repeat("x", 90)), Name: "a"}
	got, err := long.Socket()
	if err != nil || len(got) > maxSocketPath || !strings.HasPrefix(got, os.TempDir()) {
		t.Fatalf("got %s, %v", got, err)
	}
	if again, err := long.Socket(); again != got || err != nil {
		t.Errorf("got %s and %s, %v", got, again, err)
	}
	if _, err := os.Stat(filepath.Dir(got)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looking for the socket left a folder: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := long.PrepareSocket(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(got), 0o777); err != nil {
		t.Fatal(err)
	}
	if got, err := long.Socket(); err == nil {
		t.Errorf("took %s in a folder that all may write", got)
	}
}

// TestTheSocketsFolderGoesWithTheLastSocket has nodes of two profiles with long paths,
// of which one was killed long ago.
func TestTheSocketsFolderGoesWithTheLastSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("sockets have other times there")
	}
	t.Setenv("TMPDIR", t.TempDir())
	listen := func(name string) (string, *net.UnixListener) {
		p := Profile{Home: filepath.Join(t.TempDir(), strings.Repeat("x", 90)), Name: name}
		path, err := p.Socket()
		if err := errors.Join(err, p.PrepareSocket()); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return path, l.(*net.UnixListener)
	}
	killed, dead := listen("killed")
	dead.SetUnlinkOnClose(false)
	dead.Close()
	living, alive := listen("living")
	long := time.Now().Add(-2 * staleSocket)
	if err := errors.Join(os.Chtimes(killed, long, long), os.Chtimes(living, long, long)); err != nil {
		t.Fatal(err)
	}
	_, third := listen("third")
	if _, err := os.Lstat(killed); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket of the killed node: %v", err)
	}
	if _, err := os.Lstat(living); err != nil {
		t.Errorf("the socket of the living one: %v", err)
	}
	p := Profile{Home: filepath.Join(t.TempDir(), strings.Repeat("x", 90)), Name: "any"}
	alive.Close()
	p.TidySocket()
	if _, err := os.Stat(socketDir()); err != nil {
		t.Errorf("the folder went before the last socket: %v", err)
	}
	third.Close()
	p.TidySocket()
	if _, err := os.Stat(socketDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
}

func TestPersonNameIsNeverTheLogin(t *testing.T) {
	for _, c := range []struct{ name, full, login, host, want string }{
		{"full name", "Ann Lee,Room 3,,", "ann", "pc7.office.lan", "Ann Lee"},
		{"full name is the log-in name", "ann", "Ann", "pc7.office.lan", "pc7"},
		{"GECOS with &", "& Lee", "ann", "pc7", "pc7"},
		{"Windows", "", `OFFICE\ann`, "PC7", "PC7"},
		{"Windows, log-in name", "ann", `OFFICE\ann`, "PC7", "PC7"},
		{"nothing", "", "", "", "earshot"},
		{"controls", "\x1b[2JAnn", "x", "", "␛[2JAnn"},
	} {
		got := personName(&user.User{Name: c.full, Username: c.login}, c.host)
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
