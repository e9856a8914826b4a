package ui

import (
	"cmp"
	"context"
	"errors"
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

// signInForm is the form to sign in, or to make an account, and what it asks for.
type signInForm struct {
	*dialog
	server, user *field
	password     *field       // nil: one is chosen
	chosen       *newPassword // of a new account
	name         *field       // the same
}

// askSignIn is the form to sign in.
func (c *Console) askSignIn(server string) {
	w := c.words
	if server = cmp.Or(server, c.account.Server); server == "" && len(c.account.found) > 0 {
		server = c.account.found[0].Address // whose key is compared before anything is said to it
	}
	f := signInForm{dialog: c.newDialog(w.SignInTitle)}
	label := max(width(w.Server), width(w.User), width(w.Password))
	f.whoAndWhere(label, server, c.account.User.String())
	f.password = f.secret(pad(w.Password, label, ""))
	f.complains()
	f.server.changed = func(text string) {
		f.complain("")
		if node.IsInvitation(text) {
			f.complain(w.InvitationHint)
		}
	}
	f.server.edited()
	f.say(plain, w.SignInText)
	f.say(dim, w.SignInHow)
	f.gap()
	f.choose(button{w.SignIn, func() { c.signIn(f) }}, button{w.NewAccount, func() {
		f.close()
		c.askAccount(f.server.text(), f.user.text())
	}}, button{w.WithoutServer, f.close})
	f.begin()
}

// askAccount is the form to make an account.
func (c *Console) askAccount(server, user string) {
	w := c.words
	f := signInForm{dialog: c.newDialog(w.NewAccount)}
	label := max(width(w.Server), width(w.User), width(w.Password), width(w.OnceMore), width(w.Name))
	f.whoAndWhere(label, server, user)
	f.name = f.ask(pad(w.Name, label, ""), c.self.Name.String())
	f.chosen = c.askPassword(f.dialog, w.Password, label, f.user.text)
	f.user.changed = func(string) { f.chosen.first.edited() } // it may be in the password now
	f.complains()
	f.say(dim, w.SignInHow)
	f.gap()
	f.choose(button{w.MakeAccount, func() { c.signIn(f) }}, button{w.Back, func() {
		f.close()
		c.askSignIn(f.server.text())
	}})
	f.begin()
}

// whoAndWhere adds the fields that both forms begin with.
func (f *signInForm) whoAndWhere(label int, server, user string) {
	w := f.c.words
	f.firm, f.escape = true, f.close
	f.server = f.ask(pad(w.Server, label, ""), server)
	f.user = f.ask(pad(w.User, label, ""), user)
}

// begin begins at the first field that is empty.
func (f *signInForm) begin() {
	for _, empty := range f.fields() {
		if empty.input.GetText() == "" {
			f.goTo(empty)
			return
		}
	}
	f.start(0)
}

// fields are those that must be filled in.
func (f *signInForm) fields() []*field {
	if f.chosen != nil {
		return []*field{f.server, f.user, f.name, f.chosen.first}
	}
	return []*field{f.server, f.user, f.password}
}

// wanted is what the form says; where something is missing it says what.
func (f *signInForm) wanted() (in node.SignIn, ok bool) {
	for _, one := range f.fields() {
		if one.text() == "" {
			f.goTo(one)
			f.complain(f.c.words.FieldMissing)
			return in, false
		}
	}
	in = node.SignIn{Server: f.server.text(), User: f.user.text()}
	if f.chosen == nil {
		in.Password = f.password.input.GetText()
		return in, true
	}
	in.New, in.Name = true, f.name.text()
	in.Password, ok = f.chosen.chosen()
	return in, ok
}

// signIn signs in as the form says. Before a password goes to a server that is not
// known the person compares its key.
func (c *Console) signIn(f signInForm) {
	in, ok := f.wanted()
	if !ok {
		return
	}
	f.complain(c.words.SigningIn)
	call(c, func(ctx context.Context) (node.ServerKey, error) { return c.node.ServerKey(ctx, in.Server) }, func(key node.ServerKey, err error) {
		switch {
		case c.dialog != f.dialog: // it was closed meanwhile
		case err != nil:
			f.complain(c.why(err))
		case key.Pinned:
			c.enter(f.dialog, in)
		default:
			f.complain("")
			c.compareKey(f.dialog, in, key)
		}
	})
}

// compareKey has the person compare the key of a server that is not known.
func (c *Console) compareKey(f *dialog, in node.SignIn, key node.ServerKey) {
	w := c.words
	d := c.newDialog(w.CompareTitle.with(serverName(key.Address)))
	d.say(plain, w.CompareHow)
	d.say(bold, key.Fingerprint)
	d.gap()
	d.choose(button{w.Same, func() {
		in.Fingerprint = key.Fingerprint
		c.enter(f, in)
	}}, button{w.Cancel, func() {}})
	d.start(1)
}

// enter signs in. What is wrong is said in the form, which stays.
func (c *Console) enter(f *dialog, in node.SignIn) {
	f.complain(c.words.SigningIn)
	call(c, func(ctx context.Context) (node.Account, error) { return c.node.SignIn(ctx, in) }, func(a node.Account, err error) {
		switch {
		case errors.Is(err, node.ErrChoose):
			f.close()
			c.choosePassword(in)
		case err != nil:
			f.trouble(err)
		default:
			c.takeAccount(a)
			said := c.words.SignedIn
			if a.Admin {
				said = c.words.SignedInAdmin
			}
			c.say(said.with(a.User.String(), serverName(a.Server)))
			f.close()
			c.readFriends()
		}
	})
}

// choosePassword asks for a password in the place of one that an administrator made.
func (c *Console) choosePassword(in node.SignIn) {
	w := c.words
	d := c.newDialog(w.ChooseTitle)
	d.firm, d.escape = true, d.close
	d.say(plain, w.ChooseText)
	next := c.askPassword(d, w.Password, max(width(w.Password), width(w.OnceMore)), func() string { return in.User })
	d.complains()
	d.gap()
	d.choose(button{w.Save, func() {
		var ok bool
		if in.Next, ok = next.chosen(); ok {
			c.enter(d, in)
		}
	}}, button{w.Cancel, d.close})
	d.start(0)
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
