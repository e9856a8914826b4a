package transfer

import (
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// Store keeps transfers and the files of their manifests. The engine calls it
// from several goroutines. A method that returned nil survives the process being
// killed; SaveTransfer and SetFinals survive a power cut too.
type Store interface {
	// Transfers gives every transfer, the oldest Offered first.
	Transfers() ([]Transfer, error)
	// SaveTransfer adds t, or replaces the one of the same ID. Its volatile
	// fields are not kept.
	SaveTransfer(t Transfer) error
	// DropTransfer forgets a transfer and its files. One that is not there is no
	// error.
	DropTransfer(id uuid.UUID) error

	// AddFiles appends to a transfer's files: all of them, or none. Their N go on
	// from the last one without a gap. At most 1,024 come at once. The transfer
	// itself was saved before. They have no Final and no Plan.
	AddFiles(id uuid.UUID, files []File) error
	// DropFiles forgets a transfer's files.
	DropFiles(id uuid.UUID) error
	// Files gives up to limit (at most 1,024) files of a transfer in order, from
	// number from on: at least one where there is one.
	Files(id uuid.UUID, from int64, limit int) ([]File, error)
	// Folders is Files of the folders alone.
	Folders(id uuid.UUID, from int64, limit int) ([]File, error)
	// SetFinals keeps the names that files get, or got, in the save folder. It
	// survives a power cut.
	SetFinals(id uuid.UUID, names []Final) error
	// SetPlans keeps the plans of files, by their numbers.
	SetPlans(id uuid.UUID, plans map[int64]Plan) error
	// DropPlans forgets the plans of a transfer.
	DropPlans(id uuid.UUID) error
}

// File is an entry of a manifest as this device keeps it.
type File struct {
	N    int64  // its place in the manifest, from 0
	Path string // cleaned, its segments joined by "/"
	Wire string // the path as the sender wrote it, where it differs from Path
	Size int64
	Time time.Time // modified
	Mode peer.FileMode

	// Chunks are numbered through all files of a transfer.
	First int64 // the number of its first chunk
	Start int64 // bytes in the files before it
	Top   int64 // the number of the topmost entry that it lies in, or is

	Source string // sending: the absolute path of the file
	Stamp  Stamp  // sending: what the file was when it was offered
	Holes  int64  // sending: bytes of it for which the disk has no room taken

	// Receiving: the path below the save folder where it is put, or lies; of what is
	// in a folder only where that is not the folder's Final and the rest of Path.
	Final       string
	Placeholder bool // an empty file of ours may stand under that name

	Plan // receiving
}

// Final is the name that file N gets in the save folder. With Placeholder an empty
// file of that name is made first.
type Final struct {
	N           int64
	Name        string
	Placeholder bool
}

// Plan is what was found out about a file before any byte of it was received.
type Plan struct {
	// Base is an older version, or another copy, in the save folder, as a path below
	// it; "": there is none. BaseTime is when it was modified.
	Base     string
	BaseTime time.Time
	Same     bool // Base has the same content
	Own      bool // what has its name is what the same person sent, as it was at BaseTime
	Placed   bool // it lies where it belongs already, or is not wanted: nothing is received
	Merge    bool // a topmost folder that is there already, and gets what is missing or newer
}

// Stamp tells a file from another one, and from itself after a change. Size and
// modification time stand in [File].
type Stamp struct {
	Changed int64  // ctime in nanoseconds; on Windows ChangeTime, in its own unit
	Device  uint64 // file system, on Windows the volume's serial number; may be another one after it is mounted again
	Inode   uint64 // on Windows the file's index
}

// Chunks is how many chunks a file of that size has.
func (f File) Chunks() int64 { return (f.Size + peer.ChunkSize - 1) / peer.ChunkSize }
