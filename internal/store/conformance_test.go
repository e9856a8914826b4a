package store

import (
	"testing"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
)

func TestStoreConformance(t *testing.T) {
	chattest.StoreConformance(t, func(t *testing.T) chat.Store { return mustOpen(t, newPath(t)) })
}
