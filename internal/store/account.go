package store

import (
	"errors"
	"strings"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// Account is the server that a person chose, and the account there. It is known
// without the server: friends find each other while that is down.
type Account struct {
	Realm    peer.ID            // the pinned key; zero: no server was chosen
	Servers  []string           // host:port, the one that answered last foremost
	Account  rendezvous.Account // of ID zero while signed out
	Presence rendezvous.Presence
	Ticket   []byte
}

// Account is the account that was saved last, the zero one where none was.
func (db *DB) Account() (Account, error) {
	var a Account
	var servers string
	const query = "SELECT realm, servers, id, user, name, team, status, admin, presence, ticket FROM account"
	err := db.one(query, nil, into(fixed(a.Realm[:]), &servers, fixed(a.Account.ID[:]), &a.Account.User,
		&a.Account.Name, &a.Account.Team, &a.Account.Status, &a.Account.Admin, &a.Presence, &a.Ticket))
	if errors.Is(err, ErrUnknown) {
		return Account{}, nil
	}
	a.Servers = strings.Fields(servers)
	return a, db.mapped("read account", err)
}

// SaveAccount saves a in the place of the one before; the friends of another one
// are forgotten. Without a realm there is no account any more.
func (db *DB) SaveAccount(a Account) error {
	return db.update("save account", func(tx tx) error {
		_, err := tx.exec("DELETE FROM friend WHERE NOT EXISTS (SELECT * FROM account WHERE realm = ? AND id = ?)", a.Realm[:], a.Account.ID[:])
		if err != nil {
			return err
		}
		if a.Realm.IsZero() {
			_, err := tx.exec("DELETE FROM account")
			return err
		}
		const query = "INSERT OR REPLACE INTO account (one, realm, servers, id, user, name, team, status, admin, presence, ticket)" +
			" VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		_, err = tx.exec(query, a.Realm[:], strings.Join(a.Servers, "\n"), a.Account.ID[:], a.Account.User,
			a.Account.Name, a.Account.Team, a.Account.Status, a.Account.Admin, a.Presence, blob(a.Ticket))
		return err
	})
}

// blob is b as SQLite has it: empty, not NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Friends is the friend list that was saved, without presence.
func (db *DB) Friends() ([]rendezvous.Friend, error) {
	var friends []rendezvous.Friend
	err := db.each("SELECT id, user, name, team, state, status, devices FROM friend ORDER BY user, id", nil, func(scan scan) error {
		var f rendezvous.Friend
		var devices string
		err := scan(fixed(f.Account[:]), &f.User, &f.Name, &f.Team, &f.State, &f.Status, &devices)
		f.Devices = splitDevices(devices)
		friends = append(friends, f)
		return err
	})
	return friends, db.mapped("list friends", err)
}

// SaveFriends saves those who changed, and drops those who are no friends any more;
// all of it or, on an error, nothing.
func (db *DB) SaveFriends(changed []rendezvous.Friend, gone []uuid.UUID) error {
	return db.update("save friends", func(tx tx) error {
		for _, id := range gone {
			if _, err := tx.exec("DELETE FROM friend WHERE id = ?", id[:]); err != nil {
				return err
			}
		}
		for _, f := range changed {
			_, err := tx.exec("INSERT OR REPLACE INTO friend (id, user, name, team, state, status, devices) VALUES (?, ?, ?, ?, ?, ?, ?)",
				f.Account[:], f.User, f.Name, f.Team, f.State, f.Status, joinDevices(f.Devices))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// joinDevices writes one device a line.
func joinDevices(devices []rendezvous.Device) string {
	lines := make([]string, len(devices))
	for i, d := range devices {
		lines[i] = strings.Join(append([]string{d.ID.String()}, d.Addresses...), " ")
	}
	return strings.Join(lines, "\n")
}

// splitDevices leaves out what is no device: the server tells them anew.
func splitDevices(text string) []rendezvous.Device {
	var devices []rendezvous.Device
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if id, err := peer.ParseID(words[0]); err == nil {
			devices = append(devices, rendezvous.Device{ID: id, Addresses: words[1:]})
		}
	}
	return devices
}
