package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// There is a row for each device that is there, with the server that it heartbeats
// to. A heartbeat that says nothing new writes nothing; each server renews one lease
// for all of its rows.

const (
	// leaseTime is how long a server that says nothing counts as alive, and
	// leaseRenewed how often it says something.
	leaseTime    = 10 * time.Second
	leaseRenewed = 3 * time.Second
)

// sighting is a device's row, to be written.
type sighting struct {
	device    peer.ID
	account   uuid.UUID
	presence  rendezvous.Presence // Offline: no row
	addresses []string
	address   string
	since     time.Time
}

// see writes what changed of the devices that heartbeat to this server. A device
// whose account was signed out meanwhile is left out.
func (d *directory) see(ctx context.Context, changed []sighting) error {
	return d.update(ctx, func(t *tx) error {
		told := map[uuid.UUID]bool{}
		for _, s := range changed {
			known, err := t.isSeen(s)
			moved := false
			if err == nil {
				moved, err = t.see(d.name, s)
			}
			if err != nil {
				return fmt.Errorf("write presence: %w", err)
			}
			if moved && d.postgres != nil { // it may have heartbeat to another server until now
				t.tell(change{kind: seated, device: s.device})
			}
			if !known && !told[s.account] {
				t.tell(change{kind: face, account: s.account})
				told[s.account] = true
			}
		}
		return nil
	})
}

// isSeen reports whether friends see just that of the device: after a restart they
// need not be told of everybody who comes back.
func (t *tx) isSeen(s sighting) (bool, error) {
	var rows int
	err := t.one([]any{&rows}, "SELECT count(*) FROM presence WHERE device = $1 AND account = $2 AND presence = $3 AND addresses = $4 AND address = $5",
		s.device[:], s.account[:], string(s.presence), strings.Join(s.addresses, ","), s.address)
	return rows > 0, err
}

// see writes a device's row, and reports whether it was no row of this server.
func (t *tx) see(server uuid.UUID, s sighting) (moved bool, err error) {
	if err := t.run("UPDATE device SET seen = $1 WHERE id = $2", time.Now().UnixMilli(), s.device[:]); err != nil {
		return false, err
	}
	if s.presence == rendezvous.Offline {
		return false, t.run("DELETE FROM presence WHERE device = $1 AND server = $2", s.device[:], server[:])
	}
	n, err := t.exec("UPDATE presence SET presence = $1, addresses = $2, address = $3, since = $4 WHERE device = $5 AND account = $6 AND server = $7",
		string(s.presence), strings.Join(s.addresses, ","), s.address, s.since.UnixMilli(), s.device[:], s.account[:], server[:])
	if err != nil || n > 0 {
		return false, err
	}
	n, err = t.exec(`INSERT INTO presence (device, account, server, presence, addresses, address, since)
		SELECT id, account, $1, $2, $3, $4, $5 FROM device WHERE id = $6 AND account = $7
		ON CONFLICT (device) DO UPDATE SET account = excluded.account, server = excluded.server, presence = excluded.presence,
		addresses = excluded.addresses, address = excluded.address, since = excluded.since`,
		server[:], string(s.presence), strings.Join(s.addresses, ","), s.address, s.since.UnixMilli(), s.device[:], s.account[:])
	return err == nil && n > 0, err
}

// seat says whether a device belongs to an account, and to which server it
// heartbeats; the zero UUID to none.
func (d *directory) seat(ctx context.Context, device peer.ID) (account, server uuid.UUID, err error) {
	var there []byte
	err = one(ctx, d.ahead, []any{&account, &there},
		"SELECT d.account, p.server FROM device d LEFT JOIN presence p ON p.device = d.id WHERE d.id = $1", device[:])
	copy(server[:], there)
	return account, server, err
}

// inherit takes over what the server before this one said of presence, where nobody
// else can have said it: SQLite's file is one server's, whose folder is locked. What
// one said that ended more than returnTime ago is left to be buried.
func (d *directory) inherit(ctx context.Context) (rows []sighting, err error) {
	if d.postgres != nil {
		return nil, nil
	}
	lately := fmt.Sprintf("lease > %s - %d", d.now(), returnTime.Milliseconds())
	err = d.update(ctx, func(t *tx) error {
		rows = nil
		err := t.run("UPDATE presence SET server = $1 WHERE server IN (SELECT id FROM server WHERE "+lately+")", d.name[:])
		if err == nil {
			err = t.run("DELETE FROM server WHERE " + lately)
		}
		if err != nil {
			return err
		}
		return each(t.ctx, t.Tx, func(scan func(...any) error) error {
			var s sighting
			err := s.scan(scan)
			rows = append(rows, s)
			return err
		}, "SELECT device, account, presence, addresses, address, since FROM presence WHERE server = $1", d.name[:])
	})
	if err != nil {
		return nil, fmt.Errorf("take over presence: %w", err)
	}
	return rows, nil
}

// scan reads a row.
func (s *sighting) scan(scan func(...any) error) error {
	var device []byte
	var addresses string
	var since int64
	err := scan(&device, &s.account, &s.presence, &addresses, &s.address, &since)
	copy(s.device[:], device)
	if addresses != "" {
		s.addresses = strings.Split(addresses, ",")
	}
	s.since = time.UnixMilli(since)
	return err
}

// renew renews this server's lease. New says that there was none: the first time, or
// because the server stood still for so long that the others took it for dead, and
// its rows are gone.
func (d *directory) renew(ctx context.Context, addresses []string) (fresh bool, err error) {
	err = d.update(ctx, func(t *tx) error {
		until := fmt.Sprintf("%s + %d", d.now(), leaseTime.Milliseconds())
		n, err := t.exec("UPDATE server SET lease = "+until+" WHERE id = $1", d.name[:])
		if err != nil || n > 0 {
			return err
		}
		fresh = true
		t.tell(change{kind: servers})
		return t.run("INSERT INTO server (id, address, lease) VALUES ($1, $2, "+until+")", d.name[:], strings.Join(addresses, ","))
	})
	return fresh, err
}

// bury removes the servers whose lease is over, and what they said.
func (d *directory) bury(ctx context.Context) error {
	var dead []uuid.UUID
	err := each(ctx, d.read, func(scan func(...any) error) error {
		var id uuid.UUID
		err := scan(&id)
		dead = append(dead, id)
		return err
	}, "SELECT id FROM server WHERE lease < "+d.now())
	for _, id := range dead {
		if err == nil {
			err = d.buryOne(ctx, id)
		}
	}
	return err
}

func (d *directory) buryOne(ctx context.Context, id uuid.UUID) error {
	return d.update(ctx, func(t *tx) error {
		n, err := t.exec("DELETE FROM server WHERE id = $1 AND lease < "+d.now(), id[:])
		if err != nil || n == 0 { // it renewed its lease, or somebody else was faster
			return err
		}
		t.tell(change{kind: servers})
		return each(t.ctx, t.Tx, func(scan func(...any) error) error {
			var account uuid.UUID
			err := scan(&account)
			t.tell(change{kind: face, account: account})
			return err
		}, "DELETE FROM presence WHERE server = $1 RETURNING account", id[:])
	})
}

// leave ends this server's lease at once. Its rows stay until the others bury it:
// devices move on in that time, and nobody sees them go.
func (d *directory) leave(ctx context.Context) error {
	return d.update(ctx, func(t *tx) error {
		t.tell(change{kind: servers})
		return t.run("UPDATE server SET address = '' WHERE id = $1", d.name[:])
	})
}

// serverAddresses are where clients can go.
func (d *directory) serverAddresses(ctx context.Context) ([]string, error) {
	var all []string
	err := each(ctx, d.read, func(scan func(...any) error) error {
		var addresses string
		err := scan(&addresses)
		if addresses != "" {
			all = append(all, strings.Split(addresses, ",")...)
		}
		return err
	}, "SELECT address FROM server WHERE lease >= "+d.now()+" ORDER BY address")
	return all, err
}

// online are the devices with which people are there, and their accounts.
func (d *directory) online(ctx context.Context) ([]rendezvous.OnlineDevice, error) {
	all := []rendezvous.OnlineDevice{}
	err := each(ctx, d.read, func(scan func(...any) error) error {
		var o rendezvous.OnlineDevice
		var raw []byte
		var since int64
		if err := scan(&o.User, &o.Account, &raw, &o.Address, &since, &o.Presence); err != nil {
			return err
		}
		copy(o.Device[:], raw)
		o.Since = time.UnixMilli(since).UTC()
		all = append(all, o)
		return nil
	}, `SELECT a.user_name, a.id, p.device, p.address, p.since, p.presence FROM presence p
		JOIN account a ON a.id = p.account WHERE p.presence <> $1 ORDER BY a.user_name, p.since, p.device`, string(rendezvous.Passing))
	if err != nil {
		return nil, fmt.Errorf("list who is there: %w", err)
	}
	return all, nil
}

// accounts are all accounts, for an administrator.
func (d *directory) accounts(ctx context.Context) ([]rendezvous.ListedAccount, error) {
	all := []rendezvous.ListedAccount{}
	err := each(ctx, d.read, func(scan func(...any) error) error {
		var a rendezvous.ListedAccount
		var seen int64
		if err := scan(&a.Account, &a.User, &a.Name, &a.Team, &a.Admin, &a.Disabled, &a.Devices, &seen); err != nil {
			return err
		}
		if seen > 0 {
			a.LastSeen = time.UnixMilli(seen).UTC()
		}
		all = append(all, a)
		return nil
	}, `SELECT a.id, a.user_name, a.name, a.team, a.admin, a.disabled, count(d.id), coalesce(max(d.seen), 0) FROM account a
		LEFT JOIN device d ON d.account = a.id
		GROUP BY a.id, a.user_name, a.name, a.team, a.admin, a.disabled ORDER BY a.user_name`)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return all, nil
}
