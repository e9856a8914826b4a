package node

import (
	"context"
	"fmt"
	"time"

	"earshot/discovery"
	"earshot/internal/chat"
	"earshot/peer"
	"earshot/transfer"
)

// The loop's own events, beside those of the parts.
type (
	// A request is a call of the API; it must not wait for anything.
	request func()
	// leaving: the node stops; what the parts say from now on is not news.
	leaving struct{}
)

// loop takes every event there is, one after another, until ctx ends.
func (n *Node) loop(ctx context.Context) error {
	defer n.end()
	n.reachKnown()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-n.box.wake:
			for _, event := range n.box.take() {
				n.handle(event)
			}
		case <-tick.C:
			n.tick()
		case <-ctx.Done():
			return nil
		}
	}
}

// end tells callers and subscribers that nobody answers any more.
func (n *Node) end() {
	close(n.stopped)
	for _, event := range n.box.close() {
		if e, ok := event.(peer.Received); ok {
			e.Done()
		}
		if e, ok := event.(peer.DataOpened); ok {
			e.Conn.Close()
		}
	}
	for feed := range n.feeds {
		feed.End()
	}
}

// handle is the list of all ways in which state changes.
func (n *Node) handle(event any) {
	switch e := event.(type) {
	case request:
		e()
	case leaving:
		n.quiet = true

	case peer.Event:
		n.hostSaid(e)

	case discovery.Found:
		n.found(e)
	case discovery.Lost:
		n.lost(e)
	case discovery.Suspected:
		n.suspected(e)
	case discovery.Copied:
		n.host.Challenge(e.Addr)
	case discovery.NetworkChanged:
		n.host.NetworkChanged()
		n.engine.NetworkChanged()
		n.serverNetworkChanged()
		n.lookInDNS()
	case discovery.ServerFound:
		n.serverFound(e)
	case discovery.ServerLost:
		n.serverLost(e)

	case chat.EntryAdded:
		n.entryAdded(e)
	case chat.Progress:
		n.progress(e)
	case chat.ReadElsewhere:
		n.readElsewhere(e)
	case chat.Forked:
		n.forked(e)
	case chat.Held:
		n.held(e)
	case chat.Waiting:
		n.waiting(e)
	case chat.Refused:
		n.log.Warn("entry refused", "peer", e.Peer, "error", e.Err, "so far", e.Count)
	case chat.Broken:
		n.log.Warn("protocol broken", "peer", e.Peer, "error", e.Err)
		n.host.Drop(e.Peer, peer.ByeProtocol)
	case chat.Failed:
		n.fail("%s", trouble("write the history", e.Err))

	case transfer.Changed:
		n.transferChanged(e.Transfer)

	default:
		n.handleOwn(event)
	}
}

// handleOwn is the part of the list that the node itself, and its client of a
// server, bring about.
func (n *Node) handleOwn(event any) {
	switch e := event.(type) {
	case receiptWritten:
		n.receiptWritten(e)
	case stateRead:
		n.stateRead(e)
	case unreadCounted:
		n.unreadCounted(e)
	case hostsFound:
		n.hostsFound(e)
	case peerMissing:
		n.peerMissing(e)
	case watched:
		n.watched(e)
	case serversInDNS:
		n.serversInDNS(e)
	case ownFound:
		n.ownFound(e)
	case ownAddresses:
		n.ownAddresses(e)
	case deskFailed:
		n.fail("%s", trouble(e.what, e.err))
	default:
		n.log.Error("an event has no handler", "type", fmt.Sprintf("%T", event))
	}
}

// hostSaid is the part of the list about sessions.
func (n *Node) hostSaid(event peer.Event) {
	switch e := event.(type) {
	case peer.SessionUp:
		n.sessionUp(e)
	case peer.SessionDown:
		n.sessionDown(e)
	case peer.PeerGone:
		n.gone(e)
	case peer.Received:
		n.received(e)
	case peer.DataOpened:
		n.dataOpened(e)
	case peer.Twin:
		n.twin(e)
	case peer.Certified:
		n.certified(e)
	case peer.RevocationsGrew:
		n.revocationsGrew(e)
	case peer.WrongKey:
		n.wrongKey(e)
	}
}

// received passes a frame on to the part whose business it is.
func (n *Node) received(e peer.Received) {
	_, presence := e.Message.(peer.Presence)
	if p, ok := n.people[e.From]; ok && !p.linked && !presence {
		p.unheard = true
		e.Done()
		return
	}
	switch m := e.Message.(type) {
	case peer.Have, peer.Want, peer.Entries:
		n.replica.Receive(e.From, m, e.Done)
	case peer.OfferState:
		n.engine.Receive(e.From, m, e.Done)
	case peer.DialBack:
		n.engine.DialBack(e.From, m, e.Done)
	case peer.Presence:
		n.presence(e.From, m)
		e.Done()
	case peer.Vouch:
		n.vouch(e.From, m)
		e.Done()
	default:
		e.Done()
	}
}

// dataOpened hands a data connection on, unless its peer gets nothing.
func (n *Node) dataOpened(e peer.DataOpened) {
	if p, ok := n.people[e.From]; !ok || !p.linked {
		e.Conn.Close()
		return
	}
	n.engine.Serve(e.From, e.Conn)
}

// publish tells every subscriber.
func (n *Node) publish(e Event) {
	if n.quiet {
		return
	}
	e.At = n.now()
	for feed := range n.feeds {
		feed.Publish(e)
	}
}

// fail tells people what went wrong and what to do, in a sentence; without a
// subscriber it is kept for the first one. Whoever it is told to shows it: the log
// has it for those who look there.
func (n *Node) fail(format string, args ...any) {
	e := Event{Kind: Failed, At: n.now(), Error: peer.Line(fmt.Sprintf(format, args...), noticeCells)}
	n.log.Info(e.Error.String())
	if len(n.feeds) == 0 && len(n.notices) < maxNotices {
		n.notices = append(n.notices, e)
	}
	n.publish(e)
}

// noticeCells is more than the longest notice, of a damaged database, takes: what to
// do stands at its end.
const noticeCells = 4000

// maxNotices bounds what is kept for a subscriber who may never come.
const maxNotices = 16

// sentence makes one line of what may hold names and errors.
func sentence(format string, args ...any) peer.Text {
	return peer.Line(fmt.Sprintf(format, args...), 500)
}
