package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/internal/store"
	"earshot/peer"
	"earshot/transfer"
)

// Whoever has received files says so in an entry that its key signs: the receipt.
// It is written once for each transfer that is done. That it is written, or came,
// is noted with the transfer; what it is worth is found out each time it is asked
// for.

const (
	// receiptRetry is when a receipt is written again that the disk did not take.
	receiptRetry = time.Minute
	// readingTime is between two words about how far files were read again.
	readingTime = 250 * time.Millisecond
)

// receiptWritten: the receipt of a transfer is on the disk, or could not be written.
type receiptWritten struct {
	id  uuid.UUID
	err error
}

// confirm writes the receipt of a transfer that was received. Where it was written
// before, though that was not noted, this adds nothing.
func (n *Node) confirm(t transfer.Transfer) {
	if t.Confirmed != transfer.Unsigned {
		delete(n.receipts, t.ID)
		return
	}
	_, underWay := n.receipts[t.ID]
	if underWay || t.Direction != transfer.Receiving || t.State != transfer.Done || t.Content == (peer.Hash{}) {
		return
	}
	n.receipts[t.ID] = time.Time{}
	n.replica.Write(receiptFor(t), func(_ chat.Entry, err error) { n.box.put(receiptWritten{t.ID, err}) })
}

// receiptFor is the receipt of what was received.
func receiptFor(t transfer.Transfer) chat.Draft {
	of := chat.Answers{Author: t.Peer, ID: t.ID}
	return chat.Draft{To: t.Peer, ID: chat.ConfirmationID(of), Kind: chat.KindConfirmation, Body: chat.Confirmation{
		Of: of,
		Files: &chat.Saved{
			Name: cmp.Or(t.Renamed, t.Name), Files: uint64(t.Files), Bytes: uint64(t.Bytes), Manifest: t.Manifest, Content: t.Content,
		},
	}}
}

func (n *Node) receiptWritten(e receiptWritten) {
	if e.err != nil {
		n.log.Warn("a receipt could not be written", "transfer", e.id, "error", e.err)
		n.receipts[e.id] = n.now().Add(receiptRetry)
		return
	}
	n.engine.Confirmed(e.id, transfer.Signed)
}

// confirmAgain writes the receipts again that could not be written.
func (n *Node) confirmAgain(now time.Time) {
	for id, at := range n.receipts {
		if !at.IsZero() && !now.Before(at) {
			delete(n.receipts, id)
			n.confirm(n.transfers[id])
		}
	}
}

// confirmed notes with a transfer of ours what its receiver confirmed.
func (n *Node) confirmed(e chat.Entry) {
	c, err := e.Confirmation()
	if err != nil || e.Author == n.id.ID() {
		return
	}
	t, ok := n.transfers[c.Of.ID]
	of := chat.Answers{Author: n.id.ID(), ID: t.ID}
	if !ok || t.Direction != transfer.Sending || t.Peer != e.Author || e.ID != chat.ConfirmationID(of) {
		n.log.Info("a confirmation of nothing that was sent", "peer", e.Author, "of", c.Of.ID)
		return
	}
	n.engine.Confirmed(t.ID, judged(c.Fits(of, offerBody(t.Offer))))
}

// judged is what a receipt is, given what is wrong with it.
func judged(problem error) transfer.Confirmation {
	if problem != nil {
		return transfer.Invalid
	}
	return transfer.Signed
}

// findReceipts looks for those that came before a kill, and were not noted.
func (n *Node) findReceipts() {
	var sent []transfer.Transfer
	for _, t := range n.transfers {
		if t.Direction == transfer.Sending && t.Accepted && t.Confirmed == transfer.Unsigned {
			sent = append(sent, t)
		}
	}
	n.desk.do("look for receipts", func() error {
		for _, t := range sent {
			r, err := n.readReceipt(n.id.ID(), t.Peer, t.ID)
			if err != nil {
				return err
			}
			if r.there {
				n.engine.Confirmed(t.ID, judged(r.problem))
			}
		}
		return nil
	})
}

// signedReceipt is what the disk holds as the receipt of an offer.
type signedReceipt struct {
	chat.Confirmation
	there   bool
	problem error // what is wrong with it
}

// readReceipt reads the receipt of an offer that one device made to another, and
// checks it: signatures, their places in the logs, and that it is about this offer.
// It may be called from any goroutine.
func (n *Node) readReceipt(from, to peer.ID, offer uuid.UUID) (r signedReceipt, err error) {
	conversation, _ := chat.Direct(from, to)
	of := chat.Answers{Author: from, ID: offer}
	receipts, at, err := n.db.Beside(conversation, chat.EntryKey{Author: to, ID: chat.ConfirmationID(of)})
	if errors.Is(err, store.ErrUnknown) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.there = true
	offers, offered, err := n.db.Beside(conversation, of.Key())
	if errors.Is(err, store.ErrUnknown) {
		r.problem = errors.New("the offer is not in the conversation")
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.Confirmation, r.problem = chat.CheckReceipt(offers[offered], receipts[at], to)
	r.problem = errors.Join(r.problem, chat.CheckChain(offers), chat.CheckChain(receipts))
	return r, nil
}

// Receipts says how far the receiver of a message is. Of files it brings what the
// receiver signed, also on the receiver's own side, and checks that here and now.
func (n *Node) Receipts(ctx context.Context, id uuid.UUID) ([]Receipt, error) {
	row, err := n.offerOrMessage(ctx, id)
	if err != nil {
		return nil, err
	}
	var r signedReceipt
	if row.Kind == chat.KindOffer {
		r, err = reply(ctx, n, func(done func(signedReceipt, error)) {
			done(n.readReceipt(row.Author, n.receiver(row), id))
		})
		if err != nil {
			return nil, err
		}
	}
	return ask(ctx, n, func() ([]Receipt, error) { return []Receipt{n.receipt(row, r)}, nil })
}

// offerOrMessage is the entry of a transfer, or else the message, with this UUID.
func (n *Node) offerOrMessage(ctx context.Context, id uuid.UUID) (store.Message, error) {
	author, err := ask(ctx, n, func() (peer.ID, error) {
		t, ok := n.transfers[id]
		switch {
		case !ok:
			return peer.ID{}, nil
		case t.Direction == transfer.Sending:
			return n.id.ID(), nil
		}
		return t.Peer, nil
	})
	if err != nil {
		return store.Message{}, err
	}
	row, err := reply(ctx, n, func(done func(store.Message, error)) { done(n.db.Message(author, id)) })
	if errors.Is(err, store.ErrUnknown) {
		err = fmt.Errorf("%w: %s", ErrNoSuchMessage, id)
	}
	return row, err
}

// receiver is the device that an entry is for.
func (n *Node) receiver(row store.Message) peer.ID {
	if row.Ours {
		return row.Peer.Device
	}
	return n.id.ID()
}

// receipt is what is known of a message's receiver, as people see it.
func (n *Node) receipt(row store.Message, r signedReceipt) Receipt {
	m := n.message(row)
	shown := Receipt{Peer: Ref{ID: n.id.ID(), Name: n.name}, State: string(m.State), Problem: m.Why}
	if p := n.shownAs(row.Peer, row.Author); m.Mine && p != nil {
		shown.Peer = p.ref()
	}
	if t, ok := n.transfers[row.ID]; ok && row.Kind == chat.KindOffer && t.State != transfer.Offered {
		shown.State, shown.Problem = string(t.State), peer.Text{}
	}
	if !r.there {
		return shown
	}
	shown.State, shown.Problem = Saved, peer.Text{}
	shown.At = time.UnixMilli(int64(min(r.Wall, maxMillis)))
	if r.problem != nil {
		shown.State, shown.Problem = Invalid, peer.Line(r.problem.Error(), 500)
		return shown
	}
	shown.Content = contentText(r.Files.Content)
	return shown
}

// contentText is a content hash as people see it, empty where it is not known.
func contentText(content peer.Hash) string {
	if content == (peer.Hash{}) {
		return ""
	}
	return hex.EncodeToString(content[:])
}

// CheckFiles reads the files of an offer of ours again and compares them with the
// receiver's receipt, which must be right. How far it is is told as [FilesRead].
func (n *Node) CheckFiles(ctx context.Context, id uuid.UUID) (FilesCheck, error) {
	row, err := n.offerOrMessage(ctx, id)
	if err != nil {
		return FilesCheck{}, err
	}
	return reply(ctx, n, func(done func(FilesCheck, error)) { done(n.checkFiles(ctx, row)) })
}

func (n *Node) checkFiles(ctx context.Context, row store.Message) (FilesCheck, error) {
	r, err := n.readReceipt(row.Author, n.receiver(row), row.ID)
	if err == nil && (!r.there || r.problem != nil) {
		err = fmt.Errorf("%w: there is no receipt for %s", ErrWrongState, row.ID)
	}
	if err != nil {
		return FilesCheck{}, err
	}
	var told time.Time
	found, err := n.engine.Reread(ctx, row.ID, func(done int64) {
		if now := time.Now(); now.Sub(told) >= readingTime {
			told = now
			n.box.put(request(func() {
				n.publish(Event{Kind: FilesRead, Reading: &Reading{row.ID, done, int64(clampInt(r.Files.Bytes))}})
			}))
		}
	})
	if errors.Is(err, transfer.ErrUnlisted) || errors.Is(err, transfer.ErrUnknown) {
		return FilesCheck{State: FilesUnlisted}, nil
	}
	if err != nil {
		return FilesCheck{}, err
	}
	return compared(found, r.Files.Content), nil
}

// compared says what files are now that should have the content of a receipt.
func compared(found transfer.Reread, content peer.Hash) FilesCheck {
	switch {
	case found.Gone != "":
		return FilesCheck{FilesGone, peer.Line(found.Gone, 0)}
	case found.Content == content:
		return FilesCheck{State: FilesSame}
	case found.Changed != "":
		return FilesCheck{FilesChanged, peer.Line(found.Changed, 0)}
	}
	return FilesCheck{State: FilesOther}
}
