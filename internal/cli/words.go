package cli

import (
	"fmt"
	"strings"

	"earshot/internal/node"
)

// The states of a transfer, as the node writes them.
const (
	stateOffered     = "offered"
	stateActive      = "active"
	statePaused      = "paused"
	stateInterrupted = "interrupted"
	stateDone        = "done"
	stateDeclined    = "declined"
	stateCancelled   = "cancelled"
	stateFailed      = "failed"
)

// reasonTaken is why a transfer pauses where the person has to say what becomes of
// files that are there already.
const reasonTaken = "name taken"

// isFinal reports whether a transfer in this state stays in it.
func isFinal(state string) bool {
	return state == stateDone || state == stateDeclined || state == stateCancelled || state == stateFailed
}

// transferWords is how a transfer stands, in words.
func transferWords(t node.Transfer) string {
	other := refName(t.Peer)
	switch t.State {
	case stateOffered:
		if t.Direction == node.Receiving {
			return "waits for you to accept it"
		}
		return "waits for " + other + " to accept it"
	case stateActive:
		switch t.Reason {
		case "verifying":
			return "verifying"
		case "queued":
			return "waiting its turn"
		}
		if t.Direction == node.Receiving {
			return "receiving"
		}
		return "sending"
	case stateDone:
		if t.Direction == node.Receiving {
			return "saved"
		}
		return "saved by " + other + map[string]string{"signed": ", receipt signed", "invalid": ", BUT THE RECEIPT IS NOT VALID"}[t.Receipt]
	}
	return stoppedWords(t, other)
}

// stoppedWords is why a transfer does not move.
func stoppedWords(t node.Transfer, other string) string {
	by := "you"
	if t.Reason == "by peer" {
		by = other
	}
	switch t.State {
	case statePaused:
		there := map[bool]string{true: " at " + other}[t.Direction == node.Sending]
		switch t.Reason {
		case "disk full":
			return "paused: the disk is full" + there
		case reasonTaken:
			return "paused: the name is taken" + there
		}
		return "paused by " + by
	case stateInterrupted:
		if trouble(t) {
			return "interrupted: " + strings.TrimSuffix(t.Error.String(), ".")
		}
		return "waiting for " + other + map[string]string{"stalled": ", no data came", "source unreadable": ", the source cannot be read"}[t.Reason]
	case stateDeclined, stateCancelled:
		if t.Reason == "limit" {
			return t.State + ": too many offers wait for an answer"
		}
		return t.State + " by " + by
	}
	if !t.Error.IsZero() {
		return "failed: " + strings.TrimSuffix(t.Error.String(), ".")
	}
	return "failed: " + failedWords(t.Reason)
}

// trouble reports whether a person has to do something for a transfer to go on.
func trouble(t node.Transfer) bool { return t.State == stateInterrupted && !t.Error.IsZero() }

func failedWords(reason string) string {
	switch reason {
	case "source changed":
		return "the file changed since it was offered; send it again"
	case "damaged":
		return "what came did not match what was offered; send it again"
	case "no room":
		return "there is not enough room on the disk"
	}
	return reason
}

// transferLine is a transfer in one line.
func transferLine(t node.Transfer) []string {
	arrow, way := "↑", "to "
	if t.Direction == node.Receiving {
		arrow, way = "↓", "from "
	}
	progress := ""
	if !isFinal(t.State) && t.State != stateOffered {
		progress = fmt.Sprintf("%d%%", percent(t.Done, t.Bytes))
	}
	return []string{arrow, t.ID.String()[:13], filesOf(t.Name, t.Files, t.Bytes, t.Program), way + refName(t.Peer), progress, transferWords(t)}
}
