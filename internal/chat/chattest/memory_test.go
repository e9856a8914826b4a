package chattest_test

import (
	"testing"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
)

func TestMemory(t *testing.T) {
	chattest.StoreConformance(t, func(*testing.T) chat.Store { return chattest.NewMemory() })
}
