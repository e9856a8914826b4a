package node

import (
	"cmp"
	"time"

	"earshot/peer"
)

// What is known of the accounts of other devices: what the tickets say that they
// showed. A ticket proves something new while it holds; what it proved stays when
// it has expired, until the realm's revocation list names it.

// realm is whose tickets count.
type realm struct {
	id      peer.ID   // zero: nobody's
	server  peer.Text // what its server is called
	revoked peer.Revocations
	signed  []byte // the newest list; nil: none
}

// affiliation is what a device's ticket says, as people see it.
type affiliation struct {
	certified  bool
	user, team peer.Text
	server     peer.Text
	lapsed     time.Time // its ticket ended then; zero: it holds
	void       bool      // the realm took back what it said of the device
}

// trust says which realm's tickets count from now on, the zero ID for none, and what
// its server is called. It is called on the loop, or before that runs.
func (n *Node) trust(id peer.ID, server string) {
	n.realm = realm{id: id, server: peer.Line(server, 0)}
	if list, err := peer.ParseRevocations(n.lists[id]); err == nil && list.Realm == id {
		n.realm.revoked, n.realm.signed = list, n.lists[id]
	}
	n.host.SetRealm(id, n.realm.signed)
	n.reviewAccounts()
}

// revocationsGrew notes that tickets became void.
func (n *Node) revocationsGrew(e peer.RevocationsGrew) {
	if e.List.Realm != n.realm.id {
		return // another one was chosen meanwhile
	}
	n.realm.revoked, n.realm.signed = e.List, e.Signed
	n.lists[n.realm.id] = e.Signed
	n.desk.do("remember who was signed out", func() error { return n.db.SaveRevocations(e.List.Realm, e.Signed) })
	n.reviewAccounts()
	n.say()
	own, err := peer.ParseTicket(n.server.Ticket)
	if err == nil && e.List.Voids(own) && !n.server.reached { // a server that is there says so itself
		n.signedOut(OutByServer)
	}
}

// holds reports whether what a person's ticket said still counts.
func (n *Node) holds(p *person) bool {
	return !n.realm.id.IsZero() && p.ticket.Realm == n.realm.id && !n.realm.revoked.Voids(p.ticket)
}

// certified notes what a ticket proves that a device showed during a session.
func (n *Node) certified(c peer.Certified) {
	p, ok := n.people[c.ID]
	if !ok || !p.session || !n.takeTicket(p, &c) {
		return
	}
	n.findImitators()
	n.changed(p)
}

// takeTicket takes a ticket that says more than what is known of a person, and
// reports whether people see something new.
func (n *Node) takeTicket(p *person, c *peer.Certified) (changed bool) {
	if c == nil || c.Ticket.Realm != n.realm.id || n.realm.revoked.Voids(c.Ticket) || c.Ticket.Expired(n.now()) {
		return false
	}
	before := p.ticket
	if before.Realm == c.Ticket.Realm && c.Ticket.Serial <= before.Serial {
		return false
	}
	p.ticket = c.Ticket
	n.desk.do("remember whose device "+p.name.String()+" is", func() error { return n.db.SaveTicket(c.ID, c.Signed) })
	changed = n.reviewAccount(p)
	if before.Realm != c.Ticket.Realm || before.Account != c.Ticket.Account {
		n.tellOfDevice(p)
	}
	return changed
}

// userOf is the folded name of the account whose device somebody is, by a ticket or
// by the server's friend list; "" where there is none.
func (n *Node) userOf(p *person) string {
	if n.holds(p) {
		return peer.FoldName(p.ticket.User)
	}
	return peer.FoldName(p.user)
}

// tellOfDevice says that somebody whom this person wrote with has another device.
// Where the person verified one of them, it is told as [Node.findImitators] does.
func (n *Node) tellOfDevice(p *person) {
	if n.asks(p) {
		n.warn(danger{newDevice, p.id}, "Your account has another device, which gets nothing yet. Is it yours? \"earshot account admit %[1]s\", "+
			"else \"earshot account revoke %[1]s\" and change the password.", p.id.String()[:8])
		return
	}
	if p.spokenWith() {
		return
	}
	var known *person
	for _, other := range n.people {
		if other == p || !other.spokenWith() || other.ticket.Account != p.ticket.Account || !n.holds(other) {
			continue
		}
		if !other.verified.IsZero() {
			return
		}
		known = other
	}
	if known != nil {
		device := p.id.String()[:8]
		n.warn(danger{newDevice, known.id}, "%s has a new device, which gets nothing yet. Say yes only if you know that it is theirs: \"earshot id %s --verify\".", known.name, device)
	}
}

// spokenWith reports whether this person has more to do with a device than the
// server's word.
func (p *person) spokenWith() bool { return !p.written.IsZero() || !p.verified.IsZero() }

// reviewAccount looks anew at what a person's ticket says, and reports whether
// people see something else. A name that comes with a ticket is the ticket's.
func (n *Node) reviewAccount(p *person) (changed bool) {
	var a affiliation
	name := p.calls
	if n.holds(p) {
		t := p.ticket
		a = affiliation{user: peer.DisplayName(t.User), team: peer.DisplayName(t.Team), server: n.realm.server, certified: true}
		if t.Expired(n.now()) {
			a.lapsed = t.Expires
		}
		if name = n.nameOfAccount(p); name.IsZero() {
			name = a.user
		}
	} else {
		a.void = !n.realm.id.IsZero() && n.realm.revoked.Voids(peer.Ticket{Realm: n.realm.id, Device: p.id})
	}
	changed = a != p.account || name != p.name
	p.account = a
	p.name = name
	n.enroll(p)
	return changed
}

// nameOfAccount is what somebody with a ticket is called: as the account is, and a
// device of this account so that it can be told from the others.
func (n *Node) nameOfAccount(p *person) peer.Text {
	if n.isOwn(p) {
		return peer.DisplayName(cmp.Or(p.calls.String(), p.ticket.Name) + " (" + p.id.String()[:4] + ")")
	}
	return peer.DisplayName(p.ticket.Name)
}

// reviewAccounts does it for everybody.
func (n *Node) reviewAccounts() {
	var changed []*person
	for _, p := range n.people {
		if n.reviewAccount(p) {
			changed = append(changed, p)
		}
	}
	if len(changed) == 0 {
		return
	}
	n.findImitators() // first: nobody sees an imitator's name unmarked
	for _, p := range changed {
		n.changed(p)
	}
}

// reviewLapsed marks those whose ticket has expired meanwhile.
func (n *Node) reviewLapsed(now time.Time) {
	for _, p := range n.people {
		if p.account.certified && p.account.lapsed.IsZero() && p.ticket.Expired(now) && n.reviewAccount(p) {
			n.changed(p)
		}
	}
}

// loadAccounts reads what was known of accounts. It runs before the loop.
func (n *Node) loadAccounts() (err error) {
	if n.lists, err = n.db.Revocations(); err != nil {
		return err
	}
	tickets, err := n.db.Tickets()
	for id, signed := range tickets {
		if t, err := peer.ParseTicket(signed); err == nil && t.Device == id { // it was in its time when it was stored
			n.meet(id).ticket = t
		}
	}
	return err
}
