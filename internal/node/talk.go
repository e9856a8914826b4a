package node

import (
	"cmp"
	"slices"

	"earshot/internal/chat"
	"earshot/peer"
)

// Who conversations are with. The devices of one account are one person to people:
// what was written with any of them, or with the account, is one conversation on the
// screen, under the name of the device that was met first. What belongs together is
// known by tickets, and for the list alone by the server's friend list.

// talks are the conversations on the disk.
type talks struct {
	with map[peer.Hash]chat.Party
	of   map[chat.Party][]peer.Hash
}

// note notes a conversation.
func (t *talks) note(id peer.Hash, with chat.Party) {
	if _, known := t.with[id]; known {
		return
	}
	t.with[id] = with
	t.of[with] = append(t.of[with], id)
}

// accountOf is the account whose device somebody is, by a ticket that counts.
func (n *Node) accountOf(p *person) chat.Party {
	if !n.holds(p) {
		return chat.Party{}
	}
	return chat.AccountParty(p.ticket.Realm, p.ticket.Account)
}

// ownAccount is the account that this device belongs to.
func (n *Node) ownAccount() chat.Party {
	if !n.server.signedIn() {
		return chat.Party{}
	}
	return chat.AccountParty(n.server.Realm, n.server.Account.Account.ID)
}

// isOwn reports whether somebody is another device of this account, by the server's
// word.
func (n *Node) isOwn(p *person) bool {
	account := n.accountOf(p)
	return account.IsAccount() && account == n.ownAccount()
}

// enroll notes whose device somebody is now, tells the conversations, and shows
// people who belongs together.
func (n *Node) enroll(p *person) {
	account, group := n.accountOf(p), n.groupOf(p)
	moved := account != p.owner || group != p.group
	if account != p.owner {
		p.owner = account
		defer n.vouchTo(p)
	}
	n.belongs(p, chat.AccountParty(p.ticket.Realm, p.ticket.Account))
	p.own = n.isOwn(p)
	n.vet(p)
	n.certify(p)
	if !moved {
		return
	}
	before := without(n.groups[p.group], p)
	n.groups[p.group] = before
	if p.group = group; group != "" {
		n.groups[group] = append(n.groups[group], p)
	}
	concerned := slices.Concat(before, n.kin(p))
	for _, account := range p.accounts {
		concerned = append(concerned, n.owned[account]...)
	}
	n.regrouped(concerned)
}

// regrouped shows people that other devices are one person than before, and counts
// anew under which of them there is something unread.
func (n *Node) regrouped(concerned []*person) {
	unread := slices.ContainsFunc(concerned, func(p *person) bool { return p.unread > 0 })
	for _, p := range concerned {
		face := n.face(p)
		if face != p {
			p.unread = 0
		}
		if unread {
			n.countUnread(face)
		}
		n.changed(p)
	}
}

// belongs notes that somebody is, or was, a device of an account: what was written with
// that is shown under one of its devices, also when no ticket of theirs counts any more.
func (n *Node) belongs(p *person, account chat.Party) {
	if account.IsAccount() && !slices.Contains(p.accounts, account) {
		p.accounts = append(p.accounts, account)
		n.owned[account] = append(n.owned[account], p)
	}
}

func without(all []*person, p *person) []*person {
	return slices.DeleteFunc(all, func(other *person) bool { return other == p })
}

// groupOf is what those have in common who are one person to people, "" for somebody
// alone: this account's own devices are told apart, and so is who may be an imitator.
func (n *Node) groupOf(p *person) string {
	user := n.userOf(p)
	if p.imitates || n.server.signedIn() && user == peer.FoldName(n.server.Account.Account.User) {
		return ""
	}
	return user
}

// certify tells the conversations which account a device belongs to. One of this
// account shares them only once the person said yes to it.
func (n *Node) certify(p *person) {
	s := standing{p.owner, n.isGuest(p)}
	if p.own && !n.admitted(p) || n.unproven(p) {
		s = standing{}
	}
	if s != p.certified {
		p.certified = s
		n.replica.Certify(p.id, s.account, s.guest)
	}
}

// standing is what the conversations know of a device.
type standing struct {
	account chat.Party
	guest   bool
}

// unproven reports whether a device is of a verified contact's account by the server's
// word alone. [Node.findImitators] finds that only when the ticket was taken, and a
// session that is there must not learn of the account's conversation until then.
func (n *Node) unproven(p *person) bool {
	return p.verified.IsZero() && !p.decided() && slices.ContainsFunc(n.owned[p.owner], func(q *person) bool {
		return q != p && q.owner == p.owner && !q.verified.IsZero()
	})
}

// signedInAs tells the conversations which account this device belongs to.
func (n *Node) signedInAs() {
	n.replica.SignIn(n.ownAccount(), n.server.Ticket)
	for _, p := range n.people {
		n.enroll(p)
	}
}

// kin are the devices that are one person with p, p among them.
func (n *Node) kin(p *person) []*person {
	if p.group == "" {
		return []*person{p}
	}
	return n.groups[p.group]
}

// face is the device under which all of a person's devices are shown.
func (n *Node) face(p *person) *person {
	return slices.MinFunc(n.kin(p), compareMet)
}

// compareMet orders devices as they were met first.
func compareMet(a, b *person) int {
	return cmp.Or(last(a.firstSeen.IsZero())-last(b.firstSeen.IsZero()), a.firstSeen.Compare(b.firstSeen), a.id.Compare(b.id))
}

// last puts those of whom something is true behind the others.
func last(is bool) int {
	if is {
		return 1
	}
	return 0
}

// shownAs is the person as whom the other side of a conversation is shown, given who
// wrote an entry in it; nil where no device of that account is known, and for notices.
// Of an account's devices it is none that may be an imitator while there is another
// one, nor one that was signed out.
func (n *Node) shownAs(with chat.Party, author peer.ID) *person {
	switch {
	case with.IsAccount() && len(n.owned[with]) > 0:
		return n.face(slices.MinFunc(n.owned[with], func(a, b *person) int {
			return cmp.Or(last(a.imitates)-last(b.imitates), last(a.owner != with)-last(b.owner != with),
				last(a.id != author)-last(b.id != author), compareMet(a, b))
		}))
	case with.Device.IsZero():
		return nil
	}
	return n.face(n.meet(with.Device))
}

// view are the conversations that are one on the screen.
func (n *Node) view(p *person) []peer.Hash {
	var all []peer.Hash
	for _, q := range n.kin(p) {
		for _, with := range append([]chat.Party{chat.DeviceParty(q.id)}, q.accounts...) {
			if with.IsAccount() && n.shownAs(with, q.id) != n.face(p) {
				continue
			}
			for _, id := range n.talks.of[with] {
				if !slices.Contains(all, id) {
					all = append(all, id)
				}
			}
		}
	}
	if len(all) == 0 { // none of them is no question
		id, _ := chat.Direct(n.id.ID(), p.id)
		all = append(all, id)
	}
	return all
}

// correspondent is the device to whose account a text for p goes: p, or another one
// of the same person whose ticket was seen.
func (n *Node) correspondent(p *person) *person {
	for _, q := range append([]*person{p}, n.kin(p)...) {
		if q.owner.IsAccount() {
			return q
		}
	}
	return p
}

// recipient is the device that files for p go to: p, or another one of the same person
// that is there while p is not. A guest is none of them while there is another.
func (n *Node) recipient(p *person) *person {
	devices := append([]*person{p}, n.kin(p)...)
	for _, fits := range []func(q *person) bool{
		func(q *person) bool { return q.linked && !n.isGuest(q) },
		func(q *person) bool { return !n.isGuest(q) },
	} {
		if i := slices.IndexFunc(devices, fits); i >= 0 {
			return devices[i]
		}
	}
	return p
}

// isHere reports whether an entry of somebody else's is for this very device, as
// offers are: what other devices of this account were offered is seen here, too.
func (n *Node) isHere(e chat.Entry) bool {
	id, _ := chat.Direct(n.id.ID(), e.Author)
	return id == e.Conversation
}

// opened takes the ticket that an entry brings: it says whose device wrote what came
// through others, and what that is called until it is met.
func (n *Node) opened(author peer.ID, t peer.Ticket, signed []byte) {
	if author == n.id.ID() {
		return
	}
	p := n.meet(author)
	if p.name.IsZero() {
		n.rename(p, cmp.Or(t.Name, t.User))
	}
	if n.takeTicket(p, &peer.Certified{ID: author, Ticket: t, Signed: signed}) {
		n.findImitators()
		n.changed(p)
	}
}

// readElsewhere counts anew what another device of this account has read.
func (n *Node) readElsewhere(e chat.ReadElsewhere) {
	if p := n.shownAs(n.talks.with[e.Conversation], peer.ID{}); p != nil {
		n.countUnread(p)
	}
}

// whoever is somebody of whom something is known, or else a mere ID, which is not
// remembered for that.
func (n *Node) whoever(id peer.ID) *person {
	if p, ok := n.people[id]; ok {
		return p
	}
	return &person{id: id, name: peer.DisplayName(id.String()[:8])}
}
