package profile

import (
	"fmt"
	"os"

	"github.com/gofrs/flock"
)

// RunningError says that a node of the profile runs already. PID is its process,
// 0 where it has not said so yet.
type RunningError struct {
	Profile string
	PID     int
}

func (e *RunningError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("a node of profile %s runs already", e.Profile)
	}
	return fmt.Sprintf("a node of profile %s runs already, as process %d", e.Profile, e.PID)
}

// Lock is the right to be the profile's only node. The system takes it back when
// the process ends, however that happens.
type Lock struct {
	profile Profile
	file    *flock.Flock
}

// Lock takes the profile for this process, or fails at once with a
// [*RunningError].
func (p Profile) Lock() (*Lock, error) {
	file := flock.New(p.Path(lockFile), flock.SetPermissions(0o600))
	ok, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock profile %s: %w", p.Name, err)
	}
	if !ok {
		n, _ := p.readNode()
		return nil, &RunningError{Profile: p.Name, PID: n.PID}
	}
	l := &Lock{profile: p, file: file}
	if err := p.WriteNode(Node{PID: os.Getpid()}); err != nil {
		_ = file.Unlock()
		return nil, fmt.Errorf("lock profile %s: %w", p.Name, err)
	}
	return l, nil
}

// Unlock gives the profile back and removes the node's note.
func (l *Lock) Unlock() error {
	_ = os.Remove(l.profile.Path(noteFile)) // an old note misleads nobody for long
	return l.file.Unlock()
}
