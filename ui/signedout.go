package ui

import (
	"strings"
	"time"

	"earshot/internal/node"
)

// signedOut notes that the server, or a copy of this profile, ended what this device
// was signed in with. Its dialog opens by itself where nobody writes; else a bar waits
// as it does for every request.
func (c *Console) signedOut(why string) {
	c.account.out, c.account.since = why, c.now()
	delete(c.put, outKey)
	if why != node.OutElsewhere {
		c.forgetFriends()
	}
	if c.dialog == nil && strings.TrimSpace(c.compose.text()) == "" {
		c.put[outKey] = true
		c.showSignedOut()
		c.dialog.frozen = time.Now().Add(unguarded)
	}
}

// outKey is the key of the request that shows why one is signed out.
const outKey = "signed out"

func (c *Console) outRequest() []request {
	if c.account.out == "" {
		return nil
	}
	bar := func() string {
		if c.account.out == node.OutElsewhere {
			return c.words.ElsewhereShort.with(serverName(c.account.Server))
		}
		return c.words.OutTitle.with(serverName(c.account.Server))
	}
	return []request{{outKey, true, c.account.since, bar, c.showSignedOut}}
}

// showSignedOut says what happened, and what to do.
func (c *Console) showSignedOut() {
	if c.account.out == node.OutElsewhere {
		c.showElsewhere()
		return
	}
	w, server := c.words, serverName(c.account.Server)
	d := c.newDialog(w.OutTitle.with(server))
	d.say(alarm.Bold(true), w.OutText.with(server, c.moment(c.account.since)))
	d.gap()
	d.say(plain, w.OutWhy)
	d.gap()
	d.choose(button{w.SignIn, func() { c.askSignIn("") }}, button{w.Close, func() {}})
	d.start(1)
}

// showElsewhere says that this identity is signed in from another place.
func (c *Console) showElsewhere() {
	w := c.words
	d := c.newDialog(w.ElsewhereTitle)
	d.say(alarm.Bold(true), w.ElsewhereText.with(serverName(c.account.Server), c.moment(c.account.since)))
	d.gap()
	d.say(plain, w.ElsewhereWhy)
	d.say(plain, w.ElsewhereTheft)
	d.gap()
	d.choose(button{w.SignInHere, c.takeBack}, button{w.Close, func() {}})
	d.start(1)
}

// takeBack has this device be the one that is signed in.
func (c *Console) takeBack() {
	call(c, c.node.TakeBack, func(a node.Account, err error) {
		if err != nil {
			c.failure(err)
			return
		}
		c.takeAccount(a)
		c.say(c.words.SignedIn.with(a.User.String(), serverName(a.Server)))
	})
}
