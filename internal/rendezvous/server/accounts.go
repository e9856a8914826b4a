package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// account is a row of the table.
type account struct {
	rendezvous.Account
	password string
	reset    int // see the table
	disabled bool
}

// The states of an account's password, see [directory.resetPassword].
const (
	ownPassword  = 0
	resetOnce    = 1 // an administrator made it: good for one log-in
	resetPending = 2 // that log-in was made: another has to be chosen
)

// caller is who asks: a device of an account.
type caller struct {
	account
	device peer.ID
	serial uint64 // of its newest ticket
	ticket int64  // when that one ends, in milliseconds; 0: it needs another
}

// maxDevices bounds the devices of an account.
const maxDevices = 32

const selectAccount = "SELECT a.id, a.user_name, a.name, a.team, a.status, a.admin, a.password, a.reset, a.disabled "

func (a *account) dest() []any {
	return []any{&a.ID, &a.User, &a.Name, &a.Team, &a.Status, &a.Admin, &a.password, &a.reset, &a.disabled}
}

// caller is the account that a device belongs to; errNone where it does not.
func (d *directory) caller(ctx context.Context, device peer.ID) (caller, error) {
	c := caller{device: device}
	err := one(ctx, d.read, append(c.dest(), &c.serial, &c.ticket),
		selectAccount+", d.serial, d.ticket FROM device d JOIN account a ON a.id = d.account WHERE d.id = $1 AND NOT a.disabled", device[:])
	return c, err
}

// byUser is the account with that folded name.
func (d *directory) byUser(ctx context.Context, user string) (a account, err error) {
	return a, one(ctx, d.read, a.dest(), selectAccount+"FROM account a WHERE user_name = $1", user)
}

// byID is the account with that ID.
func (d *directory) byID(ctx context.Context, id uuid.UUID) (a account, err error) {
	return a, one(ctx, d.read, a.dest(), selectAccount+"FROM account a WHERE id = $1", id[:])
}

// newAccount is an account to be made.
type newAccount struct {
	user, name, team string
	password         string // its hash
	reset            int
	code             string // of an invitation or the administrator's, as it was given
	policy           Registration
	device           *peer.ID // nil: none yet
}

// register makes an account, and where a device is named has it belong to it.
func (d *directory) register(ctx context.Context, n newAccount) (c caller, err error) {
	err = d.update(ctx, func(t *tx) error {
		admin, err := t.admit(n.policy, n.code)
		if err != nil {
			return err
		}
		if c, err = t.addAccount(n, admin); err != nil || n.device == nil {
			return err
		}
		c.serial, err = t.enrol(c.ID, *n.device)
		return err
	})
	return c, err
}

func (t *tx) addAccount(n newAccount, admin bool) (caller, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return caller{}, err
	}
	c := caller{account: account{
		Account:  rendezvous.Account{ID: id, User: n.user, Name: n.name, Team: n.team, Admin: admin},
		password: n.password, reset: n.reset,
	}}
	if n.device != nil {
		c.device = *n.device
	}
	made, err := t.exec(`INSERT INTO account (id, user_name, name, sought, team, password, reset, admin)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (user_name) DO NOTHING`,
		id[:], n.user, n.name, sought(n.name), n.team, n.password, n.reset, admin)
	if err == nil && made == 0 {
		err = refuse(rendezvous.CodeTaken)
	}
	if err == nil {
		t.tell(change{kind: face, account: id})
	}
	return c, err
}

// enrol has a device belong to an account, whatever it belonged to before.
func (d *directory) enrol(ctx context.Context, a account, device peer.ID) (c caller, err error) {
	c = caller{account: a, device: device}
	err = d.update(ctx, func(t *tx) error {
		if a.reset == resetOnce {
			used, err := t.exec("UPDATE account SET reset = $1 WHERE id = $2 AND reset = $3", resetPending, a.ID[:], resetOnce)
			if err != nil {
				return err
			}
			if used == 0 { // somebody else used it just now
				return refuse(rendezvous.CodeCredentials)
			}
			c.reset = resetPending
		}
		c.serial, err = t.enrol(a.ID, device)
		return err
	})
	return c, err
}

func (t *tx) enrol(id uuid.UUID, device peer.ID) (uint64, error) {
	var old uuid.UUID
	var serial uint64
	err := t.one([]any{&old, &serial}, "SELECT account, serial FROM device WHERE id = $1", device[:])
	switch {
	case err == nil && old == id:
		return serial, nil
	case err == nil:
		err = t.signOut(old, device)
	case errors.Is(err, errNone):
		err = nil
	}
	if err == nil {
		err = t.roomForDevice(id)
	}
	if err == nil {
		serial, err = t.nextSerial()
	}
	if err == nil {
		now := time.Now().UnixMilli()
		err = t.run("INSERT INTO device (id, account, serial, since, seen) VALUES ($1, $2, $3, $4, $4)", device[:], id[:], serial, now)
	}
	if err == nil {
		t.tell(change{kind: face, account: id})
	}
	return serial, err
}

// issue draws the serial of a new ticket of a device, or returns errNone where it
// belongs to the account no more.
func (d *directory) issue(ctx context.Context, id uuid.UUID, device peer.ID, ends time.Time) (serial uint64, err error) {
	err = d.update(ctx, func(t *tx) error {
		if serial, err = t.nextSerial(); err != nil {
			return err
		}
		n, err := t.exec("UPDATE device SET serial = $1, ticket = $2 WHERE id = $3 AND account = $4", serial, ends.UnixMilli(), device[:], id[:])
		if err == nil && n == 0 {
			err = errNone
		}
		return err
	})
	return serial, err
}

func (t *tx) roomForDevice(id uuid.UUID) error {
	var n int
	err := t.one([]any{&n}, "SELECT count(*) FROM device WHERE account = $1", id[:])
	if err == nil && n >= maxDevices {
		err = refuse(rendezvous.CodeTooMany)
	}
	return err
}

// nextSerial draws the serial of a new ticket, under the lock of the realm's row. It
// is at least the time, so that a database from a backup repeats none.
func (t *tx) nextSerial() (serial uint64, err error) {
	err = t.one([]any{&serial}, "UPDATE realm SET serial = CASE WHEN serial >= $1 THEN serial + 1 ELSE $1 END RETURNING serial", time.Now().UnixMilli())
	return serial, err
}

// signOut has a device belong to the account no more: its tickets are void.
func (d *directory) signOut(ctx context.Context, id uuid.UUID, device peer.ID) error {
	return d.update(ctx, func(t *tx) error { return t.signOut(id, device) })
}

func (t *tx) signOut(id uuid.UUID, device peer.ID) error {
	n, err := t.signOutWhere(id, "id = $2", device)
	if err == nil && n == 0 {
		err = refuse(rendezvous.CodeUnknown)
	}
	return err
}

// signOutAll signs out all devices of an account but one; the zero ID spares none.
func (t *tx) signOutAll(id uuid.UUID, but peer.ID) error {
	_, err := t.signOutWhere(id, "id <> $2", but)
	return err
}

// signOutWhere signs out the devices of an account for which it holds, and says how
// many. The realm's row is changed first: whoever draws a serial waits for that, and
// finds no device then.
func (t *tx) signOutWhere(id uuid.UUID, where string, device peer.ID) (int, error) {
	if err := t.run("UPDATE realm SET epoch = epoch + 1"); err != nil {
		return 0, err
	}
	var out []peer.Void
	err := each(t.ctx, t.Tx, func(scan func(...any) error) error {
		var raw []byte
		var v peer.Void
		err := scan(&raw, &v.Serial)
		copy(v.Device[:], raw)
		out = append(out, v)
		return err
	}, "DELETE FROM device WHERE account = $1 AND "+where+" RETURNING id, serial", id[:], device[:])
	for _, v := range out {
		if err == nil {
			err = t.void(v)
		}
	}
	if len(out) > 0 {
		t.tell(change{kind: face, account: id})
		t.tell(change{kind: revoked})
	}
	return len(out), err
}

// setProfile changes what others see of an account; what is nil stays.
func (d *directory) setProfile(ctx context.Context, id uuid.UUID, c rendezvous.Change) error {
	return d.update(ctx, func(t *tx) error {
		for _, one := range []struct {
			query string
			value *string
		}{
			{"UPDATE account SET name = $1 WHERE id = $2", c.Name},
			{"UPDATE account SET team = $1 WHERE id = $2", c.Team},
			{"UPDATE account SET status = $1 WHERE id = $2", c.Status},
		} {
			if one.value == nil {
				continue
			}
			if err := t.run(one.query, *one.value, id[:]); err != nil {
				return err
			}
		}
		if c.Name != nil {
			if err := t.run("UPDATE account SET sought = $1 WHERE id = $2", sought(*c.Name), id[:]); err != nil {
				return err
			}
		}
		t.tell(change{kind: face, account: id})
		t.tell(change{kind: self, account: id})
		return t.run("UPDATE device SET ticket = 0 WHERE account = $1", id[:]) // tickets say the name too
	})
}

// setPassword keeps the hash of a new password in place of the one that was checked,
// and signs out all devices but one.
func (d *directory) setPassword(ctx context.Context, a account, hash string, but peer.ID) error {
	return d.update(ctx, func(t *tx) error {
		n, err := t.exec("UPDATE account SET password = $1, reset = $2 WHERE id = $3 AND password = $4", hash, ownPassword, a.ID[:], a.password)
		if err != nil {
			return err
		}
		if n == 0 { // it was changed meanwhile
			return refuse(rendezvous.CodeCredentials)
		}
		return t.signOutAll(a.ID, but)
	})
}

// resetPassword keeps the hash of a password that is good for one log-in, and signs
// out all devices.
func (d *directory) resetPassword(ctx context.Context, id uuid.UUID, hash string) error {
	return d.update(ctx, func(t *tx) error {
		n, err := t.exec("UPDATE account SET password = $1, reset = $2 WHERE id = $3", hash, resetOnce, id[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return refuse(rendezvous.CodeUnknown)
		}
		return t.signOutAll(id, peer.ID{})
	})
}

// kick signs out all devices of an account.
func (d *directory) kick(ctx context.Context, id uuid.UUID) error {
	return d.update(ctx, func(t *tx) error { return t.signOutAll(id, peer.ID{}) })
}

// disable has an account sign in no more, or again.
func (d *directory) disable(ctx context.Context, id uuid.UUID, disabled bool) error {
	return d.update(ctx, func(t *tx) error {
		n, err := t.exec("UPDATE account SET disabled = $1 WHERE id = $2", disabled, id[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return refuse(rendezvous.CodeUnknown)
		}
		t.tell(change{kind: face, account: id})
		if !disabled {
			return nil
		}
		return t.signOutAll(id, peer.ID{})
	})
}

// devices are those of an account, for its owner.
func (d *directory) devices(ctx context.Context, id uuid.UUID) ([]rendezvous.Device, error) {
	devices := []rendezvous.Device{}
	now := time.Now()
	err := each(ctx, d.read, func(scan func(...any) error) error {
		var raw []byte
		var since, seen int64
		var addresses, address *string
		if err := scan(&raw, &since, &seen, &addresses, &address); err != nil {
			return err
		}
		device := rendezvous.Device{Since: time.UnixMilli(since).UTC(), Seen: time.UnixMilli(seen).UTC()}
		copy(device.ID[:], raw)
		if addresses != nil {
			device.Addresses, device.Seen = dialled(*addresses, *address), now.UTC().Truncate(time.Second)
		}
		devices = append(devices, device)
		return nil
	}, `SELECT d.id, d.since, d.seen, p.addresses, p.address FROM device d LEFT JOIN presence p ON p.device = d.id
		WHERE d.account = $1 ORDER BY d.since, d.id`, id[:])
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return devices, nil
}
