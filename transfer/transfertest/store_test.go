package transfertest

import (
	"testing"

	"earshot/transfer"
)

func TestTheStoreInMemoryIsAStore(t *testing.T) {
	s := NewStore()
	StoreConformance(t, func(*testing.T) transfer.Store { return s })
}
