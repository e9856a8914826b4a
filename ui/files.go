package ui

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

// file is a file or a folder of this machine, to be offered.
type file struct {
	path   string
	name   peer.Text
	size   int64
	folder bool
	time   time.Time
}

// lookAt is how long a look at the disk may take before it is given up: a
// network drive may never answer.
const lookAt = time.Second

// mostListed is how many entries of a folder are shown.
const mostListed = 2000

func fileOf(path string, info os.FileInfo) file {
	return file{path, peer.Line(filepath.Base(path), 0), info.Size(), info.IsDir(), info.ModTime()}
}

// lookForFiles finds out, away from the loop, whether a paste is files that
// exist; none where it is not, or where that takes too long.
func (c *Console) lookForFiles(reader paths, text string, then func([]file)) {
	c.looks.push(func(ctx context.Context) func() {
		found, _ := inTime(ctx, c, func() []file {
			infos := map[string]os.FileInfo{}
			reader.exists = func(path string) bool {
				info, err := os.Stat(path)
				infos[path] = info
				return err == nil
			}
			var found []file
			for _, path := range reader.read(text) {
				found = append(found, fileOf(path, infos[path]))
			}
			return found
		})
		return func() { then(found) }
	})
}

// listFolder reads a folder away from the loop: folders first, then by name.
func (c *Console) listFolder(dir string, then func([]file)) {
	c.looks.push(func(ctx context.Context) func() {
		found, _ := inTime(ctx, c, func() []file { return readFolder(dir) })
		return func() { then(found) }
	})
}

func readFolder(dir string) []file {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	found := make([]file, 0, min(len(entries), mostListed))
	for _, entry := range entries[:min(len(entries), mostListed)] {
		if info, err := os.Stat(filepath.Join(dir, entry.Name())); err == nil {
			found = append(found, fileOf(filepath.Join(dir, entry.Name()), info))
		}
	}
	slices.SortFunc(found, func(a, b file) int {
		return cmp.Or(-compareBool(a.folder, b.folder), strings.Compare(a.name.String(), b.name.String()))
	})
	return found
}

// inTime is what look finds; false when it takes too long, then it goes on
// by itself, and nobody waits for it: nothing can interrupt it. Until it comes
// back there is no other look, so that a drive that never answers holds one
// thread and not one for each key.
func inTime[T any](ctx context.Context, c *Console, look func() T) (found T, ok bool) {
	select {
	case c.looking <- struct{}{}:
	default:
		return found, false
	}
	back := make(chan T, 1)
	go func() {
		defer c.rescue()
		seen := func() T {
			defer func() { <-c.looking }() // before the next one may be asked for
			return look()
		}()
		back <- seen
	}()
	select {
	case found = <-back:
		return found, true
	case <-ctx.Done():
	case <-time.After(lookAt):
	}
	return found, false
}

// errNoPath says that a path is empty.
var errNoPath = fmt.Errorf("%w: a path is empty", node.ErrUnsendable)

// absolute is the paths as they are for a node in another folder. It may ask the
// disk where this process is.
func absolute(paths []string) ([]string, error) {
	all := make([]string, len(paths))
	for i, path := range paths {
		if path == "" { // which would be the folder that one happens to be in
			return nil, errNoPath
		}
		var err error
		if all[i], err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("find %s: %w", path, err)
		}
	}
	return all, nil
}

// home puts the person's folder in place of a leading "~".
func home(path string) string {
	rest, ok := strings.CutPrefix(path, "~")
	dir, err := os.UserHomeDir()
	if !ok || err != nil || rest != "" && !os.IsPathSeparator(rest[0]) {
		return path
	}
	return dir + rest
}

// short writes "~" in place of the person's folder.
func short(path string) string {
	dir, err := os.UserHomeDir()
	rest, ok := strings.CutPrefix(path, dir)
	if err != nil || !ok || dir == "/" || rest != "" && !os.IsPathSeparator(rest[0]) {
		return path
	}
	return "~" + rest
}
