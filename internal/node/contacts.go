package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"earshot/internal/chat"
	"earshot/peer"
)

// People lists who is in earshot, and with whom one has written or whom one
// verified; first those who are there, then by name.
func (n *Node) People(ctx context.Context) ([]Person, error) {
	return ask(ctx, n, func() ([]Person, error) {
		var people []Person
		for _, p := range n.people {
			if p.listed() {
				people = append(people, n.value(p))
			}
		}
		slices.SortFunc(people, comparePeople)
		return people, nil
	})
}

// peer is the device of a direct conversation.
func (c Conversation) peer() (peer.ID, error) {
	id, err := peer.ParseID(string(c))
	if err != nil {
		return peer.ID{}, fmt.Errorf("%w: %w", ErrNoSuchPeer, err)
	}
	return id, nil
}

// person finds somebody who is listed.
func (n *Node) person(id peer.ID) (*person, error) {
	p, ok := n.people[id]
	if !ok || !p.listed() {
		return nil, fmt.Errorf("%w: %s", ErrNoSuchPeer, id)
	}
	return p, nil
}

// addressee finds somebody who may be written to, and makes a contact of him.
func (n *Node) addressee(id peer.ID) (*person, error) {
	p, err := n.person(id)
	if err != nil {
		return nil, err
	}
	if p.imitates {
		return nil, fmt.Errorf("write to %s: %w", p.name, ErrKeyChanged)
	}
	n.befriend(p)
	for _, q := range n.kin(p) {
		n.reach(q)
	}
	return p, nil
}

// befriend makes a contact of a person: this device has something to do with it.
func (n *Node) befriend(p *person) {
	if p.contact {
		return
	}
	p.contact = true
	n.host.SetContact(p.id, true)
	n.save(p)
	n.changed(p)
}

// Accept says yes to a stranger: the messages that wait are no request any more,
// and more may come. To a device under the name of a verified contact it means
// that this person wants to write to it all the same, and so for a contact that
// speaks an older version than before. A new device of this account gets its
// conversations from then on. It returns when that is on the disk.
func (n *Node) Accept(ctx context.Context, id peer.ID) error {
	err := order(ctx, n, func() error {
		p, err := n.person(id)
		if err != nil {
			return err
		}
		if p.imitates {
			n.decide(p)
		}
		if n.asks(p) {
			n.admit(p)
		}
		if n.isGuest(p) {
			n.take(p)
		}
		n.takeVersion(p)
		n.link(p)
		n.changed(p)
		n.befriend(p)
		n.replica.Accept(id)
		return nil
	})
	if err != nil {
		return err
	}
	return n.sync(ctx)
}

// Verify notes that a person compared the safety number with this device, or
// takes that back. It returns when that is on the disk.
func (n *Node) Verify(ctx context.Context, id peer.ID, verified bool) error {
	_, err := await(ctx, n, func(done func(struct{}, error)) {
		p, err := n.person(id)
		if err != nil {
			done(struct{}{}, err)
			return
		}
		n.verify(p, verified)
		n.desk.do("verify", func() error { // behind what verify saved
			done(struct{}{}, nil)
			return nil
		})
	})
	return err
}

func (n *Node) verify(p *person, verified bool) {
	if verified {
		if n.isGuest(p) {
			n.take(p)
		}
		n.takeVersion(p) // the keys were compared again
		n.link(p)
	}
	if verified == !p.verified.IsZero() {
		n.changed(p)
		return
	}
	p.verified = time.Time{}
	if verified {
		p.verified = n.now()
		n.keepVersion(p)
		n.befriend(p)
		n.replica.Accept(p.id)
	}
	n.link(p)
	n.save(p)
	n.changed(p)
	n.findImitators()
}

// acceptedName begins the settings that remember under which name somebody was
// accepted though a verified contact has that name.
const acceptedName = "accepted name "

// decide notes that the person wants this device though it has a verified
// contact's name, or account. Under another such name it is an imitator again.
func (n *Node) decide(p *person) {
	name := peer.FoldName(p.name.String())
	p.accepted = name
	n.desk.do("remember an answer", func() error { return n.db.SetSetting(acceptedName+p.id.String(), name) })
	n.findImitators()
}

// decided reports whether the person said yes to this device under its present name.
func (p *person) decided() bool {
	return p.accepted != "" && p.accepted == peer.FoldName(p.name.String())
}

// waiting notes that a device holds our entries back until its person answers.
func (n *Node) waiting(e chat.Waiting) {
	p := n.meet(e.Peer)
	p.waiting = e.On
}

// held notes that a stranger wrote more than a stranger may.
func (n *Node) held(e chat.Held) {
	p := n.meet(e.Peer)
	n.log.Info("a stranger's messages are held back", "peer", e.Peer)
	if e.Full {
		n.warn(danger{kind: flood}, "%s wants to write, but too many requests wait for an answer already. Answer some of them.", p.name)
	}
}

// forked warns that two devices hold different entries under one number.
func (n *Node) forked(e chat.Forked) {
	p := n.meet(e.Peer)
	if e.Author == n.id.ID() {
		n.alarm(p, "What %s has of your messages is not what this device has: this profile was restored from a backup, "+
			"or a copy of it runs elsewhere. New messages go on in a new log.", p.name)
		return
	}
	n.alarm(p, "%s sent two versions of the same messages: that profile was restored from a backup, or runs twice.", p.name)
}

// Watch says which conversation is open on a screen, "" for none: a device that
// goes away is then noticed sooner. Each screen has its own, see [AsViewer].
func (n *Node) Watch(ctx context.Context, c Conversation) error {
	var id peer.ID
	if c != "" {
		var err error
		if id, err = c.peer(); err != nil {
			return err
		}
	}
	viewer := Viewer(ctx)
	return order(ctx, n, func() error {
		n.watch(viewer, id)
		return nil
	})
}

// watch notes what one screen shows; the zero ID is nothing.
func (n *Node) watch(viewer any, id peer.ID) {
	before := n.viewers[viewer]
	delete(n.viewers, viewer)
	if !id.IsZero() {
		n.viewers[viewer] = id
		if p, ok := n.people[id]; ok {
			for _, q := range n.kin(p) {
				n.reach(q)
			}
		}
	}
	for _, each := range []peer.ID{before, id} {
		if !each.IsZero() {
			n.host.Watch(each, "screen", n.onScreen(each))
		}
	}
}

func (n *Node) onScreen(id peer.ID) bool {
	for _, each := range n.viewers {
		if each == id {
			return true
		}
	}
	return false
}
