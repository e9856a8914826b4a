//go:build linux

package nettest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"earshot/internal/lab"
)

// smallDisk is a file system whose size the test decides.
type smallDisk struct {
	t   *testing.T
	dir string
}

func newSmallDisk(t *testing.T, size int64) smallDisk {
	t.Helper()
	d := smallDisk{t, t.TempDir()}
	err := unix.Mount("tmpfs", d.dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size))
	if errors.Is(err, unix.EPERM) {
		t.Skip("mounting a small disk needs root")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(d.dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

// leave makes so many bytes be free.
func (d smallDisk) leave(free int64) {
	d.t.Helper()
	for {
		var st unix.Statfs_t
		if err := unix.Statfs(d.dir, &st); err != nil {
			d.t.Fatal(err)
		}
		size := int64(st.Blocks-st.Bfree)*int64(st.Bsize) + free
		err := unix.Mount("tmpfs", d.dir, "tmpfs", unix.MS_REMOUNT, fmt.Sprintf("size=%d", size))
		if errors.Is(err, unix.EINVAL) {
			continue // more was written meanwhile
		}
		if err != nil {
			d.t.Fatal(err)
		}
		return
	}
}

// TestTheDiskFillsUp when half of a file is there, because of others. Both sides
// say so, people go on writing, and the file goes on by itself when there is room.
func TestTheDiskFillsUp(t *testing.T) {
	t.Parallel() // it waits, most of the time
	const size = 256 << 20
	for name, c := range map[string]struct {
		free int64 // when half of it is there
		home bool  // is on that disk too
	}{
		"to the last byte/X-07":                {4 << 20, false},
		"up to what is kept for messages/X-07": {200 << 20, true},
	} {
		t.Run(name, func(t *testing.T) {
			link := lab.New(t, 2)
			disk := newSmallDisk(t, 2<<30)
			ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
			if c.home {
				bob.home = filepath.Join(disk.dir, "home")
			}
			accept := []string{"--accept", "all", "--dir", filepath.Join(disk.dir, "files")}
			a, b := ann.listen(), bob.listen(accept...)
			acquaint(t, a, b)
			path, sum := randomFile(t, "disk.img", size)
			id := slowly(t, a, b, path)
			a.host.Limit("300mbit") // so that there is time to take the room away
			moved(b, id, size/2)
			disk.leave(c.free)
			full := func(e event) bool {
				return e.Event == "transfer" && e.ID == id && e.State == "paused" && e.Reason == "disk full"
			}
			if e := b.wait("the full disk", full); e.Done < size/2 || e.Done == size {
				t.Errorf("it is full at %d bytes", e.Done)
			}
			a.wait("the full disk", full)
			for i := range 5 {
				ann.run(0, "msg", "Bob", fmt.Sprintf("message %d", i))
				bob.run(0, "msg", "Ann", fmt.Sprintf("message %d", i))
			}
			b.kill()
			bob.suspect()
			b = bob.listen(accept...)
			bob.wantMessages("Ann", 5)
			bob.sound()
			from := b.count()
			b.wait("the full disk again", full)
			disk.leave(1 << 30)
			b.waitFrom(from, "done", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.State == "done" })
			if fileSum(t, filepath.Join(disk.dir, "files", "disk.img")) != sum {
				t.Error("the file that arrived is another")
			}
			a.wait("saved", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.State == "done" })
			ann.wantMessages("Bob", 5)
		})
	}
}

// suspect has the next start look at all of the database.
func (p *person) suspect() {
	p.t.Helper()
	if err := os.WriteFile(p.database()+".suspect", nil, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// sound makes sure that the start that did so found nothing wrong.
func (p *person) sound() {
	p.t.Helper()
	bad, err := filepath.Glob(p.database() + ".*")
	if err != nil || len(bad) > 0 {
		p.t.Errorf("the database was damaged: %v, %v", bad, err)
	}
}
