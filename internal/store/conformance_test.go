package store

import (
	"testing"

	"earshot/internal/chat"
	"earshot/internal/chat/chattest"
	"earshot/transfer"
	"earshot/transfer/transfertest"
)

func TestStoreConformance(t *testing.T) {
	chattest.StoreConformance(t, func(t *testing.T) chat.Store { return mustOpen(t, newPath(t)) })
}

func TestTransferStoreConformance(t *testing.T) {
	path := newPath(t)
	var db *DB
	transfertest.StoreConformance(t, func(t *testing.T) transfer.Store {
		if db != nil {
			mustClose(t, db)
		}
		db = mustOpen(t, path)
		return db.TransferStore()
	})
}
