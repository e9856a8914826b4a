package ui

import (
	"cmp"
	"context"
	"errors"

	"earshot/internal/node"
)

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
