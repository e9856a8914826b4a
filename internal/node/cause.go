package node

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"earshot/internal/store"
	"earshot/peer"
	"earshot/transfer"
)

// What an error comes down to, where a person can do something about it: see
// [Cause]. The control client gives back the same values.
var (
	ErrDiskFull  = errors.New("the disk is full")
	ErrReadOnly  = errors.New("nothing can be written there")
	ErrForbidden = errors.New("you may not do that there")
	ErrMissing   = errors.New("there is no such file or folder")
	ErrNoFolder  = errors.New("there is a file in place of a folder")
	ErrPortTaken = errors.New("another program uses that port")
	ErrDamaged   = errors.New("the database is damaged; it is repaired at the next start")
	ErrBusy      = errors.New("another program uses the database")
	ErrNewer     = errors.New("the database belongs to a newer Earshot")
	ErrNoHost    = errors.New("no computer of that name can be found")
	ErrAddress   = errors.New("this is no address")
	ErrPath      = peer.ErrPath
	ErrUnlisted  = transfer.ErrUnlisted
)

// causes are what the parts and the system call each cause, the first that fits
// counts.
var causes = []struct {
	cause error
	is    []error
}{
	{ErrPath, nil},
	{ErrUnlisted, nil},
	{ErrNoHost, nil},
	{ErrAddress, nil},
	{ErrNewer, []error{store.ErrNewer}},
	{ErrDamaged, []error{store.ErrDamaged}},
	{ErrBusy, []error{store.ErrBusy}},
	{ErrDiskFull, append([]error{store.ErrFull}, systemFull...)},
	{ErrReadOnly, append([]error{store.ErrReadOnly}, systemReadOnly...)},
	{ErrPortTaken, systemPortTaken},
	{ErrNoFolder, []error{syscall.ENOTDIR}},
	{ErrForbidden, []error{fs.ErrPermission}},
	{ErrMissing, []error{fs.ErrNotExist}},
}

// Cause is what an error comes down to: one of the causes above, or nil.
func Cause(err error) error {
	for _, c := range causes {
		if errors.Is(err, c.cause) {
			return c.cause
		}
		for _, is := range c.is {
			if errors.Is(err, is) {
				return c.cause
			}
		}
	}
	return nil
}

// remedies say what to do about a cause that comes up while nobody asked for
// anything.
var remedies = map[error]string{
	ErrDiskFull:  "Make room on it.",
	ErrReadOnly:  "Let it be written again, and start Earshot anew.",
	ErrForbidden: "Make it yours again, and start Earshot anew.",
	ErrMissing:   "Start Earshot anew.",
	ErrNoFolder:  "Choose another folder.",
	ErrDamaged:   "Start Earshot anew.",
	ErrBusy:      "End the other program.",
}

// trouble says that the node could not do something by itself, and what to do.
func trouble(what string, err error) string {
	cause := Cause(err)
	if cause == nil {
		return fmt.Sprintf("Earshot could not %s: %v.", what, err)
	}
	text := cause.Error()
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		text = at.Path + ": " + text
	}
	if remedy := remedies[cause]; remedy != "" {
		return fmt.Sprintf("Earshot could not %s: %s. %s", what, text, remedy)
	}
	return fmt.Sprintf("Earshot could not %s: %s.", what, text)
}
