package transfer_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/zeebo/blake3"

	"earshot/peer"
	"earshot/transfer"
)

// receive offers paths, accepts them and waits until they are there.
func (d *device) receive(from *device, c transfer.Conflict, paths ...string) transfer.Transfer {
	d.t.Helper()
	offer := from.offer(d, paths...)
	d.acceptWith(offer.ID, c)
	return d.state(offer.ID, transfer.Done)
}

func (d *device) acceptWith(id uuid.UUID, c transfer.Conflict) {
	d.t.Helper()
	if err := do(d.t, func(reply func(error)) { d.engine.Accept(id, "", c, reply) }); err != nil {
		d.t.Fatal(err)
	}
}

// sentFor is how many bytes came while something was done.
func (w *world) sentFor(do func()) int64 {
	before := w.sent.Load()
	do()
	return w.sent.Load() - before
}

// write replaces the content of a file.
func write(t testing.TB, path string, content ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(content, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(-time.Minute) // not of the second in which it was made
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsThereIsNotSentAgain(t *testing.T) {
	t.Run("a file", func(t *testing.T) {
		w, ann, bob := pair(t)
		path := file(t, "report.pdf", 12*mib)
		first := bob.receive(ann, transfer.Keep, path)
		var again transfer.Transfer
		if n := w.sentFor(func() { again = bob.receive(ann, transfer.Keep, path) }); n > 64<<10 {
			t.Errorf("%d bytes were sent", n)
		}
		if again.Path != first.Path || again.Done != again.Bytes {
			t.Errorf("it is %+v", again)
		}
		if names := bob.finals(); len(names) != 1 {
			t.Errorf("there is %v", names)
		}
	})
	t.Run("a small file, and an empty one", func(t *testing.T) {
		w, ann, bob := pair(t)
		path, empty := file(t, "a", 5000), file(t, "b", 0)
		bob.receive(ann, transfer.Keep, path, empty)
		if n := w.sentFor(func() { bob.receive(ann, transfer.Keep, path, empty) }); n > 1000 {
			t.Errorf("%d bytes were sent", n)
		}
		if names := bob.finals(); len(names) != 2 {
			t.Errorf("there is %v", names)
		}
	})
	t.Run("a folder", func(t *testing.T) {
		w, ann, bob := pair(t)
		src := filepath.Join(t.TempDir(), "photos")
		content := map[string]string{"empty/": "", "none": ""}
		for _, name := range []string{"a", "b", "sub/c", "sub/d"} {
			content[name] = noise(70_000 + len(content))
		}
		tree(t, src, content)
		first := bob.receive(ann, transfer.Keep, src)
		var again transfer.Transfer
		if n := w.sentFor(func() { again = bob.receive(ann, transfer.Keep, src) }); n > 4000 {
			t.Errorf("%d bytes were sent", n)
		}
		if again.Path != first.Path {
			t.Errorf("it is at %s, was at %s", again.Path, first.Path)
		}

		write(t, filepath.Join(src, "sub/c"), noise(80_000)) // one of four is another one now
		if n := w.sentFor(func() { again = bob.receive(ann, transfer.Keep, src) }); n > 84_000 {
			t.Errorf("%d bytes were sent", n)
		}
		if want := filepath.Join(bob.dir, "photos (2)"); again.Path != want {
			t.Errorf("it is at %s, want %s", again.Path, want)
		}
		same(t, again.Path, src)
		bob.clean(again.ID)
	})
	t.Run("but not what was touched here since", func(t *testing.T) {
		w, ann, bob := pair(t)
		path := file(t, "a", 300_000)
		first := bob.receive(ann, transfer.Keep, path)
		info, err := os.Stat(first.Path)
		if err != nil {
			t.Fatal(err)
		}
		touched := info.ModTime().Add(time.Second)
		if err := os.Chtimes(first.Path, touched, touched); err != nil {
			t.Fatal(err)
		}
		if n := w.sentFor(func() { bob.receive(ann, transfer.Keep, path) }); n < 300_000 {
			t.Errorf("%d bytes were sent", n)
		}
	})
	t.Run("nor what came from somebody else", func(t *testing.T) {
		w, ann, bob := pair(t)
		path := file(t, "a", 300_000)
		bob.receive(ann, transfer.Keep, path)
		eve := w.device(3)
		if n := w.sentFor(func() { bob.receive(eve, transfer.Keep, path) }); n < 300_000 {
			t.Errorf("Eve learned that Bob has it: %d bytes were sent", n)
		}
		if names := bob.finals(); len(names) != 2 {
			t.Errorf("there is %v", names)
		}
	})
	t.Run("nor what is in another folder", func(t *testing.T) {
		w, ann, bob := pair(t)
		path := file(t, "a", 300_000)
		bob.receive(ann, transfer.Keep, path)
		bob.dir = t.TempDir()
		if n := w.sentFor(func() { bob.receive(ann, transfer.Keep, path) }); n < 300_000 {
			t.Errorf("%d bytes were sent", n)
		}
	})
}

func TestOfANewerVersionOnlyWhatChangedIsSent(t *testing.T) {
	const size = 48 * mib
	old := noise(size)
	version := func(t *testing.T, change func(string) string) (w *world, ann, bob *device, path string) {
		w, ann, bob = pair(t)
		path = filepath.Join(t.TempDir(), "disk.img")
		write(t, path, old)
		bob.receive(ann, transfer.Keep, path)
		write(t, path, change(old))
		return w, ann, bob, path
	}
	for name, change := range map[string]func(string) string{
		"a byte in the middle":     func(s string) string { return s[:size/2] + "!" + s[size/2+1:] },
		"inserted at the front":    func(s string) string { return noise(1000) + s },
		"cut out of the middle":    func(s string) string { return s[:size/3] + s[size/3+5000:] },
		"put to the end":           func(s string) string { return s + noise(100_000) },
		"halves that changed side": func(s string) string { return s[size/2:] + s[:size/2] },
		"less of it":               func(s string) string { return s[:size-7*mib] },
	} {
		t.Run(name, func(t *testing.T) {
			w, ann, bob, path := version(t, change)
			var at transfer.Transfer
			if n := w.sentFor(func() { at = bob.receive(ann, transfer.Keep, path) }); n > 600_000 {
				t.Errorf("%d bytes were sent", n)
			}
			alikeText(t, at.Path, change(old))
			bob.clean(at.ID)
			if names := bob.finals(); len(names) != 2 {
				t.Errorf("there is %v", names)
			}
		})
	}
	t.Run("and goes on after a kill", func(t *testing.T) {
		change := func(s string) string { return s[:10*mib] + noise(9*mib) + s[10*mib:] }
		w, ann, bob, path := version(t, change)
		offer := ann.offer(bob, path)
		reached, release := bob.stopAfter(14 * mib)
		bob.acceptWith(offer.ID, transfer.Keep)
		<-reached
		bob.dead.Store(true)
		release()
		bob.kill()
		bob.onDisk = nil
		var at transfer.Transfer
		if n := w.sentFor(func() { bob.start(); at = bob.state(offer.ID, transfer.Done) }); n > 10*mib {
			t.Errorf("%d bytes were sent again", n)
		}
		alikeText(t, at.Path, change(old))
	})
	t.Run("and what became of the old one meanwhile does no harm", func(t *testing.T) {
		change := func(s string) string { return noise(9*mib) + s }
		for name, spoil := range map[string]func(path string){
			"gone":   func(path string) { os.Remove(path) },
			"edited": func(path string) { write(t, path, strings.Repeat("x", size)) },
			"cut":    func(path string) { os.Truncate(path, 20*mib) },
			"a link": func(path string) { os.Remove(path); os.Symlink("/etc/passwd", path) },
		} {
			t.Run(name, func(t *testing.T) {
				_, ann, bob, path := version(t, change)
				offer := ann.offer(bob, path)
				reached, release := bob.stopAfter(8 * mib)
				bob.acceptWith(offer.ID, transfer.Keep)
				<-reached
				spoil(filepath.Join(bob.dir, "disk.img"))
				release()
				alikeText(t, bob.state(offer.ID, transfer.Done).Path, change(old))
			})
		}
	})
	t.Run("nothing of it from somebody else's", func(t *testing.T) {
		w, _, bob, path := version(t, func(s string) string { return s + "!" })
		eve := w.device(3)
		if n := w.sentFor(func() { bob.receive(eve, transfer.Keep, path) }); n < size {
			t.Errorf("%d bytes were sent", n)
		}
	})
}

// alikeText compares a file with a text, and does not print either.
func alikeText(t testing.TB, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s has %d bytes and is not what was sent, %v", path, len(got), err)
	}
}

// TestSentAgainAfterItChanged sends a file that grew while it was sent: the transfer
// fails, and the next one takes over what it had.
func TestSentAgainAfterItChanged(t *testing.T) {
	w, ann, bob := pair(t)
	const size = 30 * mib
	text := noise(size)
	path := filepath.Join(t.TempDir(), "log.txt")
	write(t, path, text)
	offer := ann.offer(bob, path)
	reached, release := bob.stopAfter(20 * mib)
	bob.acceptWith(offer.ID, transfer.Keep)
	<-reached
	bob.atLeast(offer.ID, 19*mib)
	write(t, path, text, "and more")
	release()
	bob.state(offer.ID, transfer.Failed, transfer.SourceChanged)
	ann.state(offer.ID, transfer.Failed, transfer.SourceChanged)
	bob.restart(nil) // it is kept over a start

	var at transfer.Transfer
	if n := w.sentFor(func() { at = bob.receive(ann, transfer.Keep, path) }); n > 12*mib {
		t.Errorf("%.1f MiB were sent again", float64(n)/mib)
	}
	alikeText(t, at.Path, text+"and more")
	bob.without(offer.ID)
	bob.clean(at.ID)
}

// TestARecipeThatLies is one of bytes that the file does not have: whatever a sender
// says of it, what he then sends is what arrives.
func TestARecipeThatLies(t *testing.T) {
	data := []byte(noise(9 * mib))
	old := append([]byte("old"), data...)
	lie := func(change func(*peer.Recipe)) func(*script, peer.Read) bool {
		return func(s *script, r peer.Read) bool {
			if len(r.Recipes) == 0 {
				return false
			}
			m := peer.Recipe{Offer: r.Offer, File: r.Recipes[0], Slices: transfer.Slices(data)}
			for at := 0; at < len(data); at += mib {
				sum := blake3.Sum256(data[at:min(at+mib, len(data))])
				m.Sums = append(m.Sums, sum[:]...)
			}
			change(&m)
			s.send(m)
			return true
		}
	}
	for name, c := range map[string]struct {
		change func(*peer.Recipe)
		ok     bool
	}{
		"the truth":           {func(*peer.Recipe) {}, true},
		"hashes of something": {func(m *peer.Recipe) { clear(m.Sums[:64]) }, true},
		"too few hashes":      {func(m *peer.Recipe) { m.Sums = m.Sums[32:] }, false},
		"too many hashes":     {func(m *peer.Recipe) { m.Sums = append(m.Sums, m.Sums[:32]...) }, false},
		"half a hash":         {func(m *peer.Recipe) { m.Sums = m.Sums[1:] }, false},
		"no slices":           {func(m *peer.Recipe) { m.Slices = nil }, false},
		"half a slice":        {func(m *peer.Recipe) { m.Slices = m.Slices[:len(m.Slices)-1] }, false},
		"a slice less":        {func(m *peer.Recipe) { m.Slices = m.Slices[12:] }, false},
		"a slice of 4 GB":     {func(m *peer.Recipe) { copy(m.Slices, "\xff\xff\xff\xff") }, false},
		"an empty slice":      {func(m *peer.Recipe) { m.Slices = append(make([]byte, 12), m.Slices...) }, false},
		"a million slices":    {func(m *peer.Recipe) { m.Slices = bytes.Repeat([]byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 8000) }, false},
		"another file":        {func(m *peer.Recipe) { m.File = 1 }, false},
		"another offer":       {func(m *peer.Recipe) { m.Offer[0]++ }, false},
	} {
		t.Run(name, func(t *testing.T) {
			first := &script{t: t, entries: []peer.ManifestEntry{entry("a", uint64(len(old)), 0)}, content: map[uint64][]byte{0: old}}
			w := newWorld(t)
			ann, bob := w.sender(9, first), w.device(2)
			get := func(s *script) transfer.Offer {
				o := s.offer(t, "a")
				w.sender(9, s) // in the place of the one before
				bob.engine.Up(ann.id)
				bob.engine.Incoming(o, ann.id)
				bob.wait(o.ID, "the offer", func(transfer.Transfer) bool { return true })
				bob.accept(o.ID)
				return o
			}
			bob.state(get(first).ID, transfer.Done)
			second := &script{t: t, entries: []peer.ManifestEntry{entry("a", uint64(len(data)), 0)}, content: map[uint64][]byte{0: data}, on: lie(c.change)}
			offer := get(second)
			if !c.ok {
				bob.state(offer.ID, transfer.Failed, transfer.Refused)
				return
			}
			alikeText(t, bob.state(offer.ID, transfer.Done).Path, string(data))
		})
	}
}

// TestNewerVersionsBehindOthers: a file that has to be planned need not be the first
// entry, nor the only one.
func TestNewerVersionsBehindOthers(t *testing.T) {
	w, ann, bob := pair(t)
	dir := filepath.Join(t.TempDir(), "d")
	one, two := noise(9*mib+5), noise(10*mib)
	tree(t, dir, map[string]string{"one": one, "two": two, "small": noise(70_000), "none": "", "f/": ""})
	bob.receive(ann, transfer.Keep, dir)
	write(t, filepath.Join(dir, "one"), one[:4*mib], "x", one[4*mib:])
	write(t, filepath.Join(dir, "two"), two[:9*mib], "yz", two[9*mib:])
	var again transfer.Transfer
	if n := w.sentFor(func() { again = bob.receive(ann, transfer.Keep, dir) }); n > 4*mib {
		t.Errorf("%d bytes were sent", n)
	}
	same(t, again.Path, dir)
}
