package server

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// strangers is how many come; under the race detector never more than 500.
var strangers = flag.Int("strangers", 2000, "how many strangers come to the server")

// TestStrangersLeaveNothingBehind has devices that nobody knows prove their keys and
// ask, each once, from a hundred addresses.
func TestStrangersLeaveNothingBehind(t *testing.T) {
	come := *strangers
	if raceOn {
		come = min(come, 500)
	}
	s := serve(t, Config{})
	ann := s.person("ann", 1)
	ann.beat(rendezvous.Online, 0)
	t.Run("strangers' keys, one after the other/L-05", func(t *testing.T) {
		eventually(t, func() bool { n, _ := s.Online(t.Context()); return len(n) == 1 })
		rows, bytes := s.rows(), s.size()
		ctx, cancel := context.WithCancel(t.Context())
		var known sync.WaitGroup
		known.Go(func() {
			for ctx.Err() == nil {
				if _, err := ann.tryBeat(t.Context(), rendezvous.Online, 0); err != nil {
					t.Errorf("meanwhile ann is not served: %v", err)
				}
				pause(ctx, heartbeatRate.each)
			}
		})
		var next, refused atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for n := next.Add(1); n <= int64(come); n = next.Add(1) {
					if s.stranger(t, int(n)) {
						refused.Add(1)
					}
				}
			})
		}
		all.Wait()
		cancel()
		known.Wait()
		t.Logf("%d of %d were told that they are nobody's", refused.Load(), come)
		if refused.Load() < int64(come)/2 {
			t.Errorf("only %d of %d strangers came that far", refused.Load(), come)
		}
		if now := s.rows(); !reflect.DeepEqual(now, rows) {
			t.Errorf("the tables had %v rows, and have %v", rows, now)
		}
		if grown := s.size() - bytes; grown > 1<<20 { // the lease and ann's heartbeats are written too
			t.Errorf("the folder has grown by %d bytes", grown)
		}
		s.remembers(t)
	})
}

// stranger is the n-th device that nobody knows, and reports whether it got through to
// a refusal.
func (s *service) stranger(t *testing.T, n int) bool {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n))
	seed[31] = 77
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 4, 0, byte(1+n%100))}}
	client, err := rendezvous.NewClient(rendezvous.ClientConfig{
		Identity: peer.NewIdentity(seed), Realm: s.Realm(), Addresses: []string{s.Addr().String()}, Dial: from.DialContext,
	})
	if err != nil {
		t.Error(err)
		return false
	}
	defer client.Close()
	_, err = client.Me(t.Context())
	if err == nil {
		t.Error("a stranger is somebody")
	}
	return rendezvous.Refused(err, rendezvous.CodeSignedOut) || rendezvous.Refused(err, rendezvous.CodeTooMany)
}

// remembers checks that of those who came nothing is kept but a token of their address.
func (s *service) remembers(t *testing.T) {
	t.Helper()
	eventually(t, func() bool { return s.gate.count() <= 1 })
	s.gate.mu.Lock()
	if s.gate.strangers > 0 || len(s.gate.of) > 0 || len(s.gate.devices) > 1 {
		t.Errorf("the gate counts %d strangers from %d addresses, %d devices", s.gate.strangers, len(s.gate.of), len(s.gate.devices))
	}
	s.gate.mu.Unlock()
	for what, n := range map[string]int{"addresses": held(s.strangers) - 100, "tries": held(s.tries) - 1, "requests": held(s.requests) - 1, "heartbeats": held(s.beats) - 1, "guesses": held(s.guesses)} {
		if n > 1 {
			t.Errorf("of %s %d more than there may be are remembered", what, n)
		}
	}
}

func held[K comparable](b *buckets[K]) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.full)
}

// rows is how many rows each table has.
func (s *service) rows() map[string]int {
	s.t.Helper()
	rows := map[string]int{}
	for _, table := range []string{"realm", "account", "device", "friendship", "block", "invitation", "revoked", "server", "presence"} {
		n := 0
		must(s.t, one(s.t.Context(), s.directory.read, []any{&n}, fmt.Sprintf("SELECT count(*) FROM %s", table)))
		rows[table] = n
	}
	return rows
}

// size is how many bytes the data folder has.
func (s *service) size() (bytes int64) {
	s.t.Helper()
	files, err := os.ReadDir(s.config.Data)
	must(s.t, err)
	for _, f := range files {
		info, err := os.Stat(filepath.Join(s.config.Data, f.Name()))
		must(s.t, err)
		bytes += info.Size()
	}
	return bytes
}
