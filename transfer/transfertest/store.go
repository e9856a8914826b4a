// Package transfertest helps to test what works with package transfer: a store in
// memory, and what every store must do.
package transfertest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
)

// ErrFrozen is what a frozen store returns.
var ErrFrozen = errors.New("the process was killed")

// Store is a transfer.Store in memory. Several engines, one after the other, may
// work on it, as several processes do on one database.
type Store struct {
	mu        sync.Mutex
	transfers map[uuid.UUID]transfer.Transfer
	files     map[uuid.UUID]*files
	frozen    bool
	before    func(method string) error
}

type files struct {
	list []transfer.File
}

// NewStore is an empty store.
func NewStore() *Store {
	return &Store{transfers: map[uuid.UUID]transfer.Transfer{}, files: map[uuid.UUID]*files{}}
}

// Freeze makes every method fail from now on: the process that uses it is dead.
// What it kept can be used again after Thaw.
func (s *Store) Freeze() { s.set(func() { s.frozen = true }) }

// Thaw lets another process use the store.
func (s *Store) Thaw() { s.set(func() { s.frozen, s.before = false, nil }) }

// Before calls f with the name of each method that changes something before it does;
// an error of f is returned in its place.
func (s *Store) Before(f func(method string) error) { s.set(func() { s.before = f }) }

func (s *Store) set(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// enter locks the store for a method; the caller unlocks it.
func (s *Store) enter(method string) error {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	var err error
	if before != nil && method != "" {
		err = before(method)
	}
	s.mu.Lock()
	if s.frozen {
		return ErrFrozen
	}
	return err
}

// Transfers implements transfer.Store.
func (s *Store) Transfers() ([]transfer.Transfer, error) {
	err := s.enter("")
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var all []transfer.Transfer
	for _, t := range s.transfers {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b transfer.Transfer) int { return a.Offered.Compare(b.Offered) })
	return all, nil
}

// SaveTransfer implements transfer.Store.
func (s *Store) SaveTransfer(t transfer.Transfer) error {
	err := s.enter("SaveTransfer")
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	t.Checked, t.Rate, t.Left = 0, 0, 0
	s.transfers[t.ID] = t
	return nil
}

// DropTransfer implements transfer.Store.
func (s *Store) DropTransfer(id uuid.UUID) error {
	err := s.enter("DropTransfer")
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	delete(s.transfers, id)
	delete(s.files, id)
	return nil
}

// AddFiles implements transfer.Store.
func (s *Store) AddFiles(id uuid.UUID, add []transfer.File) error {
	err := s.enter("AddFiles")
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	if _, ok := s.transfers[id]; !ok {
		return fmt.Errorf("add files: no transfer %s", id)
	}
	has := s.files[id]
	if has == nil {
		has = &files{}
		s.files[id] = has
	}
	for i, f := range add {
		if f.N != int64(len(has.list)+i) {
			return fmt.Errorf("add files: number %d after %d", f.N, len(has.list)+i-1)
		}
	}
	has.list = append(has.list, add...)
	return nil
}

// DropFiles implements transfer.Store.
func (s *Store) DropFiles(id uuid.UUID) error {
	err := s.enter("DropFiles")
	defer s.mu.Unlock()
	if err == nil {
		delete(s.files, id)
	}
	return err
}

// Files implements transfer.Store.
func (s *Store) Files(id uuid.UUID, from int64, limit int) ([]transfer.File, error) {
	err := s.enter("")
	defer s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if limit < 1 || limit > 1024 {
		return nil, fmt.Errorf("files: limit of %d", limit)
	}
	has := s.files[id]
	if has == nil || from >= int64(len(has.list)) {
		return nil, nil
	}
	from = max(from, 0)
	return slices.Clone(has.list[from:min(from+int64(limit), int64(len(has.list)))]), nil
}

// Folders implements transfer.Store.
func (s *Store) Folders(id uuid.UUID, from int64, limit int) ([]transfer.File, error) {
	err := s.enter("")
	defer s.mu.Unlock()
	if err != nil || s.files[id] == nil {
		return nil, err
	}
	var folders []transfer.File
	for _, f := range s.files[id].list[min(max(from, 0), int64(len(s.files[id].list))):] {
		if f.Mode == peer.ModeFolder && len(folders) < limit {
			folders = append(folders, f)
		}
	}
	return folders, nil
}

// SetPlans implements transfer.Store.
func (s *Store) SetPlans(id uuid.UUID, plans map[int64]transfer.Plan) error {
	err := s.enter("SetPlans")
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	has := s.files[id]
	for n, plan := range plans {
		if has == nil || n < 0 || n >= int64(len(has.list)) {
			return fmt.Errorf("set plan of file %d: no such file", n)
		}
		has.list[n].Plan = plan
	}
	return nil
}

// SetFinals implements transfer.Store.
func (s *Store) SetFinals(id uuid.UUID, names []transfer.Final) error {
	err := s.enter("SetFinals")
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	has := s.files[id]
	for _, f := range names {
		if has == nil || f.N < 0 || f.N >= int64(len(has.list)) {
			return fmt.Errorf("set final name: no file %d", f.N)
		}
		has.list[f.N].Final, has.list[f.N].Placeholder = f.Name, f.Placeholder
	}
	return nil
}

// DropPlans implements transfer.Store.
func (s *Store) DropPlans(id uuid.UUID) error {
	err := s.enter("DropPlans")
	defer s.mu.Unlock()
	if err != nil || s.files[id] == nil {
		return err
	}
	for i := range s.files[id].list {
		s.files[id].list[i].Plan = transfer.Plan{}
	}
	return nil
}
