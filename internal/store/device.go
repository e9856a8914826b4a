package store

import (
	"database/sql"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"earshot/peer"
)

// Device is what is remembered of another device.
type Device struct {
	ID   peer.ID
	Name string // as it named itself last, not cleaned
	// FirstSeen and LastSeen are when it proved its key here, to the second.
	FirstSeen, LastSeen time.Time
	// Verified is when a person compared the keys, zero when nobody did.
	Verified time.Time
	// Contact: this person wrote to it, said yes to it, or verified it.
	Contact bool
	Blocked bool
	// AcceptUpTo: its file offers of so many bytes at most are accepted without
	// asking; 0: there is no rule for it.
	AcceptUpTo int64
	// Limit bounds what goes to it and comes from it, in bytes a second; 0: none.
	Limit int64
	// Addresses worked before, best first.
	Addresses []netip.AddrPort
}

const deviceColumns = "key, name, first_seen, last_seen, verified, contact, blocked, addresses, accept_up_to, rate"

// saveDevice never takes Contact back: it may have become one since the caller
// read it, by a commit of the conversations.
const saveDevice = "INSERT INTO device (" + deviceColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" + `
	ON CONFLICT DO UPDATE SET
	name = excluded.name, first_seen = excluded.first_seen, last_seen = excluded.last_seen,
	verified = excluded.verified, contact = max(contact, excluded.contact),
	blocked = excluded.blocked, addresses = excluded.addresses, accept_up_to = excluded.accept_up_to, rate = excluded.rate`

// Devices lists all devices, those seen last first.
func (db *DB) Devices() ([]Device, error) {
	var devices []Device
	const query = "SELECT " + deviceColumns + " FROM device ORDER BY last_seen DESC, key"
	err := db.each(query, nil, func(scan scan) error {
		d, err := scanDevice(scan)
		devices = append(devices, d)
		return err
	})
	return devices, db.mapped("list devices", err)
}

// Device is the device with this ID, [ErrUnknown] when it was never saved.
func (db *DB) Device(id peer.ID) (Device, error) {
	var d Device
	err := db.one("SELECT "+deviceColumns+" FROM device WHERE key = ?", []any{id[:]}, func(scan scan) (err error) {
		d, err = scanDevice(scan)
		return err
	})
	return d, db.mapped("read device "+id.String(), err)
}

// SaveDevice stores d as a whole, in the place of what was known of its ID; but
// who was a contact stays one.
func (db *DB) SaveDevice(d Device) error {
	return db.SaveDevices([]Device{d})
}

// SaveDevices stores all of them or, on an error, none.
func (db *DB) SaveDevices(devices []Device) error {
	return db.update("save devices", func(tx tx) error {
		for _, d := range devices {
			_, err := tx.exec(saveDevice,
				d.ID[:], d.Name, seconds(d.FirstSeen), seconds(d.LastSeen), seconds(d.Verified),
				d.Contact, d.Blocked, joinAddresses(d.Addresses), d.AcceptUpTo, d.Limit)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func scanDevice(scan scan) (Device, error) {
	var d Device
	var first, last, verified sql.NullInt64
	var addresses string
	err := scan(fixed(d.ID[:]), &d.Name, &first, &last, &verified, &d.Contact, &d.Blocked, &addresses, &d.AcceptUpTo, &d.Limit)
	d.FirstSeen, d.LastSeen, d.Verified = fromSeconds(first), fromSeconds(last), fromSeconds(verified)
	d.Addresses = splitAddresses(addresses)
	return d, err
}

// seconds is a time as the database has it, NULL for the zero time.
func seconds(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.Unix(), Valid: !t.IsZero()}
}

func fromSeconds(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(n.Int64, 0)
}

// joinAddresses writes one address a line; a zone may contain anything else.
func joinAddresses(addresses []netip.AddrPort) string {
	lines := make([]string, len(addresses))
	for i, a := range addresses {
		lines[i] = a.String()
	}
	return strings.Join(lines, "\n")
}

// splitAddresses leaves out what is not an address: they are hints.
func splitAddresses(text string) []netip.AddrPort {
	var addresses []netip.AddrPort
	for line := range strings.Lines(text) {
		if a, err := netip.ParseAddrPort(strings.TrimSpace(line)); err == nil {
			addresses = append(addresses, a)
		}
	}
	return addresses
}

// fixed scans a blob of exactly its own length.
type fixed []byte

// Scan fills f.
func (f fixed) Scan(value any) error {
	b, ok := value.([]byte)
	if !ok || len(b) != len(f) {
		return fmt.Errorf("%w: a key or hash is not of %d bytes", ErrDamaged, len(f))
	}
	copy(f, b)
	return nil
}
