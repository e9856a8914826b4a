package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxSocketPath is the longest path used for a socket. Linux takes 108 bytes
// with the closing zero, macOS 104.
const maxSocketPath = 100

// Socket is where the node of this profile serves its clients. Where the profile's
// folder has too long a path for a socket, it is in a folder of this user alone
// below the temporary folder, under a name made of the long path; Socket makes
// that folder, and refuses one that somebody else made.
func (p Profile) Socket() (string, error) {
	path := p.Path(socketFile)
	if len(path) <= maxSocketPath {
		return path, nil
	}
	dir := filepath.Join(os.TempDir(), "earshot-"+userID())
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = checkOwned(dir)
	}
	if err != nil {
		return "", fmt.Errorf("make a folder for the socket: %w", err)
	}
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(dir, hex.EncodeToString(sum[:8])+".sock"), nil
}
