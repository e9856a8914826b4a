package ui

import (
	"context"
	"strconv"
	"strings"
	"time"

	"earshot/internal/node"
	"earshot/peer"
)

// What an administrator does about an account. What cannot be taken back is asked
// about first; a password and a link are shown once.

// askStep asks whether something shall be done about an account.
func (c *Console) askStep(a node.ListedAccount, step node.AdminStep) {
	w, name := c.words, a.User.String()
	asked := map[node.AdminStep]struct{ title, text, yes string }{
		node.KickAccount:    {w.KickTitle.with(name), w.KickText, w.KickYes},
		node.DisableAccount: {w.DisableTitle.with(name), w.DisableText, w.DisableYes},
		node.ResetAccount:   {w.ResetTitle.with(name), w.ResetText, w.ResetYes},
	}[step]
	d := c.newDialog(asked.title)
	d.say(bold, a.Name.String())
	d.say(plain, asked.text)
	d.gap()
	d.choose(button{asked.yes, func() { c.takeStep(a, step) }}, button{w.Cancel, func() {}})
	d.start(1)
}

// takeStep has it done, says so, and reads the accounts again.
func (c *Console) takeStep(a node.ListedAccount, step node.AdminStep) {
	w, name := c.words, a.User.String()
	call(c, func(ctx context.Context) (string, error) { return c.node.Administer(ctx, name, step) }, func(password string, err error) {
		switch {
		case err != nil:
			c.failure(err)
		case step == node.ResetAccount:
			c.showOnce(w.PasswordTitle.with(name), password, w.PasswordText)
		default:
			c.say(map[node.AdminStep]template{
				node.KickAccount: w.Kicked, node.DisableAccount: w.DisabledNow, node.EnableAccount: w.EnabledNow,
			}[step].with(name))
		}
		c.admin.read()
	})
}

// maxSecret is longer, in cells, than any link: one that was cut would be good for
// nothing.
const maxSecret = 1000

// showOnce shows what nobody can be shown again. It opens by itself: keys that were
// meant for something else do not close it.
func (c *Console) showOnce(title, secret, text string) {
	secret = peer.Line(secret, maxSecret).String()
	d := c.newDialog(title)
	d.firm, d.frozen = true, time.Now().Add(unguarded)
	d.say(bold, secret)
	d.gap()
	d.say(plain, text)
	d.gap()
	d.choose(button{c.words.Copy, func() { c.toClipboard(secret) }}, button{c.words.Close, d.close})
	d.escape = d.close
	d.start(0)
}

// maxInvited is how many people one link is good for at most.
const maxInvited = 1000

// askInvite asks for how many people a join link shall be.
func (c *Console) askInvite() {
	w := c.words
	d := c.newDialog(w.InviteTitle)
	d.firm, d.escape = true, d.close
	uses := d.ask(w.InviteUses, "1")
	uses.chosen = true
	d.complains()
	d.say(plain, w.InviteText)
	d.gap()
	d.choose(button{w.InviteYes, func() {
		n, err := strconv.Atoi(strings.TrimSpace(uses.text()))
		if err != nil || n < 1 || n > maxInvited {
			d.start(0)
			d.complain(w.InviteWrong.with(maxInvited))
			return
		}
		d.close()
		c.invite(n)
	}}, button{w.Cancel, d.close})
	d.start(0)
}

// invite has a link made, and shows it.
func (c *Console) invite(uses int) {
	call(c, func(ctx context.Context) (string, error) { return c.node.Invite(ctx, node.Invitation{Uses: uses}) }, func(link string, err error) {
		if err != nil {
			c.failure(err)
			return
		}
		c.showOnce(c.words.LinkTitle, link, c.words.LinkText.of(uses))
	})
}
