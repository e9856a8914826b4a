package node

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"earshot/discovery"
	"earshot/internal/chat"
	"earshot/internal/store"
	"earshot/peer"
)

const (
	// provedLately is how long a proved key counts while there is no session and
	// discovery hears the device: in a crowd sessions are closed when idle.
	provedLately = 15 * time.Minute
	// fadeTime is the longest a device whose session just ended is shown as
	// present while the host looks for it: the host's word comes after
	// peer.RedialGrace, unless it has no address to try.
	fadeTime = peer.RedialGrace + 2*time.Second
	// keptAddrs is how many addresses are remembered of a device.
	keptAddrs = 8
)

// A person is what the loop knows of another device.
type person struct {
	id       peer.ID
	name     peer.Text // of its account, or as it calls itself
	calls    peer.Text // as its hello said, or as it was stored
	renamed  *string   // what it calls itself since, until the next tick
	stored   bool      // has a row in the store
	alarm    peer.Text
	accepted string // the folded name under which the person said yes to this device, see decide

	contact, blocked    bool
	acceptUpTo          int64     // see Person
	limit               int64     // see Person
	verified            time.Time // when a person compared the keys, else zero
	firstSeen, lastSeen time.Time

	addrs   []netip.AddrPort
	via     []discovery.Source
	found   bool       // discovery hears it
	session bool       // live
	from    netip.Addr // where that comes from
	proved  time.Time  // its key, the last time
	fading  time.Time  // its session ended then and the host looks for it; else zero
	rested  bool       // this node closed its session because nobody needed it
	waiting bool       // it holds our entries back until its person answers

	user      string // of the friend at the server whose device it is
	colleague bool   // not by a friendship, but as everybody there is on the list

	unread  int
	written time.Time // of the newest entry
	request bool      // a stranger who wrote

	counting, recount bool // see countUnread

	ticket peer.Ticket // the newest it showed; of serial 0: none. See realm.go
	// See talk.go.
	owner     chat.Party     // the account whose device it is, by the ticket
	certified standing       // what the conversations were told of that
	group     string         // whose devices are shown as one; "": it is alone
	accounts  []chat.Party   // whose device it is, or was
	own       bool           // it is another one of this account
	taken     chat.Party     // the account as whose device it is taken, see vouch.go
	vouches   []peer.Voucher // that it showed
	showed    bool           // since the last tick
	ownFor    string         // the account as whose device this person said yes to it
	account   affiliation    // what that says to people

	version uint64 // of the protocol, the highest it offered; 0: not known. See versions.go
	offers  uint64 // now, in its hello

	imitates  bool
	newDevice bool    // imitates: of the account of a verified contact
	unwarned  peer.ID // whom it imitates, until that was told; else zero
	linked    bool    // conversations and transfers know of the session
	unheard   bool    // something was said on the session that they were not told
	online    bool    // as last told
	told      *Person // as last told, nil when nobody was told yet
}

// present reports whether the device is there: it has a session, had one a
// moment ago, or is heard and proved its key lately.
func (p *person) present(now time.Time) bool {
	return p.session || now.Sub(p.fading) < fadeTime || p.found && now.Sub(p.proved) < provedLately
}

// known reports whether the person has something to do with this device.
func (p *person) known() bool { return p.contact || !p.verified.IsZero() }

// listed reports whether people see the device: it is there, or they have
// something to do with it. A mere claim is not listed.
func (p *person) listed() bool {
	return p.online || p.known() || p.request || !p.written.IsZero() || p.user != "" || p.own
}

// ref names the person in a message.
func (p *person) ref() Ref { return Ref{ID: p.id, Name: p.name, Imitates: p.imitates} }

// value is the person as others see it; nothing in it changes afterwards.
func (p *person) value() Person {
	v := Person{
		ID: p.id, Name: p.name, Verified: !p.verified.IsZero(), Online: p.online, Connected: p.session,
		Contact: p.contact, Imitates: p.imitates, NewDevice: p.newDevice, Older: p.older(), FirstSeen: p.firstSeen, LastSeen: p.lastSeen,
		Unread: p.unread, Written: p.written, Waiting: p.request && !p.contact, Alarm: p.alarm, AcceptUpTo: p.acceptUpTo, Limit: p.limit,
		Account: p.account.user.String(), Team: p.account.team, CertifiedBy: p.account.server, Lapsed: p.account.lapsed,
		Addresses: make([]string, len(p.addrs)), Via: make([]string, len(p.via)),
	}
	if v.Account == "" && !p.account.void {
		v.Account = peer.Line(p.user, 0).String()
	}
	for i, a := range p.addrs {
		v.Addresses[i] = a.String()
	}
	for i, s := range p.via {
		v.Via[i] = string(s)
	}
	if len(v.Via) == 0 && len(v.Addresses) > 0 { // it came by itself
		v.Via = []string{string(discovery.Known)}
	}
	return v
}

// value is the person as others see it, with what depends on others.
func (n *Node) value(p *person) Person {
	v := p.value()
	v.Own, v.Asks, v.Guest = p.own, n.asks(p), n.isGuest(p)
	if face := n.face(p); face != p {
		v.Face = face.id
		return v
	}
	v.Elsewhere = slices.ContainsFunc(n.kin(p), func(q *person) bool { return q != p && q.online })
	return v
}

// same reports whether two values look the same to people.
func same(a, b *Person) bool {
	x, y := *a, *b
	if !slices.Equal(x.Addresses, y.Addresses) || !slices.Equal(x.Via, y.Via) {
		return false
	}
	return x.ID == y.ID && x.Name == y.Name && x.Verified == y.Verified && x.Online == y.Online &&
		x.Face == y.Face && x.Elsewhere == y.Elsewhere && x.Own == y.Own && x.Asks == y.Asks && x.Guest == y.Guest && x.Connected == y.Connected && x.Contact == y.Contact && x.Imitates == y.Imitates &&
		x.Account == y.Account && x.Team == y.Team && x.CertifiedBy == y.CertifiedBy && x.Lapsed.Equal(y.Lapsed) && x.NewDevice == y.NewDevice && x.Older == y.Older &&
		x.FirstSeen.Equal(y.FirstSeen) && x.Unread == y.Unread && x.Written.Equal(y.Written) &&
		x.Waiting == y.Waiting && x.Alarm == y.Alarm && x.AcceptUpTo == y.AcceptUpTo && x.Limit == y.Limit
}

// meet returns the person with this ID, new where it was not known.
func (n *Node) meet(id peer.ID) *person {
	p, ok := n.people[id]
	if !ok {
		p = &person{id: id}
		n.people[id] = p
	}
	return p
}

// loadPeople fills the list from the store. It runs before the loop.
func (n *Node) loadPeople(devices []store.Device) {
	for _, d := range devices {
		p := n.meet(d.ID)
		p.stored, p.calls = true, peer.DisplayName(d.Name)
		p.name = p.calls
		p.verified, p.contact, p.blocked, p.acceptUpTo = d.Verified, d.Contact, d.Blocked, d.AcceptUpTo
		if d.Limit > 0 {
			n.limitPeer(p, d.Limit)
		}
		p.firstSeen, p.lastSeen, p.addrs = d.FirstSeen, d.LastSeen, d.Addresses
		if len(p.addrs) > 0 {
			p.via = []discovery.Source{discovery.Known}
		}
		n.host.SetContact(p.id, p.known())
	}
}

// save remembers the person on the disk. Strangers who only came by are not
// stored: ten thousand of them must not cost a write.
func (n *Node) save(p *person) {
	if !p.stored && !p.known() && p.written.IsZero() {
		return
	}
	d := p.device()
	n.desk.do("remember "+p.name.String(), func() error { return n.db.SaveDevice(d) })
}

// device is the person as the store keeps it, from now on.
func (p *person) device() store.Device {
	p.stored = true
	if len(p.addrs) > 0 {
		p.addVia(discovery.Known) // as from the next start on
	}
	return store.Device{
		ID: p.id, Name: p.calls.String(), FirstSeen: p.firstSeen, LastSeen: p.lastSeen,
		Verified: p.verified, Contact: p.contact, Blocked: p.blocked, AcceptUpTo: p.acceptUpTo, Limit: p.limit,
		Addresses: slices.Clone(p.addrs),
	}
}

// changed tells subscribers what is new about a person, if anything is.
func (n *Node) changed(p *person) {
	was := p.online
	p.online = p.present(n.now())
	if !p.listed() && !was {
		return
	}
	v := n.value(p)
	switch {
	case p.online && !was:
		n.publish(Event{Kind: PeerUp, Person: &v})
	case was && !p.online:
		n.publish(Event{Kind: PeerDown, Person: &v})
	case p.told == nil || !same(p.told, &v):
		n.publish(Event{Kind: PeerChanged, Person: &v})
	}
	p.told = &v
	if face := n.face(p); was != p.online && face != p {
		n.changed(face)
	}
	if !p.listed() && !p.found {
		n.forget(p)
	}
}

// forget drops somebody with whom this device has nothing to do.
func (n *Node) forget(p *person) {
	if p.session || p.stored {
		return
	}
	n.host.Forget(p.id)
	if p.ticket.Serial == 0 && p.group == "" && len(p.accounts) == 0 { // of those the realm knows each
		delete(n.people, p.id)
	}
}

// sessionUp notes that a device proved its key.
func (n *Node) sessionUp(e peer.SessionUp) {
	now := n.now()
	p := n.meet(e.ID)
	renamed := n.rename(p, e.Hello.Name)
	renamed = n.takeTicket(p, e.Certified) || renamed
	p.renamed, p.unheard = nil, false
	p.session, p.proved, p.fading = true, now, time.Time{}
	p.from = e.Addr.Addr()
	p.lastSeen = now
	if p.firstSeen.IsZero() {
		p.firstSeen = now
	}
	if e.Addr.IsValid() && e.Addr.Port() != 0 {
		p.addAddrs(e.Addr)
		if n.manual[e.Addr] {
			p.addVia(discovery.Manual)
		}
	}
	n.finder.Confirm(p.id, true)
	n.host.SetContact(p.id, p.known())
	if n.wanted(p) {
		n.host.Keep(p.id, p.addrs) // so that it is dialled again should the session end
	}
	n.noteVersion(p, e.Hello.Highest)
	if renamed {
		n.findImitators()
	}
	n.link(p)
	n.save(p)
	n.changed(p)
	n.reviewSessions()
}

// presence notes what a device says of itself during a session. A name is taken
// with the next tick: who sends many costs no more than who sends one.
func (n *Node) presence(from peer.ID, m peer.Presence) {
	if p, ok := n.people[from]; ok && p.session {
		p.renamed = &m.Name
	}
}

// takeNames gives people the names that came meanwhile, and looks at imitators
// once however many they are.
func (n *Node) takeNames() {
	var renamed []*person
	for _, p := range n.people {
		if p.renamed == nil {
			continue
		}
		if n.rename(p, *p.renamed) {
			renamed = append(renamed, p)
		}
		p.renamed = nil
	}
	if len(renamed) == 0 {
		return
	}
	n.findImitators() // first: nobody sees an imitator's name unmarked
	for _, p := range renamed {
		n.save(p)
		n.changed(p)
	}
}

// rename takes the name that a device gives itself, and reports whether people see
// another one.
func (n *Node) rename(p *person, hello string) (renamed bool) {
	name := peer.DisplayName(hello)
	if name.IsZero() {
		name = peer.DisplayName(p.id.String()[:8])
	}
	p.calls = name
	if p.account.certified {
		return false
	}
	renamed = name != p.name
	p.name = name
	return renamed
}

// sessionDown notes that a session ended; the host looks for the device now.
func (n *Node) sessionDown(e peer.SessionDown) {
	p, ok := n.people[e.ID]
	if !ok || !p.session {
		return
	}
	now := n.now()
	p.session, p.proved, p.lastSeen, p.fading = false, now, now, now
	if p.rested {
		p.rested, p.fading = false, time.Time{}
	}
	n.finder.Confirm(p.id, false)
	n.link(p)
	n.save(p)
	n.changed(p)
}

// gone notes that a device left, or cannot be reached.
func (n *Node) gone(e peer.PeerGone) {
	p, ok := n.people[e.ID]
	if !ok {
		return
	}
	p.fading, p.proved = time.Time{}, time.Time{}
	n.changed(p)
	n.reviewSessions()
}

// twin warns that an identity runs twice.
func (n *Node) twin(e peer.Twin) {
	if e.ID == n.id.ID() {
		where := fmt.Sprintf("a second time, at %s", e.Addr)
		if !e.Met {
			where = fmt.Sprintf("on another machine as well: the device at %s met both", e.Addr)
		}
		n.warn(danger{kind: twins}, "This identity is running %s. A profile must not be copied: "+
			"on one of the two, quit Earshot and start it with another --profile.", where)
		return
	}
	p := n.meet(e.ID)
	n.alarm(p, "%s runs on two machines at once. One of them is a copy: on it, Earshot should be started with another --profile.", p.name)
}

// alarm shows a sentence beside a person, and tells it once.
func (n *Node) alarm(p *person, format string, args ...any) {
	sentence := sentence(format, args...)
	if p.alarm == sentence {
		return
	}
	p.alarm = sentence
	n.fail("%s", sentence)
	n.changed(p)
}

// comparePeople orders those who are there before the others, then by name.
func comparePeople(a, b Person) int {
	online := func(p Person) int {
		if p.Online {
			return 0
		}
		return 1
	}
	return cmp.Or(online(a)-online(b),
		cmp.Compare(peer.FoldName(a.Name.String()), peer.FoldName(b.Name.String())), a.ID.Compare(b.ID))
}
