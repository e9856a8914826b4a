package cli

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"earshot/internal/node"
	"earshot/peer"
)

// head begins each line of `listen --json`.
type head struct {
	Event string `json:"event"`
	At    string `json:"at"`
}

// The lines of `listen --json`.
type (
	readyJSON struct {
		head
		ID   peer.ID   `json:"id"`
		Name peer.Text `json:"name"`
		Port uint16    `json:"port"`
	}
	presenceJSON struct {
		head
		Peer node.Ref `json:"peer"`
	}
	receivedJSON struct {
		head
		ID           uuid.UUID         `json:"id"`
		From         node.Ref          `json:"from"`
		Conversation node.Conversation `json:"conversation"`
		Text         peer.Text         `json:"text"`
		Request      bool              `json:"request,omitempty"`
	}
	stateJSON struct {
		head
		ID    uuid.UUID         `json:"id"`
		Peer  node.Ref          `json:"peer"`
		State node.MessageState `json:"state"`
	}
	offerJSON struct {
		head
		ID      uuid.UUID `json:"id"`
		From    node.Ref  `json:"from"`
		Name    peer.Text `json:"name"`
		Files   int       `json:"files"`
		Bytes   int64     `json:"bytes"`
		Program bool      `json:"program,omitempty"`
		Request bool      `json:"request,omitempty"`
		// Accepted: by the rule of this node.
		Accepted bool `json:"accepted,omitempty"`
	}
	movedJSON struct {
		head
		transferJSON
	}
	signedJSON struct {
		head
		ID    uuid.UUID `json:"id"`
		Peer  node.Ref  `json:"peer"`
		State string    `json:"state"`
	}
	errorJSON struct {
		head
		Error string `json:"error"`
	}
	friendPresenceJSON struct {
		head
		User     peer.Text `json:"user"`
		Presence string    `json:"presence"`
		Status   peer.Text `json:"status"`
	}
	announcementJSON struct {
		head
		ID   uuid.UUID `json:"id"`
		From node.Ref  `json:"from"`
		Text peer.Text `json:"text"`
	}
	friendRequestJSON struct {
		head
		User peer.Text `json:"user"`
	}
	signedOutJSON struct {
		head
		Reason peer.Text `json:"reason"`
	}
)

// lost is what a reader of events is told that was too slow for them.
const lost = "events were left out, because what reads them is too slow; \"earshot history\" has all messages"

// followed says that the node was quit that this process was attached to.
func followed(next node.Self) string {
	if next.PID == os.Getpid() {
		return "the Earshot in the background was quit; this one goes on by itself"
	}
	return fmt.Sprintf("the Earshot in the background was quit; this one goes on with %s", process(next.PID))
}

// eventJSON is the line of an event, nil where it is none of a script's business:
// what this person wrote or offered, and what only a screen needs.
func eventJSON(e node.Event) any {
	h := head{string(e.Kind), e.At.Format(time.RFC3339Nano)}
	switch m := e.Message; {
	case e.Kind == node.Ready && e.Self != nil:
		return readyJSON{h, e.Self.ID, e.Self.Name, e.Self.Port}
	case (e.Kind == node.PeerUp || e.Kind == node.PeerDown) && e.Person != nil:
		return presenceJSON{h, refTo(*e.Person)}
	case e.Kind == node.AnnouncementAdded && m != nil:
		return announcementJSON{h, m.ID, m.From, m.Text}
	case e.Kind == node.MessageAdded && m != nil && m.Offer == nil && !m.Mine:
		return receivedJSON{h, m.ID, m.From, m.Conversation, m.Text, m.Request}
	case e.Kind == node.StateChanged && m != nil && e.Peer != nil && m.Mine:
		return stateJSON{h, m.ID, *e.Peer, m.State}
	case e.Kind == node.OfferReceived && m != nil && m.Offer != nil && !m.Mine:
		return offerJSON{h, m.Offer.ID, m.From, m.Offer.Name, m.Offer.Files, m.Offer.Bytes, m.Offer.Program, m.Request, m.Offer.Accepted}
	case e.Kind == node.TransferMoved && e.Transfer != nil:
		return movedJSON{h, toJSON(*e.Transfer)}
	case e.Kind == node.ReceiptNoted && e.Transfer != nil && e.Transfer.Direction == node.Sending:
		return signedJSON{h, e.Transfer.ID, e.Transfer.Peer, e.Transfer.Receipt}
	case e.Kind == node.PresenceChanged && e.Friend != nil:
		return friendPresenceJSON{h, e.Friend.User, string(e.Friend.Presence), e.Friend.Status}
	case e.Kind == node.FriendRequest && e.Friend != nil:
		return friendRequestJSON{h, e.Friend.User}
	case e.Kind == node.SignedOut:
		return signedOutJSON{h, e.Reason}
	case e.Kind == node.Failed:
		return errorJSON{h, e.Error.String()}
	case e.Kind == node.Resync && e.Self == nil:
		return errorJSON{head{string(node.Failed), h.At}, lost}
	}
	return nil
}

// narrator tells events in words, one line each. It remembers how transfers
// stood, to tell changes and not progress.
type narrator map[uuid.UUID]string

// line is an event in words, empty where there is nothing to tell.
func (n narrator) line(e node.Event) string {
	words := n.words(e)
	if words == "" {
		return ""
	}
	return e.At.Local().Format("15:04 ") + words
}

func (n narrator) words(e node.Event) string {
	switch m := e.Message; {
	case e.Kind == node.Ready && e.Self != nil:
		return fmt.Sprintf("%s is reachable on port %d", e.Self.Name, e.Self.Port)
	case e.Kind == node.PeerUp && e.Person != nil:
		return refName(refTo(*e.Person)) + " is here"
	case e.Kind == node.PeerDown && e.Person != nil:
		return refName(refTo(*e.Person)) + " left"
	case e.Kind == node.MessageAdded && m != nil && !m.Mine && m.Offer == nil:
		return messageWords(*m)
	case e.Kind == node.AnnouncementAdded && m != nil:
		return "notice of " + messageWords(*m)
	case e.Kind == node.OfferReceived && m != nil && m.Offer != nil && !m.Mine && m.Offer.Accepted:
		return fmt.Sprintf("%s sends you %s: accepted", refName(m.From), filesOf(m.Offer.Name, m.Offer.Files, m.Offer.Bytes, m.Offer.Program))
	case e.Kind == node.OfferReceived && m != nil && m.Offer != nil && !m.Mine:
		return fmt.Sprintf("%s wants to send you %s: earshot accept %s", refName(m.From), filesOf(m.Offer.Name, m.Offer.Files, m.Offer.Bytes, m.Offer.Program), m.Offer.ID.String()[:13])
	case e.Kind == node.TransferMoved && e.Transfer != nil:
		return n.transferWords(*e.Transfer)
	case e.Kind == node.ReceiptNoted && e.Transfer != nil && e.Transfer.Direction == node.Sending:
		return e.Transfer.Name.String() + ": " + transferWords(*e.Transfer)
	case e.Kind == node.PresenceChanged && e.Friend != nil:
		return friendName(*e.Friend) + " is " + presenceWords(*e.Friend)
	case e.Kind == node.FriendRequest && e.Friend != nil:
		return fmt.Sprintf("%s asks to be on your friend list: earshot friends accept %s", friendName(*e.Friend), e.Friend.User)
	case e.Kind == node.SignedOut:
		return "! signed out: " + outWords(e.Reason.String())
	case e.Kind == node.Failed:
		return "! " + setIn(e.Error)
	case e.Kind == node.Resync && e.Self != nil:
		return "! " + followed(*e.Self)
	case e.Kind == node.Resync:
		return "! " + lost
	}
	return ""
}

// outWords is why one was signed out, and what to do where a person has to.
func outWords(reason string) string {
	if reason != node.OutElsewhere {
		return reason
	}
	return reason + ", too, which stays. A profile must not be copied: on one of the two, quit Earshot and start it with another --profile. \"earshot account login\" takes the account back"
}

// transferWords tells how a transfer stands when that changed.
func (n narrator) transferWords(t node.Transfer) string {
	stands := transferWords(t)
	if n[t.ID] == stands || t.State == stateOffered || t.Cleared {
		return ""
	}
	n[t.ID] = stands
	if isFinal(t.State) {
		delete(n, t.ID)
	}
	words := t.Name.String() + ": " + stands
	if t.Direction == node.Receiving && t.State == stateDone && t.Path != "" {
		words += " as " + t.Path
	}
	return words
}

// messageLine is a message with its time, as one reads it.
func messageLine(m node.Message) string {
	return m.At.Local().Format("15:04 ") + messageWords(m)
}

// setIn is a text whose further lines are set in, so that one message cannot
// pretend to be several.
func setIn(text peer.Text) string { return strings.ReplaceAll(text.String(), "\n", "\n      | ") }

// messageWords is who wrote what.
func messageWords(m node.Message) string {
	text := setIn(m.Text)
	if m.Offer != nil {
		text = "[" + filesOf(m.Offer.Name, m.Offer.Files, m.Offer.Bytes, m.Offer.Program) + "]"
		if !m.Offer.Skipped.IsZero() {
			text += "  (left out: " + m.Offer.Skipped.String() + ")"
		}
	}
	words := refName(m.From) + ": " + text
	if m.Mine && m.State == node.Queued {
		words += "  (queued)"
	}
	if m.Request {
		words += "  (a stranger: not in your contacts)"
	}
	return words
}
