package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
)

// admin is somebody who administers the server.
func (s *service) admin(user string, n byte) *person {
	s.t.Helper()
	p := s.person(user, n)
	must(s.t, s.directory.update(s.t.Context(), func(t *tx) error {
		return t.run("UPDATE account SET admin = TRUE WHERE user_name = $1", user)
	}))
	return p
}

func TestAdministration(t *testing.T) {
	serverOnBoth(t, func(t *testing.T, s *service) {
		ctx := t.Context()
		ann, bob := s.admin("ann", 1), s.person("bob", 2)
		bob.beat(rendezvous.Busy, 0)
		eventually(t, func() bool {
			all, err := ann.Online(ctx)
			return err == nil && len(all) == 1 && all[0].User == "bob" && all[0].Device == id(2) && all[0].Presence == rendezvous.Busy && time.Since(all[0].Since) < time.Minute
		})
		made, err := ann.Import(ctx, []rendezvous.Registration{{User: "Cat", Name: "Cat C.", Team: "ops"}, {User: "bob"}, {User: "../x"}, {User: "dan", Password: password}})
		want := []rendezvous.Code{"", rendezvous.CodeTaken, rendezvous.CodeUserName, rendezvous.CodeInvalid}
		if err != nil || len(made) != len(want) {
			t.Fatalf("imported %+v, %v", made, err)
		}
		for i, m := range made {
			if m.Error != want[i] || (m.Password != "") != (m.Error == "") {
				t.Errorf("imported %+v, want %q", m, want[i])
			}
		}
		cat := s.client(3)
		if in, err := cat.Login(ctx, rendezvous.Credentials{User: "cat", Password: made[0].Password}); err != nil || !in.Choose || in.Account.Name != "Cat C." {
			t.Errorf("cat is %+v, %v", in, err)
		}
		must(t, ann.Kick(ctx, bob.in.Account.ID))
		_, err = bob.tryBeat(ctx, rendezvous.Online, 0)
		wantRefused(t, err, rendezvous.CodeSignedOut)
		_, err = bob.Login(ctx, rendezvous.Credentials{User: "bob", Password: password})
		must(t, err)
		must(t, ann.Enable(ctx, bob.in.Account.ID, false))
		_, err = bob.Login(ctx, rendezvous.Credentials{User: "bob", Password: password})
		wantRefused(t, err, rendezvous.CodeCredentials)
		must(t, ann.Enable(ctx, bob.in.Account.ID, true))
		_, err = bob.Login(ctx, rendezvous.Credentials{User: "bob", Password: password})
		must(t, err)
		wantRefused(t, ann.Kick(ctx, uuid.New()), rendezvous.CodeUnknown)
		for _, bad := range []rendezvous.Invite{{Uses: -1}, {Uses: maxInviteUses + 1}, {Until: time.Now().Add(-time.Hour)}, {Until: time.Now().Add(2 * longestInvite)}} {
			_, err := ann.Invite(ctx, bad)
			wantRefused(t, err, rendezvous.CodeInvalid)
		}
		all, err := ann.Accounts(ctx)
		if err != nil || len(all) != 3 || !all[0].Admin || all[1].User != "bob" || all[1].Devices != 1 || all[2].Team != "ops" {
			t.Errorf("accounts %+v, %v", all, err)
		}
	})
}

func TestAKickEndsAHeldHeartbeat(t *testing.T) {
	serverOnBoth(t, func(t *testing.T, s *service) {
		ann, bob := s.admin("ann", 1), s.person("bob", 2)
		befriend(t, ann, bob)
		bob.beat(rendezvous.Online, 0)
		ended := make(chan error, 1)
		go func() {
			var err error
			for err == nil { // until it is told, news of friends may come before
				_, err = bob.tryBeat(t.Context(), rendezvous.Online, maxHold)
			}
			ended <- err
		}()
		ann.sees("bob", is(rendezvous.Online))
		waitHeld(t, s, id(2))
		begun := time.Now()
		must(t, ann.Kick(t.Context(), bob.in.Account.ID))
		wantRefused(t, <-ended, rendezvous.CodeSignedOut)
		t.Logf("out after %v", time.Since(begun))
		f := ann.sees("bob", is(rendezvous.Offline))
		if len(f.Devices) != 0 {
			t.Errorf("bob still has %+v", f.Devices)
		}
	})
}

func TestDevicesOfAnAccount(t *testing.T) {
	s := serve(t, Config{})
	ann := s.person("ann", 1)
	phone := s.client(2)
	_, err := phone.Login(t.Context(), rendezvous.Credentials{User: "ann", Password: password})
	must(t, err)
	ann.beat(rendezvous.Online, 0)
	eventually(t, func() bool {
		devices, err := ann.Devices(t.Context())
		return err == nil && len(devices) == 2 && len(devices[0].Addresses) > 0 && devices[1].ID == id(2) && !devices[1].Since.IsZero()
	})
	must(t, ann.Revoke(t.Context(), id(2)))
	_, err = phone.Me(t.Context())
	wantRefused(t, err, rendezvous.CodeSignedOut)
	wantRefused(t, ann.Revoke(t.Context(), id(2)), rendezvous.CodeUnknown)
}

func TestAnOpenRoster(t *testing.T) {
	s := serve(t, Config{Roster: RosterOpen})
	ann := s.person("ann", 1)
	ann.beat(rendezvous.Online, 0)
	bob := s.person("bob", 2)
	ann.sees("bob", func(f rendezvous.Friend) bool { return f.State == rendezvous.Colleague })
	bob.beat(rendezvous.Online, 0)
	if f := ann.sees("bob", is(rendezvous.Online)); len(f.Devices) != 1 {
		t.Errorf("ann sees %+v", f)
	}
	must(t, ann.Block(t.Context(), bob.in.Account.ID, true))
	if list, err := ann.Friends(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("after a block ann lists %+v, %v", list, err)
	}
}

func TestFiguresForThisMachine(t *testing.T) {
	s := serve(t, Config{Metrics: "127.0.0.1:0"})
	s.person("ann", 1).beat(rendezvous.Online, 0)
	page := func(path string) string {
		answer, err := http.Get("http://" + s.metrics.Addr().String() + path)
		must(t, err)
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		must(t, err)
		return string(b)
	}
	if got := page("/healthz"); got != "ok\n" {
		t.Errorf("healthz says %q", got)
	}
	figures := page("/metrics")
	for _, want := range []string{"\nearshot_devices 1\n", "\nearshot_heartbeats_total 1\n", "# TYPE earshot_answers_total counter", `earshot_answers_total{status="200"}`} {
		if !strings.Contains(figures, want) {
			t.Errorf("no %q in %s", want, figures)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	for _, address := range []string{"0.0.0.0:0", ":0", "10.0.0.1:1", "example.org:1", "127.0.0.1"} {
		if l, err := listenHere(address); err == nil {
			l.Close()
			t.Errorf("figures at %s", address)
		}
	}
}

func TestABackupOfARunningServer(t *testing.T) {
	s := serve(t, Config{})
	s.person("ann", 1)
	file := s.config.Data + "/copy.db"
	must(t, Backup(t.Context(), s.config.Data, file))
	if Backup(t.Context(), s.config.Data, file) == nil {
		t.Error("a copy was replaced")
	}
	copied := openTest(t, file)
	if a, err := copied.byUser(t.Context(), "ann"); err != nil || a.User != "ann" {
		t.Errorf("in the copy ann is %+v, %v", a, err)
	}
}
