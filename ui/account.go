package ui

import (
	"cmp"
	"context"
	"strings"
	"time"

	"earshot/internal/node"
)

// account is what the node told of the account at a server, and of its friends. It
// is never a gate: without one everything else is the same.
type account struct {
	node.Account
	friends map[string]node.Friend // by user name
	asking  map[string]node.Friend // those of them who wait for an answer
	found   []node.FoundServer
	out     string    // why the device is signed out, as [node.Event.Reason]; empty: it is not, or by the person's wish
	since   time.Time // when that was heard
}

func newAccount() account {
	return account{friends: map[string]node.Friend{}, asking: map[string]node.Friend{}}
}

// readAccount reads both. The friend list may take as long as a server does, so
// nothing waits for it.
func (c *Console) readAccount() {
	call(c, c.node.Account, func(a node.Account, err error) {
		if err != nil {
			return // the node has ended, which others say
		}
		c.takeAccount(a)
		if a.SignedIn {
			c.readFriends()
			c.readNotices()
		}
	})
}

// readServers reads which servers were found.
func (c *Console) readServers() {
	call(c, c.node.Servers, func(found []node.FoundServer, err error) {
		if err == nil { // else the node has ended
			c.account.found = found
		}
	})
}

// serverRequest tells, where no server is in use, that one was found; once it was
// seen or put off it is not told again.
func (c *Console) serverRequest() (all []request) {
	if c.account.Server != "" || c.account.SignedIn || len(c.account.found) == 0 {
		return nil
	}
	first := c.account.found[0]
	key := "server " + first.Address
	if c.put[key] {
		return nil
	}
	bar := func() string { return c.words.ServerBar.with(first.Name.String(), first.Address) }
	return []request{{key: key, at: c.now(), bar: bar, open: func() { c.askSignIn(first.Address) }}}
}

func (c *Console) readFriends() {
	call(c, c.node.Friends, func(friends []node.Friend, err error) {
		if err != nil {
			return // signed out meanwhile
		}
		c.forgetFriends()
		for _, f := range friends {
			c.applyFriend(f)
		}
	})
}

// applyAccount takes over what happened at the server.
func (c *Console) applyAccount(ev node.Event) {
	switch {
	case ev.Kind == node.AccountChanged && ev.Account != nil:
		c.takeAccount(*ev.Account)
	case ev.Kind == node.ServersFound:
		c.account.found = ev.Servers
	case ev.Kind == node.SignedOut:
		c.signedOut(ev.Reason.String())
	case ev.Friend != nil:
		c.applyFriend(*ev.Friend)
	}
}

// takeAccount takes over how the account stands.
func (c *Console) takeAccount(a node.Account) {
	c.account.Account = a
	switch {
	case a.Elsewhere && c.account.out == "":
		c.signedOut(node.OutElsewhere) // before this screen was there
	case a.SignedIn && !a.Elsewhere:
		c.account.out = ""
	}
}

func (c *Console) applyFriend(f node.Friend) {
	user := f.User.String()
	delete(c.account.friends, user)
	delete(c.account.asking, user)
	if f.State != "" {
		c.account.friends[user] = f
	}
	if f.State == "incoming" {
		c.account.asking[user] = f
	} else {
		delete(c.put, "friend "+user) // who asks again is seen again
	}
	c.list.stale = true
}

func (c *Console) forgetFriends() {
	clear(c.account.friends)
	clear(c.account.asking)
	c.list.stale = true
}

// presenceOf is what a person's account tells beside being there: away, busy, and
// the status text; empty: nothing.
func (c *Console) presenceOf(p node.Person) string {
	f, ok := c.account.friends[p.Account]
	if !ok || p.Account == "" || f.Presence == "offline" {
		return ""
	}
	if status := f.Status.String(); status != "" && c.words.Presences[string(f.Presence)] == "" {
		return status
	}
	if f.Presence == "online" {
		return ""
	}
	return c.standingOf(string(f.Presence), f.Status.String())
}

// standingOf is a presence in words, with the status text.
func (c *Console) standingOf(presence, status string) string {
	words := cmp.Or(c.words.Presences[presence], c.words.OnlineNow)
	if status == "" {
		return words
	}
	return words + ": " + status
}

// ownPresence is what others are told of this person, where that is not only that
// they are there.
func (c *Console) ownPresence() string {
	if a := c.account; a.SignedIn && !a.Elsewhere {
		return c.words.Presences[string(a.Presence)]
	}
	return ""
}

// serverWords is where one is signed in, for the status bar.
func (c *Console) serverWords() string {
	switch a := c.account; {
	case !a.SignedIn && a.Server != "":
		return c.words.SignedOutOf.with(serverName(a.Server))
	case !a.SignedIn:
		return c.words.NoServer
	case a.Elsewhere:
		return c.words.ElsewhereShort.with(serverName(a.Server))
	case !a.Reached && !a.Problem.IsZero():
		return c.words.ServerAway.with(serverName(a.Server))
	default:
		return serverName(a.Server)
	}
}

// serverName is a server without its port.
func serverName(address string) string {
	if i := strings.LastIndexByte(address, ':'); i > 0 {
		return address[:i]
	}
	return address
}

// showAccount shows the account, or the form to sign in.
func (c *Console) showAccount(server string) {
	if !c.account.SignedIn {
		c.askSignIn(server)
		return
	}
	w, a := c.words, c.account
	d := c.newDialog(w.AccountTitle.with(serverName(a.Server)))
	d.say(bold, a.Name.String()+"  "+a.User.String())
	about := c.standingOf(string(a.Presence), a.Status.String())
	if team := a.Team.String(); team != "" {
		about = team + w.Comma + about
	}
	if !a.Elsewhere {
		d.say(plain, about)
	}
	switch {
	case a.Elsewhere:
		d.say(alarm, w.ElsewhereShort.with(serverName(a.Server)))
	case !a.Problem.IsZero():
		d.say(alarm, w.ServerAway.with(serverName(a.Server)))
	}
	d.say(dim, w.ServerKey.with(a.Fingerprint))
	d.gap()
	buttons := []button{
		{w.Presences["be online"], func() { c.be("online") }}, {w.Presences["away"], func() { c.be("away") }}, {w.Presences["busy"], func() { c.be("busy") }},
		{w.ChangePassword, c.askNewPassword}, {w.SignOut, func() { c.tell(c.calls, c.node.SignOut) }}, {w.Close, func() {}},
	}
	if a.Elsewhere {
		buttons = append([]button{{w.SignInHere, c.takeBack}}, buttons...)
	}
	d.choose(buttons...)
	d.start(len(buttons) - 1)
}

// be changes the own presence.
func (c *Console) be(presence string) {
	var to node.AccountChange
	to.SetPresence(presence)
	c.tell(c.calls, func(ctx context.Context) error {
		_, err := c.node.ChangeAccount(ctx, to)
		return err
	})
}

// accountTroubles are the errors about a server that have a sentence of their own
// in [words.Causes].
var accountTroubles = []error{
	node.ErrNoServer,
	node.ErrSignedOut,
	node.ErrServerAway,
	node.ErrOtherKey,
	node.ErrUnconfirmed,
	node.ErrOtherServer,
	node.ErrBadServer,
	node.ErrUserName,
	node.ErrTaken,
	node.ErrPassword,
	node.ErrCredentials,
	node.ErrInvite,
	node.ErrClosed,
	node.ErrNotAdmin,
	node.ErrNoAccount,
	node.ErrTooMany,
	node.ErrUnavailable,
	node.ErrDirectory,
}
