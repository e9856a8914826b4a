package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// This file keeps what belongs to the realm: whose database it is, the codes that
// let people in, and which tickets are void.

// Registration says who may make an account.
type Registration string

// Who may make an account: anybody, who has an invitation, nobody.
const (
	RegisterOpen   Registration = "open"
	RegisterInvite Registration = "invite"
	RegisterClosed Registration = "closed"
)

// realm is whose database this is, and whether it has accounts; errNone where it is
// nobody's yet.
func (d *directory) realm(ctx context.Context) (key peer.ID, err error) {
	var raw []byte
	err = one(ctx, d.read, []any{&raw}, "SELECT key FROM realm")
	copy(key[:], raw)
	return key, err
}

// take makes the database the realm's. Where several servers start at once, the
// first one's key stays.
func (d *directory) take(ctx context.Context, key peer.ID) error {
	return d.update(ctx, func(t *tx) error {
		return t.run("INSERT INTO realm (one, key) VALUES (1, $1) ON CONFLICT (one) DO NOTHING", key[:])
	})
}

// hasAdmin reports whether there is an administrator.
func (d *directory) hasAdmin(ctx context.Context) (bool, error) {
	var n int
	err := one(ctx, d.read, []any{&n}, "SELECT count(*) FROM account WHERE admin")
	return n > 0, err
}

// newCode draws a code, and what is kept of it. It is 128 bits, so its hash need not
// be slow.
func newCode() (code string, hash []byte) {
	raw := make([]byte, 16)
	rand.Read(raw) // never fails
	code = base64.RawURLEncoding.EncodeToString(raw)
	return code, codeHash(code)
}

func codeHash(code string) []byte {
	sum := sha256.Sum256([]byte("earshot code v1\x00" + code))
	return sum[:]
}

// adminCode draws the code with which the first account becomes administrator. The
// one before is void.
func (d *directory) adminCode(ctx context.Context) (string, error) {
	code, hash := newCode()
	return code, d.update(ctx, func(t *tx) error { return t.run("UPDATE realm SET code = $1", hash) })
}

// invite draws the code of an invitation.
func (d *directory) invite(ctx context.Context, uses int, until time.Time) (string, error) {
	code, hash := newCode()
	return code, d.update(ctx, func(t *tx) error {
		if err := t.run("DELETE FROM invitation WHERE ends < $1 OR uses < 1", time.Now().UnixMilli()); err != nil {
			return err
		}
		return t.run("INSERT INTO invitation (code, uses, ends) VALUES ($1, $2, $3)", hash, uses, until.UnixMilli())
	})
}

// admit uses up a code for one registration, or refuses.
func (t *tx) admit(policy Registration, code string) (admin bool, err error) {
	if code != "" {
		n, err := t.exec("UPDATE realm SET code = NULL WHERE code = $1", codeHash(code))
		if err != nil || n > 0 {
			return n > 0, err
		}
	}
	switch policy {
	case RegisterOpen:
		return false, nil
	case RegisterClosed:
		return false, refuse(rendezvous.CodeClosed)
	}
	n, err := t.exec("UPDATE invitation SET uses = uses - 1 WHERE code = $1 AND uses > 0 AND ends > $2", codeHash(code), time.Now().UnixMilli())
	if err == nil && n == 0 {
		err = refuse(rendezvous.CodeInvite)
	}
	return false, err
}

// mayRegister refuses as register would, and uses nothing up.
func (d *directory) mayRegister(ctx context.Context, policy Registration, code string) error {
	var admin, invited int
	err := one(ctx, d.read, []any{&admin, &invited}, `SELECT (SELECT count(*) FROM realm WHERE code = $1),
		(SELECT count(*) FROM invitation WHERE code = $1 AND uses > 0 AND ends > $2)`, codeHash(code), time.Now().UnixMilli())
	switch {
	case err != nil || admin > 0 || policy == RegisterOpen:
		return err
	case policy == RegisterClosed:
		return refuse(rendezvous.CodeClosed)
	case invited == 0:
		return refuse(rendezvous.CodeInvite)
	}
	return nil
}

// void makes the tickets of a device up to a serial void: the lists that are signed
// from then on say so. What it said of presence goes too.
func (t *tx) void(v peer.Void) error {
	err := t.run(`INSERT INTO revoked (device, serial) VALUES ($1, $2)
		ON CONFLICT (device) DO UPDATE SET serial = excluded.serial WHERE revoked.serial < excluded.serial`, v.Device[:], v.Serial)
	if err == nil {
		err = t.run("DELETE FROM presence WHERE device = $1", v.Device[:])
	}
	t.tell(change{kind: seated, device: v.Device})
	return err
}

// maxVoid is how many devices a list names at most.
const maxVoid = 65_536

// revocations is the list as it is now. Where there are too many, the newest count:
// the others' tickets expired long ago.
func (d *directory) revocations(ctx context.Context, realm peer.ID) (peer.Revocations, error) {
	list := peer.Revocations{Realm: realm, Void: []peer.Void{}}
	err := each(ctx, d.read, func(scan func(...any) error) error {
		var raw []byte
		var v peer.Void
		if err := scan(&list.Epoch, &raw, &v.Serial); err != nil {
			return err
		}
		if raw != nil { // the epoch comes in each row, and without any too
			copy(v.Device[:], raw)
			list.Void = append(list.Void, v)
		}
		return nil
	}, "SELECT realm.epoch, revoked.device, coalesce(revoked.serial, 0) FROM realm LEFT JOIN revoked ON TRUE ORDER BY 3 DESC LIMIT $1", maxVoid)
	slices.SortFunc(list.Void, func(a, b peer.Void) int { return a.Device.Compare(b.Device) })
	if err != nil {
		return list, fmt.Errorf("list revocations: %w", err)
	}
	return list, nil
}

// merge takes over a newer list, which a client kept while the database came from a
// backup.
func (d *directory) merge(ctx context.Context, list peer.Revocations) error {
	return d.update(ctx, func(t *tx) error {
		highest := uint64(0)
		for _, v := range list.Void {
			highest = max(highest, v.Serial)
		}
		err := t.run(`UPDATE realm SET epoch = CASE WHEN epoch > $1 THEN epoch ELSE $1 END + 1,
			serial = CASE WHEN serial > $2 THEN serial ELSE $2 END`, list.Epoch, highest)
		for _, v := range list.Void {
			if err == nil {
				err = t.mergeOne(v)
			}
		}
		t.tell(change{kind: revoked})
		return err
	})
}

// mergeOne makes tickets void, and signs out the device: that it belongs to an account
// is from before it was signed out, also where it got a newer ticket since.
func (t *tx) mergeOne(v peer.Void) error {
	var account uuid.UUID
	var serial uint64
	err := t.one([]any{&account, &serial}, "DELETE FROM device WHERE id = $1 RETURNING account, serial", v.Device[:])
	if err == nil {
		v.Serial = max(v.Serial, serial)
		t.tell(change{kind: face, account: account})
	} else if !errors.Is(err, errNone) {
		return err
	}
	return t.void(v)
}
