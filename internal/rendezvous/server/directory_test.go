package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// onBoth runs a story on SQLite and on PostgreSQL. Each call of location names
// another empty database.
func onBoth(t *testing.T, story func(t *testing.T, location string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { story(t, filepath.Join(t.TempDir(), "earshot.db")) })
	t.Run("PostgreSQL", func(t *testing.T) { story(t, newPostgres(t)) })
}

// directoryOnBoth is onBoth with the database open and belonging to a realm.
func directoryOnBoth(t *testing.T, story func(t *testing.T, d *directory)) {
	t.Helper()
	onBoth(t, func(t *testing.T, location string) {
		d := openTest(t, location)
		if err := d.take(t.Context(), id(200)); err != nil {
			t.Fatal(err)
		}
		story(t, d)
	})
}

func openTest(t *testing.T, location string) *directory {
	t.Helper()
	d, err := openDirectory(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.close() })
	return d
}

// id is the identity of the seed that begins with n.
func id(n byte) peer.ID { return device(n).ID() }

func device(n byte) *peer.Identity { return peer.NewIdentity([32]byte{n, 1}) }

// join registers somebody with a device.
func join(t *testing.T, d *directory, user string, device byte) caller {
	t.Helper()
	of := id(device)
	c, err := d.register(t.Context(), newAccount{user: user, name: user, password: "hash of " + user, policy: RegisterOpen, device: &of})
	if err != nil {
		t.Fatalf("register %s: %v", user, err)
	}
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, want rendezvous.Code) {
	t.Helper()
	var r *refusal
	if !errors.As(err, &r) || r.code != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAnAccountAndItsDevices(t *testing.T) {
	directoryOnBoth(t, func(t *testing.T, d *directory) {
		ctx := t.Context()
		ann := join(t, d, "ann", 1)
		got, err := d.caller(ctx, id(1))
		if err != nil || got.ID != ann.ID || got.User != "ann" || got.serial != ann.serial || got.serial == 0 {
			t.Fatalf("the first device is %+v, %v", got, err)
		}
		_, err = d.register(ctx, newAccount{user: "ann", policy: RegisterOpen})
		wantCode(t, err, rendezvous.CodeTaken)

		a, err := d.byUser(ctx, "ann")
		must(t, err)
		second, err := d.enrol(ctx, a, id(2))
		if err != nil || second.serial <= ann.serial {
			t.Fatalf("the second device has serial %d after %d, %v", second.serial, ann.serial, err)
		}
		again, err := d.enrol(ctx, a, id(2))
		if err != nil || again.serial != second.serial {
			t.Errorf("another log-in gives serial %d after %d, %v", again.serial, second.serial, err)
		}
		must(t, d.signOut(ctx, ann.ID, id(1)))
		if _, err := d.caller(ctx, id(1)); !errors.Is(err, errNone) {
			t.Errorf("the device that signed out is still one: %v", err)
		}
		wantCode(t, d.signOut(ctx, ann.ID, id(1)), rendezvous.CodeUnknown)
		list, err := d.revocations(ctx, id(200))
		if err != nil || list.Epoch != 1 || len(list.Void) != 1 || list.Void[0].Device != id(1) || list.Void[0].Serial != ann.serial {
			t.Errorf("revocations %+v, %v", list, err)
		}
		back, err := d.enrol(ctx, a, id(1))
		if err != nil || back.serial <= second.serial {
			t.Errorf("the device is back with serial %d after %d, %v", back.serial, second.serial, err)
		}
		if devices, err := d.devices(ctx, ann.ID); err != nil || len(devices) != 2 {
			t.Errorf("devices %v, %v", devices, err)
		}
	})
}

func TestADeviceHasOneAccount(t *testing.T) {
	directoryOnBoth(t, func(t *testing.T, d *directory) {
		ann, bob := join(t, d, "ann", 1), join(t, d, "bob", 2)
		moved, err := d.enrol(t.Context(), bob.account, id(1))
		must(t, err)
		got, err := d.caller(t.Context(), id(1))
		if err != nil || got.ID != bob.ID || got.serial != moved.serial {
			t.Errorf("the device is %+v, %v", got, err)
		}
		list, err := d.revocations(t.Context(), id(200))
		if err != nil || !list.Voids(peer.Ticket{Realm: id(200), Device: id(1), Serial: ann.serial}) || list.Voids(peer.Ticket{Realm: id(200), Device: id(1), Serial: moved.serial}) {
			t.Errorf("revocations %+v, %v", list, err)
		}
		for n := byte(10); err == nil && n < 200; n++ {
			_, err = d.enrol(t.Context(), bob.account, id(n))
		}
		wantCode(t, err, rendezvous.CodeTooMany)
	})
}

func TestWhoMayRegister(t *testing.T) {
	directoryOnBoth(t, func(t *testing.T, d *directory) {
		ctx := t.Context()
		code, err := d.adminCode(ctx)
		must(t, err)
		_, err = d.register(ctx, newAccount{user: "eve", policy: RegisterInvite})
		wantCode(t, err, rendezvous.CodeInvite)
		_, err = d.register(ctx, newAccount{user: "eve", policy: RegisterClosed})
		wantCode(t, err, rendezvous.CodeClosed)
		wantCode(t, d.mayRegister(ctx, RegisterInvite, "guess"), rendezvous.CodeInvite)
		must(t, d.mayRegister(ctx, RegisterClosed, code))
		ann, err := d.register(ctx, newAccount{user: "ann", policy: RegisterClosed, code: code})
		if err != nil || !ann.Admin {
			t.Fatalf("the first account is %+v, %v", ann, err)
		}
		_, err = d.register(ctx, newAccount{user: "bob", policy: RegisterInvite, code: code})
		wantCode(t, err, rendezvous.CodeInvite)

		t.Run("an invitation/A-21", func(t *testing.T) {
			code, err := d.invite(ctx, 2, time.Now().Add(time.Hour))
			must(t, err)
			for _, user := range []string{"bob", "cat"} {
				if c, err := d.register(ctx, newAccount{user: user, policy: RegisterInvite, code: code}); err != nil || c.Admin {
					t.Errorf("%s: %+v, %v", user, c, err)
				}
			}
			_, err = d.register(ctx, newAccount{user: "dan", policy: RegisterInvite, code: code})
			wantCode(t, err, rendezvous.CodeInvite)
			late, err := d.invite(ctx, 1, time.Now().Add(-time.Second))
			must(t, err)
			_, err = d.register(ctx, newAccount{user: "dan", policy: RegisterInvite, code: late})
			wantCode(t, err, rendezvous.CodeInvite)
			one, err := d.invite(ctx, 1, time.Now().Add(time.Hour))
			must(t, err)
			_, err = d.register(ctx, newAccount{user: "bob", policy: RegisterInvite, code: one})
			wantCode(t, err, rendezvous.CodeTaken) // and the invitation is not used up
			_, err = d.register(ctx, newAccount{user: "dan", policy: RegisterInvite, code: one})
			must(t, err)
		})
	})
}

func TestFriends(t *testing.T) {
	directoryOnBoth(t, func(t *testing.T, d *directory) {
		ctx := t.Context()
		ann, bob, eve := join(t, d, "ann", 1), join(t, d, "bob", 2), join(t, d, "eve", 3)
		stand := func(a, b caller) rendezvous.Relation {
			f, err := d.friend(ctx, a.ID, b.ID, RosterAsk)
			if errors.Is(err, errNone) {
				return rendezvous.Nobody
			}
			must(t, err)
			if (f.State == rendezvous.Friends) != (len(f.Devices) > 0) {
				t.Errorf("%s sees %s with devices %v as %s", a.User, b.User, f.Devices, f.State)
			}
			return f.State
		}
		check := func(want ...rendezvous.Relation) {
			t.Helper()
			got := []rendezvous.Relation{stand(ann, bob), stand(bob, ann)}
			if got[0] != want[0] || got[1] != want[1] {
				t.Errorf("ann and bob stand %q, want %q", got, want)
			}
		}
		t.Run("requests/A-17", func(t *testing.T) {
			wantCode(t, d.befriend(ctx, ann.ID, ann.ID), rendezvous.CodeInvalid)
			must(t, d.befriend(ctx, ann.ID, bob.ID))
			must(t, d.befriend(ctx, ann.ID, bob.ID))
			check(rendezvous.Outgoing, rendezvous.Incoming)
			must(t, d.befriend(ctx, bob.ID, ann.ID)) // crossed, or the answer: it is the same
			check(rendezvous.Friends, rendezvous.Friends)
			if list, err := d.friends(ctx, ann.ID, RosterAsk); err != nil || len(list) != 1 || list[0].Account != bob.ID {
				t.Errorf("ann's list is %+v, %v", list, err)
			}
			must(t, d.part(ctx, ann.ID, bob.ID))
			check(rendezvous.Nobody, rendezvous.Nobody)
			must(t, d.part(ctx, ann.ID, bob.ID))

			must(t, d.block(ctx, ann.ID, bob.ID, true))
			must(t, d.befriend(ctx, bob.ID, ann.ID))
			check(rendezvous.Nobody, rendezvous.Outgoing) // bob sees a request that waits
			must(t, d.block(ctx, ann.ID, bob.ID, false))
			check(rendezvous.Incoming, rendezvous.Outgoing)

			var err error
			for n := 0; err == nil && n < 500; n++ {
				c, joined := d.register(ctx, newAccount{user: fmt.Sprintf("user%d", n), policy: RegisterOpen})
				must(t, joined)
				err = d.befriend(ctx, eve.ID, c.ID)
			}
			wantCode(t, err, rendezvous.CodeTooMany)
			if list, err := d.friends(ctx, eve.ID, RosterAsk); err != nil || len(list) != maxAsked {
				t.Errorf("eve asked %d, %v; want %d", len(list), err, maxAsked)
			}
		})
		if list, err := d.friends(ctx, bob.ID, RosterOpen); err != nil || len(list) < maxAsked || list[0].State != rendezvous.Colleague {
			t.Errorf("an open roster of %d, %v", len(list), err)
		}
	})
}

func TestASearch(t *testing.T) {
	directoryOnBoth(t, func(t *testing.T, d *directory) {
		ann := join(t, d, "ann", 1)
		for n, name := range []string{"Zoë Müller", "100 % Bob", "Under_score"} {
			_, err := d.register(t.Context(), newAccount{user: fmt.Sprintf("user%d", n), name: name, policy: RegisterOpen})
			must(t, err)
		}
		for text, want := range map[string]int{"ZOË": 1, "müll": 1, "user": 3, "ser": 0, "%": 1, "_": 1, "ann": 0, `\`: 0} {
			if found, err := d.search(t.Context(), ann.ID, text); err != nil || len(found) != want {
				t.Errorf("%q finds %v, %v; want %d", text, found, err, want)
			}
		}
	})
}

func TestProfileAndPassword(t *testing.T) {
	directoryOnBoth(t, func(t *testing.T, d *directory) {
		ctx := t.Context()
		ann := join(t, d, "ann", 1)
		_, err := d.enrol(ctx, ann.account, id(2))
		must(t, err)
		name := "Ann B."
		must(t, d.setProfile(ctx, ann.ID, rendezvous.Change{Name: &name}))
		now, err := d.caller(ctx, id(1))
		if err != nil || now.Name != name || now.Team != "" {
			t.Errorf("profile %+v, %v", now.Account, err)
		}
		must(t, d.setPassword(ctx, now.account, "another", id(1)))
		wantCode(t, d.setPassword(ctx, now.account, "a third", id(1)), rendezvous.CodeCredentials)
		if _, err := d.caller(ctx, id(2)); !errors.Is(err, errNone) {
			t.Errorf("the other device is still signed in: %v", err)
		}
		must(t, d.resetPassword(ctx, ann.ID, "once"))
		reset, err := d.byUser(ctx, "ann")
		must(t, err)
		pending, err := d.enrol(ctx, reset, id(1))
		if err != nil || pending.reset != resetPending {
			t.Errorf("log-in with a reset password: %+v, %v", pending, err)
		}
		_, err = d.enrol(ctx, reset, id(2))
		wantCode(t, err, rendezvous.CodeCredentials)
		must(t, d.disable(ctx, ann.ID, true))
		if _, err := d.caller(ctx, id(1)); !errors.Is(err, errNone) {
			t.Errorf("a disabled account's device: %v", err)
		}
		wantCode(t, d.disable(ctx, uuid.New(), true), rendezvous.CodeUnknown)
		if all, err := d.accounts(ctx); err != nil || len(all) != 1 || !all[0].Disabled || all[0].Devices != 0 {
			t.Errorf("accounts %+v, %v", all, err)
		}
	})
}

func TestPresenceEndsWithItsServersLease(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		ctx := t.Context()
		one := openTest(t, location)
		must(t, one.take(ctx, id(200)))
		two := openTest(t, location)
		ann, bob := join(t, one, "ann", 1), join(t, one, "bob", 2)
		must(t, one.befriend(ctx, ann.ID, bob.ID))
		must(t, one.befriend(ctx, bob.ID, ann.ID))
		for _, d := range []*directory{one, two} {
			if fresh, err := d.renew(ctx, []string{"10.0.0.1:7421"}); err != nil || !fresh {
				t.Fatalf("the first lease: %v, %v", fresh, err)
			}
			if fresh, err := d.renew(ctx, nil); err != nil || fresh {
				t.Fatalf("a lease renewed: %v, %v", fresh, err)
			}
		}
		sees := func() rendezvous.Friend {
			f, err := two.friend(ctx, bob.ID, ann.ID, RosterAsk)
			must(t, err)
			return f
		}
		must(t, one.see(ctx, []sighting{{device: id(1), account: ann.ID, presence: rendezvous.Away, addresses: []string{"10.0.0.3:7420", "[fd00::3]:7420"}, address: "10.9.0.3"}}))
		if f := sees(); f.Presence != rendezvous.Away || len(f.Devices[0].Addresses) != 3 {
			t.Errorf("bob sees %+v", f)
		}
		must(t, two.see(ctx, []sighting{{device: id(1), account: ann.ID, presence: rendezvous.Online}}))
		must(t, one.see(ctx, []sighting{{device: id(1), account: ann.ID, presence: rendezvous.Offline}})) // it moved: no longer one's to say
		if f := sees(); f.Presence != rendezvous.Online {
			t.Errorf("after the move bob sees %+v", f)
		}
		if _, at, err := one.seat(ctx, id(1)); err != nil || at != two.name {
			t.Errorf("ann heartbeats to %v, %v", at, err)
		}
		must(t, one.bury(ctx))
		if f := sees(); f.Presence != rendezvous.Online {
			t.Errorf("bob sees %+v while both servers live", f)
		}
		must(t, one.update(ctx, func(t *tx) error { return t.run("UPDATE server SET lease = 1 WHERE id = $1", two.name[:]) }))
		must(t, one.bury(ctx))
		if f := sees(); f.Presence != rendezvous.Offline {
			t.Errorf("bob sees %+v of a dead server", f)
		}
		if fresh, err := two.renew(ctx, nil); err != nil || !fresh {
			t.Errorf("who was taken for dead: %v, %v", fresh, err)
		}
	})
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, location string) {
		d := openTest(t, location)
		must(t, d.update(t.Context(), func(t *tx) error {
			return t.run("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)")
		}))
		if _, err := openDirectory(t.Context(), location); !errors.Is(err, errNewer) {
			t.Errorf("got %v, want %v", err, errNewer)
		}
	})
}

func TestChangesCrossServers(t *testing.T) {
	location := newPostgres(t)
	one, two := openTest(t, location), openTest(t, location)
	must(t, one.take(t.Context(), id(200)))
	heard, listening := make(chan change, 100), make(chan struct{}, 10)
	done := make(chan struct{})
	ctx, cancel := contextFor(t)
	go func() {
		defer close(done)
		two.listen(ctx, func(all []change) {
			for _, c := range all {
				heard <- c
			}
		}, func(error) { listening <- struct{}{} })
	}()
	<-listening
	ann := join(t, one, "ann", 1)
	for want, n := (change{kind: face, account: ann.ID}), 0; ; n++ {
		if got := <-heard; got == want {
			break
		}
		if n == 10 {
			t.Fatal("the new account was not told")
		}
	}
	cancel()
	<-done
}

func contextFor(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), time.Minute)
}
