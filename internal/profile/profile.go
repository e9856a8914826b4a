// Package profile is what a device keeps in its folder beside the database: the
// folder itself, the lock that lets only one node run on it, the socket's place,
// the note that sibling profiles read, and the settings with where each came
// from; a rendezvous server's settings are read in the same way.
//
// It is plain files and pure functions: it starts no goroutine and serves no
// socket. A node holds the [Lock] for as long as it runs; everybody else only
// reads.
package profile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/adrg/xdg"

	"earshot/peer"
)

// Default is the profile of who names none.
const Default = "default"

// maxName is how long a profile's name may be, in bytes: it is part of the
// socket's path, which is short.
const maxName = 64

// Profile is the folder of one device: HOME/NAME.
type Profile struct {
	Home string // absolute
	Name string
}

// Open makes the folder of a profile where there is none, for its owner alone
// whatever the umask says. An empty home is [DefaultHome].
func Open(home, name string) (Profile, error) {
	p, err := Find(home, name)
	if err != nil {
		return Profile{}, err
	}
	if err := os.MkdirAll(p.Dir(), 0o700); err != nil {
		return Profile{}, fmt.Errorf("make the folder of profile %s: %w", name, err)
	}
	if err := ownerOnly(p.Dir()); err != nil {
		return Profile{}, fmt.Errorf("protect the folder of profile %s: %w", name, err)
	}
	return p, nil
}

// Find is the profile without touching its folder.
func Find(home, name string) (Profile, error) {
	if err := CheckName(name); err != nil {
		return Profile{}, err
	}
	if home == "" {
		if home = DefaultHome(); !filepath.IsAbs(home) {
			return Profile{}, errors.New("find the data folder: this system names none; say --home DIR")
		}
	}
	home, err := filepath.Abs(home)
	if err != nil {
		return Profile{}, fmt.Errorf("find the data folder: %w", err)
	}
	return Profile{Home: home, Name: name}, nil
}

// DefaultHome is the platform's folder for data, with "earshot" below it.
func DefaultHome() string { return filepath.Join(xdg.DataHome, "earshot") }

// CheckName says what is wrong with the name of a profile: it must be the name of
// a folder on every system, at most 64 bytes long.
func CheckName(name string) error {
	clean, rewritten, err := peer.CleanName(name)
	if err != nil || rewritten || clean != name || len(name) > maxName {
		return fmt.Errorf("profile %.80q: want a name of letters and digits, at most %d bytes", name, maxName)
	}
	return nil
}

// Dir is the profile's folder.
func (p Profile) Dir() string { return filepath.Join(p.Home, p.Name) }

// Path is a file in the profile's folder.
func (p Profile) Path(file string) string { return filepath.Join(p.Dir(), file) }

// The files of a profile. The store has more beside its database.
const (
	IdentityFile = "identity.key"
	StoreFile    = "earshot.db"
	SettingsFile = "config.toml"
	LogFile      = "earshot.log"

	socketFile = "node.sock"
	lockFile   = "node.lock"
	noteFile   = "node.json"
)

// FilesDir is where received files go when the person chose no folder: below the
// platform's folder for downloads, or in the profile where there is none.
func (p Profile) FilesDir() string {
	downloads := xdg.UserDirs.Download
	if info, err := os.Stat(downloads); filepath.IsAbs(downloads) && err == nil && info.IsDir() {
		return filepath.Join(downloads, "earshot")
	}
	return p.Path("files")
}
