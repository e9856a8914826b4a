package discovery

import (
	"context"
	"log/slog"
	"net/netip"

	"github.com/google/uuid"

	"earshot/peer"
)

// Announcement is what a rendezvous server tells the network of itself.
type Announcement struct {
	Realm peer.ID
	Name  string // at most 192 bytes are told
	// At is where it listens; an unspecified address stands for all of this machine.
	// Others find it on links that have the address.
	At         netip.AddrPort
	Interfaces []string     // patterns, as in [Config.Interfaces]
	Log        *slog.Logger // nil: none
}

// Announce tells the network of a rendezvous server until ctx ends, then says
// goodbye, as [Finder.Run] does for a device: on every link, again when a link comes
// or changes, and to who asks.
func Announce(ctx context.Context, a Announcement) error {
	return announce(ctx, a, nil)
}

func announce(ctx context.Context, a Announcement, n network) error {
	f := New(Config{
		Interfaces: a.Interfaces, Log: a.Log, Notify: func(Event) {},
		network: n, beacon: &beacon{Announcement: a, label: uuid.New()},
	})
	return f.Run(ctx)
}

// beacon is an announcement under its label. Servers of one realm share its key, so
// the label says nothing of that.
type beacon struct {
	Announcement
	label uuid.UUID
}

// announced is what others on a link are told: the addresses there and, in TXT, all.
func (b *beacon) announced(l link, links []link) announced {
	t := text{id: b.Realm, instance: b.label, name: b.Name, addrs: b.served(routed(links))}
	return announced{label: b.label, port: b.At.Port(), addrs: b.served(l.addrs()), txt: t.strings()}
}

// served are those of the addresses that the server listens at.
func (b *beacon) served(addrs []netip.Addr) (at []netip.Addr) {
	own := b.At.Addr().Unmap()
	for _, a := range addrs {
		if a.Unmap() == own || own == netip.IPv6Unspecified() || own == netip.IPv4Unspecified() && a.Is4() {
			at = append(at, a)
		}
	}
	return at
}
