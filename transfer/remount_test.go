package transfer_test

import (
	"testing"

	"earshot/transfer"
)

// remounted is a file whose file system was mounted anew.
type remounted struct{ transfer.Source }

func (s remounted) State() (transfer.SourceState, error) {
	state, err := s.Source.State()
	state.Stamp.Device += 7
	return state, err
}

func TestAnotherMountIsNoOtherFile(t *testing.T) {
	_, ann, bob := pair(t)
	path := file(t, "a", 5)
	offer := ann.offer(bob, path)
	ann.close()
	ann.source = func(s transfer.Source) transfer.Source { return remounted{s} }
	ann.start()
	bob.accept(offer.ID)
	same(t, bob.state(offer.ID, transfer.Done).Path, path)
}
