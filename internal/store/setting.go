package store

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
)

// logKey is the setting with the number of the own log. It is never taken over
// from a damaged database: see [DB.Log].
const logKey = "log"

// noticeKey is the setting with the notice of a repair, as JSON, until a start
// that told it has ended in order.
const noticeKey = "notice"

// Setting is the value that was saved under key, "" when there is none.
func (db *DB) Setting(key string) (string, error) {
	var value string
	err := db.one("SELECT coalesce((SELECT value FROM setting WHERE key = ?), '')", []any{key}, into(&value))
	return value, db.mapped("read setting "+key, err)
}

// Settings are the values that were saved under keys with a beginning, by key.
func (db *DB) Settings(beginning string) (map[string]string, error) {
	found := make(map[string]string)
	const query = "SELECT key, value FROM setting WHERE substr(key, 1, length(?1)) = ?1"
	err := db.each(query, []any{beginning}, func(scan scan) error {
		var key, value string
		err := scan(&key, &value)
		found[key] = value
		return err
	})
	return found, db.mapped("read settings "+beginning, err)
}

// SetSetting saves a value under a key; "" removes it.
func (db *DB) SetSetting(key, value string) error {
	return db.update("save setting "+key, func(tx tx) error {
		return tx.set(key, value)
	})
}

func (t tx) set(key, value string) error {
	if value == "" {
		_, err := t.exec("DELETE FROM setting WHERE key = ?", key)
		return err
	}
	_, err := t.exec("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", key, value)
	return err
}

// loadLog reads the number of the own log, or draws it for a new database.
func (db *DB) loadLog() error {
	text, err := db.Setting(logKey)
	if err != nil {
		return err
	}
	if text != "" {
		db.log, err = parseLog(text)
		return err
	}
	var b [8]byte
	for db.log == 0 { // means "none" to package chat
		rand.Read(b[:]) // never fails
		db.log = binary.BigEndian.Uint64(b[:])
	}
	return db.SetSetting(logKey, fmt.Sprintf("%016x", db.log))
}

func parseLog(text string) (uint64, error) {
	log, err := strconv.ParseUint(text, 16, 64)
	if err != nil || log == 0 {
		return 0, fmt.Errorf("%w: number of the own log %q", ErrDamaged, text)
	}
	return log, nil
}

func (db *DB) saveNotice(n Notice) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return db.SetSetting(noticeKey, string(b))
}

// loadNotice reads the notice of a repair that somebody may not have seen yet.
func (db *DB) loadNotice(n *Notice) error {
	text, err := db.Setting(noticeKey)
	if err != nil || text == "" {
		return err
	}
	db.told = true
	return json.Unmarshal([]byte(text), n)
}
