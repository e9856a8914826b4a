package node

import (
	"errors"
	"strings"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/store"
	"earshot/peer"
	"earshot/transfer"
)

// load fills what the loop knows from the store; it runs before the loop.
func (n *Node) load() error {
	devices, err := n.db.Devices()
	if err != nil {
		return err
	}
	n.loadPeople(devices)
	if err := errors.Join(n.loadAccounts(), n.loadOwn(), n.loadTaken(), n.loadVouchers()); err != nil {
		return err
	}
	if err := n.loadServer(); err != nil { // before the conversations: it says who is one person
		return err
	}
	summaries, err := n.db.Summaries()
	if err != nil {
		return err
	}
	authors, err := n.db.Authors()
	if err != nil {
		return err
	}
	n.loadConversations(summaries, authors)
	if err := n.loadDecisions(); err != nil {
		return err
	}
	if err := n.loadVersions(); err != nil {
		return err
	}
	return n.loadTransfers()
}

// loadConversations notes with whom this device has written.
func (n *Node) loadConversations(summaries []store.Summary, authors map[chat.Party][]peer.ID) {
	for account, devices := range authors {
		for _, id := range devices {
			n.belongs(n.meet(id), account)
		}
	}
	for _, s := range summaries {
		n.talks.note(s.Conversation, s.Peer)
		p := n.shownAs(s.Peer, s.Newest.Author)
		if p == nil {
			continue
		}
		p.unread += s.Unread
		if newest := s.Newest; newest.Number > 0 {
			written := n.entry(Direct(p.id), newest.Entry, newest.Ours).At
			if now := n.now(); written.After(now) { // by the author's clock, which may be anything
				written = now
			}
			if written.After(p.written) {
				p.written = written
			}
			p.request = !p.contact
		}
	}
	for _, p := range n.people {
		if p.name.IsZero() {
			n.rename(p, "")
		}
	}
}

// loadDecisions reads which imitators the person accepted.
func (n *Node) loadDecisions() error {
	accepted, err := n.db.Settings(acceptedName)
	for key, name := range accepted {
		if id, err := peer.ParseID(strings.TrimPrefix(key, acceptedName)); err == nil {
			n.meet(id).accepted = name
		}
	}
	n.findImitators()
	return err
}

// loadTransfers takes what the engine knows, and makes good for a kill between
// the entry of an offer or receipt and its transfer.
func (n *Node) loadTransfers() error {
	for _, t := range n.engine.Transfers() {
		n.transfers[t.ID] = t
		n.noteMoving(t)
		n.confirm(t)
	}
	n.findReceipts()
	return n.loadOffers()
}

// prepared makes good for a kill between the making of an offer and its entry:
// it returns the offers that have their entry, and forgets the others. It runs
// before the engine reads the store.
func (n *Node) prepared() (offered []uuid.UUID, err error) {
	transfers := n.db.TransferStore()
	all, err := transfers.Transfers()
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.State != transfer.Preparing {
			continue
		}
		_, err := n.db.Message(n.id.ID(), t.ID)
		if err == nil {
			offered = append(offered, t.ID)
			continue
		}
		if errors.Is(err, store.ErrUnknown) {
			err = transfers.DropTransfer(t.ID)
		}
		if err != nil {
			return nil, err
		}
	}
	return offered, nil
}

// loadOffers hands offers to the engine which it had not heard of yet when the
// node was killed, however much was written since.
func (n *Node) loadOffers() error {
	offers, err := n.db.OffersWithoutTransfer()
	if err != nil {
		return err
	}
	for _, m := range offers {
		if n.isHere(m.Entry) {
			n.offered(n.meet(m.Author), m.Entry)
		}
	}
	n.acceptWaiting()
	return nil
}
