package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"earshot/internal/store"
	"earshot/peer"
)

// Each device may have a folder of its own for what it sends. The folder is made for
// it and has its name, once and for all: a device that calls itself something else
// later keeps it, and what was there before, a folder of the person's or of another
// device of that name, is never used. So nobody can choose where files go by
// choosing a name.

// folderSetting begins the key of the setting that says whose folder it is; the path
// follows.
const folderSetting = "folder "

// folders knows whose folder is whose.
type folders struct {
	mu sync.Mutex // names are taken one after another
	db *store.DB
}

// An owner is a device that a folder is for.
type owner struct {
	id   peer.ID
	name peer.Text
	// shares: it is not verified, and somebody verified has this name.
	shares bool
}

// ownerOf is a person as the owner of a folder.
func (n *Node) ownerOf(p *person) owner {
	o := owner{id: p.id, name: p.name}
	for _, other := range n.people {
		if other != p && !other.verified.IsZero() && p.verified.IsZero() &&
			peer.FoldName(other.name.String()) == peer.FoldName(p.name.String()) {
			o.shares = true
		}
	}
	return o
}

// names are what the folder may be called, the first that is free: by the name
// alone, then with more and more of the ID behind it.
func (o owner) names() []string {
	name := folderName(o.name.String())
	var names []string
	if name != "" && !o.shares {
		names = append(names, name)
	}
	for _, digits := range []int{MinPrefix, 8, len(o.id.String())} {
		names = append(names, strings.TrimSpace(name+" ("+o.id.String()[:digits]+")"))
	}
	return names
}

// folderName makes a name for a folder of what a device calls itself, empty where
// there is none in it.
func folderName(name string) string {
	name = strings.NewReplacer("/", "_", "\\", "_", ":", "_").Replace(name)
	clean, _, err := peer.CleanName(name)
	if err != nil {
		return ""
	}
	return clean
}

// of is the folder of a device in dir, which is made where it is missing.
func (f *folders) of(dir string, o owner) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir = filepath.Clean(dir)
	taken, err := f.db.Settings(folderSetting)
	if err != nil {
		return "", err
	}
	owned := make(map[string]bool)
	for key, id := range taken {
		path := strings.TrimPrefix(key, folderSetting)
		if filepath.Dir(path) != dir {
			continue
		}
		if id == o.id.String() {
			return path, nil
		}
		owned[peer.FoldName(filepath.Base(path))] = true
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return f.take(dir, o, owned)
}

// take makes a folder that was not there, and notes whose it is.
func (f *folders) take(dir string, o owner, owned map[string]bool) (string, error) {
	for _, name := range o.names() {
		if owned[peer.FoldName(name)] { // also where its folder was removed
			continue
		}
		path := filepath.Join(dir, name)
		err := os.Mkdir(path, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		return path, f.db.SetSetting(folderSetting+path, o.id.String())
	}
	return "", fmt.Errorf("make a folder for %s in %s: every name is taken", o.name, dir)
}

// Folder is the folder of a device within dir (absolute; empty: where received files
// go), made where it is missing: what comes from it can be saved there. It is called
// by the name of the device, with the beginning of its ID behind it where something
// else has that name already, or a verified device does; and it stays what it is.
func (n *Node) Folder(ctx context.Context, of peer.ID, dir string) (string, error) {
	if dir == "" {
		dir = *n.dir.Load()
	}
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("save into %q: want an absolute path", dir)
	}
	o, err := ask(ctx, n, func() (owner, error) {
		p, err := n.person(of)
		if err != nil {
			return owner{}, err
		}
		return n.ownerOf(p), nil
	})
	if err != nil {
		return "", err
	}
	return reply(ctx, n, func(done func(string, error)) { done(n.folders.of(dir, o)) })
}
