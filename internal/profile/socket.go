package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// maxSocketPath is the longest path used for a socket. Linux takes 108 bytes
// with the closing zero, macOS 104.
const maxSocketPath = 100

// Socket is where the node of this profile serves its clients. Where the profile's
// folder has too long a path for a socket, it is in a folder of this user alone
// below the temporary folder, under a name made of the long path; that folder is
// there while somebody needs it, and one that somebody else made is refused.
func (p Profile) Socket() (string, error) {
	path := p.Path(socketFile)
	if len(path) <= maxSocketPath {
		return path, nil
	}
	dir := socketDir()
	if err := checkOwned(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("find the socket: %w", err)
	}
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(dir, hex.EncodeToString(sum[:8])+".sock"), nil
}

// socketDir is the folder for the sockets of profiles with long paths.
func socketDir() string { return filepath.Join(os.TempDir(), "earshot-"+userID()) }

// PrepareSocket makes the folder of the socket where that is not the profile's own,
// and takes away what killed nodes left in it. The node calls it before it listens.
func (p Profile) PrepareSocket() error {
	if len(p.Path(socketFile)) <= maxSocketPath {
		return nil
	}
	dir := socketDir()
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = checkOwned(dir)
	}
	if err != nil {
		return fmt.Errorf("make a folder for the socket: %w", err)
	}
	sweepSockets(dir)
	return nil
}

// TidySocket takes that folder away where no other node uses it. The node calls it
// when its socket is gone.
func (p Profile) TidySocket() {
	if len(p.Path(socketFile)) > maxSocketPath {
		_ = os.Remove(socketDir()) // refused while anything is in it
	}
}

// A socket is between its making and its first client for moments only: one that
// refuses after so long belongs to nobody.
const staleSocket = time.Minute

// sweepSockets removes sockets on which nobody listens any more.
func sweepSockets(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err != nil || info.Mode()&fs.ModeSocket == 0 || time.Since(info.ModTime()) < staleSocket {
			continue
		}
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
		} else if isRefused(err) {
			_ = os.Remove(path) // the next one tries again
		}
	}
}
