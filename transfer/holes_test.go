//go:build unix

package transfer_test

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"earshot/transfer"
)

// sparse makes a file of that size with a megabyte of noise at each place.
func sparse(t testing.TB, name string, size int64, noisy ...int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for _, at := range noisy {
		if _, err := f.WriteAt([]byte(noise(mib)), at); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// onDisk is how many bytes a file takes there.
func onDisk(t testing.TB, path string) int64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}

// alike compares two files without having them in memory.
func alike(t testing.TB, got, want string) {
	t.Helper()
	a, err := os.Open(got)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := os.Open(want)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, q := make([]byte, mib), make([]byte, mib)
	for {
		n, errA := io.ReadFull(a, p)
		m, errB := io.ReadFull(b, q)
		if n != m || string(p[:n]) != string(q[:m]) {
			t.Fatalf("%s is not %s", got, want)
		}
		if errA != nil || errB != nil {
			return
		}
	}
}

func TestHolesStayHoles(t *testing.T) {
	const size = 300*mib + 17
	t.Run("and need no room/R-05", func(t *testing.T) {
		w, ann, bob := pair(t)
		path := sparse(t, "vm.img", size, 0, 100*mib, 299*mib)
		var free, all atomic.Int64
		free.Store(256*mib + 20*mib) // for what is in it, not for its size
		all.Store(1 << 40)
		bob.disk = func(d transfer.Disk) transfer.Disk { return sized{d, &free, &all} }
		bob.close()
		bob.start()
		offer := ann.offer(bob, path)
		bob.accept(offer.ID)
		got := bob.state(offer.ID, transfer.Done).Path
		alike(t, got, path)
		if n := onDisk(t, got); n > 5*mib {
			t.Errorf("%d MiB are taken", n/mib)
		}
		if n := w.sent.Load(); n > 4*mib {
			t.Errorf("%d MiB were sent", n/mib)
		}
	})
	t.Run("over a kill, and whatever lies behind what was kept/R-05", func(t *testing.T) {
		_, ann, bob := pair(t)
		path := sparse(t, "vm.img", size, 0, 1*mib, 2*mib, 3*mib, 200*mib)
		offer := ann.offer(bob, path)
		reached, release := bob.stopAfter(2 * mib)
		bob.accept(offer.ID)
		<-reached
		bob.atLeast(offer.ID, 2*mib)
		bob.dead.Store(true)
		release()
		bob.kill()
		bob.onDisk = nil
		part := only(t, bob.dir, "*.part")
		f, err := os.OpenFile(part, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt([]byte(noise(mib)), 50*mib) // as a power cut may leave it
		f.Close()
		bob.start()
		got := bob.state(offer.ID, transfer.Done).Path
		alike(t, got, path)
		if n := onDisk(t, got); n > 8*mib {
			t.Errorf("%d MiB are taken", n/mib)
		}
	})
	t.Run("of 60 GB that goes on/R-05", func(t *testing.T) {
		const size, noisy = 60_000 * mib, 59_000
		w, ann, bob, offer, _ := interruptedOf(t, sparse(t, "vm.img", size, 0, 1*mib, 2*mib, 3*mib, noisy*mib), 3*mib)
		fill(t, bob, noisy)
		var largest atomic.Int64
		w.wrap = func(c net.Conn) net.Conn { return &framesOut{Conn: c, largest: &largest} }
		began := time.Now()
		bob.start()
		ann.start()
		at := bob.wait(offer.ID, "what was missing", func(t transfer.Transfer) bool { return t.Done > noisy*mib })
		t.Logf("the first missing chunk was there after %v", time.Since(began).Round(time.Millisecond))
		if at.Checked > size/2 {
			t.Errorf("%d MiB were checked first", at.Checked/mib)
		}
		if n := onDisk(t, only(t, bob.dir, "*.part")); n > 8*mib {
			t.Errorf("%d MiB are taken", n/mib)
		}
		if n := largest.Load(); n == 0 || n > 64<<10 {
			t.Errorf("a frame of %d bytes", n)
		}
		if err := bob.cancel(offer.ID); err != nil {
			t.Error(err)
		}
		bob.clean(offer.ID)
	})
	t.Run("also where a lost one is fetched again", func(t *testing.T) {
		_, ann, bob, offer, path := interruptedOf(t, sparse(t, "vm.img", 40*mib, 0, 1*mib, 2*mib, 3*mib, 30*mib), 4*mib)
		f, err := os.OpenFile(only(t, bob.dir, "*.part"), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt([]byte("x"), 20*mib) // was kept as a hole, if it was kept at all
		f.Close()
		bob.start()
		ann.start()
		alike(t, bob.state(offer.ID, transfer.Done).Path, path)
	})
}

// fill makes so many chunks of a part kept, those that were not come as zeros.
func fill(t testing.TB, d *device, chunks int64) {
	t.Helper()
	if err := os.Truncate(only(t, d.dir, "*.part"), chunks*mib); err != nil {
		t.Fatal(err)
	}
	journal, err := os.OpenFile(only(t, d.dir, "*.journal"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	info, err := journal.Stat()
	if err != nil {
		t.Fatal(err)
	}
	var sums []byte
	zeros := blake3.Sum256(make([]byte, mib))
	for range chunks - info.Size()/int64(len(zeros)) {
		sums = append(sums, zeros[:]...)
	}
	if _, err := journal.Write(sums); err != nil {
		t.Fatal(err)
	}
}

// framesOut looks at the frames that are written: how long the largest one is.
type framesOut struct {
	net.Conn
	largest *atomic.Int64
	rest    []byte
}

func (c *framesOut) Write(b []byte) (int, error) {
	c.rest = append(c.rest, b...)
	for len(c.rest) >= 4 {
		length := int64(binary.BigEndian.Uint32(c.rest))
		c.largest.Store(max(c.largest.Load(), length))
		if int64(len(c.rest)) < 4+length {
			break
		}
		c.rest = c.rest[4+length:]
	}
	return c.Conn.Write(b)
}
