package node

import (
	"time"

	"earshot/peer"
)

// warnEvery is the shortest time between two warnings about somebody who is not
// who he seems to be: who tries it a thousand times must not be heard a
// thousand times.
const warnEvery = time.Minute

// findImitators looks anew at who seems to be a verified contact without being this
// device: by the name, or by the account that it has by the word of the server, which
// may have been lied to or lie. Such a device is listed apart, and nothing is sent to
// it until the person decided.
func (n *Node) findImitators() {
	names, accounts := n.verified()
	for _, p := range n.people {
		of, imitates := names[peer.FoldName(p.name.String())]
		owner, newDevice := accounts[n.userOf(p)]
		if newDevice {
			of, imitates = owner, true
		}
		imitates = imitates && of != p.id && p.verified.IsZero() && !p.decided()
		newDevice = newDevice && imitates
		if imitates == p.imitates && newDevice == p.newDevice {
			continue
		}
		p.imitates, p.newDevice, p.unwarned = imitates, newDevice, peer.ID{}
		if imitates {
			p.unwarned = of
		}
		n.enroll(p)
		n.link(p)
		n.changed(p)
	}
	n.warnOfImitators()
}

// verified is a verified contact for each name and each account that one has.
func (n *Node) verified() (names map[string]peer.ID, accounts map[string]peer.ID) {
	names, accounts = make(map[string]peer.ID), make(map[string]peer.ID)
	for _, p := range n.people {
		if p.verified.IsZero() {
			continue
		}
		names[peer.FoldName(p.name.String())] = p.id
		if user := n.userOf(p); user != "" {
			accounts[user] = p.id
		}
	}
	return names, accounts
}

// warnOfImitators tells of those who are here and nobody was warned of yet: one
// warning for all who show the same name. What came too soon after another
// warning is told with a later tick.
func (n *Node) warnOfImitators() {
	told := make(map[peer.ID]bool)
	for _, p := range n.people {
		of := p.unwarned
		if of.IsZero() || !p.session {
			continue
		}
		if told[of] || n.warn(danger{imposture, of}, imitation(p), p.name) {
			told[of], p.unwarned = true, peer.ID{}
		}
	}
}

// imitation is the warning about a device that seems to be a verified contact.
func imitation(p *person) string {
	if p.newDevice {
		return "%s, whom you verified, has a new device, says the server. It is listed apart, and nothing is sent to it; compare its safety number before you write to it."
	}
	return "Another device shows the name of %s, whom you verified. It is listed apart; compare the safety number before you write to it."
}

// link tells conversations and transfers whether there is a session that they may
// use: nothing that is queued goes to an imitator, nor to an older version. Where they
// missed something that is said once a session, a new one is made.
func (n *Node) link(p *person) {
	open := p.session && !p.imitates && !p.older()
	if open == p.linked {
		return
	}
	if open && p.unheard {
		n.host.Drop(p.id, peer.ByeIdle)
		n.host.Reach(p.id, p.addrs)
		return
	}
	p.linked = open
	if open {
		n.replica.Up(p.id, p.from)
		n.engine.Up(p.id)
		n.vouchTo(p)
	} else {
		n.replica.Down(p.id)
		n.engine.Down(p.id)
	}
}

// wrongKey warns that somebody else answered in the place of a known device.
// Nothing was sent to it, and nothing about the known one changes.
func (n *Node) wrongKey(e peer.WrongKey) {
	p, ok := n.people[e.Want]
	if !ok || !p.known() {
		return // its address is somebody else's now, or a claim was wrong
	}
	n.log.Info("another device answered", "expected", e.Want, "got", e.Got, "address", e.Addr)
	if !p.verified.IsZero() {
		n.warn(danger{imposture, p.id}, "At the address of %s (%s) another device answered. Nothing was sent to it.", p.name, e.Addr)
	}
}

// A danger is what a warning is about, and who suffers: a verified contact, or
// nobody in particular. Each has a minute of its own, so that noise about one
// cannot hide another.
type danger struct {
	kind dangerKind
	who  peer.ID
}

type dangerKind int

const (
	imposture dangerKind = iota // somebody shows another one's name, or answers in his place
	twins                       // this identity runs twice
	flood                       // too many strangers write
	downgrade                   // a verified contact speaks an older version
	newDevice                   // somebody known has another device
)

// warn tells a sentence, unless one about the same danger was told a moment ago.
func (n *Node) warn(about danger, format string, args ...any) (told bool) {
	now := n.now()
	if now.Sub(n.warned[about]) < warnEvery {
		return false
	}
	n.warned[about] = now
	n.fail(format, args...)
	return true
}
