package server

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// kills is how often the server is killed.
var kills = flag.Int("kills", 10, "how often the server is killed under writes")

// TestKilledUnderWrites kills the server at random moments, while people register,
// befriend each other and change passwords. What was acknowledged is there.
func TestKilledUnderWrites(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "server")
	ledger := &ledger{t: t, passwords: map[string]string{}, friends: map[string]string{}}
	for round := range *kills {
		address, kill := startChild(t, data)
		realm, err := peer.LoadIdentity(filepath.Join(data, keyFile))
		must(t, err)
		ledger.client = func(identity *peer.Identity) *rendezvous.Client {
			c, err := rendezvous.NewClient(rendezvous.ClientConfig{Identity: identity, Realm: realm.ID(), Addresses: []string{address}})
			must(t, err)
			return c
		}
		ledger.check()
		written := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer close(written)
			ledger.write(ctx, round)
		}()
		pause(ctx, time.Duration(20+rand.IntN(300))*time.Millisecond)
		kill()
		cancel()
		<-written
	}
	_, kill := startChild(t, data) // and the database opens
	kill()
	t.Logf("%d accounts and %d friendships after %d kills", len(ledger.passwords), len(ledger.friends), *kills)
	if len(ledger.passwords) < *kills {
		t.Errorf("only %d accounts were made", len(ledger.passwords))
	}
}

// startChild starts a server process and gives its address.
func startChild(t *testing.T, data string) (address string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFolder+"="+data)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	kill = func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		kill()
		t.Fatalf("the server did not start: %v", err)
	}
	return strings.TrimSpace(line), kill
}

// ledger is what a server acknowledged.
type ledger struct {
	t         *testing.T
	client    func(*peer.Identity) *rendezvous.Client
	passwords map[string]string // by user
	friends   map[string]string // who asked, and whom
}

// owner is the device that an account was made with.
func owner(user string) *peer.Identity {
	var seed [32]byte
	copy(seed[:], user)
	return peer.NewIdentity(seed)
}

// write asks the server for one thing after the other, until it is killed.
func (l *ledger) write(ctx context.Context, round int) {
	before := ""
	for n := 0; ctx.Err() == nil; n++ {
		user := fmt.Sprintf("user-%d-%d", round, n)
		c := l.client(owner(user))
		if _, err := c.Register(ctx, rendezvous.Registration{User: user, Password: password}); err != nil {
			c.Close()
			return
		}
		l.passwords[user] = password
		changed := password + fmt.Sprint(n)
		if _, err := c.ChangePassword(ctx, rendezvous.NewPassword{Old: password, New: changed}); err != nil {
			delete(l.passwords, user) // either may be right
			c.Close()
			return
		}
		l.passwords[user] = changed
		if before != "" {
			if _, err := c.Befriend(ctx, before); err == nil {
				l.friends[user] = before
			}
		}
		before = user
		c.Close()
	}
}

// check looks for everything that was acknowledged.
func (l *ledger) check() {
	l.t.Helper()
	for user, password := range l.passwords {
		c := l.client(owner(user))
		if _, err := c.Me(l.t.Context()); err != nil {
			l.t.Errorf("%s is signed out: %v", user, err)
		}
		asked, err := c.Friends(l.t.Context())
		if want := l.friends[user]; err != nil || want != "" && len(asked) == 0 {
			l.t.Errorf("%s asked %s, and that is lost: %v, %v", user, want, asked, err)
		}
		_, err = c.ChangePassword(l.t.Context(), rendezvous.NewPassword{Old: password, New: password})
		if err != nil && !rendezvous.Refused(err, rendezvous.CodeTooMany) {
			l.t.Errorf("the password of %s is lost: %v", user, err)
		}
		c.Close()
	}
}
