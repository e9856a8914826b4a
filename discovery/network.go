package discovery

import (
	"context"
	"net/netip"
	"time"
)

// family is an IP version. Each link has a socket for each: hashicorp/mdns and
// the systems handle them apart, and one may work without the other.
type family int

const (
	v4 family = iota
	v6
)

// network is what a [Finder] needs of the machine. The tests have one in memory.
type network interface {
	// links lists the interfaces that are up, chosen by the patterns, and have an
	// address.
	links(patterns []string) ([]link, error)
	// respond answers questions on a link until the responder is closed.
	respond(l link, z *zone) (responder, error)
	// listen opens a socket on the mDNS port of a link and hands what it hears to
	// heard, from a goroutine of its own, until the socket is closed.
	listen(l link, f family, heard func(packet)) (socket, error)
	// ask asks once who is there, and returns what came within the window.
	ask(ctx context.Context, q inquiry) ([]claim, error)
}

// inquiry is one question, and how long to wait for answers.
type inquiry struct {
	link   link
	family family
	window time.Duration
}

// responder is a running [mdns.Server].
type responder interface{ Shutdown() error }

// socket sends to everybody on one link.
type socket interface {
	send(message []byte) error
	reply(message []byte, to netip.AddrPort) error
	close() // waits for the socket's goroutine
}

// packet is what a socket heard.
type packet struct {
	data  []byte
	from  netip.AddrPort
	index int // of the interface that it came in by
	// unicast: it was sent to this machine alone. Not known on Windows.
	unicast bool
	socket  socket
}
