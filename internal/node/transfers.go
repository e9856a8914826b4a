package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/google/uuid"

	"earshot/internal/chat"
	"earshot/peer"
	"earshot/transfer"
)

// Offer offers the files and folders at absolute paths to a device, and returns
// when that is on the disk. The transfer's ID is that of the offer's message.
func (n *Node) Offer(ctx context.Context, to Conversation, paths []string) (Transfer, error) {
	id, err := to.peer()
	if err != nil {
		return Transfer{}, err
	}
	if len(paths) == 0 {
		return Transfer{}, errors.New("offer files: none is named")
	}
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			return Transfer{}, fmt.Errorf("offer %s: want an absolute path", path)
		}
	}
	return n.offer(ctx, id, paths)
}

func (n *Node) offer(ctx context.Context, to peer.ID, paths []string) (Transfer, error) {
	to, err := ask(ctx, n, func() (peer.ID, error) {
		p, err := n.addressee(to)
		if err != nil {
			return to, err
		}
		return n.recipient(p).id, nil
	})
	if err != nil {
		return Transfer{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Transfer{}, err
	}
	o, err := reply(ctx, n, func(done func(transfer.Offer, error)) { n.engine.Prepare(id, to, paths, done) })
	if err != nil {
		return Transfer{}, unsendable(err)
	}
	if err := n.announce(context.WithoutCancel(ctx), to, o); err != nil {
		return Transfer{}, fmt.Errorf("offer files: %w", err) // what was prepared is forgotten at the next start
	}
	return await(ctx, n, func(done func(Transfer, error)) {
		n.whenTold(id, func(t Transfer) { done(t, nil) })
	})
}

// whenTold hands over a transfer as soon as the engine has said what it is: only
// then it is known what was left out of it.
func (n *Node) whenTold(id uuid.UUID, do func(Transfer)) {
	if t, told := n.transfers[id]; told {
		do(n.transfer(t))
		return
	}
	n.untold[id] = do
}

// unsendable is why files could not be prepared: something in them, unless this
// machine is in trouble, or the node stopped.
func unsendable(err error) error {
	if Cause(err) == ErrDiskFull || errors.Is(err, ErrStopped) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("offer files: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrUnsendable, err)
}

// announce writes the entry of a prepared offer.
func (n *Node) announce(ctx context.Context, to peer.ID, o transfer.Offer) error {
	if _, err := n.add(ctx, chat.Draft{To: to, ID: o.ID, Kind: chat.KindOffer, Body: offerBody(o)}); err != nil {
		return err
	}
	n.engine.Offered(o.ID)
	return nil
}

// offerBody is what an offer's entry says.
func offerBody(o transfer.Offer) chat.Offer {
	return chat.Offer{Name: o.Name, Files: uint64(o.Files), Bytes: uint64(o.Bytes), Manifest: o.Manifest, Program: o.Program}
}

// runnable reports whether something that is offered can be run, by its sender's word
// or by its name: the word alone may be a lie.
func runnable(o chat.Offer) bool { return o.Program || transfer.IsProgramName(o.Name) }

// offered hands an offer that came in to the engine, and says yes where the rule
// does.
func (n *Node) offered(p *person, e chat.Entry) {
	o, err := e.Offer()
	if err != nil {
		return
	}
	offer := transfer.Offer{
		ID: e.ID, Name: o.Name, Files: clampInt(o.Files), Bytes: int64(clampInt(o.Bytes)), Manifest: o.Manifest, Program: runnable(o),
	}
	if _, known := n.transfers[e.ID]; known { // of somebody else, or again
		return
	}
	n.transfers[e.ID] = transfer.Transfer{ // until the engine says more
		Offer: offer, Peer: p.id, Direction: transfer.Receiving, State: transfer.Offered, Offered: n.now(),
	}
	n.engine.Incoming(offer, p.id)
	n.acceptByRule(n.transfers[e.ID])
}

// Answer accepts a file offer or declines it, or says what becomes of the files of a
// transfer that is paused because their names are taken. Saying yes to a stranger's
// offer makes a contact of the stranger. Where the sender is away, the answer is
// kept.
func (n *Node) Answer(ctx context.Context, id uuid.UUID, a Answer) error {
	switch {
	case a.Dir != "" && !filepath.IsAbs(a.Dir):
		return fmt.Errorf("save into %q: want an absolute path", a.Dir)
	case a.Conflict != "" && !slices.Contains(Conflicts, a.Conflict):
		return fmt.Errorf("where a name is taken %q: want one of %v", a.Conflict, Conflicts)
	}
	return n.command(ctx, id, func(t transfer.Transfer, done func(error)) {
		if !a.Accept {
			n.engine.Decline(id, done)
			return
		}
		p := n.meet(t.Peer)
		n.befriend(p)
		n.replica.Accept(p.id)
		n.reach(p)
		n.receive(id, p, a.Dir, transfer.Conflict(n.conflict(a.Conflict)), done)
	})
}

// Transfers lists the offers of both directions and what became of them, oldest
// first.
func (n *Node) Transfers(ctx context.Context) ([]Transfer, error) {
	return ask(ctx, n, func() ([]Transfer, error) {
		all := make([]Transfer, 0, len(n.transfers))
		for _, t := range n.transfers {
			all = append(all, n.transfer(t))
		}
		slices.SortFunc(all, func(a, b Transfer) int {
			if c := a.Offered.Compare(b.Offered); c != 0 {
				return c
			}
			return slices.Compare(a.ID[:], b.ID[:])
		})
		return all, nil
	})
}

// Pause stops a transfer until Resume.
func (n *Node) Pause(ctx context.Context, id uuid.UUID) error {
	return n.command(ctx, id, func(_ transfer.Transfer, done func(error)) { n.engine.Pause(id, done) })
}

// Resume goes on with a transfer that was paused here.
func (n *Node) Resume(ctx context.Context, id uuid.UUID) error {
	return n.command(ctx, id, func(_ transfer.Transfer, done func(error)) { n.engine.Resume(id, done) })
}

// Cancel ends a transfer for good.
func (n *Node) Cancel(ctx context.Context, id uuid.UUID) error {
	return n.command(ctx, id, func(_ transfer.Transfer, done func(error)) { n.engine.Cancel(id, done) })
}

// Clear says that a transfer that is over need not be shown any more.
func (n *Node) Clear(ctx context.Context, id uuid.UUID) error {
	return n.command(ctx, id, func(_ transfer.Transfer, done func(error)) { n.engine.Clear(id, done) })
}

// Retry offers anew what a transfer of ours offered, as it is now. What the receiver
// has of it and is still the same is not sent again.
func (n *Node) Retry(ctx context.Context, id uuid.UUID) (Transfer, error) {
	t, err := ask(ctx, n, func() (transfer.Transfer, error) { return n.transfers[id], nil })
	if err != nil {
		return Transfer{}, err
	}
	switch {
	case t.ID != id:
		return Transfer{}, fmt.Errorf("%w: %s", ErrNoSuchOffer, id)
	case t.Direction != transfer.Sending || !t.State.Final():
		return Transfer{}, fmt.Errorf("send %s again: %w", id, ErrWrongState)
	}
	paths, err := n.engine.Sources(id)
	if errors.Is(err, transfer.ErrUnlisted) {
		err = fmt.Errorf("%w: %w", ErrUnsendable, err)
	}
	if err != nil {
		return Transfer{}, err
	}
	return n.offer(ctx, t.Peer, paths)
}

// command asks the engine for something about a transfer that is known.
func (n *Node) command(ctx context.Context, id uuid.UUID, do func(t transfer.Transfer, done func(error))) error {
	_, err := await(ctx, n, func(done func(struct{}, error)) {
		t, ok := n.transfers[id]
		if !ok {
			done(struct{}{}, transfer.ErrUnknown)
			return
		}
		do(t, func(err error) { done(struct{}{}, err) })
	})
	switch {
	case errors.Is(err, transfer.ErrUnknown):
		return fmt.Errorf("%w: %s", ErrNoSuchOffer, id)
	case errors.Is(err, transfer.ErrState):
		return fmt.Errorf("%w: %w", ErrWrongState, err)
	}
	return err
}

// transferChanged notes what a transfer is at, and tells.
func (n *Node) transferChanged(t transfer.Transfer) {
	was, known := n.transfers[t.ID]
	n.transfers[t.ID] = t
	n.noteMoving(t)
	n.confirm(t)
	v, before, kind := n.transfer(t), n.transfer(was), TransferMoved
	if do := n.untold[t.ID]; do != nil {
		delete(n.untold, t.ID)
		do(v)
	}
	if known && v == before {
		return // something changed that people do not see
	}
	if before.Receipt = v.Receipt; known && v == before {
		kind = ReceiptNoted
	}
	n.publish(Event{Kind: kind, Transfer: &v})
}

// noteMoving keeps what a transfer needs of the session with its peer.
func (n *Node) noteMoving(t transfer.Transfer) {
	delete(n.moving, t.ID)
	if t.State == transfer.Active || t.State == transfer.Interrupted {
		n.moving[t.ID] = t.Peer
	}
	n.host.Watch(t.Peer, "transfer "+t.ID.String(), t.State == transfer.Active)
}

// skipped is what was left out of a transfer, in words.
func skipped(t transfer.Transfer) peer.Text { return peer.Line(t.Skipped, 500) }

// transfer is a transfer as people see it.
func (n *Node) transfer(t transfer.Transfer) Transfer {
	v := Transfer{
		ID: t.ID, Direction: Direction(t.Direction), Peer: n.meet(t.Peer).ref(), Name: peer.Line(t.Name, 0),
		Files: t.Files, Bytes: t.Bytes, Done: t.Done, State: string(t.State), Reason: string(t.Reason), Rate: t.Rate,
		Left: t.Left, Offered: t.Offered, Path: t.Path, Renamed: peer.Line(t.Renamed, 0), Skipped: skipped(t),
		Program: t.Program, Error: peer.Line(t.Error, 500), Checked: t.Checked,
		Receipt: string(t.Confirmed), Content: contentText(t.Content), Limit: t.Limit, Cleared: t.Cleared,
	}
	if t.Walled {
		v.Error = wallWords(v.Peer.Name, n.host.Port(), n.host.Address(t.Peer).Port())
	}
	return v
}

// wallWords says what to do where neither this device nor that of the person named
// gets through to the other, given where each is dialled (0: nowhere).
func wallWords(name peer.Text, own, other uint16) peer.Text {
	if other == 0 {
		return sentence("The device of %s does not get through to this one. Open TCP port %d on this computer; then it goes on.", name, own)
	}
	return sentence("Neither device gets through to the other. Open TCP port %d on this computer, or TCP port %d on that of %s; then it goes on.",
		own, other, name)
}
