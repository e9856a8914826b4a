package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// dial is a connection of a device to the server, below HTTP.
func (s *service) dial(n byte) *tls.Conn { return s.dialAs(device(n)) }

func (s *service) dialAs(identity *peer.Identity) *tls.Conn {
	s.t.Helper()
	config, err := peer.HTTPConfig(identity, s.Realm())
	must(s.t, err)
	conn, err := tls.Dial("tcp", s.Addr().String(), config)
	must(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// send sends a request as it is written and gives status and body of the answer.
func send(t *testing.T, conn net.Conn, request string) (int, string) {
	t.Helper()
	conn.SetDeadline(time.Now().Add(patience))
	_, err := io.WriteString(conn, request)
	must(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(body)
}

// readStrict reads an answer.
func readStrict(raw []byte, into any) error { return json.Unmarshal(raw, into, strict) }

// call is send on a connection of its own.
func (s *service) call(n byte, method, path, body string, headers ...string) (int, string) {
	s.t.Helper()
	extra := ""
	for _, h := range headers {
		extra += h + "\r\n"
	}
	conn := s.dial(n)
	defer conn.Close()
	return send(s.t, conn, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: earshot\r\n%sContent-Length: %d\r\n\r\n%s", method, path, extra, len(body), body))
}

func TestHostileJSON(t *testing.T) {
	s := serve(t, Config{})
	s.person("ann", 1)
	t.Run("JSON that two readers read differently/F-09", func(t *testing.T) {
		for _, body := range []string{
			"", "null x", "[]", `"x"`, `{"presence":"online"`, `{"presence":"online"}{}`, `{"presence":"online"} x`,
			`{"presence":"online","presence":"busy"}`, `{"Presence":"online"}`, `{"presence":"online","hold":1e3}`, `{"presence":"online","hold":1.0}`,
			`{"presence":"online","received":18446744073709551616}`, `{"presence":"online","hold":9223372036854775808}`, `{"presence":"online","received":-1}`,
			`{"presence":"\ud800"}`, "{\"presence\":\"\xff\"}", `{"presence":"online","new":1}`, `{"presence":"online","hold":-1}`, `{"presence":"asleep"}`,
			`{"presence":"online","instance":"x"}`, `{"presence":"online","addresses":["host:1"]}`, `{"presence":"online","addresses":["10.0.0.3:0"]}`, `{"presence":"online","addresses":["10.0.0.3:1,2"]}`,
			`{"presence":"online","addresses":["fe80::1%eth0:1"]}`, `{"presence":"online","addresses":["224.0.0.251:5353"]}`,
			`{"presence":"online","addresses":[` + strings.Repeat(`"10.0.0.3:7420",`, 16) + `"10.0.0.3:7420"]}`,
			`{"presence":"online","x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, strings.Repeat("[", 10_000),
			`{"presence":"` + strings.Repeat("a", maxBody) + `"}`,
		} {
			if status, answer := s.call(1, "POST", "/v1/heartbeat", body); status != http.StatusBadRequest || answer != `{"error":"invalid"}` {
				t.Errorf("%.80q is answered with %d, %s", body, status, answer)
			}
		}
		if status, answer := s.call(1, "POST", "/v1/heartbeat", `{"presence":"online","instance":"019b76da-a800-7000-8000-000000000001","addresses":[],"received":0,"epoch":0,"hold":0}`); status != http.StatusOK {
			t.Errorf("a good one is answered with %d, %s", status, answer)
		}
	})
	for _, path := range []string{"/", "/v1/me/", "/v1/admin/accounts/x/kick", "/v1/friends/../me", "/metrics", "/healthz"} {
		if status, _ := s.call(1, "GET", path, ""); status == http.StatusOK {
			t.Errorf("%s is answered", path)
		}
	}
	if status, _ := s.call(1, "DELETE", "/v1/friends/{019B76DA-A800-7000-8000-000000000001}", ""); status != http.StatusBadRequest {
		t.Errorf("another form of a UUID: %d", status)
	}
}

func FuzzHeartbeat(f *testing.F) {
	f.Add([]byte(`{"presence":"online","instance":"019b76da-a800-7000-8000-000000000001","addresses":["10.0.0.3:7420"],"received":1,"epoch":0,"hold":20000}`))
	f.Add([]byte(`{"presence":"online","addresses":["[fd00::3]:7420"],"revoked":"AAAA"}`))
	f.Add([]byte(`{"presence":"online","presence":"busy"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		beat, err := parseHeartbeat(body)
		if err != nil {
			return
		}
		if beat.Hold < 0 || beat.Hold > int(maxHold.Milliseconds()) || len(beat.Addresses) > maxAddresses {
			t.Errorf("taken: %+v", beat)
		}
	})
}

func TestWhoMayDoWhat(t *testing.T) {
	s := serve(t, Config{})
	ann, bob := s.person("ann", 1), s.person("bob", 2)
	must(t, s.directory.update(t.Context(), func(t *tx) error { return t.run("UPDATE account SET admin = TRUE WHERE user_name = 'ann'") }))
	if _, err := ann.Accounts(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run("an administrator's commands of somebody else/A-15", func(t *testing.T) {
		account := ann.in.Account.ID.String()
		for _, c := range [][2]string{
			{"GET", "online"}, {"GET", "accounts"}, {"POST", "accounts/" + account + "/kick"}, {"POST", "accounts/" + account + "/disable"},
			{"POST", "accounts/" + account + "/enable"}, {"POST", "accounts/" + account + "/reset"}, {"POST", "invites"}, {"POST", "import"},
		} {
			if status, answer := s.call(2, c[0], "/v1/admin/"+c[1], "{}"); status != http.StatusForbidden || answer != `{"error":"forbidden"}` {
				t.Errorf("%s %s is answered with %d, %s", c[0], c[1], status, answer)
			}
			if status, _ := s.call(9, c[0], "/v1/admin/"+c[1], "{}"); status != http.StatusUnauthorized {
				t.Errorf("%s %s of a stranger is answered with %d", c[0], c[1], status)
			}
		}
		for _, body := range []string{`{"admin":true}`, `{"name":"Bob","admin":true}`, `{"user":"root"}`, `{"account":"` + account + `"}`, `{"Admin":true}`} {
			if status, _ := s.call(2, "PATCH", "/v1/me", body); status != http.StatusBadRequest {
				t.Errorf("%s is answered with %d", body, status)
			}
		}
		if me, err := bob.Me(t.Context()); err != nil || me.Account.Admin {
			t.Errorf("bob is %+v, %v", me.Account, err)
		}
		if _, err := ann.Me(t.Context()); err != nil {
			t.Errorf("ann is out: %v", err)
		}
		if !strings.Contains(s.log.String(), "user=bob path=/v1/admin/online") {
			t.Error("it was not logged")
		}
	})
	wantRefused(t, ann.Enable(t.Context(), ann.in.Account.ID, false), rendezvous.CodeInvalid)
}

// recorder keeps what is written to a connection.
type recorder struct {
	net.Conn
	kept *bytes.Buffer
}

func (r recorder) Write(b []byte) (int, error) {
	r.kept.Write(b)
	return r.Conn.Write(b)
}

func TestLogIn(t *testing.T) {
	serverOnBoth(t, func(t *testing.T, s *service) {
		ann := s.person("ann", 1)
		login := func(n byte, user, password string) error {
			_, err := s.client(n).Login(t.Context(), rendezvous.Credentials{User: user, Password: password})
			return err
		}
		wantRefused(t, login(2, "ann", "wrong password"), rendezvous.CodeCredentials)
		wantRefused(t, login(2, "nobody-here", password), rendezvous.CodeCredentials)
		wantRefused(t, login(2, "../ann", password), rendezvous.CodeCredentials)
		must(t, login(2, "ANN", password))
		t.Run("another way to log in/A-07", func(t *testing.T) {
			for _, c := range []struct{ path, body, header string }{
				{"/v1/login", `{"user":"ann","password":"` + password + `","method":"plain"}`, "X: y"},
				{"/v1/login", `{"user":"ann"}`, "Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ=="},
				{"/v1/login", `{"user":"ann","hash":"x"}`, "X: y"}, {"/v0/login", `{"user":"ann","password":"` + password + `"}`, "X: y"},
				{"/v1/me", ``, "Authorization: Bearer ann"}, {"/v1/me", ``, "Cookie: session=1"},
			} {
				if status, answer := s.call(3, "POST", c.path, c.body, c.header); status < 400 || strings.Contains(answer, "ticket") {
					t.Errorf("%s %s: %d, %s", c.path, c.body, status, answer)
				}
			}
			weak, err := peer.HTTPConfig(device(3), s.Realm())
			must(t, err)
			weak.MinVersion, weak.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
			if _, err := tls.Dial("tcp", s.Addr().String(), weak); err == nil {
				t.Error("TLS 1.2 is spoken")
			}
			if conn, err := net.Dial("tcp", s.Addr().String()); err == nil {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				fmt.Fprintf(conn, "GET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n")
				if answer, _ := io.ReadAll(conn); bytes.Contains(answer, []byte("200")) {
					t.Errorf("without TLS: %s", answer)
				}
			}
		})
		t.Run("what another device recorded/A-09", func(t *testing.T) {
			var recorded bytes.Buffer
			c, err := rendezvous.NewClient(rendezvous.ClientConfig{
				Identity: device(5), Realm: s.Realm(), Addresses: []string{s.Addr().String()},
				Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := net.Dial(network, address)
					return recorder{conn, &recorded}, err
				},
			})
			must(t, err)
			defer c.Close()
			_, err = c.Login(t.Context(), rendezvous.Credentials{User: "ann", Password: password})
			must(t, err)
			must(t, c.Logout(t.Context()))
			conn, err := net.Dial("tcp", s.Addr().String())
			must(t, err)
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			conn.Write(recorded.Bytes()) // the server may hang up in the middle
			io.Copy(io.Discard, conn)
			if _, err := c.Me(t.Context()); !rendezvous.Refused(err, rendezvous.CodeSignedOut) {
				t.Errorf("a recorded log-in signed its device in again: %v", err)
			}
			status, answer := s.call(4, "GET", "/v1/me", "", fmt.Sprintf("Authorization: %x", ann.in.Ticket))
			if status != http.StatusUnauthorized || answer != `{"error":"signed_out"}` {
				t.Errorf("another device gets %d, %s", status, answer)
			}
			if _, err := peer.OpenTicket(ann.in.Ticket, s.Realm(), id(4), time.Now()); err == nil {
				t.Error("ann's ticket is another device's too")
			}
		})
	})
}

func TestAResetPassword(t *testing.T) {
	s := serve(t, Config{})
	ann, bob := s.person("ann", 1), s.person("bob", 2)
	must(t, s.directory.update(t.Context(), func(t *tx) error { return t.run("UPDATE account SET admin = TRUE WHERE user_name = 'ann'") }))
	reset, err := ann.Reset(t.Context(), bob.in.Account.ID)
	must(t, err)
	_, err = bob.Me(t.Context())
	wantRefused(t, err, rendezvous.CodeSignedOut)
	in, err := bob.Login(t.Context(), rendezvous.Credentials{User: "bob", Password: reset.Password})
	if err != nil || !in.Choose || len(in.Ticket) > 0 {
		t.Fatalf("signed in as %+v, %v", in, err)
	}
	_, err = bob.Friends(t.Context())
	wantRefused(t, err, rendezvous.CodeChoose)
	_, err = s.client(3).Login(t.Context(), rendezvous.Credentials{User: "bob", Password: reset.Password})
	wantRefused(t, err, rendezvous.CodeCredentials)
	in, err = bob.ChangePassword(t.Context(), rendezvous.NewPassword{Old: reset.Password, New: "another password"})
	if err != nil || in.Choose || len(in.Ticket) == 0 {
		t.Errorf("signed in as %+v, %v", in, err)
	}
	if _, err = bob.Friends(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSignedOutIsOut(t *testing.T) {
	serverOnBoth(t, func(t *testing.T, s *service) {
		ann := s.person("ann", 1)
		second := &person{Client: s.client(2), t: t, instance: uuid.New(), user: "ann"}
		var err error
		second.in, err = second.Login(t.Context(), rendezvous.Credentials{User: "ann", Password: password})
		must(t, err)
		second.beat(rendezvous.Online, 0)
		held := make(chan error, 1)
		go func() {
			second.beat(rendezvous.Online, 0)
			_, err := second.tryBeat(t.Context(), rendezvous.Online, maxHold)
			held <- err
		}()
		waitHeld(t, s, id(2))
		t.Run("a device that is signed out/A-11", func(t *testing.T) {
			_, err := ann.ChangePassword(t.Context(), rendezvous.NewPassword{Old: "wrong password", New: "another password"})
			wantRefused(t, err, rendezvous.CodeCredentials)
			_, err = ann.ChangePassword(t.Context(), rendezvous.NewPassword{Old: password, New: "another password"})
			must(t, err)
			for err := <-held; !rendezvous.Refused(err, rendezvous.CodeSignedOut); _, err = second.tryBeat(t.Context(), rendezvous.Online, 0) {
				if err != nil {
					t.Fatal(err)
				}
			}
			_, err = second.Me(t.Context())
			wantRefused(t, err, rendezvous.CodeSignedOut)
			_, err = s.client(2).Login(t.Context(), rendezvous.Credentials{User: "ann", Password: password})
			wantRefused(t, err, rendezvous.CodeCredentials)
			news := ann.beat(rendezvous.Online, 0)
			list, err := peer.ParseRevocations(news.Revoked)
			ticket, bad := peer.ParseTicket(second.in.Ticket)
			if err != nil || bad != nil || !list.Voids(ticket) {
				t.Errorf("the list %+v, %v does not void the ticket", list, err)
			}
			if mine, err := peer.ParseTicket(ann.in.Ticket); err != nil || list.Voids(mine) {
				t.Errorf("the list voids the ticket of the device that stays, %v", err)
			}
			must(t, ann.Logout(t.Context()))
			_, err = ann.tryBeat(t.Context(), rendezvous.Online, 0)
			wantRefused(t, err, rendezvous.CodeSignedOut)
		})
	})
}

func TestRequestsToEverybody(t *testing.T) {
	s := serve(t, Config{})
	ann, bob := s.person("ann", 1), s.person("bob", 2)
	t.Run("friend requests/A-17", func(t *testing.T) {
		_, err := ann.Befriend(t.Context(), "ann")
		wantRefused(t, err, rendezvous.CodeInvalid)
		for _, user := range []string{"carl", "", "../bob", "b\u043eb"} {
			_, err = ann.Befriend(t.Context(), user)
			wantRefused(t, err, rendezvous.CodeUnknown)
		}
		_, err = ann.Accept(t.Context(), uuid.New())
		wantRefused(t, err, rendezvous.CodeUnknown)
		must(t, bob.Block(t.Context(), ann.in.Account.ID, true))
		for range 2 {
			f, err := ann.Befriend(t.Context(), "bob")
			if err != nil || f.State != rendezvous.Outgoing {
				t.Errorf("blocked, ann sees %+v, %v", f, err)
			}
		}
		if list, err := bob.Friends(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("bob sees %+v, %v", list, err)
		}
		if news := bob.beat(rendezvous.Online, 0); len(news.Friends) != 0 {
			t.Errorf("bob hears %+v", news.Friends)
		}
	})
}

func TestInvitationsFromElsewhere(t *testing.T) {
	s, other := serve(t, Config{Registration: RegisterInvite}), serve(t, Config{Registration: RegisterInvite})
	t.Run("an invitation with another key, at another server/A-21", func(t *testing.T) {
		code, err := other.directory.invite(t.Context(), 1, time.Now().Add(time.Hour))
		must(t, err)
		_, err = s.client(1).Register(t.Context(), rendezvous.Registration{User: "ann", Password: password, Code: code})
		wantRefused(t, err, rendezvous.CodeInvite)
		c, err := rendezvous.NewClient(rendezvous.ClientConfig{Identity: device(1), Realm: id(66), Addresses: []string{other.Addr().String()}})
		must(t, err)
		defer c.Close()
		if _, err = c.Register(t.Context(), rendezvous.Registration{User: "ann", Password: password, Code: code}); err == nil {
			t.Error("a server with another key than the link's was told the password")
		}
		if _, err = other.client(1).Register(t.Context(), rendezvous.Registration{User: "ann", Password: password, Code: code}); err != nil {
			t.Errorf("the right server: %v", err)
		}
	})
}

func TestAStolenDatabase(t *testing.T) {
	s := serve(t, Config{Registration: RegisterInvite})
	links, _, err := s.JoinLinks(t.Context())
	must(t, err)
	ann := s.client(1)
	_, err = ann.Register(t.Context(), rendezvous.Registration{User: "ann", Password: password, Code: links[0].Code})
	must(t, err)
	invited, err := ann.Invite(t.Context(), rendezvous.Invite{Uses: 5})
	must(t, err)
	link, err := rendezvous.ParseLink(invited.Link)
	must(t, err)
	a, err := s.directory.byUser(t.Context(), "ann")
	must(t, err)
	key, err := os.ReadFile(filepath.Join(s.config.Data, keyFile))
	must(t, err)
	files, err := filepath.Glob(filepath.Join(s.config.Data, databaseFile+"*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v, %v", files, err)
	}
	var stolen []byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		must(t, err)
		stolen = append(stolen, b...)
	}
	if !bytes.Contains(stolen, []byte("argon2id")) {
		t.Fatal("this is not the database")
	}
	secrets := map[string]string{
		"password": password, "administrator's code": links[0].Code, "invitation": link.Code, "key": strings.Split(string(key), "\n")[1],
	}
	t.Run("a stolen database/A-19", func(t *testing.T) {
		for what, secret := range secrets {
			if bytes.Contains(stolen, []byte(secret)) {
				t.Errorf("it holds the %s", what)
			}
		}
		for _, value := range []string{a.password, strings.Split(a.password, "$")[5]} {
			_, err := s.client(2).Login(t.Context(), rendezvous.Credentials{User: "ann", Password: value})
			wantRefused(t, err, rendezvous.CodeCredentials)
		}
		_, err := s.client(2).Register(t.Context(), rendezvous.Registration{User: "eve", Password: password, Code: string(codeHash(link.Code)[:8])})
		if err == nil {
			t.Error("the hash of a code is a code")
		}
	})
	t.Run("secrets in the log and the database/H-21", func(t *testing.T) {
		for what, secret := range secrets {
			if strings.Contains(s.log.String(), secret) || bytes.Contains(stolen, []byte(secret)) {
				t.Errorf("the %s is there", what)
			}
		}
		if !strings.Contains(s.log.String(), "user=ann") {
			t.Error("nothing was logged")
		}
	})
}

func TestAServerFromABackup(t *testing.T) {
	s := serve(t, Config{})
	ann, eve := s.person("ann", 1), s.person("eve", 2)
	void, err := peer.ParseTicket(eve.in.Ticket)
	must(t, err)
	newer := peer.Revocations{Epoch: 7}.Add(void.Device, void.Serial)
	signed, err := newer.Sign(s.realm)
	must(t, err)
	forged, err := newer.Sign(device(66))
	must(t, err)
	beat := func(revoked []byte) (rendezvous.News, error) {
		news, err := ann.Heartbeat(t.Context(), rendezvous.Heartbeat{Instance: ann.instance, Presence: rendezvous.Online, Received: ann.received, Epoch: 7, Revoked: revoked})
		if err == nil {
			ann.received = news.Number
		}
		return news, err
	}
	_, err = beat(nil)
	must(t, err)
	news, err := beat(nil)
	if err != nil || !news.Behind {
		t.Fatalf("ann knows a newer list and is told %+v, %v", news, err)
	}
	if news, err = beat(nil); err != nil || news.Behind {
		t.Errorf("ann is asked again: %+v, %v", news, err)
	}
	_, err = beat(forged)
	wantRefused(t, err, rendezvous.CodeInvalid)
	_, err = eve.Me(t.Context())
	must(t, err)
	news, err = beat(signed)
	must(t, err)
	list, err := peer.ParseRevocations(news.Revoked)
	if err != nil || list.Epoch <= 7 || !list.Voids(void) {
		t.Errorf("after it the list is %+v, %v", list, err)
	}
	_, err = eve.Me(t.Context())
	wantRefused(t, err, rendezvous.CodeSignedOut)
}
