package server

import (
	"net/netip"
	"sync"
	"time"

	"earshot/internal/rendezvous"
)

// rate is how many are let through: burst at once, then one each so long.
type rate struct {
	burst int
	each  time.Duration
}

// buckets let each key through at a rate. The zero key of K is one like any other.
type buckets[K comparable] struct {
	rate rate

	mu   sync.Mutex
	full map[K]time.Time // when the key's bucket is full again
}

func newBuckets[K comparable](r rate) *buckets[K] {
	return &buckets[K]{rate: r, full: make(map[K]time.Time)}
}

// take takes a token of the key, or refuses and says when to come again.
func (b *buckets[K]) take(key K) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	full, there := b.full[key]
	if !there && len(b.full) >= maxBuckets && !b.prune(now) {
		return &refusal{code: rendezvous.CodeTooMany, wait: seconds(b.rate.each)}
	}
	if full.Before(now) {
		full = now
	}
	full = full.Add(b.rate.each)
	if over := full.Sub(now) - time.Duration(b.rate.burst)*b.rate.each; over > 0 {
		return &refusal{code: rendezvous.CodeTooMany, wait: seconds(over)}
	}
	b.full[key] = full
	return nil
}

// prune forgets the buckets that are full, and reports whether there is room. The
// mutex is held.
func (b *buckets[K]) prune(now time.Time) bool {
	for key, full := range b.full {
		if !full.After(now) {
			delete(b.full, key)
		}
	}
	return len(b.full) < maxBuckets
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// network is the address as buckets and limits count it: of IPv6 the network of 64
// bits, all of which one machine has.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
