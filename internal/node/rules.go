package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"earshot/peer"
	"earshot/transfer"
)

// This file says which file offers are accepted without asking. What the person said
// about one device comes first, then the general rule; either of them suffices.

// A Rule says whose offers are accepted without asking.
type Rule string

// The rules; an imitator's offers are never accepted by one.
const (
	AcceptNone     Rule = "none"
	AcceptVerified Rule = "verified"
	AcceptFriends  Rule = "friends" // contacts
	AcceptAll      Rule = "all"
)

// AnySize is for no limit in what is accepted from one device.
const AnySize = -1

// covers reports whether the rule says yes to a person's offers.
func (r Rule) covers(p *person) bool {
	switch {
	case p.imitates || p.blocked:
		return false
	case r == AcceptAll:
		return true
	case r == AcceptFriends:
		return p.known()
	}
	return r == AcceptVerified && !p.verified.IsZero()
}

// accepts reports whether an offer of so many bytes is accepted without asking.
func (n *Node) accepts(p *person, bytes int64) bool {
	if p.imitates || p.blocked {
		return false
	}
	if p.acceptUpTo == AnySize || p.acceptUpTo > 0 && bytes <= p.acceptUpTo {
		return true
	}
	return n.rule.covers(p) && (n.cfg.AcceptUpTo == 0 || bytes <= n.cfg.AcceptUpTo)
}

// SetRule says from now on whose offers are accepted without asking: none,
// verified, friends or all. Offers that wait already are looked at too.
func (n *Node) SetRule(ctx context.Context, rule string) error {
	if !slices.Contains([]Rule{AcceptNone, AcceptVerified, AcceptFriends, AcceptAll}, Rule(rule)) {
		return fmt.Errorf("accept %q: want none, verified, friends or all", rule)
	}
	return order(ctx, n, func() error {
		n.rule = Rule(rule)
		n.selfChanged()
		n.acceptWaiting()
		return nil
	})
}

// AcceptFrom says which offers of a device are accepted without asking, whatever the
// general rule says: those of up to so many bytes, or of [AnySize]; 0 takes that
// back. Who says so knows the device: it is a contact. Offers that wait already are
// looked at too. It returns when that is on the disk.
func (n *Node) AcceptFrom(ctx context.Context, id peer.ID, upTo int64) error {
	if upTo < AnySize {
		return fmt.Errorf("accept files of up to %d bytes: want a size", upTo)
	}
	_, err := await(ctx, n, func(done func(struct{}, error)) {
		p, err := n.person(id)
		if err == nil && p.imitates && upTo != 0 {
			err = fmt.Errorf("accept files from %s: %w", p.name, ErrKeyChanged)
		}
		if err != nil {
			done(struct{}{}, err)
			return
		}
		n.acceptFrom(p, upTo)
		n.desk.do("remember whose files are accepted", func() error { // behind what was saved
			done(struct{}{}, nil)
			return nil
		})
	})
	return err
}

func (n *Node) acceptFrom(p *person, upTo int64) {
	p.acceptUpTo = upTo
	if upTo != 0 {
		n.befriend(p)
		n.replica.Accept(p.id)
	}
	n.save(p)
	n.changed(p)
	n.acceptWaiting()
}

// acceptWaiting says yes to the offers that wait and are accepted without asking.
func (n *Node) acceptWaiting() {
	for _, t := range n.transfers {
		if t.State == transfer.Offered && t.Direction == transfer.Receiving && !t.Accepted {
			n.acceptByRule(t)
		}
	}
}

// acceptByRule says yes to an offer where a rule does. That makes a contact of its
// sender, as the person's own yes would.
func (n *Node) acceptByRule(t transfer.Transfer) {
	p := n.meet(t.Peer)
	if !n.accepts(p, t.Bytes) {
		return
	}
	n.befriend(p)
	n.replica.Accept(p.id)
	n.receive(t.ID, p, "", ruled(n.conflict("")), n.acceptFailed)
}

// acceptFailed says why an offer could not be accepted by a rule; it is called
// from the engine's goroutine.
func (n *Node) acceptFailed(err error) {
	if err != nil && !errors.Is(err, transfer.ErrState) {
		n.box.put(deskFailed{"accept a file offer", err})
	}
}

// conflict is what is done where a name is taken and the person says c; empty: what
// is set.
func (n *Node) conflict(c Conflict) Conflict { return cmp.Or(c, n.cfg.Conflict, ConflictKeep) }

// ruled is what is done about taken names where nobody was asked: then only what
// came from the same person is overwritten.
func ruled(c Conflict) transfer.Conflict {
	if c == ConflictOverwrite {
		return transfer.OverwriteOwn
	}
	return transfer.Conflict(c)
}

// receive begins to receive an offer into dir; empty: where received files go, and
// there into the sender's own folder where that is set.
func (n *Node) receive(id uuid.UUID, p *person, dir string, c transfer.Conflict, done func(error)) {
	if dir != "" || !n.cfg.FolderPerPerson {
		n.engine.Accept(id, dir, c, done)
		return
	}
	owner, into := n.ownerOf(p), *n.dir.Load()
	n.engine.AcceptInto(id, func() (string, error) { return n.folders.of(into, owner) }, c, done)
}
