package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"earshot/peer"
)

// This file is the sender's part of a connection that the receiver asked for, and
// the door that such a connection comes in by at the receiver.

const (
	// backDial is how long a sender dials: a packet that got lost twice is sent again
	// after 3 s.
	backDial = 4 * time.Second
	// maxVain is how many dials that a peer asked for may lead nowhere, at once and
	// then one each vainTime. They go to the address of its session alone, but behind
	// that may be another's port: nobody shall make us knock there often.
	maxVain  = 4
	vainTime = 2 * time.Second
)

// DialBack takes what a peer says of a connection that it cannot open, or that it
// was asked to open. done is as with Receive.
func (e *Engine) DialBack(from peer.ID, m peer.DialBack, done func()) {
	e.inbox.put(command{drop: done, do: func() {
		defer done()
		if m.Reason != "" {
			e.link(from).answer(m.Offer, back{reason: Reason(m.Reason)})
			return
		}
		if reason := e.dialBack(from, m.Offer); reason != "" {
			e.notBack(from, m.Offer, reason)
		}
	}})
}

// NetworkChanged says that this device has other addresses, or is elsewhere: which
// way leads to whom is found out anew, at once where somebody waits for it.
func (e *Engine) NetworkChanged() {
	e.post(func() {
		for _, l := range e.links {
			l.forget()
		}
	})
}

// dialBack opens a connection for an offer that its receiver may read now. The
// reason says why it does not.
func (e *Engine) dialBack(to peer.ID, id uuid.UUID) Reason {
	_, err := e.grant(to, id)
	link := e.link(to)
	var gone *goneError
	switch {
	case errors.As(err, &gone):
		return gone.reason
	case e.conns[to] >= peer.MaxDataConns:
		return Limit
	case !link.venture(time.Now()):
		return PeerAway // it was a moment ago
	}
	e.hold(to, func() error { return e.serveBack(to, link, id) })
	return ""
}

// serveBack dials, says what for, and answers what the receiver asks for then.
func (e *Engine) serveBack(to peer.ID, link *link, id uuid.UUID) error {
	ctx, end := link.while(e.ctx)
	defer end()
	dialing, done := context.WithTimeout(ctx, backDial)
	conn, err := e.cfg.Network.DialData(dialing, to)
	done()
	link.knocked()
	if err != nil {
		if ctx.Err() == nil {
			e.post(func() { e.unreached(to, id, err) })
		}
		return fmt.Errorf("dial back for offer %s: %w", id, err)
	}
	w := newWire(conn)
	defer w.abort()
	defer context.AfterFunc(ctx, w.abort)()
	if err := w.send(peer.DialBack{Offer: id}); err != nil {
		return err
	}
	first, err := receiveRead(w, make([]byte, frameHead+peer.ControlFrame))
	if err != nil {
		return err
	}
	if first.Offer != id {
		return fmt.Errorf("%w: another offer than was dialled back for", errProtocol)
	}
	link.arrived()
	return e.answer(to, w, first)
}

// unreached takes that a dial led nowhere.
func (e *Engine) unreached(to peer.ID, id uuid.UUID, err error) {
	switch {
	case !e.isUp(to):
	case errors.Is(err, peer.ErrDataLimit):
		e.notBack(to, id, Limit)
	default:
		e.link(to).setWall() // the other side tries to dial before it asks, or behind it
		e.notBack(to, id, PeerAway)
		e.eachWith(to, e.moveOn)
	}
}

// notBack tells a receiver that no connection comes.
func (e *Engine) notBack(to peer.ID, id uuid.UUID, reason Reason) {
	e.cfg.Network.Send(to, peer.DialBack{Offer: id, Reason: string(reason)})
}

// errUnasked says that a peer opened a connection that it was not asked for.
var errUnasked = fmt.Errorf("%w: nobody asked for this connection", errProtocol)

// admit finds out what a connection is for that a peer opened: the peer reads from
// it, or it is handed to the receipt that asked for it.
func (e *Engine) admit(from peer.ID, link *link, w *wire) error {
	stay := context.AfterFunc(e.ctx, w.abort)
	defer stay()
	first, err := receiveFirst(w)
	switch first := first.(type) {
	case peer.Read:
		err = e.answer(from, w, first)
	case peer.DialBack:
		if first.Reason == "" && stay() && link.answer(first.Offer, back{wire: w}) {
			return nil // it belongs to the receipt now
		}
		err = errUnasked
	}
	w.abort()
	return err
}

// receiveFirst is the first request on a connection that a peer opened, or what the
// peer was asked to open it for.
func receiveFirst(w *wire) (peer.Message, error) {
	buf := make([]byte, frameHead+peer.ControlFrame)
	for {
		kind, payload, err := w.receive(buf)
		if err != nil {
			return nil, err
		}
		m, err := peer.Decode(kind, payload)
		switch m := m.(type) {
		case peer.DialBack:
			return m, nil
		case peer.Read:
			if err := checkRead(m); err != nil {
				return nil, err
			}
			return m, nil
		}
		if !errors.Is(err, peer.ErrSkip) {
			return nil, fmt.Errorf("%w: a connection that begins with a frame of type %#02x", errProtocol, uint8(kind))
		}
	}
}

// venture takes one of the dials that may lead nowhere, where one is left.
func (l *link) venture(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if over := int(now.Sub(l.ventured) / vainTime); over > 0 {
		l.vain = max(0, l.vain-over)
		l.ventured = now
	}
	if max(l.vain, l.knocking) >= maxVain {
		return false
	}
	l.vain++
	l.knocking++
	return true
}

// knocked says that a dial is over.
func (l *link) knocked() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.knocking--
}

// arrived gives it back.
func (l *link) arrived() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vain = max(0, l.vain-1)
}
