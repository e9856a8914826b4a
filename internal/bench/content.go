package main

import (
	"bufio"
	crand "crypto/rand"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// This file makes what is sent. The content is random, everything else is the
// same in each run.

// noise is random bytes without an end, which no program can make smaller.
func noise() io.Reader {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // it does not fail
	return rand.NewChaCha8(seed)
}

// randomFile makes a file of random bytes in a folder of its own.
func (b *bench) randomFile(name string, bytes size) string {
	path := filepath.Join(b.folder("from"), name)
	f, err := os.Create(path)
	b.check("make a file", err)
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, io.LimitReader(noise(), int64(bytes)), make([]byte, 1<<20))
	b.check("make a file", err)
	b.check("make a file", f.Sync())
	return path
}

// emptyFile makes a file that is one hole.
func (b *bench) emptyFile(name string, bytes size) string {
	path := filepath.Join(b.folder("from"), name)
	b.check("make a file", os.WriteFile(path, nil, 0o600))
	b.check("make a file", os.Truncate(path, int64(bytes)))
	return path
}

// tree makes a folder with files, the same number in each of its folders; bytes
// is the size of the i-th.
func (b *bench) tree(name string, files, folders int, bytes func(i int) int64) string {
	root := b.folder("from", name)
	content := bufio.NewReader(noise())
	for i := range files {
		dir := filepath.Join(root, fmt.Sprintf("%04d", i%folders))
		if i < folders {
			b.check("make a folder", os.Mkdir(dir, 0o700))
		}
		text := make([]byte, bytes(i))
		_, err := io.ReadFull(content, text)
		b.check("make a file", err)
		b.check("make a file", os.WriteFile(filepath.Join(dir, fmt.Sprintf("%07d", i)), text, 0o600))
		b.check("make files", b.ctx.Err())
	}
	return root
}

// room is how many bytes can be written to the bench's folder: a memory file
// system has no more than the memory that is free.
func (b *bench) room() int64 {
	out, err := exec.CommandContext(b.ctx, "df", "-B1", "--output=avail", b.dir).Output()
	b.check("look for room", err)
	fields := strings.Fields(string(out))
	room, err := strconv.ParseInt(fields[len(fields)-1], 10, 64)
	b.check("look for room", err)
	if fileSystem(b.dir) == "tmpfs" {
		room = min(room, meminfo("MemAvailable"))
	}
	return room
}

// fits reports whether there is room for so many bytes, and some to spare: nodes
// want 256 MiB to be left, and the processes need memory.
func (b *bench) fits(bytes size) bool { return int64(bytes)+1<<30 <= b.room() }

// needs ends the bench where the room is too small.
func (b *bench) needs(bytes size, flags string) {
	if !b.fits(bytes) {
		b.Fatalf("needs %s and 1 GiB to spare in %s, %s are free; choose another folder with -dir, or a smaller size with %s",
			gib(int64(bytes)), b.options.dir, gib(b.room()), flags)
	}
}

func gib(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }
