package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/rendezvous"
	"earshot/internal/store"
	"earshot/peer"
)

// Account is this person's account as it is known here; see [Account.SignedIn].
func (n *Node) Account(ctx context.Context) (Account, error) {
	return ask(ctx, n, func() (Account, error) { return n.account(), nil })
}

// ServerKey looks which key a server proves, for a person to compare its
// fingerprint. server is a join link, or host or host:port. Nothing is said to it.
func (n *Node) ServerKey(ctx context.Context, server string) (ServerKey, error) {
	link, pinned, err := n.serverLink(ctx, server)
	if err != nil {
		return ServerKey{}, err
	}
	if !link.Realm.IsZero() {
		return ServerKey{Address: link.Address, Fingerprint: rendezvous.Fingerprint(link.Realm), Pinned: true}, nil
	}
	realm, err := rendezvous.Probe(ctx, n.id, link.Address, nil)
	if err != nil {
		return ServerKey{}, served(err)
	}
	return ServerKey{Address: link.Address, Fingerprint: rendezvous.Fingerprint(realm), Pinned: realm == pinned}, nil
}

// serverLink reads what a person said of a server. The key of the one that was chosen
// before is known, and that of a join link in the settings. realm is the former, if
// there is one.
func (n *Node) serverLink(ctx context.Context, server string) (link rendezvous.Link, realm peer.ID, err error) {
	if link, err = rendezvous.ParseLink(server); err != nil {
		return link, peer.ID{}, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	type pinned struct {
		realm     peer.ID
		addresses []string
	}
	known, err := ask(ctx, n, func() (pinned, error) {
		if n.server.client == nil {
			return pinned{}, nil
		}
		return pinned{n.server.Realm, n.server.client.Addresses()}, nil
	})
	if link.Realm.IsZero() && slices.Contains(known.addresses, link.Address) {
		link.Realm = known.realm
	}
	if set, err := rendezvous.ParseLink(n.cfg.Server); err == nil && link.Realm.IsZero() && set.Address == link.Address {
		link.Realm = set.Realm
	}
	return link, known.realm, err
}

// IsInvitation reports whether a join link has a code with which a new account is made.
func IsInvitation(server string) bool {
	link, err := rendezvous.ParseLink(server)
	return err == nil && link.Code != ""
}

// SignIn makes this device one of an account's. The server's key must be known: by
// the link, from before, or by its fingerprint. It returns when the account is on
// the disk.
func (n *Node) SignIn(ctx context.Context, s SignIn) (Account, error) {
	link, pinned, err := n.serverLink(ctx, s.Server)
	if err == nil && link.Realm.IsZero() {
		link.Realm, err = n.comparedKey(ctx, link.Address, s.Fingerprint)
	}
	if err != nil {
		return Account{}, err
	}
	if !pinned.IsZero() && pinned != link.Realm {
		return Account{}, fmt.Errorf("sign in at %s: %w", link.Address, ErrOtherServer)
	}
	client, err := n.dialer(link.Realm, []string{link.Address})
	if err != nil {
		return Account{}, err
	}
	defer client.Close()
	if s, err = n.introduce(ctx, s); err != nil {
		return Account{}, err
	}
	in, err := n.signIn(ctx, client, link, s)
	if err != nil {
		return Account{}, served(err)
	}
	earlier, err := client.Devices(ctx)
	if err != nil { // then this person is asked about each of them
		n.log.Info("the account's devices are not known", "error", err)
	}
	return n.isSignedIn(ctx, client, in, earlier)
}

// comparedKey is the key of a server whose fingerprint a person compared.
func (n *Node) comparedKey(ctx context.Context, address, fingerprint string) (peer.ID, error) {
	if fingerprint == "" {
		return peer.ID{}, fmt.Errorf("sign in at %s: %w", address, ErrUnconfirmed)
	}
	realm, err := rendezvous.Probe(ctx, n.id, address, nil)
	if err != nil {
		return peer.ID{}, served(err)
	}
	if !rendezvous.SameFingerprint(realm, fingerprint) {
		return peer.ID{}, fmt.Errorf("sign in at %s: %w", address, ErrOtherKey)
	}
	return realm, nil
}

// introduce fills in what a new account is called where that was not said.
func (n *Node) introduce(ctx context.Context, s SignIn) (SignIn, error) {
	return ask(ctx, n, func() (SignIn, error) {
		s.Name, s.Team = cmp.Or(s.Name, n.name.String()), cmp.Or(s.Team, n.cfg.Team)
		return s, nil
	})
}

// signIn registers or logs in, and chooses a password where one must be chosen.
func (n *Node) signIn(ctx context.Context, c *rendezvous.Client, link rendezvous.Link, s SignIn) (rendezvous.SignedIn, error) {
	if s.New {
		return c.Register(ctx, rendezvous.Registration{
			User: s.User, Password: s.Password, Name: peer.DisplayName(s.Name).String(), Team: peer.DisplayName(s.Team).String(), Code: link.Code,
		})
	}
	next := rendezvous.NewPassword{Old: s.Password, New: s.Next}
	if s.Next != "" { // the log-in that its password was good for has been, unless it was elsewhere
		in, err := c.ChangePassword(ctx, next)
		if !rendezvous.Refused(err, rendezvous.CodeSignedOut) {
			return in, err
		}
	}
	in, err := c.Login(ctx, rendezvous.Credentials{User: s.User, Password: s.Password})
	switch {
	case err != nil || !in.Choose:
		return in, err
	case s.Next == "":
		return in, &rendezvous.RefusedError{Code: rendezvous.CodeChoose}
	}
	return c.ChangePassword(ctx, next)
}

// isSignedIn takes what the server said, if it is about this device, and waits for
// the disk.
func (n *Node) isSignedIn(ctx context.Context, c *rendezvous.Client, in rendezvous.SignedIn, earlier []rendezvous.Device) (Account, error) {
	t, err := peer.OpenTicket(in.Ticket, c.Realm(), n.id.ID(), n.now())
	if err == nil && (t.Account != in.Account.ID || in.Account.ID == uuid.Nil) {
		err = errors.New("the ticket is another account's")
	}
	if err != nil {
		return Account{}, fmt.Errorf("%w: %w", ErrBadServer, err)
	}
	own := n.listOwn()
	return await(ctx, n, func(done func(Account, error)) {
		n.server.own = own
		if err := n.enter(c, in); err != nil {
			done(Account{}, err)
			return
		}
		n.meetEarlier(earlier)
		account := n.account()
		n.saveAccount(func(err error) { done(account, err) })
	})
}

// enter begins with an account.
func (n *Node) enter(c *rendezvous.Client, in rendezvous.SignedIn) error {
	s := &n.server
	if s.client != nil && s.Realm != c.Realm() {
		return ErrOtherServer // chosen meanwhile
	}
	c.SetAddresses(append(c.Addresses(), in.Servers...))
	if s.roster == nil || s.Account.Account.ID != in.Account.ID {
		s.roster = rendezvous.NewRoster(nil)
	}
	if s.Account.Account.ID != in.Account.ID {
		n.replica.SignIn(chat.Party{}, nil) // nobody is of this account before it is said who may be
	}
	s.client, s.reached, s.problem = c, false, nil
	s.Account = store.Account{Realm: c.Realm(), Servers: c.Addresses(), Account: in.Account, Presence: s.presence(), Ticket: in.Ticket}
	n.trust(s.Realm, s.host())
	n.signedInAs()
	n.host.SetTicket(in.Ticket)
	n.heartbeat()
	n.accountChanged()
	return nil
}

// TakeBack has this node be the one that is signed in, where its identity was copied
// and is signed in from another place, too: that one is told in its turn. Without that
// nothing changes. It needs no password: the key is the device's.
func (n *Node) TakeBack(ctx context.Context) (Account, error) {
	return ask(ctx, n, func() (Account, error) {
		switch s := &n.server; {
		case s.client == nil:
			return Account{}, ErrNoServer
		case !s.signedIn():
			return Account{}, ErrSignedOut
		case s.elsewhere:
			n.heartbeat()
			n.accountChanged()
		}
		return n.account(), nil
	})
}

// SignOut takes this device from its account. It returns when that is on the disk.
func (n *Node) SignOut(ctx context.Context) error {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return err
	}
	n.leaves(true)
	defer n.leaves(false)
	if err := client.Logout(ctx); err != nil && !rendezvous.Refused(err, rendezvous.CodeSignedOut) {
		return served(err)
	}
	_, err = await(ctx, n, func(done func(struct{}, error)) {
		if n.server.client == client {
			n.dropAccount()
			n.accountChanged()
		}
		n.saveAccount(func(err error) { done(struct{}{}, err) })
	})
	return err
}

// leaves says whether a person signs out just now.
func (n *Node) leaves(leaving bool) {
	n.box.put(request(func() { n.server.leaving = leaving })) // a node that has ended tells nobody
}

// ForgetServer forgets the server, its key and the account there. Where it answers
// the device is signed out there too.
func (n *Node) ForgetServer(ctx context.Context) error {
	client, err := n.chosenClient(ctx)
	if err != nil {
		return err
	}
	n.leaves(true)
	defer n.leaves(false)
	leaving, cancel := context.WithTimeout(ctx, forgetTime)
	defer cancel()
	if err := client.Logout(leaving); err != nil {
		n.log.Info("a server is forgotten that was not told", "error", err)
	}
	_, err = await(ctx, n, func(done func(struct{}, error)) {
		n.dropAccount()
		n.trust(peer.ID{}, "")
		n.server = server{own: n.server.own}
		n.accountChanged()
		n.saveAccount(func(err error) { done(struct{}{}, err) })
	})
	return err
}

// forgetTime is what telling a server may take that is to be forgotten: it may be
// the one that is gone for good.
const forgetTime = 5 * time.Second

// ChangeAccount changes what others see of the account. The presence, too, is kept.
func (n *Node) ChangeAccount(ctx context.Context, to AccountChange) (Account, error) {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return Account{}, err
	}
	var in *rendezvous.SignedIn
	if to.Name != nil || to.Team != nil || to.Status != nil {
		got, err := client.Change(ctx, rendezvous.Change{Name: to.Name, Team: to.Team, Status: to.Status})
		if err != nil {
			return Account{}, served(err)
		}
		in = &got
	}
	return n.keepAccount(ctx, client, in, to.Presence)
}

// keepAccount takes what the server answered about the account, and waits for the
// disk.
func (n *Node) keepAccount(ctx context.Context, client *rendezvous.Client, in *rendezvous.SignedIn, p *rendezvous.Presence) (Account, error) {
	return await(ctx, n, func(done func(Account, error)) {
		s := &n.server
		if s.client != client || !s.signedIn() {
			done(Account{}, ErrSignedOut)
			return
		}
		if in != nil && in.Account.ID == s.Account.Account.ID {
			s.Account.Account = in.Account
			n.takeOwnTicket(in.Ticket)
		}
		if p != nil {
			s.Presence = *p
			n.say()
		}
		account := n.account()
		n.accountChanged()
		n.saveAccount(func(err error) { done(account, err) })
	})
}

// ChangePassword changes the password; the account's other devices are signed out.
func (n *Node) ChangePassword(ctx context.Context, old, new string) error {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return err
	}
	in, err := client.ChangePassword(ctx, rendezvous.NewPassword{Old: old, New: new})
	if err != nil {
		return served(err)
	}
	_, err = n.keepAccount(ctx, client, &in, nil)
	return err
}

// AccountDevices are the devices of the account.
func (n *Node) AccountDevices(ctx context.Context) ([]AccountDevice, error) {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return nil, err
	}
	devices, err := client.Devices(ctx)
	if err != nil {
		return nil, served(err)
	}
	return ask(ctx, n, func() ([]AccountDevice, error) {
		all := make([]AccountDevice, len(devices))
		for i, d := range devices {
			all[i] = AccountDevice{
				ID: d.ID, Self: d.ID == n.id.ID(), Asks: n.asks(n.whoever(d.ID)),
				Since: d.Since, Seen: d.Seen, Addresses: append([]string{}, d.Addresses...),
			}
		}
		return all, nil
	})
}

// RevokeDevice takes a device from the account.
func (n *Node) RevokeDevice(ctx context.Context, id peer.ID) error {
	if id == n.id.ID() {
		return n.SignOut(ctx)
	}
	client, err := n.signedInClient(ctx)
	if err != nil {
		return err
	}
	return served(client.Revoke(ctx, id))
}

// chosenClient asks the server that was chosen.
func (n *Node) chosenClient(ctx context.Context) (*rendezvous.Client, error) {
	return ask(ctx, n, func() (*rendezvous.Client, error) {
		if n.server.client == nil {
			return nil, ErrNoServer
		}
		return n.server.client, nil
	})
}

// signedInClient asks the server at which this device belongs to an account.
func (n *Node) signedInClient(ctx context.Context) (*rendezvous.Client, error) {
	return ask(ctx, n, func() (*rendezvous.Client, error) {
		switch {
		case n.server.client == nil:
			return nil, ErrNoServer
		case !n.server.signedIn():
			return nil, ErrSignedOut
		}
		return n.server.client, nil
	})
}
