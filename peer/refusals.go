package peer

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// refusals logs refused connections, at most one line in refusalLog: the first
// at once, then how many there were since.
type refusals struct {
	log *slog.Logger

	mu     sync.Mutex
	next   time.Time // when the next line may be written
	unsaid int       // refused since the last line
}

// note counts one refused connection.
func (r *refusals) note(addr netip.AddrPort, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Before(r.next) {
		r.unsaid++
		return
	}
	r.log.Warn("connection refused", "from", addr, "why", why, "others", r.unsaid)
	r.next, r.unsaid = now.Add(refusalLog), 0
}
