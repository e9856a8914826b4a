package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

func TestAClaimedAddressIsNone(t *testing.T) {
	s := serve(t, Config{})
	s.person("ann", 1)
	t.Run("addresses that a request claims/L-09", func(t *testing.T) {
		body := `{"presence":"online","instance":"019b76da-a800-7000-8000-000000000001","addresses":[],"received":0,"epoch":0,"hold":0}`
		status, _ := s.call(1, "POST", "/v1/heartbeat", body, "X-Forwarded-For: 10.66.66.66", "Forwarded: for=10.66.66.66", "X-Real-IP: 10.66.66.66")
		if status != http.StatusOK {
			t.Errorf("answered with %d", status)
		}
		eventually(t, func() bool { all, _ := s.Online(t.Context()); return len(all) == 1 })
		if all, err := s.Online(t.Context()); err != nil || all[0].Address != "127.0.0.1" {
			t.Errorf("on-line: %+v, %v", all, err)
		}
		conn, err := net.Dial("tcp", s.Addr().String())
		must(t, err)
		defer conn.Close()
		config, err := peer.HTTPConfig(device(1), s.Realm())
		must(t, err)
		fmt.Fprintf(conn, "PROXY TCP4 10.66.66.66 10.0.0.1 5 7421\r\n")
		if err := tls.Client(conn, config).HandshakeContext(t.Context()); err == nil {
			t.Error("a PROXY line is taken")
		}
	})
}

func TestTooMuch(t *testing.T) {
	s := serve(t, Config{})
	ann := s.person("ann", 1)
	var err error
	for n := 0; err == nil && n < 1000; n++ {
		_, err = ann.Friends(t.Context())
	}
	wantRefused(t, err, rendezvous.CodeTooMany)

	// Somebody guesses ann's password from many devices: she is not locked out.
	for n := byte(10); n < 40; n++ {
		_, err = s.client(n).Login(t.Context(), rendezvous.Credentials{User: "ann", Password: "wrong password"})
	}
	wantRefused(t, err, rendezvous.CodeTooMany)
	if _, err := ann.Login(t.Context(), rendezvous.Credentials{User: "ann", Password: password}); err != nil {
		t.Errorf("ann's own device: %v", err)
	}
}

func TestManyHeartbeatsAndASlowReader(t *testing.T) {
	const people = 100
	s := serve(t, Config{})
	all := s.crowd(t, people)
	slow := s.dial(1) // ann reads nothing of what she asks for, again and again
	body := fmt.Sprintf(`{"presence":"online","instance":"%s","addresses":[],"received":0,"epoch":0,"hold":0}`, all[0].instance)
	request := fmt.Sprintf("POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	slow.SetWriteDeadline(time.Now().Add(patience))
	t.Run("a reader that does not read/L-07", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		flooded := make(chan struct{})
		go func() {
			defer close(flooded)
			for range 10_000 {
				if _, err := io.WriteString(slow, request); err != nil || ctx.Err() != nil {
					return
				}
			}
		}()
		var mu sync.Mutex
		var longest time.Duration
		var wg sync.WaitGroup
		for _, p := range all[1:] {
			wg.Go(func() {
				for range 3 {
					begun := time.Now()
					if err := p.beatInTime(ctx); err != nil {
						t.Error(err)
					}
					mu.Lock()
					longest = max(longest, time.Since(begun))
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		cancel()
		slow.Close()
		<-flooded
		t.Logf("the slowest of %d heartbeats took %v", 3*(people-1), longest)
		if longest > time.Second*slowFactor {
			t.Errorf("the slowest heartbeat took %v", longest)
		}
	})
}

// beatInTime heartbeats until there is an answer: on a machine that has other things to
// do one may come too late for its client.
func (p *person) beatInTime(ctx context.Context) error {
	for end := time.Now().Add(patience); ; {
		_, err := p.tryBeat(ctx, rendezvous.Online, 0)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// slowFactor is what a test may wait longer than the figure: only benchmarks judge
// figures.
const slowFactor = 10

// crowd are people who are signed in, made in the database, each with a device.
func (s *service) crowd(t *testing.T, n int) []*person {
	t.Helper()
	all := make([]*person, n)
	for i := range all {
		identity := peer.NewIdentity([32]byte{byte(i + 1), byte((i + 1) >> 8), 1})
		if i < 255 {
			identity = device(byte(i + 1))
		}
		of := identity.ID()
		c, err := s.directory.register(t.Context(), newAccount{user: fmt.Sprintf("user%d", i), policy: RegisterOpen, device: &of})
		must(t, err)
		client, err := rendezvous.NewClient(rendezvous.ClientConfig{Identity: identity, Realm: s.Realm(), Addresses: []string{s.Addr().String()}})
		must(t, err)
		t.Cleanup(func() { client.Close() })
		all[i] = &person{Client: client, t: t, device: of, instance: uuid.New(), user: c.User, in: rendezvous.SignedIn{Account: c.Account}}
	}
	return all
}

func TestAPresenceStorm(t *testing.T) {
	t.Parallel()
	s := serve(t, Config{})
	all := s.crowd(t, 20)
	watcher, others := all[0], all[1:]
	for _, p := range others {
		must(t, s.directory.befriend(t.Context(), watcher.in.Account.ID, p.in.Account.ID))
		must(t, s.directory.befriend(t.Context(), p.in.Account.ID, watcher.in.Account.ID))
	}
	t.Run("everybody comes and goes all the time/L-11", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for _, p := range others {
			wg.Go(func() {
				tick := time.NewTicker(250 * time.Millisecond)
				defer tick.Stop()
				for n := 0; ctx.Err() == nil; n++ {
					p.tryBeat(ctx, []rendezvous.Presence{rendezvous.Online, rendezvous.Away}[n%2], 0)
					select {
					case <-tick.C:
					case <-ctx.Done():
					}
				}
			})
		}
		told := map[uuid.UUID]int{}
		answers := 0
		for begun := time.Now(); time.Since(begun) < 4*time.Second; answers++ {
			for _, f := range watcher.beat(rendezvous.Online, 2*time.Second).Friends {
				told[f.Account]++
			}
		}
		cancel()
		wg.Wait()
		t.Logf("%d answers of %d friends in 4 s", answers, len(told))
		for account, n := range told {
			if n > 2*6+1 {
				t.Errorf("%s was told %d times in at most 6 s", account, n)
			}
		}
		if len(told) != len(others) {
			t.Errorf("heard of %d friends, want %d", len(told), len(others))
		}
	})
}
