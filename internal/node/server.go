package node

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/google/uuid"

	"earshot/internal/rendezvous"
	"earshot/internal/store"
	"earshot/peer"
)

// server is what the loop knows of the rendezvous server that the person chose, if
// any, and of the account there. Everything but presence is known without it.
type server struct {
	store.Account
	client  *rendezvous.Client // nil: none was chosen
	watch   *rendezvous.Watch  // nil: signed out, or this device heartbeats elsewhere
	roster  *rendezvous.Roster
	reached bool
	problem error            // why it is not
	own     []netip.AddrPort // where this device can be reached
	// elsewhere: another start of this identity heartbeats. Whoever was told so goes on
	// under another instance only, which then is the one that came later.
	elsewhere bool
	instance  uuid.UUID // in place of the node's; zero: that one
	// leaving: a person signs out, so it is no news that the server says so, too.
	leaving bool
}

// signedIn reports whether this device belongs to an account.
func (s *server) signedIn() bool { return s.Account.Account.ID != uuid.Nil }

// The loop's events about the server.
type (
	// watched is what a watch told.
	watched struct {
		by    *rendezvous.Watch
		event any
	}
	// ownAddresses: where this device can be reached now.
	ownAddresses struct{ addrs []netip.AddrPort }
)

// A shift runs the watch of the account that is signed in: at most one at a time.
type shift struct {
	wake chan struct{} // holds a token when there is another watch to run

	mu   sync.Mutex
	next *rendezvous.Watch
}

func newShift() *shift { return &shift{wake: make(chan struct{}, 1)} }

// put has a watch run in the place of the one before; nil: none. It returns at once.
func (s *shift) put(w *rendezvous.Watch) {
	s.mu.Lock()
	s.next = w
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run runs what was put until ctx ends.
func (s *shift) run(ctx context.Context) error {
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case <-s.wake:
			stop()
			stop = s.begin(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// begin runs the newest watch until stop, which waits for its goodbye.
func (s *shift) begin(ctx context.Context) (stop func()) {
	s.mu.Lock()
	w := s.next
	s.mu.Unlock()
	if w == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { _ = w.Run(ctx) }) // it has no errors
	return func() { cancel(); wg.Wait() }
}

// loadServer reads what is known of the server; it runs before the loop.
func (n *Node) loadServer() error {
	account, err := n.db.Account()
	if err != nil || account.Realm.IsZero() {
		return err
	}
	friends, err := n.db.Friends()
	if err != nil {
		return err
	}
	client, err := n.dialer(account.Realm, account.Servers)
	if err != nil {
		return err
	}
	n.server.client = client
	n.server.Account = account
	n.server.roster = rendezvous.NewRoster(friends)
	for _, f := range n.server.roster.All() {
		n.friendDevices(f)
	}
	n.trust(account.Realm, n.server.host())
	n.signedInAs()
	n.findImitators()
	if n.server.signedIn() {
		n.comesTo(account.Account.ID.String()) // where that was not remembered yet
		n.server.own = n.listOwn()
		n.host.SetTicket(account.Ticket)
		n.heartbeat()
	}
	return nil
}

// dialer makes a client of a realm.
func (n *Node) dialer(realm peer.ID, servers []string) (*rendezvous.Client, error) {
	return rendezvous.NewClient(rendezvous.ClientConfig{Identity: n.id, Realm: realm, Addresses: servers, Dial: n.cfg.dial})
}

// heartbeat begins to give signs of life at the server.
func (n *Node) heartbeat() {
	if s := &n.server; s.elsewhere {
		s.elsewhere, s.problem, s.instance = false, nil, uuid.New()
	}
	var w *rendezvous.Watch
	w = rendezvous.NewWatch(rendezvous.WatchConfig{
		Client: n.server.client, Instance: cmp.Or(n.server.instance, n.instance), Beat: n.beat(),
		Notify: func(e any) { n.box.put(watched{w, e}) },
	})
	n.server.watch = w
	n.shift.put(w)
}

// beat is what a heartbeat says.
func (n *Node) beat() rendezvous.Beat {
	s := &n.server
	addresses := make([]string, 0, len(s.own)+1)
	for _, a := range s.own {
		addresses = append(addresses, a.String())
	}
	presence := s.presence()
	if n.cfg.Passing {
		presence = rendezvous.Passing // friends need not see their people blink with every command
	}
	return rendezvous.Beat{Addresses: addresses, Presence: presence, Epoch: n.realm.revoked.Epoch, Revoked: n.realm.signed}
}

func (s *server) presence() rendezvous.Presence {
	if s.Presence == "" {
		return rendezvous.Online
	}
	return s.Presence
}

// listOwn looks where this device can be reached.
func (n *Node) listOwn() (addrs []netip.AddrPort) {
	for _, a := range n.paths.Addresses() {
		addrs = append(addrs, netip.AddrPortFrom(a, n.host.Port()))
	}
	return addrs
}

// serverNetworkChanged looks, off the loop, where this device is on the new network.
func (n *Node) serverNetworkChanged() {
	if n.server.watch == nil {
		return
	}
	n.desk.do("find the own addresses", func() error {
		n.box.put(ownAddresses{n.listOwn()})
		return nil
	})
}

// ownAddresses tells the server where this device is now, and looks at once whether
// it is there.
func (n *Node) ownAddresses(e ownAddresses) {
	moved := !slices.Equal(n.server.own, e.addrs)
	n.server.own = e.addrs
	if moved {
		n.say()
		n.seekOwn()
	} else if n.server.watch != nil {
		n.server.watch.Hurry()
	}
}

// say tells the server what changed of this device.
func (n *Node) say() {
	if n.server.watch != nil {
		n.server.watch.Say(n.beat())
	}
}

// watched takes what a watch tells.
func (n *Node) watched(e watched) {
	if e.by != n.server.watch {
		return // of an account that was signed out meanwhile
	}
	switch e := e.event.(type) {
	case rendezvous.Reached:
		n.server.reached, n.server.problem = true, nil
		n.seekOwn()
		n.accountChanged()
	case rendezvous.Unreached:
		n.unreached(e.Err)
	case rendezvous.Told:
		n.told(e.News)
	case rendezvous.SignedOut:
		n.signedOut(OutByServer)
	}
}

// unreached notes that the server is away: what is known goes on to count.
func (n *Node) unreached(err error) {
	was := n.server.problem
	n.server.reached, n.server.problem = false, meaning(err)
	n.log.Info("the server does not answer", "error", err)
	if errors.Is(err, rendezvous.ErrOtherKey) && !errors.Is(was, ErrOtherKey) {
		n.fail("The server of your account shows another key than before, so nothing is said to it. " +
			"Ask your administrator; if the server is a new one, say \"earshot server forget\" and sign in again.")
	}
	n.differ(n.server.roster.Away())
	n.accountChanged()
}

// told takes news from the server.
func (n *Node) told(news rendezvous.News) {
	if news.Twice {
		n.watchElsewhere()
		return
	}
	s := &n.server
	keep := false
	if news.Account != nil && news.Account.ID == s.Account.Account.ID {
		s.Account.Account, keep = *news.Account, true
	}
	if len(news.Ticket) > 0 {
		keep = n.takeOwnTicket(news.Ticket) || keep
	}
	if len(news.Servers) > 0 {
		s.Servers, keep = s.client.Addresses(), true
	}
	if len(news.Revoked) > 0 {
		if err := n.host.Revoke(news.Revoked); err != nil {
			n.log.Warn("revocation list of the server refused", "error", err)
		}
	}
	if keep {
		n.saveAccount(nil)
		n.accountChanged()
	}
	n.differ(s.roster.Apply(news))
}

// takeOwnTicket takes a newer ticket of this device, if it is one.
func (n *Node) takeOwnTicket(ticket []byte) bool {
	t, err := peer.OpenTicket(ticket, n.server.Realm, n.id.ID(), n.now())
	if err == nil && t.Account != n.server.Account.Account.ID {
		err = errors.New("it is another account's")
	}
	if err != nil {
		n.log.Warn("ticket of the server refused", "error", err)
		return false
	}
	n.server.Ticket = ticket
	n.host.SetTicket(ticket)
	n.replica.SignIn(n.ownAccount(), ticket)
	return true
}

// watchElsewhere notes that this identity is signed in from another place, too, which
// stays: what the server says of friends goes there.
func (n *Node) watchElsewhere() {
	s := &n.server
	s.watch, s.reached, s.elsewhere = nil, false, true
	s.problem = errors.New("this profile is signed in from another place")
	n.shift.put(nil)
	n.log.Warn("this identity is signed in from another place, too", "server", s.host())
	n.differ(s.roster.Away())
	n.publish(Event{Kind: SignedOut, Reason: peer.Line(OutElsewhere, 0)})
	n.accountChanged()
}

// signedOut notes that this device belongs to no account any more.
func (n *Node) signedOut(reason string) {
	n.dropAccount()
	if !n.server.leaving {
		n.publish(Event{Kind: SignedOut, Reason: peer.Line(reason, 0)})
	}
	n.saveAccount(nil)
	n.accountChanged()
}

// dropAccount forgets the account, and not the server.
func (n *Node) dropAccount() {
	s := &n.server
	s.watch, s.reached, s.elsewhere, s.problem, s.Ticket = nil, false, false, nil, nil
	n.shift.put(nil)
	n.host.SetTicket(nil)
	s.Account.Account.ID = uuid.Nil
	n.signedInAs()
	var gone []uuid.UUID
	for _, f := range s.roster.All() {
		gone = append(gone, f.Account)
	}
	n.differ(s.roster.Apply(rendezvous.News{Gone: gone}))
}

// saveAccount keeps the account on the disk; done, where it is not nil, is told
// when it is there.
func (n *Node) saveAccount(done func(error)) {
	account := n.server.Account
	n.desk.do("remember the account", func() error {
		err := n.db.SaveAccount(account)
		if done != nil {
			done(err)
			return nil
		}
		return err
	})
}

// accountChanged tells subscribers how the account stands.
func (n *Node) accountChanged() {
	a := n.account()
	n.publish(Event{Kind: AccountChanged, Account: &a})
}

// account is the account as people see it.
func (n *Node) account() Account {
	s := &n.server
	a := s.Account.Account
	out := Account{
		ID: a.ID, User: peer.Line(a.User, 0), Name: peer.DisplayName(a.Name), Team: peer.DisplayName(a.Team),
		Status: peer.DisplayName(a.Status), Presence: rendezvous.Offline, Admin: a.Admin, SignedIn: s.signedIn(), Reached: s.reached,
		Elsewhere: s.elsewhere,
	}
	if s.client != nil {
		out.Fingerprint = rendezvous.Fingerprint(s.Realm)
		if servers := s.client.Addresses(); len(servers) > 0 {
			out.Server = servers[0]
		}
	}
	if out.SignedIn {
		out.Presence = s.presence()
	}
	if s.problem != nil {
		out.Problem = sentence("%v", s.problem)
	}
	return out
}

// host is what people call the server.
func (s *server) host() string {
	servers := s.client.Addresses()
	if len(servers) == 0 {
		return ""
	}
	host, _, _ := net.SplitHostPort(servers[0])
	return host
}

// localServer reports whether the server that answered last is on this machine: only
// then may it name loopback addresses.
func (s *server) localServer() bool {
	if s.client == nil {
		return false
	}
	host := s.host()
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
