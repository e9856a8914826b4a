package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"earshot/peer"
)

// SetName changes the display name, here and for everybody met from now on, and
// keeps it. A node that was hidden is so no longer.
func (n *Node) SetName(ctx context.Context, name string) error {
	clean := peer.DisplayName(name)
	if clean.IsZero() {
		return errors.New("change the name: it is empty")
	}
	if err := n.keep("name", clean.String()); err != nil {
		return err
	}
	return order(ctx, n, func() error {
		n.name, n.named = clean, true
		n.host.SetName(clean.String())
		n.finder.Update(clean.String(), n.host.Port())
		n.appear()
		n.selfChanged()
		return nil
	})
}

// SetDir changes where received files go, an absolute path that is made where it
// is missing, and keeps it. What is being received already stays where it is.
func (n *Node) SetDir(ctx context.Context, dir string) error {
	if err := MakeDir(dir); err != nil {
		return err
	}
	if err := n.keep("save_to", dir); err != nil {
		return err
	}
	return order(ctx, n, func() error {
		n.dir.Store(&dir)
		n.selfChanged()
		return nil
	})
}

// MakeDir makes a folder for received files at an absolute path, where it is
// missing, and sees whether files can be written in it.
func MakeDir(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("save received files to %q: want an absolute path", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save received files to %s: %w", dir, err)
	}
	f, err := os.CreateTemp(dir, ".earshot-*")
	if err != nil {
		return fmt.Errorf("save received files to %s: %w", dir, err)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("save received files to %s: %w", dir, err)
	}
	return nil
}

func (n *Node) keep(key, value string) error {
	if n.cfg.Keep == nil {
		return nil
	}
	return n.cfg.Keep(key, value)
}

// Look looks for people again at once.
func (n *Node) Look(ctx context.Context) error {
	return order(ctx, n, func() error {
		n.finder.Refresh()
		n.host.NetworkChanged()
		n.lookInDNS()
		return nil
	})
}
