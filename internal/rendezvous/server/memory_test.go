package server

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/peer"
)

// TestMemoryOfAHeldHeartbeat measures what a device costs whose heartbeat is held.
// Client and server are one process here, so the bound is that of both.
func TestMemoryOfAHeldHeartbeat(t *testing.T) {
	if raceOn {
		t.Skip("the race detector needs memory of its own")
	}
	const devices, bound = 200, 2 * 64 << 10
	s := serve(t, Config{})
	var identities []*peer.Identity
	for i := range devices {
		identity := peer.NewIdentity([32]byte{byte(i), byte(i >> 8), 7})
		of := identity.ID()
		_, err := s.directory.register(t.Context(), newAccount{user: fmt.Sprintf("user%d", i), policy: RegisterOpen, device: &of})
		must(t, err)
		identities = append(identities, identity)
	}
	before := inUse()
	for _, identity := range identities {
		s.holdOne(t, identity)
	}
	eventually(t, func() bool { return s.held() == devices })
	each := (inUse() - before) / devices
	t.Logf("%d KiB for each device, with its client", each>>10)
	if each > bound {
		t.Errorf("a held heartbeat costs %d bytes with its client, want at most %d", each, bound)
	}
}

// held is how many heartbeats are held.
func (s *service) held() int {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	n := 0
	for _, seat := range s.hub.seats {
		if seat.bell != nil && seat.received != 0 {
			n++
		}
	}
	return n
}

// holdOne has a device heartbeat twice by hand; the second is held.
func (s *service) holdOne(t *testing.T, identity *peer.Identity) {
	t.Helper()
	conn := s.dialAs(identity)
	instance, received := uuid.New(), uint64(0)
	for range 2 {
		body := fmt.Sprintf(`{"presence":"online","instance":"%s","addresses":["10.0.0.3:7420"],"received":%d,"epoch":0,"hold":20000}`, instance, received)
		_, err := fmt.Fprintf(conn, "POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		must(t, err)
		if received != 0 {
			return
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		raw, err := io.ReadAll(answer.Body)
		must(t, err)
		var news rendezvous.News
		must(t, readStrict(raw, &news))
		received = news.Number
	}
}

// inUse is the memory that is in use after a garbage collection.
func inUse() int64 {
	var m runtime.MemStats
	for range 2 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
