package transfer

import (
	"errors"
	"io/fs"
)

// syncEvery is how many bytes are written before they are made durable. While that
// goes on, as many are written, so a power cut costs at most 64 MiB.
const syncEvery = 32 << 20

// saver makes what a landing writes durable from time to time, beside the writing.
// For many small files that is one flush of the file system, not one of each.
type saver struct {
	disk    disk
	journal diskFile
	bytes   int64  // written since the last time
	part    string // the last one that was written to
	many    bool   // there were others
	aside
}

// wrote notes that bytes were written to a part.
func (s *saver) wrote(part string, n int) {
	s.many = s.many || s.bytes > 0 && part != s.part
	s.part = part
	s.bytes += int64(n)
}

// begin begins to make durable what was written, where that is much. It waits for
// the time before, and returns what came of that.
func (s *saver) begin() error {
	if s.bytes < syncEvery {
		return nil
	}
	if err := s.wait(); err != nil {
		return err
	}
	part, many := s.part, s.many
	s.bytes, s.part, s.many = 0, "", false
	return s.aside.begin(func() error { return s.save(part, many) })
}

// save makes a part, or everything, durable, and the journal. A part that is gone
// will be missed by who looks for it.
func (s *saver) save(part string, many bool) error {
	if many {
		if err := s.disk.SyncAll(); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	err := syncRegular(s.disk, part)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errOccupied) {
		return err
	}
	return s.journal.Sync()
}
