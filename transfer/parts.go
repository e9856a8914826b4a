package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/google/uuid"
)

// partsFolder is the private folder for unfinished files in a save folder, so on
// the same file system.
const partsFolder = ".earshot"

// partName is the path of the part for topmost entry n.
func partName(id uuid.UUID, n int64) string {
	return fmt.Sprintf("%s/%s-%d.part", partsFolder, id, n)
}

// partOf is the path of a file in the save folder until it is complete.
func partOf(id uuid.UUID, f *File) string {
	_, rest, _ := strings.Cut(f.Path, "/")
	return path.Join(partName(id, f.Top), rest)
}

func journalName(id uuid.UUID) string { return partsFolder + "/" + id.String() + ".journal" }

// makePartsFolder makes the folder of the parts. What else has its name is not ours
// to remove.
func makePartsFolder(d disk) error {
	err := d.Mkdir(partsFolder, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := d.Lstat(partsFolder)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("make folder %s: %w", partsFolder, errOccupied)
	}
	return err
}

// removeParts removes everything of a transfer from the parts folder, and nothing
// else: only names that were made of its ID. Where the list of its files is lost, each
// of them may have one.
func removeParts(d disk, store Store, id uuid.UUID, entries int64) error {
	c := cursor{store: store, id: id}
	unlisted := true
	err := c.tops(func(f *File) error {
		unlisted = false
		return d.RemoveAll(partName(id, f.N))
	})
	for n := int64(0); unlisted && err == nil && n < entries; n++ {
		err = d.RemoveAll(partName(id, n))
	}
	if err != nil {
		return fmt.Errorf("remove parts of %s: %w", id, err)
	}
	if err := d.Remove(journalName(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove journal of %s: %w", id, err)
	}
	if info, err := d.Lstat(partsFolder); err == nil && info.IsDir() {
		d.Remove(partsFolder) // where nothing else is in it
	}
	return nil
}
