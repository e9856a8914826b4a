package ui

import (
	"context"
	"errors"
	"strings"
	"time"

	"earshot/internal/node"
)

// friendRequests are those who ask to be friends.
func (c *Console) friendRequests() (all []request) {
	for user, f := range c.account.asking {
		bar := func() string { return c.words.FriendBar.with(f.Name.String(), user) }
		all = append(all, request{key: "friend " + user, bar: bar, open: func() { c.askFriend(f) }})
	}
	return all
}

// askFriend asks whether somebody shall be a friend.
func (c *Console) askFriend(f node.Friend) {
	w := c.words
	d := c.newDialog(w.FriendBar.with(f.Name.String(), f.User.String()))
	d.say(plain, w.FriendText)
	d.gap()
	d.choose(
		button{w.Accept, func() { c.befriend(f.User.String()) }},
		button{w.Decline, func() {
			c.tell(c.calls, func(ctx context.Context) error {
				_, err := c.node.Friendship(ctx, f.User.String(), node.RemoveFriend)
				return err
			})
		}},
		button{w.Later, func() {}},
	)
	d.start(2)
}

// befriend asks somebody to be a friend, or says yes to who asked.
func (c *Console) befriend(user string) {
	call(c, func(ctx context.Context) (node.Friend, error) {
		return c.node.Friendship(ctx, user, node.AddFriend)
	}, func(f node.Friend, err error) {
		switch {
		case errors.Is(err, node.ErrNoAccount):
			c.findAtServer(user)
		case err != nil:
			c.failure(err)
		case f.State == "outgoing":
			c.say(c.words.FriendAsked.with(f.Name.String()))
		default:
			c.say(c.words.FriendMade.with(f.Name.String()))
		}
	})
}

// friend asks whom the user name means to be a friend, or has one look who is at the
// server.
func (c *Console) friend(user string) {
	switch {
	case !c.account.SignedIn:
		c.failure(node.ErrSignedOut)
	case user == "":
		c.findAtServer("")
	default:
		c.befriend(user)
	}
}

// searchPause is how long nothing is typed before the server is asked.
const searchPause = 250 * time.Millisecond

// findAtServer searches the accounts of the server by name and user name.
func (c *Console) findAtServer(text string) {
	w := c.words
	d := c.newDialog(w.FriendFind.with(serverName(c.account.Server)))
	query := d.ask(">", text)
	d.gap()
	list := d.list(10)
	d.gap()
	d.say(dim, w.FriendFindHint)
	asked := 0
	query.changed = func(text string) {
		asked++
		mine := asked
		list.set(nil)
		if list.empty = ""; strings.TrimSpace(text) == "" {
			return
		}
		c.after(searchPause, func() {
			if c.dialog == d && asked == mine {
				c.searchAccounts(strings.TrimSpace(text), func(found []node.Friend, err error) {
					if asked == mine {
						c.listFound(d, list, found, err)
					}
				})
			}
		})
	}
	query.edited()
}

func (c *Console) searchAccounts(text string, then func([]node.Friend, error)) {
	call(c, func(ctx context.Context) ([]node.Friend, error) { return c.node.SearchAccounts(ctx, text) }, then)
}

// listFound shows who was found, or why that is not known.
func (c *Console) listFound(d *dialog, list *choices, found []node.Friend, err error) {
	list.empty = c.words.NothingFound
	if err != nil {
		found, list.empty = nil, c.why(err)
	}
	all := make([]choice, len(found))
	for i, f := range found {
		all[i] = choice{left: f.User.String(), middle: f.Name.String(), right: f.Team.String(), pick: func() {
			d.close()
			c.choseFriend(f)
		}}
	}
	list.set(all)
}

// choseFriend asks somebody who was found, or asks about who is one already.
func (c *Console) choseFriend(f node.Friend) {
	switch f.State {
	case "incoming":
		c.askFriend(f)
	case "friend", "outgoing":
		c.askUnfriend(f)
	default:
		c.befriend(f.User.String())
	}
}

// askUnfriend asks whether somebody shall be a friend no more, or is asked in vain.
func (c *Console) askUnfriend(f node.Friend) {
	w := c.words
	title := w.FriendMade
	if f.State == "outgoing" {
		title = w.FriendAsked
	}
	d := c.newDialog(title.with(f.Name.String()))
	d.say(plain, w.FriendText)
	d.gap()
	d.choose(button{w.FriendRemove, func() {
		c.tell(c.calls, func(ctx context.Context) error {
			_, err := c.node.Friendship(ctx, f.User.String(), node.RemoveFriend)
			return err
		})
	}}, button{w.Close, func() {}})
	d.start(1)
}
