package node

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"earshot/internal/chat"
	"earshot/internal/rendezvous"
	"earshot/peer"
)

// Where the other devices of this account are: the server tells friends' addresses
// with its news, and one's own only when it is asked.

// ownTime bounds one question to the server.
const ownTime = 30 * time.Second

// ownQuestion holds the client to ask, while one is to be asked.
type ownQuestion chan *rendezvous.Client

// ownFound are the devices of the account that a client asked about.
type ownFound struct {
	by      *rendezvous.Client
	devices []rendezvous.Device
}

// seekOwn has the server asked where this account's other devices are.
func (n *Node) seekOwn() {
	select {
	case <-n.askOwn: // who asks was not done with the question before: this one is newer
	default:
	}
	if n.server.signedIn() {
		n.askOwn <- n.server.client
	}
}

// runOwn asks for them until ctx ends.
func (n *Node) runOwn(ctx context.Context) error {
	for {
		select {
		case client := <-n.askOwn:
			asking, cancel := context.WithTimeout(ctx, ownTime)
			devices, err := client.Devices(asking)
			cancel()
			if err != nil {
				n.log.Debug("ask for the account's devices", "error", err)
				continue
			}
			n.box.put(ownFound{client, devices})
		case <-ctx.Done():
			return nil
		}
	}
}

// ownFound dials this account's other devices where they are.
func (n *Node) ownFound(e ownFound) {
	if e.by != n.server.client || !n.server.signedIn() {
		return
	}
	for _, d := range e.devices {
		if p, ok := n.people[d.ID]; ok && d.ID != n.id.ID() && n.admitted(p) {
			n.friendAddrs(p, usable(d.Addresses, n.server.localServer()))
			n.changed(p)
		}
	}
}

// ownDevice begins the settings that remember to which devices of the own account the
// person said yes, and for which account.
const ownDevice = "own device "

// admitted reports whether the person said yes to a device of this account.
func (n *Node) admitted(p *person) bool {
	account := n.ownAccount()
	return account.IsAccount() && p.ownFor == partyKey(account)
}

// asks reports whether a device of this account waits for a yes.
func (n *Node) asks(p *person) bool { return p.own && !n.admitted(p) }

// admit says yes to a device of this account: it gets all conversations.
func (n *Node) admit(p *person) {
	account := partyKey(n.ownAccount())
	p.ownFor = account
	n.desk.do("remember an own device", func() error { return n.db.SetSetting(ownDevice+p.id.String(), account) })
	n.befriend(p)
	n.replica.Accept(p.id)
	n.certify(p)
	n.vouchToAll()
}

// meetEarlier looks for the account's other devices. Who is new there says yes to all of
// them: it is these that say yes to this one. Who comes back is asked about those that
// came meanwhile, and about whom nothing was said before.
func (n *Node) meetEarlier(devices []rendezvous.Device) {
	back := n.comesTo(partyKey(n.ownAccount()))
	for _, d := range devices {
		if d.ID == n.id.ID() {
			continue
		}
		p := n.meet(d.ID)
		if p.name.IsZero() {
			n.rename(p, "")
		}
		if !back {
			n.admit(p)
		}
		n.friendAddrs(p, usable(d.Addresses, n.server.localServer()))
	}
}

// ownAccount begins the settings that remember to which accounts this device belonged.
const ownAccount = "own account "

// comesTo notes that this device belongs to an account, and reports whether it did
// before.
func (n *Node) comesTo(account string) (back bool) {
	if n.belonged[account] {
		return true
	}
	n.belonged[account] = true
	n.desk.do("remember the own account", func() error { return n.db.SetSetting(ownAccount+account, "1") })
	return false
}

// loadOwn reads which devices were said yes to, and as whose device this one was asked.
func (n *Node) loadOwn() error {
	accounts, err := n.db.Settings(ownDevice)
	for key, account := range accounts {
		if id, err := peer.ParseID(strings.TrimPrefix(key, ownDevice)); err == nil {
			n.meet(id).ownFor = account
		}
	}
	belonged, also := n.db.Settings(ownAccount)
	for key := range belonged {
		n.belonged[strings.TrimPrefix(key, ownAccount)] = true
	}
	return errors.Join(err, also)
}

// partyKey is an account as settings have it.
func partyKey(p chat.Party) string { return hex.EncodeToString(p.AppendTo(nil)) }
