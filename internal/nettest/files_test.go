//go:build linux

package nettest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/internal/lab"
)

type transfer struct {
	ID, Direction, Name, State, Reason string
	Bytes, Done                        int64
}

// randomFile makes a file that no shortcut can copy.
func randomFile(t *testing.T, name string, size int64) (path, sum string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(f, h), rand.Reader, size); err != nil {
		t.Fatal(err)
	}
	return path, hex.EncodeToString(h.Sum(nil))
}

func fileSum(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestAFileArrivesAsItWas(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	dir := t.TempDir()
	b := bob.listen("--accept", "all", "--dir", dir)
	path, sum := randomFile(t, "photos of 王芳.zip", 64<<20)
	ann.run(0, "send", "Bob", path, "--wait", "5m")
	b.wait("done", func(e event) bool { return e.Event == "transfer" && e.State == "done" })
	if got := fileSum(t, filepath.Join(dir, "photos of 王芳.zip")); got != sum {
		t.Error("the file that arrived is another")
	}
}

func TestAnOfferWaitsForAnAnswer(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	a, b := ann.listen(), bob.listen()
	acquaint(t, a, b)
	dir := t.TempDir()
	path, sum := randomFile(t, "budget.xlsx", 3<<20)
	ann.run(5, "send", "Bob", path, "--wait", "1s") // nobody answered yet
	offer := b.wait("the offer", func(e event) bool { return e.Event == "offer" })
	bob.run(0, "accept", offer.ID[:8], "--dir", dir)
	a.wait("saved", func(e event) bool { return e.Event == "transfer" && e.ID == offer.ID && e.State == "done" })
	if fileSum(t, filepath.Join(dir, "budget.xlsx")) != sum {
		t.Error("the file that arrived is another")
	}
	from := b.count()
	other, _ := randomFile(t, "unwanted.bin", 1<<20)
	done := make(chan string, 1)
	go func() { done <- ann.run(4, "send", "Bob", other) }()
	offer = b.waitFrom(from, "the other offer", func(e event) bool { return e.Event == "offer" })
	bob.run(0, "decline", offer.ID)
	<-done
}

// killsSize is what the tests of kills and cut links send: large enough that
// they fall into the transfer at the rate of the link.
const killsSize = 256 << 20

// slowly offers a file over a link of 1 Gbit/s and returns the transfer's ID
// once it is on its way.
func slowly(t *testing.T, a, b *listener, path string) string {
	t.Helper()
	a.host.Limit("1gbit")
	a.run(5, "send", b.name, path, "--wait", "1ms")
	return b.wait("the offer", func(e event) bool { return e.Event == "offer" }).ID
}

// moved waits until the receiver has verified so many bytes.
func moved(b *listener, id string, done int64) {
	b.t.Helper()
	b.wait(fmt.Sprintf("%d bytes", done), func(e event) bool {
		return e.Event == "transfer" && e.ID == id && (e.Done >= done || e.State == "done")
	})
}

func TestATransferSurvivesTenKills(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	dir := t.TempDir()
	accept := []string{"--accept", "all", "--dir", dir}
	a, b := ann.listen(), bob.listen(accept...)
	acquaint(t, a, b)
	path, sum := randomFile(t, "disk.img", killsSize)
	id := slowly(t, a, b, path)
	before := link.Hosts[1].Received()
	const kills = 10
	for k := range int64(kills) {
		moved(b, id, k*killsSize/kills+mathrand.Int64N(killsSize/kills/2))
		if k%2 == 0 {
			b.kill()
			b = bob.listen(accept...)
		} else {
			a.kill()
			a = ann.listen()
		}
	}
	b.wait("done", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.State == "done" })
	eventually(t, "Ann knows", func() bool {
		for _, tr := range read[[]transfer](ann, "transfers") {
			if tr.ID == id && tr.State == "done" {
				return true
			}
		}
		return false
	})
	if fileSum(t, filepath.Join(dir, "disk.img")) != sum {
		t.Error("the file that arrived is another")
	}
	signedFor(t, ann, bob, id)
	extra := link.Hosts[1].Received() - before - killsSize
	t.Logf("%.1f MiB beside the file itself, headers and TLS included", float64(extra)/(1<<20))
	if limit := int64(kills*4<<20 + killsSize/10); extra > limit {
		t.Errorf("%d bytes beside the file, want at most %d", extra, limit)
	}
	if left := leftovers(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// leftovers lists what a finished transfer must not leave.
func leftovers(t *testing.T, dir string) (left []string) {
	t.Helper()
	err := filepath.Walk(filepath.Join(dir, ".earshot"), func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			left = append(left, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestAPulledCableOnlyPauses(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	dir := t.TempDir()
	a, b := ann.listen(), bob.listen("--accept", "all", "--dir", dir)
	acquaint(t, a, b)
	path, sum := randomFile(t, "disk.img", killsSize)
	id := slowly(t, a, b, path)
	moved(b, id, killsSize/4)
	b.host.Unplug()
	b.wait("interrupted", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.State == "interrupted" })
	b.host.Plug()
	plugged := time.Now()
	e := b.wait("done", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.State == "done" })
	t.Logf("done %v after the cable was back", e.seen.Sub(plugged).Round(time.Millisecond))
	if fileSum(t, filepath.Join(dir, "disk.img")) != sum {
		t.Error("the file that arrived is another")
	}
}

// TestAReceiverThatMoves has the receiver's address change within a transfer, as that
// of a laptop on another Wi-Fi: it goes on from the new one, and not from the start.
func TestAReceiverThatMoves(t *testing.T) {
	t.Parallel() // it waits, most of the time
	for name, without := range map[string]func(*lab.Host){
		"with IPv4 alone/R-15":      (*lab.Host).WithoutIPv6,
		"while its IPv6 stays/R-15": func(*lab.Host) {},
	} {
		t.Run(name, func(t *testing.T) {
			link := lab.New(t, 2)
			for _, h := range link.Hosts {
				without(h)
			}
			ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
			dir := t.TempDir()
			a, b := ann.listen(), bob.listen("--accept", "all", "--dir", dir)
			acquaint(t, a, b)
			path, sum := randomFile(t, "disk.img", killsSize)
			before := b.host.Received()
			id := slowly(t, a, b, path)
			moved(b, id, killsSize/4)
			b.host.Readdress("10.77.9.9")
			began := time.Now()
			e := b.wait("done", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.State == "done" })
			t.Logf("done %v after the address changed", e.seen.Sub(began).Round(time.Millisecond))
			a.wait("saved", func(e event) bool { return e.Event == "transfer" && e.ID == id && e.State == "done" })
			if fileSum(t, filepath.Join(dir, "disk.img")) != sum {
				t.Error("the file that arrived is another")
			}
			if extra := b.host.Received() - before - killsSize; extra > 8<<20+killsSize/10 {
				t.Errorf("%d bytes beside the file", extra)
			}
		})
	}
}

func TestAFolderArrivesWhole(t *testing.T) {
	link := lab.New(t, 2)
	ann, bob := someone(t, link.Hosts[0], "Ann"), someone(t, link.Hosts[1], "Bob")
	dir, from := t.TempDir(), filepath.Join(t.TempDir(), "project")
	want := map[string]string{"a.txt": "a", "empty": "", "sub/b.sh": "#!/bin/sh\n", "sub/深い/c": strings.Repeat("c", 3<<20)}
	for name, text := range want {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(from, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(from, "sub/b.sh"), 0o700); err != nil {
		t.Fatal(err)
	}
	bob.listen("--accept", "all", "--dir", dir)
	ann.run(0, "send", "Bob", from, "--wait", "1m")
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(dir, "project", name))
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "project/sub/b.sh")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("the executable bit is gone: %v %v", info, err)
	}
}
