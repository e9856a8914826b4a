package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"earshot/peer"
)

const (
	// keyFile is the realm's key in the data folder. It is the TLS key of each of
	// its servers, and what clients trust; it is never in the database.
	keyFile      = "realm.key"
	databaseFile = "rendezvous.db"
	lockFile     = "serve.lock"
)

// Why a server does not start.
var (
	// ErrNoKey says that the database belongs to a realm whose key is not here.
	ErrNoKey = errors.New("the database belongs to a realm whose key file is not here")
	// ErrOtherRealm says that the key that is here is not that of the database.
	ErrOtherRealm = errors.New("the database belongs to another realm than the key file")
	// ErrRunning says that another server uses the data folder.
	ErrRunning = errors.New("another server uses this data folder")
	// ErrNewer says that a newer program has changed the database.
	ErrNewer = errors.New("the database belongs to a newer Earshot")
	// ErrDatabase says that the database cannot be reached.
	ErrDatabase = errors.New("the database cannot be opened")
	// ErrMetrics says that figures are only for this machine.
	ErrMetrics = errors.New("the address for figures is not on this machine")
)

// openRealm gives the realm's key: the one in the folder where the database is its,
// or nobody's; a new one where there is neither.
func openRealm(ctx context.Context, d *directory, folder string) (*peer.Identity, error) {
	path := filepath.Join(folder, keyFile)
	owner, err := d.realm(ctx)
	taken := err == nil
	if err != nil && !errors.Is(err, errNone) {
		return nil, fmt.Errorf("read realm: %w", err)
	}
	if _, err := os.Stat(path); taken && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoKey, path)
	}
	key, err := peer.LoadIdentity(path)
	if err != nil {
		return nil, err
	}
	if !taken {
		if err := d.take(ctx, key.ID()); err != nil {
			return nil, err
		}
		if owner, err = d.realm(ctx); err != nil { // another server may have been faster
			return nil, err
		}
	}
	if owner != key.ID() {
		return nil, fmt.Errorf("%w: %s", ErrOtherRealm, path)
	}
	return key, nil
}
