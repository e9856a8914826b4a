package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"earshot/internal/profile"
)

// hostsFound: somebody's address was looked up.
type hostsFound struct{ addrs []netip.AddrPort }

const (
	lookupTime  = 5 * time.Second  // a name server that does not answer must not hold up a person
	lookupEvery = 30 * time.Second // until the network or the name is there
)

// peerMissing: one of Config.Peers could not be looked at the last time.
type peerMissing struct {
	hostport string
	err      error
}

// Connect looks whether somebody is at host or host:port (without a port,
// peer.DefaultPort), and goes on trying until it is answered. It returns when the
// name has an address, which proves nothing yet. The error is [ErrNoHost] where it
// has none, and [ErrPath] where the way there is not to be used.
func (n *Node) Connect(ctx context.Context, hostport string) error {
	addrs, err := n.lookUp(ctx, hostport)
	if err != nil {
		return err
	}
	return order(ctx, n, func() error {
		n.hostsFound(hostsFound{addrs})
		return nil
	})
}

// hostsFound dials addresses whose identity is not known.
func (n *Node) hostsFound(e hostsFound) {
	for _, addr := range e.addrs {
		n.manual[addr] = true
		n.host.Probe(addr)
	}
}

// lookUpPeers looks up the addresses of Config.Peers, again and again where that
// does not work yet, until each has one. What does not work the first time is told.
func (n *Node) lookUpPeers(ctx context.Context) error {
	missing := n.cfg.Peers
	for again := false; len(missing) > 0; again = true {
		if again {
			select {
			case <-time.After(lookupEvery):
			case <-ctx.Done():
				return nil
			}
		}
		var failed []string
		for _, hostport := range missing {
			addrs, err := n.lookUp(ctx, hostport)
			if err == nil {
				n.box.put(hostsFound{addrs})
				continue
			}
			failed = append(failed, hostport)
			if !again && ctx.Err() == nil {
				n.box.put(peerMissing{hostport, err})
			}
		}
		missing = failed
	}
	return nil
}

// peerMissing tells that somebody whom the person named is not looked for yet.
func (n *Node) peerMissing(e peerMissing) {
	why := e.err
	for _, known := range []error{ErrNoHost, ErrPath} {
		if errors.Is(e.err, known) {
			why = known
		}
	}
	n.fail("%s cannot be asked: %v. It is tried again.", e.hostport, why)
}

// lookUp finds the addresses that host or host:port means and to which a way leads
// that may be used.
func (n *Node) lookUp(ctx context.Context, hostport string) ([]netip.AddrPort, error) {
	found, err := lookUp(ctx, hostport)
	if err != nil {
		return nil, err
	}
	var addrs []netip.AddrPort
	for _, addr := range found {
		switch err := n.host.Permits(ctx, addr); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !errors.Is(err, ErrPath): // where none leads yet one may come
			addrs = append(addrs, addr)
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("look at %s: %w", hostport, ErrPath)
	}
	return addrs, nil
}

// lookUp finds the addresses that host or host:port means.
func lookUp(ctx context.Context, hostport string) ([]netip.AddrPort, error) {
	host, port, err := profile.HostPort(hostport)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(addr.Unmap(), port)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w: %w", hostport, ErrNoHost, err)
	}
	addrs := make([]netip.AddrPort, len(found))
	for i, addr := range found {
		addrs[i] = netip.AddrPortFrom(addr.Unmap(), port)
	}
	return addrs, nil
}
