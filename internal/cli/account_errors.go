package cli

import (
	"errors"

	"earshot/internal/node"
)

// accountTroubles say what can be wrong with a server and the account there.
var accountTroubles = []struct {
	err      error
	what, do string
}{
	{node.ErrNoServer, "No server is in use.", "Say \"earshot account login SERVER USER\", or \"earshot account register SERVER USER\" for a new account."},
	{node.ErrSignedOut, "This device is not signed in.", "Say \"earshot account login SERVER USER\"."},
	{node.ErrOtherKey, "The server shows another key than the one that was confirmed, so nothing was sent to it.",
		"Ask its administrator. If the server is a new one, say \"earshot server forget\" and sign in again."},
	{node.ErrUnconfirmed, "The server's key was not confirmed, so nothing was sent to it.", "Use a join link, or give the fingerprint with --fingerprint."},
	{node.ErrOtherServer, "This device has another server.", "Say \"earshot server forget\" first: the account there is then not used any more."},
	{node.ErrBadServer, "What answers there is no rendezvous server, or one of another version.", "Check the address, and ask the administrator."},
	{node.ErrUserName, "This cannot be a user name.", "Choose 1 to 32 letters and digits, with \".\", \"_\" or \"-\" only between them."},
	{node.ErrTaken, "Somebody has this user name already.", "Choose another one; if it is yours, say \"earshot account login\"."},
	{node.ErrPassword, "The password is too short or too long.", "Choose one of at least 8 characters."},
	{node.ErrCredentials, "Wrong user name or password.", "Try again; an administrator can reset the password."},
	{node.ErrInvite, "The invitation is unknown, used up or expired.", "Ask an administrator for a new join link."},
	{node.ErrClosed, "The server takes no new accounts.", "Ask an administrator to make one."},
	{node.ErrNotAdmin, "Only an administrator's account may do that.", "Ask an administrator."},
	{node.ErrNoAccount, "There is nobody of that user name there.", "Say \"earshot friends\", or \"earshot friends search TEXT\", to see who is."},
	{node.ErrTooMany, "The server has heard too many such requests.", "Wait a minute, and try again."},
	{node.ErrChoose, "This password was made by an administrator: a new one has to be chosen first.", "Say \"earshot account login SERVER USER\" again, and choose one."},
	{node.ErrUnavailable, "The server cannot reach its database, or the directory that knows the passwords.", "Try again later, and tell its administrator."},
	{node.ErrDirectory, "This account's password is the company directory's.", "Change it there."},
	{node.ErrServerAway, "The server does not answer.", "Check the address and the network; what people write to each other goes on without it."},
}

// explainAccount explains trouble with a server; nil where it is none.
func explainAccount(err error) *failure {
	for _, t := range accountTroubles {
		if errors.Is(err, t.err) {
			return &failure{code: codeFailed, what: t.what, do: t.do}
		}
	}
	return nil
}
