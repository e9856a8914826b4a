package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"earshot/peer"
)

// Node is the note that a running node leaves for others on the same machine:
// node.json. What it says is a hint; a dial proves it.
type Node struct {
	ID   peer.ID `json:"id,omitzero"`
	Port uint16  `json:"port,omitempty"` // on 127.0.0.1
	PID  int     `json:"pid"`
}

// A note is short, and a home has few profiles.
const (
	maxNote     = 4 << 10
	maxSiblings = 64
)

// WriteNode leaves the note, as a whole or not at all.
func (p Profile) WriteNode(n Node) error {
	b, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write %s: %w", noteFile, err)
	}
	return replaceFile(p.Path(noteFile), append(b, '\n'))
}

// ReadSiblings is the notes of the other profiles of this home, 64 at most. A
// note may be left over from a node that was killed.
func (p Profile) ReadSiblings() ([]Node, error) {
	dir, err := os.Open(p.Home)
	if err != nil {
		return nil, fmt.Errorf("look for sibling profiles: %w", err)
	}
	defer dir.Close()
	var found []Node
	for len(found) < maxSiblings {
		entries, err := dir.ReadDir(maxSiblings)
		for _, e := range entries {
			if !e.IsDir() || e.Name() == p.Name {
				continue
			}
			if n, err := (Profile{p.Home, e.Name()}).readNode(); err == nil && n.Port != 0 && !n.ID.IsZero() {
				found = append(found, n)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return found, fmt.Errorf("look for sibling profiles: %w", err)
		}
	}
	return found[:min(len(found), maxSiblings)], nil
}

func (p Profile) readNode() (Node, error) {
	b, err := readSmall(p.Path(noteFile), maxNote)
	if err != nil {
		return Node{}, err
	}
	var n Node
	err = json.Unmarshal(b, &n)
	return n, err
}

// errTooLarge says that a file is none of ours.
var errTooLarge = errors.New("larger than such a file can be")

// readSmall reads a regular file of at most limit bytes, and looks at no more.
func readSmall(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a FIFO would wait for ever
		return nil, fmt.Errorf("read %s: not a regular file", path)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("read %s: %d bytes: %w", path, info.Size(), errTooLarge)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("read %s: %w", path, errTooLarge)
	}
	return b, err
}

// replaceFile writes a file for its owner alone, as a whole or not at all. A link
// stays one: what it points to is replaced.
func replaceFile(path string, b []byte) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
