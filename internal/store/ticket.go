package store

import "earshot/peer"

// Tickets are the newest tickets that devices showed, by device, as they were
// signed.
func (db *DB) Tickets() (map[peer.ID][]byte, error) {
	tickets, err := db.byKey("SELECT device, signed FROM ticket")
	return tickets, db.mapped("list tickets", err)
}

// SaveTicket keeps a device's ticket in the place of an earlier one.
func (db *DB) SaveTicket(device peer.ID, signed []byte) error {
	return db.update("save ticket", func(tx tx) error {
		_, err := tx.exec("INSERT OR REPLACE INTO ticket (device, signed) VALUES (?, ?)", device[:], signed)
		return err
	})
}

// Revocations are the newest revocation lists, by realm, as they were signed.
func (db *DB) Revocations() (map[peer.ID][]byte, error) {
	lists, err := db.byKey("SELECT realm, signed FROM revoked")
	return lists, db.mapped("list revocations", err)
}

// SaveRevocations keeps a realm's list in the place of an earlier one.
func (db *DB) SaveRevocations(realm peer.ID, signed []byte) error {
	return db.update("save revocations", func(tx tx) error {
		_, err := tx.exec("INSERT OR REPLACE INTO revoked (realm, signed) VALUES (?, ?)", realm[:], signed)
		return err
	})
}

// byKey reads a key and a blob from each row.
func (db *DB) byKey(query string) (map[peer.ID][]byte, error) {
	found := make(map[peer.ID][]byte)
	err := db.each(query, nil, func(scan scan) error {
		var id peer.ID
		var blob []byte
		err := scan(fixed(id[:]), &blob)
		found[id] = blob
		return err
	})
	return found, err
}
