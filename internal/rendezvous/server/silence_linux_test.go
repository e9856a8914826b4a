package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// dialFrom connects to the server from an address of this machine.
func (s *service) dialFrom(ctx context.Context, from net.IP) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	return dialer.DialContext(ctx, "tcp", s.Addr().String())
}

// TestSilenceLocksNobodyOut opens connections that say nothing.
func TestSilenceLocksNobodyOut(t *testing.T) {
	const silent = 1000
	s := serve(t, Config{})
	ann := s.person("ann", 1)
	ann.Close() // she comes on a new connection
	for _, addresses := range []int{1, 200} {
		t.Run(fmt.Sprintf("%d connections from %d addresses that send nothing/L-01", silent, addresses), func(t *testing.T) {
			for n := range silent {
				conn, err := s.dialFrom(t.Context(), net.IPv4(127, 4, byte(addresses), byte(1+n%addresses)))
				if err != nil {
					continue // what is too much is closed, and that may be seen already here
				}
				defer conn.Close()
			}
			begun := time.Now()
			_, err := ann.Me(t.Context())
			t.Logf("%d connections are open; a device that is known was answered after %v", s.gate.count(), time.Since(begun))
			if err != nil || time.Since(begun) > 2*time.Second*slowFactor {
				t.Errorf("a device that is known: %v after %v", err, time.Since(begun))
			}
			if n, most := s.gate.count(), maxStrangers+2; n > most {
				t.Errorf("%d connections, want at most %d", n, most)
			}
			ann.Close()
		})
	}
}

// TestHandshakesWithNewKeys has strangers shake hands as fast as they can while others
// heartbeat.
func TestHandshakesWithNewKeys(t *testing.T) {
	const attackers, lasts = 8, 2 * time.Second
	s := serve(t, Config{})
	all := s.crowd(t, 20)
	t.Run("handshakes with new keys, as many as there can be/L-03", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), lasts)
		defer cancel()
		var wg sync.WaitGroup
		var shook atomic.Int64
		for i := range attackers {
			wg.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					identity := peer.NewIdentity([32]byte{byte(n), byte(n >> 8), byte(i), 7})
					if err := s.shakeHands(ctx, identity, net.IPv4(127, 5, byte(i), byte(1+n%200))); err == nil {
						shook.Add(1)
					}
				}
			})
		}
		took := make([][]time.Duration, len(all))
		for i, p := range all {
			wg.Go(func() {
				for ctx.Err() == nil {
					begun := time.Now()
					if _, err := p.tryBeat(t.Context(), rendezvous.Online, 0); err != nil {
						t.Error(err)
					}
					took[i] = append(took[i], time.Since(begun))
					pause(ctx, 200*time.Millisecond)
				}
			})
		}
		wg.Wait()
		beats := slices.Sorted(slices.Values(slices.Concat(took...)))
		p99 := beats[len(beats)*99/100]
		t.Logf("%d handshakes in %v; of %d heartbeats 99 of 100 within %v", shook.Load(), lasts, len(beats), p99)
		if p99 > time.Second/2*slowFactor {
			t.Errorf("heartbeats: 99 of 100 within %v", p99)
		}
		if shook.Load() == 0 {
			t.Error("nobody shook hands")
		}
	})
	eventually(t, func() bool { return s.gate.count() <= len(all) })
}

// shakeHands proves a new key to the server, and leaves.
func (s *service) shakeHands(ctx context.Context, identity *peer.Identity, from net.IP) error {
	config, err := peer.HTTPConfig(identity, s.Realm())
	if err != nil {
		return err
	}
	tcp, err := s.dialFrom(ctx, from)
	if err != nil {
		return err
	}
	defer tcp.Close()
	return tls.Client(tcp, config).HandshakeContext(ctx)
}
