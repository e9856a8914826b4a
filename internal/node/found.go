package node

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"earshot/discovery"
	"earshot/internal/rendezvous"
	"earshot/peer"
)

// FoundServer is a rendezvous server that this node found, or was told of in the
// settings. What is found is what somebody says: under any name, with anybody's key.
// Nothing is sent to it before a person has compared the key that it proves, see
// [Node.ServerKey] and [Node.SignIn].
type FoundServer struct {
	Name    peer.Text `json:"name"`    // what it calls itself, else its host
	Address string    `json:"address"` // host:port, for [SignIn]
	// Fingerprint is that of the key that it says it has, empty where it says none.
	Fingerprint string    `json:"fingerprint"`
	Via         ServerVia `json:"via"`
	// Verified: it is the server that this device uses, at an address and with the key
	// that are known already.
	Verified bool `json:"verified"`
}

// ServerVia says how a server was found.
type ServerVia string

// The ways.
const (
	ViaSettings ServerVia = "settings"
	ViaDNS      ServerVia = "dns"
	ViaMDNS     ServerVia = "mdns"
)

// serverVias are the ways, the one to believe first first.
var serverVias = []ServerVia{ViaSettings, ViaDNS, ViaMDNS}

// dnsEvery is how often DNS is asked for servers; also when the network changes.
const dnsEvery = 10 * time.Minute

// foundServer is what is known of a server that was found.
type foundServer struct {
	address string
	realm   peer.ID // that it claims; zero: none
	name    peer.Text
	via     ServerVia
}

// serversInDNS: DNS names these servers now.
type serversInDNS struct{ addresses []string }

// lookout is the servers that were found.
type lookout struct {
	servers []foundServer
	changed bool          // subscribers do not know yet
	again   chan struct{} // holds a token when DNS is to be asked at once
}

// Servers are the rendezvous servers that were found. Nothing of them is proved.
func (n *Node) Servers(ctx context.Context) ([]FoundServer, error) {
	return ask(ctx, n, func() ([]FoundServer, error) { return n.foundServers(), nil })
}

// loadFound takes in the server of the settings. It runs before the loop.
func (n *Node) loadFound() error {
	n.lookout = lookout{again: make(chan struct{}, 1)}
	if n.cfg.inDNS == nil {
		n.cfg.inDNS = discovery.LookUpServers
	}
	if n.cfg.Server == "" {
		return nil
	}
	link, err := rendezvous.ParseLink(n.cfg.Server)
	if err != nil {
		n.fail("The setting server is neither a join link nor HOST:PORT, so it is not used. Correct it in the file config.toml of the profile.")
		return nil
	}
	n.lookout.add(foundServer{address: link.Address, realm: link.Realm, via: ViaSettings})
	return nil
}

// add adds a server, or gives a known one its new name.
func (l *lookout) add(s foundServer) {
	l.changed = true
	if i := slices.IndexFunc(l.servers, s.same); i >= 0 {
		l.servers[i] = s
		return
	}
	l.servers = append(l.servers, s)
}

func (l *lookout) remove(is func(foundServer) bool) {
	before := len(l.servers)
	l.servers = slices.DeleteFunc(l.servers, is)
	l.changed = l.changed || len(l.servers) != before
}

// same reports whether two were found the same way, at one address and under one key.
func (s foundServer) same(t foundServer) bool {
	return s.address == t.address && s.realm == t.realm && s.via == t.via
}

// serverFound notes a server that announces itself.
func (n *Node) serverFound(e discovery.ServerFound) {
	n.lookout.add(foundServer{address: e.Addr.String(), realm: e.Realm, name: peer.DisplayName(e.Name), via: ViaMDNS})
}

// serverLost notes that one does so no longer.
func (n *Node) serverLost(e discovery.ServerLost) {
	n.lookout.remove(foundServer{address: e.Addr.String(), realm: e.Realm, via: ViaMDNS}.same)
}

// serversInDNS takes in what DNS says, in place of what it said before.
func (n *Node) serversInDNS(e serversInDNS) {
	var known, now []string
	for _, s := range n.lookout.servers {
		if s.via == ViaDNS {
			known = append(known, s.address)
		}
	}
	for _, text := range e.addresses {
		if link, err := rendezvous.ParseLink(text); err == nil && link.Realm.IsZero() {
			now = append(now, link.Address)
		}
	}
	if slices.Equal(known, now) {
		return
	}
	n.lookout.remove(func(s foundServer) bool { return s.via == ViaDNS })
	for _, address := range now {
		n.lookout.add(foundServer{address: address, via: ViaDNS})
	}
}

// tellFound tells subscribers what was found, at most once a second: anybody on the
// network can come and go under many names.
func (n *Node) tellFound() {
	if n.lookout.changed {
		n.lookout.changed = false
		n.publish(Event{Kind: ServersFound, Servers: n.foundServers()})
	}
}

// foundServers are the servers as people see them, those of the settings first.
func (n *Node) foundServers() []FoundServer {
	var known []string
	if n.server.client != nil {
		known = n.server.client.Addresses()
	}
	all := make([]FoundServer, len(n.lookout.servers))
	for i, s := range n.lookout.servers {
		one := FoundServer{Name: s.name, Address: s.address, Via: s.via}
		if host, _, err := net.SplitHostPort(s.address); err == nil && one.Name.IsZero() {
			one.Name = peer.Line(host, 0)
		}
		if !s.realm.IsZero() {
			one.Fingerprint = rendezvous.Fingerprint(s.realm)
		}
		one.Verified = slices.Contains(known, s.address) && (s.realm.IsZero() || s.realm == n.server.Realm)
		all[i] = one
	}
	slices.SortStableFunc(all, func(a, b FoundServer) int {
		return cmp.Or(cmp.Compare(slices.Index(serverVias, a.Via), slices.Index(serverVias, b.Via)), strings.Compare(a.Address, b.Address))
	})
	return all
}

// lookForServers asks DNS for servers until ctx ends.
func (n *Node) lookForServers(ctx context.Context) error {
	for {
		n.box.put(serversInDNS{n.cfg.inDNS(ctx)})
		select {
		case <-n.lookout.again:
		case <-time.After(dnsEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

// lookInDNS has DNS asked again at once.
func (n *Node) lookInDNS() {
	select {
	case n.lookout.again <- struct{}{}:
	default:
	}
}
