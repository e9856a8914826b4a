//go:build amd64 || arm64

package server

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite "modernc.org/sqlite/lib"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// faults fail writes of SQLite: it lets its system calls be replaced, for tests.
type faults struct {
	mu     sync.Mutex
	writes int  // since fail
	nth    int  // fails; 0: none
	on     bool // and all behind it
	errno  syscall.Errno
}

var disk faults

// fail has the nth write from now on fail, and where that is a full disk all that
// follow it.
func (f *faults) fail(nth int, errno syscall.Errno) {
	replaceWrite()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes, f.nth, f.on, f.errno = 0, nth, errno == syscall.ENOSPC, errno
}

// heal ends that, and reports whether a write failed.
func (f *faults) heal() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	failed := f.writes >= f.nth
	f.nth = 0
	return failed
}

// hit counts a write and reports whether it is to fail.
func (f *faults) hit() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	return f.nth > 0 && (f.writes == f.nth || f.on && f.writes > f.nth)
}

// pwrite is the system call in the way that SQLite makes it.
type pwrite func(tls *libc.TLS, fd int32, b uintptr, n uint64, offset int64) int64

var (
	realWrite pwrite
	testWrite pwrite = func(tls *libc.TLS, fd int32, b uintptr, n uint64, offset int64) int64 {
		if disk.hit() {
			*(*int32)(at(libc.X__errno_location(tls))) = int32(disk.errno)
			return -1
		}
		return realWrite(tls, fd, b, n, offset)
	}
)

// replaceWrite puts testWrite between SQLite and the system.
var replaceWrite = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	defer tls.Close()
	name, err := libc.CString("pwrite")
	if err != nil {
		panic(err)
	}
	defer libc.Xfree(tls, name)
	vfs := sqlite.Xsqlite3_vfs_find(tls, 0)
	calls := (*sqlite.Tsqlite3_vfs)(at(vfs))
	get := function[func(*libc.TLS, uintptr, uintptr) uintptr](calls.FxGetSystemCall)
	set := function[func(*libc.TLS, uintptr, uintptr, uintptr) int32](calls.FxSetSystemCall)
	realWrite = function[pwrite](get(tls, vfs, name))
	if code := set(tls, vfs, name, *(*uintptr)(unsafe.Pointer(&testWrite))); code != sqlite.SQLITE_OK {
		panic(code)
	}
})

// at is the pointer to what lies at an address of SQLite's memory.
func at(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// function is a function of SQLite's by its address.
func function[F any](address uintptr) F {
	return *(*F)(unsafe.Pointer(&address))
}

// eachWrite runs a scenario with a fault in one write of it, then in a later one, and so
// on, until it passes without one. Every third, under the race detector, which takes ten
// times as long, every eleventh; with which it begins is drawn.
func eachWrite(t *testing.T, least int, scenario func(t *testing.T, fail, heal func())) {
	step := 3
	if raceOn {
		step = 11
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
		n, failed := 1+rand.IntN(step), true
		for ; failed && !t.Failed(); n += step {
			scenario(t, func() { disk.fail(n, errno) }, func() { failed = disk.heal() })
		}
		n -= step // passed
		t.Logf("%v: one of the first %d writes failed, in steps of %d", errno, n-1, step)
		if n-1 < least {
			t.Errorf("there were only %d writes, want %d", n-1, least)
		}
	}
}

func TestDiskThatDoesNotTakeWhatIsWritten(t *testing.T) {
	t.Run("a server's first start/S-05", func(t *testing.T) { eachWrite(t, 90, firstStart) })
	t.Run("a registration and a log-out/S-05", func(t *testing.T) { eachWrite(t, 28, registers) })
}

// inMemory is a data folder to be, where the system has room for it in memory: hundreds of
// starts wait for a disk for a minute.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "earshot-test")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "server")
}

// firstStart starts a server in a new folder: the next start goes well, with the key of
// before if there was one.
func firstStart(t *testing.T, fail, heal func()) {
	config := Config{Data: inMemory(t), Listen: "127.0.0.1:0", cost: cheap}
	fail()
	s, err := Open(t.Context(), config)
	if err == nil {
		s.Close()
	}
	heal()
	path, before := filepath.Join(config.Data, keyFile), peer.ID{}
	if _, err := os.Stat(path); err == nil {
		key, err := peer.LoadIdentity(path)
		must(t, err)
		before = key.ID()
	}
	s, err = Open(t.Context(), config)
	must(t, err)
	defer s.Close()
	if !before.IsZero() && s.Realm() != before {
		t.Error("the next start made another key")
	}
	whole(t, s)
}

// registers has somebody register, and somebody else log out: what was acknowledged
// holds at the next start, and what was not can be done again.
func registers(t *testing.T, fail, heal func()) {
	data := inMemory(t)
	s := serve(t, Config{Data: data})
	bob := s.person("bob", 2)
	fail()
	out := bob.Logout(t.Context())
	ann := rendezvous.Registration{User: "ann", Password: password}
	_, in := s.client(1).Register(t.Context(), ann)
	s.stop()
	heal()

	s = serve(t, Config{Data: data})
	defer s.stop()
	whole(t, s.Server)
	if _, err := s.client(2).Me(t.Context()); out == nil && !rendezvous.Refused(err, rendezvous.CodeSignedOut) {
		t.Errorf("the log-out was acknowledged, and then: %v", err)
	}
	_, err := s.client(1).Login(t.Context(), rendezvous.Credentials{User: ann.User, Password: ann.Password})
	if in == nil && err != nil {
		t.Errorf("the account was acknowledged, and its log-in: %v", err)
	}
	if err != nil {
		_, err = s.client(1).Register(t.Context(), ann)
		must(t, err)
	}
	_, err = s.client(2).Login(t.Context(), rendezvous.Credentials{User: "bob", Password: password})
	must(t, err)
}

// whole checks that the database is.
func whole(t *testing.T, s *Server) {
	t.Helper()
	var said string
	must(t, s.directory.write.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&said))
	if !strings.EqualFold(said, "ok") {
		t.Errorf("the database: %s", said)
	}
}
