package node

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/uuid"

	"earshot/discovery"
	"earshot/internal/rendezvous"
	"earshot/peer"
)

// differ takes what is different on the friend list: who came, who went, who asks.
func (n *Node) differ(all []rendezvous.Difference) {
	if len(all) == 0 {
		return
	}
	var changed []rendezvous.Friend
	var gone []uuid.UUID
	claimed := false
	for _, d := range all {
		if d.Gone {
			gone = append(gone, d.Friend.Account)
			n.unfriend(d.Friend)
			continue
		}
		if d.Kept() {
			changed = append(changed, d.Friend)
		}
		dropped, added := n.dropDevices(d.Before, d.Friend), n.friendDevices(d.Friend)
		claimed = claimed || dropped || added
	}
	if claimed {
		n.findImitators() // before anybody is welcome
	}
	for _, d := range all {
		if d.Gone {
			continue
		}
		n.welcome(d.Friend)
		n.tellFriend(d)
	}
	if len(changed)+len(gone) == 0 {
		return
	}
	n.desk.do("remember the friend list", func() error { return n.db.SaveFriends(changed, gone) })
}

// tellFriend tells what people want to know of a difference.
func (n *Node) tellFriend(d rendezvous.Difference) {
	f := friendValue(d.Friend)
	switch {
	case d.Friend.State == rendezvous.Incoming && d.Before.State != rendezvous.Incoming:
		n.publish(Event{Kind: FriendRequest, Friend: &f})
	case d.Friend.State == rendezvous.Friends || d.Friend.State == rendezvous.Colleague:
		if d.Before.Account == uuid.Nil && f.Presence == rendezvous.Offline {
			break // on the list from now on, and not there
		}
		if d.Before.Presence != d.Friend.Presence || d.Before.Status != d.Friend.Status {
			n.publish(Event{Kind: PresenceChanged, Friend: &f})
			return
		}
	}
	n.publish(Event{Kind: FriendsChanged, Friend: &f})
}

// friendDevices notes where a friend's devices can be reached, and looks there. It
// reports whether there is one that was not known to be this friend's.
func (n *Node) friendDevices(f rendezvous.Friend) (claimed bool) {
	if f.State != rendezvous.Friends && f.State != rendezvous.Colleague {
		return false
	}
	local := n.server.localServer()
	for _, d := range f.Devices {
		if d.ID == n.id.ID() {
			continue
		}
		p := n.meet(d.ID)
		claimed = claimed || p.user != f.User
		p.user, p.colleague = f.User, f.State == rendezvous.Colleague
		if p.name.IsZero() {
			p.calls = peer.DisplayName(f.Name)
			p.name = p.calls
		}
		n.reviewAccount(p) // the realm may have taken the device back
		n.friendAddrs(p, usable(d.Addresses, local))
		n.changed(p)
	}
	return claimed
}

// dropDevices notes which devices are a friend's no longer, and reports whether
// there are any.
func (n *Node) dropDevices(before, now rendezvous.Friend) bool {
	before.Devices = slices.DeleteFunc(slices.Clone(before.Devices), func(d rendezvous.Device) bool {
		return slices.ContainsFunc(now.Devices, func(still rendezvous.Device) bool { return still.ID == d.ID })
	})
	n.disown(before)
	return len(before.Devices) > 0
}

// disown notes that devices are a friend's no longer.
func (n *Node) disown(f rendezvous.Friend) {
	for _, d := range f.Devices {
		p, ok := n.people[d.ID]
		if !ok || p.user != f.User {
			continue
		}
		p.user = ""
		p.dropVia(discovery.Server)
		n.enroll(p)
		n.changed(p)
	}
}

// welcome makes contacts of a friend's devices: what they write is no request.
func (n *Node) welcome(f rendezvous.Friend) {
	if f.State != rendezvous.Friends {
		return
	}
	for _, d := range f.Devices {
		if p, ok := n.people[d.ID]; ok && !p.contact && !p.imitates {
			n.befriend(p)
			n.replica.Accept(p.id)
		}
	}
}

// friendAddrs dials a friend's device where its heartbeat says that it is.
func (n *Node) friendAddrs(p *person, addrs []netip.AddrPort) {
	if len(addrs) == 0 {
		return
	}
	p.addVia(discovery.Server)
	if p.session { // a live session's address is proved
		return
	}
	p.addAddrs(addrs...)
	if !n.crowd && !p.colleague || p.known() || n.busyWith(p) {
		n.host.Reach(p.id, p.addrs)
	}
}

// usable are the addresses that a server may have this device dial: a single
// machine's, never this one's unless the server runs on it, and no port of others.
func usable(addresses []string, local bool) (addrs []netip.AddrPort) {
	for _, text := range addresses {
		a, err := netip.ParseAddrPort(text)
		ip := a.Addr().Unmap()
		if err != nil || a.Port() < 1024 || !ip.IsGlobalUnicast() && !(local && ip.IsLoopback()) || ip.Zone() != "" {
			continue
		}
		addrs = append(addrs, netip.AddrPortFrom(ip, a.Port()))
	}
	return addrs
}

// unfriend notes that somebody is no friend any more. Who was written with stays.
func (n *Node) unfriend(f rendezvous.Friend) {
	n.disown(f)
	v := friendValue(f)
	v.State, v.Presence = rendezvous.Nobody, rendezvous.Offline
	n.publish(Event{Kind: FriendsChanged, Friend: &v})
}

// friendValue is a friend as people see one.
func friendValue(f rendezvous.Friend) Friend {
	v := Friend{
		Account: f.Account, User: peer.Line(f.User, 0), Name: peer.DisplayName(f.Name), Team: peer.DisplayName(f.Team),
		State: f.State, Presence: f.Presence, Status: peer.DisplayName(f.Status), Devices: make([]FriendDevice, len(f.Devices)),
	}
	if v.Presence == "" {
		v.Presence = rendezvous.Offline
	}
	for i, d := range f.Devices {
		v.Devices[i] = FriendDevice{ID: d.ID, Addresses: append([]string{}, d.Addresses...)}
	}
	return v
}

func friendValues(friends []rendezvous.Friend) []Friend {
	all := make([]Friend, len(friends))
	for i, f := range friends {
		all[i] = friendValue(f)
	}
	return all
}

// Friends is the friend list. Where the server does not answer it is as it was when
// it did, and nobody is on-line.
func (n *Node) Friends(ctx context.Context) ([]Friend, error) {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return nil, err
	}
	settled, err := ask(ctx, n, func() (bool, error) { return n.server.reached || n.retry(), nil })
	if err != nil {
		return nil, err
	}
	if !settled {
		if err := n.readFriends(ctx, client); ctx.Err() != nil {
			return nil, err
		}
	}
	return ask(ctx, n, func() ([]Friend, error) { return friendValues(n.server.roster.All()), nil })
}

// retry reports whether the server is known to be away, and has it looked for at
// once then: the answer, if there is one, comes as news, and nobody waits for it.
func (n *Node) retry() bool {
	if n.server.problem == nil || n.server.watch == nil {
		return false
	}
	n.server.watch.Hurry()
	return true
}

// readFriends reads the friend list at the server.
func (n *Node) readFriends(ctx context.Context, client *rendezvous.Client) error {
	friends, err := client.Friends(ctx)
	if err != nil {
		return served(err)
	}
	return n.atHome(ctx, client, rendezvous.News{Whole: true, Friends: friends})
}

// atHome has the loop take what the account's own server answered.
func (n *Node) atHome(ctx context.Context, client *rendezvous.Client, news rendezvous.News) error {
	return order(ctx, n, func() error {
		if n.server.client == client && n.server.signedIn() {
			n.differ(n.server.roster.Apply(news))
		}
		return nil
	})
}

// SearchAccounts finds people at the server.
func (n *Node) SearchAccounts(ctx context.Context, text string) ([]Friend, error) {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return nil, err
	}
	found, err := client.Search(ctx, text)
	return friendValues(found), served(err)
}

// Friendship asks somebody to be a friend, says yes to somebody who asked, or ends a
// friendship or a request.
func (n *Node) Friendship(ctx context.Context, user string, step FriendStep) (Friend, error) {
	client, err := n.signedInClient(ctx)
	if err != nil {
		return Friend{}, err
	}
	if step == AddFriend {
		f, err := client.Befriend(ctx, user)
		return n.tookStep(ctx, client, f, err)
	}
	f, err := n.friend(ctx, client, user)
	if err != nil {
		return Friend{}, err
	}
	if step == AcceptFriend {
		f, err := client.Accept(ctx, f.Account)
		return n.tookStep(ctx, client, f, err)
	}
	if err := client.Remove(ctx, f.Account); err != nil {
		return Friend{}, served(err)
	}
	f.State = rendezvous.Nobody
	return friendValue(f), n.atHome(ctx, client, rendezvous.News{Gone: []uuid.UUID{f.Account}})
}

// tookStep takes how somebody stands now.
func (n *Node) tookStep(ctx context.Context, client *rendezvous.Client, f rendezvous.Friend, err error) (Friend, error) {
	if err != nil {
		return Friend{}, served(err)
	}
	return friendValue(f), n.atHome(ctx, client, rendezvous.News{Friends: []rendezvous.Friend{f}})
}

// friend finds somebody on the friend list by the user name.
func (n *Node) friend(ctx context.Context, client *rendezvous.Client, user string) (rendezvous.Friend, error) {
	friends, err := client.Friends(ctx)
	if err != nil {
		return rendezvous.Friend{}, served(err)
	}
	for _, f := range friends {
		if peer.FoldName(f.User) == peer.FoldName(user) {
			return f, nil
		}
	}
	return rendezvous.Friend{}, fmt.Errorf("find %s: %w", user, ErrNoAccount)
}
