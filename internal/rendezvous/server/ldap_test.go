package server

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"earshot/internal/rendezvous"
)

const annsPassword = "pässwort of ann"

// logIn has a device log in.
func (s *service) logIn(n byte, user, password string) (rendezvous.SignedIn, error) {
	s.t.Helper()
	return s.client(n).Login(s.t.Context(), rendezvous.Credentials{User: user, Password: password})
}

func TestPeopleOfADirectorySignIn(t *testing.T) {
	d := startSlapd(t)
	s := serve(t, Config{LDAP: d.config(d.secure), Registration: RegisterInvite})
	in, err := s.logIn(1, "Ann", annsPassword)
	must(t, err)
	if a := in.Account; a.User != "ann" || a.Name != "Ann Lee 李" || a.Team != "Sales" || a.Admin || len(in.Ticket) == 0 {
		t.Errorf("signed in as %+v", a)
	}
	again, err := s.logIn(2, "ann", "pa\u0308sswort of ann") // another keyboard
	must(t, err)
	if again.Account.ID != in.Account.ID {
		t.Error("the second device has another account")
	}
	bob, err := s.logIn(3, "bob", "short") // how long it is was the directory's decision
	must(t, err)
	if bob.Account.Name != "Bob Ray" || bob.Account.Team != "" {
		t.Errorf("signed in as %+v", bob.Account)
	}
	if strings.Contains(s.log.String(), "wort of ann") || !strings.Contains(s.log.String(), "by=directory") {
		t.Errorf("logged %s", s.log.String())
	}
	_, err = s.client(2).ChangePassword(t.Context(), rendezvous.NewPassword{Old: annsPassword, New: "another password"})
	wantRefused(t, err, rendezvous.CodeDirectory)
}

func TestWhoTheDirectoryDoesNotKnowStaysOutside(t *testing.T) {
	d := startSlapd(t)
	s := serve(t, Config{LDAP: d.config(d.plain)})
	said := map[string]bool{}
	for n, c := range []struct{ user, password string }{
		{"ann", "wrong password"}, {"nobody", annsPassword}, {"ann", ""}, {"ann", strings.Repeat("x", 300)},
		{"*", annsPassword}, {"ann,ou=people", annsPassword}, {"ann)(uid=*", annsPassword}, {"", annsPassword}, {"ann\x00", annsPassword},
	} {
		_, err := s.logIn(byte(10+n), c.user, c.password)
		wantRefused(t, err, rendezvous.CodeCredentials)
		said[err.Error()] = true
	}
	if len(said) != 1 {
		t.Errorf("the answers differ: %v", said)
	}
	_, err := s.logIn(1, "ann", annsPassword)
	must(t, err)
	d.asAdmin(func(c *ldap.Conn) error {
		return c.Del(ldap.NewDelRequest("uid=ann,ou=people,dc=example,dc=org", nil))
	})
	_, err = s.logIn(2, "ann", annsPassword) // the account is still there
	wantRefused(t, err, rendezvous.CodeCredentials)
}

func TestNobodyTakesANameOfTheDirectory(t *testing.T) {
	d := startSlapd(t)
	s := serve(t, Config{LDAP: d.config(d.plain), Registration: RegisterOpen})
	_, err := s.client(1).Register(t.Context(), rendezvous.Registration{User: "ann", Password: password})
	wantRefused(t, err, rendezvous.CodeInvite)

	links, _, err := s.JoinLinks(t.Context())
	must(t, err)
	admin := s.client(2)
	in, err := admin.Register(t.Context(), rendezvous.Registration{User: "boss", Password: password, Code: links[0].Code})
	if err != nil || !in.Account.Admin {
		t.Fatalf("the administrator: %+v, %v", in.Account, err)
	}
	_, err = s.logIn(3, "boss", password) // a password of the server's own
	must(t, err)
	ann, err := s.logIn(4, "ann", annsPassword)
	must(t, err)
	_, err = admin.Reset(t.Context(), ann.Account.ID)
	wantRefused(t, err, rendezvous.CodeDirectory)
	must(t, admin.Enable(t.Context(), ann.Account.ID, false))
	_, err = s.logIn(5, "ann", annsPassword)
	wantRefused(t, err, rendezvous.CodeCredentials)
}

func TestAClosedServerAdoptsNobody(t *testing.T) {
	d := startSlapd(t)
	data := t.TempDir()
	s := serve(t, Config{Data: data, LDAP: d.config(d.plain)})
	_, err := s.logIn(1, "ann", annsPassword)
	must(t, err)
	s.stop()
	s = serve(t, Config{Data: data, LDAP: d.config(d.plain), Registration: RegisterClosed})
	_, err = s.logIn(2, "bob", "short")
	wantRefused(t, err, rendezvous.CodeClosed)
	_, err = s.logIn(3, "ann", annsPassword) // she has an account
	must(t, err)
	s.stop()
	s = serve(t, Config{Data: data}) // without the directory
	_, err = s.logIn(4, "ann", annsPassword)
	wantRefused(t, err, rendezvous.CodeCredentials)
}

func TestTwoFirstLogInsMakeOneAccount(t *testing.T) {
	d := startSlapd(t)
	s := serve(t, Config{LDAP: d.config(d.plain)})
	var wg sync.WaitGroup
	accounts := make([]rendezvous.SignedIn, 6)
	for n := range accounts {
		c := s.client(byte(20 + n))
		wg.Go(func() {
			var err error
			if accounts[n], err = c.Login(t.Context(), rendezvous.Credentials{User: "ann", Password: annsPassword}); err != nil {
				t.Errorf("log in: %v", err)
			}
		})
	}
	wg.Wait()
	for _, in := range accounts[1:] {
		if in.Account.ID != accounts[0].Account.ID {
			t.Errorf("got accounts %v and %v", accounts[0].Account.ID, in.Account.ID)
		}
	}
}

// asks makes what asks a directory.
func asks(t *testing.T, c LDAP) *ldapServer {
	t.Helper()
	l, err := newLDAP(c)
	must(t, err)
	return l
}

func TestADirectoryIsAskedOnEachWay(t *testing.T) {
	d := startSlapd(t)
	start := asks(t, d.config(d.plain))
	start.start, start.tls = true, asks(t, d.config(d.secure)).tls // as for another machine
	for way, l := range map[string]*ldapServer{
		"ldap, on this machine": asks(t, d.config(d.plain)), "ldaps": asks(t, d.config(d.secure)),
		"ldapi": asks(t, d.config(d.socket)), "StartTLS": start,
	} {
		t.Run(way, func(t *testing.T) {
			if e, err := l.prove(t.Context(), "ann", annsPassword); err != nil || e != (ldapEntry{"Ann Lee 李", "Sales"}) {
				t.Errorf("got %+v, %v", e, err)
			}
			if _, err := l.prove(t.Context(), "ann", "wrong"); !errors.Is(err, errWrong) {
				t.Errorf("with a wrong password: %v", err)
			}
		})
	}
}

func TestADirectoryWithAnotherCertificateGetsNoPassword(t *testing.T) {
	d := startSlapd(t)
	c := d.config(d.secure)
	c.Roots = x509.NewCertPool()
	l := asks(t, c)
	if _, err := l.prove(t.Context(), "ann", annsPassword); err == nil || errors.Is(err, errWrong) {
		t.Errorf("by ldaps: %v", err)
	}
	l.address = strings.TrimPrefix(d.plain, "ldap://")
	l.start = true
	if _, err := l.prove(t.Context(), "ann", annsPassword); err == nil || errors.Is(err, errWrong) {
		t.Errorf("by StartTLS: %v", err)
	}
}

func TestAnEntryIsSoughtWhereTheNameIsNoDN(t *testing.T) {
	d := startSlapd(t)
	l := asks(t, LDAP{URL: d.plain, Bind: "%s@example.org", Base: "dc=example,dc=org"})
	if got := l.name("ann"); got != "ann@example.org" {
		t.Errorf("signs in as %q", got)
	}
	d.asAdmin(func(c *ldap.Conn) error {
		for user, want := range map[string]ldapEntry{"ann": {"Ann Lee 李", "Sales"}, "*": {}, "nobody": {}, "x)(uid=ann": {}} {
			if got := l.entry(c, user); got != want {
				t.Errorf("%s is %+v, want %+v", user, got, want)
			}
		}
		return nil
	})
	if got := asks(t, LDAP{URL: d.plain, Bind: directoryBind}).name("a,b=c\x00"); got != `uid=a\,b=c\00,ou=people,dc=example,dc=org` {
		t.Errorf("escaped as %q", got)
	}
}

func TestWhatIsNoDirectoryIsRefusedAtTheStart(t *testing.T) {
	for _, c := range []LDAP{
		{URL: "ldaps://host", Bind: "uid=ann"}, {URL: "ldaps://host", Bind: "uid=%s,cn=%s"}, {URL: "ldaps://", Bind: "%s"},
		{URL: "http://host", Bind: "%s"}, {URL: "ldaps://user:word@host", Bind: "%s"}, {URL: "ldaps://host/dc=x", Bind: "%s"}, {URL: "host", Bind: "%s"},
	} {
		if _, err := newLDAP(c); !errors.Is(err, ErrLDAP) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for url, secure := range map[string]bool{"ldap://dc.example.org": true, "ldap://localhost": true, "ldap://10.0.0.1": true, "ldap://127.0.0.1": false, "ldap://[::1]": false} {
		if l := asks(t, LDAP{URL: url, Bind: "%s"}); (l.tls != nil) != secure || l.start != secure {
			t.Errorf("%s: TLS %v, StartTLS %v", url, l.tls != nil, l.start)
		}
	}
}

func TestAHostileDirectory(t *testing.T) {
	endless := func(c net.Conn, head string) {
		_, _ = io.WriteString(c, head)
		for junk := []byte(strings.Repeat("x", 1<<16)); ; {
			if _, err := c.Write(junk); err != nil {
				return
			}
		}
	}
	for what, behave := range map[string]func(net.Conn){
		"says nothing":         func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"hangs up":             func(net.Conn) {},
		"talks nonsense":       func(c net.Conn) { endless(c, "SSH-2.0-") },
		"claims two gigabytes": func(c net.Conn) { endless(c, "\x30\x84\x7f\xff\xff\xff\x04\x84\x7f\xff\xff\xf0") },
		"has no end":           func(c net.Conn) { endless(c, "\x30\x80") },
		"answers another question": func(c net.Conn) {
			_, _ = io.WriteString(c, "\x30\x0c\x02\x01\x63\x61\x07\x0a\x01\x00\x04\x00\x04\x00")
			_, _ = io.Copy(io.Discard, c)
		},
		"nests without end": func(c net.Conn) { endless(c, strings.Repeat("\x30\x80", 1<<16)) },
	} {
		t.Run(what, func(t *testing.T) {
			l := asks(t, LDAP{URL: "ldap://" + listenAs(t, behave), Bind: directoryBind})
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			begun := time.Now()
			_, err := l.prove(ctx, "ann", annsPassword)
			if err == nil || errors.Is(err, errWrong) || time.Since(begun) > 3*time.Second*slowFactor {
				t.Errorf("got %v after %v", err, time.Since(begun))
			}
		})
	}
	t.Run("and its people are told to come later", func(t *testing.T) {
		s := serve(t, Config{LDAP: LDAP{URL: "ldap://" + listenAs(t, func(net.Conn) {}), Bind: directoryBind}})
		_, err := s.logIn(1, "ann", annsPassword)
		wantRefused(t, err, rendezvous.CodeUnavailable)
		if strings.Contains(s.log.String(), annsPassword) {
			t.Errorf("logged %s", s.log.String())
		}
	})
}

// listenAs is the address of what behaves so on each connection.
func listenAs(t *testing.T, behave func(net.Conn)) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); behave(c) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}
